"""Networks of torchvision and timm as ONNX files that torch writes, held against the networks themselves.

Each is built with random weights that are not zero, exported by torch's exporter as it stands (`optimize=False`: no operators
folded), and read again. Parameters and multiply-accumulates have to be those of the network that is captured from torch.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.sources import resolve

SMALL = (
    "torchvision:resnet18",
    "torchvision:mobilenet_v2",
    "torchvision:mobilenet_v3_small",
    "torchvision:squeezenet1_1",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:mnasnet0_5",
    "torchvision:googlenet",
    "timm:resnet10t",
    "timm:mobilenetv3_small_050",
    "timm:lcnet_050",
    "timm:regnetx_002",
    "timm:ghostnet_050",
    "timm:efficientnet_b0",
    "timm:convnext_atto",
)
"""Quick to export, one of a kind each; what is read where no number is asked for."""


def main() -> int:
    """Print a row a network; returns 1 if a figure differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", help="torchvision:NAME, timm:NAME")
    parser.add_argument("--sample", type=int, help="so many networks of both, by chance")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    names = arguments.networks or (sample(arguments.sample, arguments.seed) if arguments.sample else list(SMALL))
    warnings.simplefilter("ignore")
    differing = failed = 0
    print(f"{'network':<36} {'parameters':>12} {'of the file':>12} {'MACs':>15} {'of the file':>15} {'s':>6}")
    for name in names:
        begin = time.perf_counter()
        try:
            ours, file = both(name)
        except Exception as error:  # whatever an exporter raises: the others go on
            failed += 1
            print(f"{name:<36} {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", flush=True)
            continue
        same = ours == file
        differing += not same
        figures = f"{ours[0]:>12,} {file[0]:>12,} {ours[1]:>15,} {file[1]:>15,}"
        print(f"{name:<36} {figures} {time.perf_counter() - begin:>6.1f}{'' if same else '  differs'}", flush=True)
    print(
        f"{len(names) - differing - failed} of {len(names)} agree, {differing} differ, {failed} could not be exported or read"
    )
    return 1 if differing else 0


def sample(count: int, seed: int) -> list[str]:
    """So many names of torchvision's and timm's classification models."""
    import timm
    from torchvision import models

    names = [f"torchvision:{name}" for name in models.list_models(module=models)]
    names += [f"timm:{name}" for name in timm.list_models()]
    return random.Random(seed).sample(sorted(names), count)


def both(name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Parameters and multiply-accumulates of the network as captured, and of its file."""
    graph = resolve(name).graph()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export(name, graph.input_shape, path)
        return figures(graph), figures(resolve(str(path)).graph())


def export(name: str, shape: tuple[int, ...], path: Path) -> None:
    """Write the network with random weights: constants that are zero everywhere would be folded to one number."""
    import logging

    import torch

    from cnnprof.torch_bridge.instantiate import instantiate

    logging.disable(logging.WARNING)
    module = instantiate(resolve(name).graph()).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.01)
    program = torch.onnx.export(module, (torch.zeros(shape),), dynamo=True, optimize=False, verbose=False)
    assert program is not None
    program.save(str(path))


def figures(graph: object) -> tuple[int, int]:
    """Parameters and multiply-accumulates."""
    totals = analyze(graph).totals
    if totals.uncounted:
        raise CnnprofError(f"not counted: {', '.join(totals.uncounted[:3])}")
    return int(totals.params), int(totals.macs)


if __name__ == "__main__":
    sys.exit(main())
