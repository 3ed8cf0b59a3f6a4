"""Predicted memory beside the allocator's records, for every instruction set on any machine, and the records beside torch."""

import importlib.util
import statistics
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import cnnprof
from cnnprof.footprint.instruction_set import of_this_machine
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze

pytestmark = pytest.mark.torch

TOLERANCE = 0.01


@cache
def benchmark():
    """The script that measures records, reads and writes them."""
    path = Path(__file__).parents[1] / "benchmarks" / "allocator_records.py"
    spec = importlib.util.spec_from_file_location("allocator_records", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def records():
    """What was recorded, by network and instruction set."""
    found = defaultdict(dict)
    for case, (size, _) in benchmark().read().items():
        found[case.network][case] = size
    return found


@cache
def analyzed(case):
    graph = cnnprof.load(case.network, input_shape=case.shape, batch=case.batch)
    return graph, analyze(graph).costs


@cache
def predicted(case):
    graph, costs = analyzed(case._replace(mode="", optimizer="", dtype="", layout="", threads=0, isa=""))
    if case.mode == "infer":
        return inference(graph, costs, case.execution).peak_bytes
    return training(graph, costs, case.execution, case.optimizer).peak_bytes


LARGE = (
    "densenet169",
    "efficientnet_b3",
    "efficientnet_v2_s",
    "inception_resnet_v1",
    "inception_v4",
    "maxvit_t",
    "nasnet_a_mobile",
)


@pytest.mark.parametrize(
    "network",
    [pytest.param(name, marks=pytest.mark.slow if name.rpartition(":")[2] in LARGE else ()) for name in sorted(records())],
)
def test_predictions_are_what_was_recorded(network):
    for case, size in records()[network].items():
        assert predicted(case) == pytest.approx(size, rel=TOLERANCE), case


def test_half_of_all_predictions_are_off_by_less_than_a_ten_thousandth():
    errors = defaultdict(list)
    for network in [name for name in records() if ":" not in name and name not in LARGE][::3]:
        for case, size in records()[network].items():
            errors[case.isa].append(abs(predicted(case) / size - 1))
    assert min(len(errors[isa]) for isa in ("avx2", "avx512_bf16")) > 30
    assert all(statistics.median(each) < 1e-4 for each in errors.values())


def test_every_case_is_recorded_for_narrow_and_wide_registers():
    recorded = {case for cases in records().values() for case in cases}
    for isa in ("avx2", "avx512_bf16"):
        assert set(benchmark().cases(isa)) <= recorded


LIVE = (
    "lenet5",
    "lenet5_paper",
    "torchvision:shufflenet_v2_x0_5",
    "conv 5x5 18 s2 p2 g2 | relu | conv 3x3 20 g2 | gap | fc 10",
    "deconv 2x2 20 s2 p0 g4 | gap | fc 10",
    "conv 3x3 32 | dw 5x5 | dw 3x3 s2 | dw 7x7 s2 | gap | fc 5",
    "conv 3x3 32 | dw 3x3 d2 p2 | conv 3x3 32 d2 p2 g2 | gap | fc 5",
    "conv 7x7 2 g2 | conv 5x5 4 g2 | gap | fc 5",
)
"""Networks that are measured while tests run, in a process for each instruction set."""


@pytest.mark.parametrize("isa", ["sse41", "avx2", "here"])
def test_torch_takes_what_was_recorded(isa):
    isa = of_this_machine() if isa == "here" else isa
    if isa not in benchmark().available():
        pytest.skip(f"this processor has {of_this_machine()}, and not {isa}")
    known = "avx512_bf16" if isa in ("avx512", "amx") else isa
    asked = [case for network in LIVE for case in records()[network] if case.isa == known and case.dtype == "fp32"]
    if not asked:
        pytest.skip(f"nothing is recorded for {isa}")
    sizes = benchmark().measured([case._replace(isa=isa) for case in asked])
    for case, size in zip(asked, sizes, strict=True):
        assert size == pytest.approx(records()[case.network][case], rel=TOLERANCE), case


def test_some_instruction_set_with_records_can_be_measured_here():
    recorded = {case.isa for cases in records().values() for case in cases}
    here = {"avx512_bf16" if isa in ("avx512", "amx") else isa for isa in benchmark().available()}
    assert here == {"arm64"} or recorded & here
