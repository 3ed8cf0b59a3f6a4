"""Devices: names, and the CUDA device's use of torch.cuda, held against a fake of it."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from cnnprof.errors import UnavailableError, UsageError
from cnnprof.footprint.execution import CUBLAS_BYTES, HOPPER_CUBLAS_BYTES
from cnnprof.measure import devices
from cnnprof.measure.devices import CpuDevice, CudaDevice, check_device, cublas_bytes, open_device

pytestmark = pytest.mark.torch


class FakeCuda:
    """The part of torch.cuda that the device uses; its queue takes time only when it is waited for."""

    def __init__(self):
        self.calls = []
        self.queued = 0.0
        self.device_clock = 0.0
        self.wall = 50.0
        self.allocated = 1000
        self.peak = 5000

    def set_device(self, index):
        self.calls.append(f"device {index}")

    def get_device_name(self, index):
        return f"Fake {index}"

    def Event(self, enable_timing):  # noqa: N802 (torch's name)
        return FakeEvent(self)

    def synchronize(self):
        self.calls.append("synchronize")
        self.wall += self.queued
        self.queued = 0.0

    def launch(self, seconds):
        self.calls.append("launch")
        self.queued += seconds
        self.device_clock += seconds
        self.wall += 0.001

    def memory_allocated(self):
        return self.allocated

    def reset_peak_memory_stats(self):
        self.calls.append("reset")
        self.peak = self.allocated

    def max_memory_allocated(self):
        return self.peak

    def empty_cache(self):
        self.calls.append("empty")


class FakeEvent:
    def __init__(self, cuda):
        self.cuda = cuda

    def record(self):
        self.cuda.calls.append("record")
        self.at = self.cuda.device_clock

    def elapsed_time(self, end):
        return (end.at - self.at) * 1e3


@pytest.fixture
def cuda():
    return FakeCuda()


@pytest.fixture
def device(cuda):
    settings = SimpleNamespace(
        cudnn=SimpleNamespace(benchmark=False, allow_tf32=True, version=lambda: 90100),
        cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)),
    )
    torch = SimpleNamespace(cuda=cuda, backends=settings, version=SimpleNamespace(cuda="12.8"))
    device = CudaDevice(1, torch)
    device.clock = lambda: cuda.wall
    device.settings = settings
    cuda.calls.clear()
    return device


def test_cuda_time_is_what_lies_between_two_events(cuda, device):
    timing = device.time(lambda: [cuda.launch(0.02), cuda.launch(0.03)])
    assert timing.seconds == pytest.approx(0.05)
    # Two launches of 1 ms each, then the wait for 50 ms of work.
    assert timing.wall == pytest.approx(0.052)


def test_cuda_waits_once_at_the_end_and_for_nothing_left_over(cuda, device):
    cuda.launch(9.0)
    cuda.calls.clear()
    timing = device.time(lambda: cuda.launch(0.02))
    assert cuda.calls == ["synchronize", "record", "launch", "record", "synchronize"]
    assert timing.seconds == pytest.approx(0.02)
    assert timing.wall == pytest.approx(0.021)


def test_cuda_layers_lie_between_events_of_one_queue(cuda, device):
    marks = []
    for seconds in (0.02, 0.03):
        start = device.mark()
        cuda.launch(seconds)
        marks.append((start, device.mark()))
    assert "synchronize" not in cuda.calls
    assert device.seconds_between(marks) == pytest.approx([0.02, 0.03])
    assert cuda.calls[-1] == "synchronize"


def test_cuda_peak_is_read_from_a_reset_record(cuda, device):
    def run():
        cuda.peak = 7500

    assert device.peak_growth(run) == 6500
    assert cuda.calls == ["synchronize", "reset", "synchronize"]


def test_cuda_settings_are_explicit_and_on_record(cuda, device):
    assert device.settings.cudnn.benchmark is True
    assert device.settings.cudnn.allow_tf32 is False
    assert device.settings.cuda.matmul.allow_tf32 is False
    expected = {"device_name": "Fake 1", "cuda": "12.8", "cudnn": 90100, "cudnn_benchmark": True, "tf32": False}
    assert device.facts() == expected
    assert device.name == "cuda:1"
    assert device.warmup_seconds == 0.5


def test_a_failed_network_gives_its_memory_back(cuda, device):
    device.release()
    assert cuda.calls == ["empty"]


def test_cpu_peak_follows_allocations():
    import torch

    def run():
        a = torch.empty(1_000_000)  # 4 MB
        b = torch.empty(500_000)  # 6 MB held
        del a
        c = torch.empty(250_000)  # 3 MB held
        del b, c

    assert CpuDevice().peak_growth(run) == 6_000_000


def test_cpu_peak_does_not_count_what_was_there_before():
    import torch

    held = torch.ones(1_000_000)
    assert CpuDevice().peak_growth(held.relu_) == 0


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "mps:1", "cuda:", "cuda:x", ""])
def test_an_unknown_device_is_a_usage_error(name):
    with pytest.raises(UsageError, match="unknown device") as caught:
        check_device(name)
    assert "cuda:1" in caught.value.hint


def test_no_cuda_device(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match="no CUDA device") as caught:
        open_device("cuda")
    assert caught.value.exit_code == 4


def test_a_cuda_device_that_is_not_there(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda:1")
    with pytest.raises(UnavailableError, match="no CUDA device 2: this machine has 2"):
        check_device("cuda:2")


def test_no_mps_device(monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match="no MPS device"):
        check_device("mps")


def test_without_torch(monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="needs torch") as caught:
        check_device("cpu")
    assert "pip install" in caught.value.hint


@pytest.mark.cuda
def test_a_real_cuda_device_times_and_counts():
    import torch

    device = open_device("cuda")
    x = torch.randn(2048, 2048, device=device.name)
    device.time(lambda: x @ x)
    timing = device.time(lambda: x @ x)
    assert 0 < timing.seconds <= timing.wall
    # The product is 2048 x 2048 floats; a workspace of cuBLAS is there already.
    assert device.peak_growth(lambda: x @ x) == 4 * 2048 * 2048
    assert device.facts()["tf32"] is False


def test_torch_says_what_cublas_is_given(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device", lambda name: nullcontext())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: (9, 0))
    monkeypatch.setattr(torch.backends.cuda, "cublas_workspace_size", lambda: 123, raising=False)
    assert (cublas_bytes("cpu"), cublas_bytes("cuda:0")) == (CUBLAS_BYTES, 123)
    monkeypatch.delattr(torch.backends.cuda, "cublas_workspace_size")  # an older torch
    assert cublas_bytes("cuda:0") == HOPPER_CUBLAS_BYTES
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: (8, 9))
    assert cublas_bytes("cuda:0") == CUBLAS_BYTES
