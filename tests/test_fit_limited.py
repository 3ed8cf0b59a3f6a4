"""`--fit` by trying it: a process that may not hold more than the room runs the largest batch, and fails at a tenth more."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cnnprof
from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import of_this_machine

pytestmark = pytest.mark.torch

ROOM = 300_000_000
SLACK = 0.05
"""What the process may hold beyond the room: Python's own objects, pages that are not full, small blocks between others."""

MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_ARENA_MAX": "1"}
"""Tensors are mapped and unmapped one by one, so that the limit is on what is alive and not on what malloc keeps."""


def run_limited(name: str, size: int, mode: str, *batches: int) -> list[str]:
    """Of each batch `fits` or `does not fit`, from a process of its own."""
    command = [sys.executable, __file__, name, mode, *map(str, (size, *batches))]
    done = subprocess.run(command, env={**os.environ, **MALLOC}, capture_output=True, text=True, timeout=240, check=False)
    return done.stdout.splitlines() or [done.stderr]


@pytest.mark.parametrize(
    ("name", "mode"), [("resnet18", "infer"), ("resnet18", "train"), ("torchvision:squeezenet1_1", "train")]
)
def test_the_largest_batch_runs_and_a_tenth_more_does_not(name, mode):
    run = Execution(isa=of_this_machine())
    fits = {fit.mode: fit for fit in cnnprof.memory(name, input_shape=(3, 96, 96), run=run, fit=f"{ROOM}B").fits}
    batch = fits[mode].batch
    assert batch > 10
    assert run_limited(name, 96, mode, batch, batch + -(-batch // 10)) == ["fits", "does not fit"]


def limited(name: str, mode: str, size: int, *batches: int) -> None:
    """In the process: build the network; in a copy of the process for each batch run it, and say how that went."""
    import torch

    from cnnprof.torch_bridge.instantiate import instantiate

    torch.set_num_threads(1)
    module = instantiate(cnnprof.load(name, input_shape=(3, size, size))).train(mode == "train")
    for batch in batches:
        if not os.fork():
            print(run_in(module, mode, size, batch), flush=True)
            os._exit(0)
        os.wait()


def run_in(module: Any, mode: str, size: int, batch: int) -> str:
    """Run a batch of two, forbid more than the room, run the batch."""
    import resource

    import torch

    from cnnprof.measure.workload import TrainingStep, casting, infer

    cast = casting("cpu", "fp32")

    def run(x: torch.Tensor) -> None:
        TrainingStep(module, (x,), cast)() if mode == "train" else infer(module, (x,), cast)

    run(torch.randn(2, 3, size, size))
    held = sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))
    (data,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    limit = int(data.split()[1]) * 1024 - held + int(ROOM * (1 + SLACK))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        run(torch.randn(batch, 3, size, size))
    except RuntimeError as error:
        return "does not fit" if "allocate memory" in str(error) else str(error)
    return "fits"


if __name__ == "__main__":
    limited(*sys.argv[1:3], *map(int, sys.argv[3:]))
