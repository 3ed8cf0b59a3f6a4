import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from chromium import browser, page, show  # noqa: F401 - fixtures
from hypothesis import HealthCheck, settings
from repositories import CODE

# There are as many workers as cores: a second thread of a library would only wait for those of another worker.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# torch's profiler is to log none of its steps where tests record memory in this process.
os.environ.setdefault("KINETO_LOG_LEVEL", "6")

# No test fails of a slow machine. A gate draws the same examples each time, so that it says something of the change alone; at a
# desk they are new ones.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("gate", settings.get_profile("desk"), derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "desk")


def pytest_xdist_auto_num_workers() -> int:
    """As many workers as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked `cuda` out where there is no CUDA device: they count as deselected, not as skipped."""
    on_cuda = [item for item in items if item.get_closest_marker("cuda")]
    if on_cuda and not has_cuda():
        config.hook.pytest_deselected(items=on_cuda)
        items[:] = [item for item in items if item not in on_cuda]


@pytest.fixture(autouse=True)
def _one_thread(request: pytest.FixtureRequest) -> None:
    """Layers as small as the tests' lose more to waiting for threads than they win."""
    if request.node.get_closest_marker("torch"):
        import torch

        torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage after every 700 objects costs a sixth of the time."""
    gc.freeze()
    gc.set_threshold(50_000)


def has_cuda() -> bool:
    """Whether torch is installed and sees a CUDA device."""
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


@pytest.fixture(scope="module")
def brisk() -> Iterator[None]:
    """With --quick, commands start one worker process, which times every network twice after one run that does not count."""
    from cnnprof.cli import measuring

    with patch.object(measuring, "QUICK", {"processes": 1, "rounds": 2, "warmup_runs": 1, "warmup_seconds": 0.0}):
        yield


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A folder to be looked at; `ran` exists in it once its code has been executed."""
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.py").write_text(CODE.format(mark=folder / "ran"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


@pytest.fixture
def load_onnx(tmp_path):
    """The analysis of an ONNX model, written to a file and read from it."""
    from cnnprof.network.analysis import analyze
    from cnnprof.onnx_bridge.read import read

    def load_onnx(net, **how):
        path = tmp_path / "net.onnx"
        path.write_bytes(net.SerializeToString())
        return analyze(read(path, **how))

    return load_onnx
