"""On a real CUDA device: what `bench` times, and the memory that is predicted beside the allocator's record."""

import json

import pytest
from shell import cnnprof as run

import cnnprof
from cnnprof.footprint.execution import Execution
from cnnprof.measure.devices import cublas_bytes
from cnnprof.measure.memory import record_memory
from cnnprof.measure.options import Options

pytestmark = [pytest.mark.torch, pytest.mark.cuda, pytest.mark.slow]

SHORT = ("--device", "cuda", "--quick", "--json")


def test_every_way_to_run_is_timed():
    done = run("bench", "lenet5", "resnet18", *SHORT, "--cuda-graph", "--batch", "1,16")
    results = json.loads(done.out)["results"]
    assert {each["status"] for each in results} == {"ok"}
    for each in results:
        # The wall clock goes on until the processor hears that the device is done.
        assert each["latency_ms"]["min"] < max(max(process) for process in each["wall_times_ms"])
        assert (each["peak_memory_bytes"] is None) == ("CUDA graph" in each["model"])
    lenet, replayed = (
        each["latency_ms"]["median"] for each in results if each["model"].startswith("lenet5") and each["batch"] == 1
    )
    assert replayed < lenet


def test_the_phases_of_a_step_make_up_its_time():
    (step,) = json.loads(run("bench", "resnet18", *SHORT, "--mode", "train", "--batch", 16).out)["results"]
    assert sum(step["phases_ms"].values()) == pytest.approx(step["latency_ms"]["median"], rel=0.05)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2", "vgg16", "densenet121"])
@pytest.mark.parametrize(
    ("mode", "optimizer", "batch"), [("infer", "none", 8), ("train", "momentum", 16), ("train", "adam", 32)]
)
def test_memory_is_what_is_predicted(name, mode, optimizer, batch):
    run = Execution(device="cuda", cublas_bytes=cublas_bytes("cuda"))
    memory = cnnprof.memory(name, batch=batch, run=run, optimizer=optimizer)
    predicted = (memory.inference if mode == "infer" else memory.training).peak_bytes
    recorded = record_memory(memory.profile.graph, Options(device="cuda", mode=mode, optimizer=optimizer))
    assert recorded.error is None
    assert predicted == pytest.approx(recorded.requested_bytes, rel=0.01)
    assert predicted == pytest.approx(recorded.peak_bytes, rel=0.03)


def test_the_largest_batch_fits_and_a_tenth_more_does_not():
    memory = cnnprof.memory("resnet50", run=Execution(device="cuda", cublas_bytes=cublas_bytes("cuda")), fit="4GB")
    fit = next(each for each in memory.fits if each.mode == "train")
    for batch, fits in ((fit.batch, True), (fit.batch + fit.batch // 10 + 1, False)):
        recorded = record_memory(cnnprof.load("resnet50", batch=batch), Options(device="cuda", mode="train"))
        assert (recorded.requested_bytes <= 4e9 * 1.01) == fits
