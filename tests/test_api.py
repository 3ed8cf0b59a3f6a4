"""The Python API."""

import json
import subprocess
import sys

import pytest

import cnnprof
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.timing.measurements import Measurement


def test_profile_is_data_json_and_a_table():
    profile = cnnprof.profile("resnet18")
    # torchvision's metadata for resnet18.
    assert profile.totals.params == 11_689_512
    assert repr(profile) == "<Profile resnet18: 11,689,512 params, 1,814,073,344 MACs>"
    data = profile.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert set(data) == {"model", "totals", "memory", "layers"}
    assert "11,689,512" in str(profile)
    assert profile._repr_html_().startswith('<div class="cnnprof">')


def test_settings_may_be_numbers():
    half = cnnprof.profile("mobilenet_v1", (3, 160, 160), batch=2, settings={"width": 0.5})
    assert half.graph.input_shape == (2, 3, 160, 160)
    assert half.totals.params == cnnprof.profile("mobilenet_v1_050").totals.params


def test_compare_takes_globs_and_a_baseline():
    comparison = cnnprof.compare(["vgg1[13]", "resnet18"], baseline="resnet18")
    assert [entry.profile.graph.name for entry in comparison.entries] == ["vgg11", "vgg13", "resnet18"]
    assert comparison.to_dict()["baseline"] == "resnet18"
    with pytest.raises(UsageError, match="baseline"):
        cnnprof.compare(["resnet18"], baseline="resnet50")
    with pytest.raises(UsageError, match="no network is named"):
        cnnprof.compare([])


def test_errors_carry_what_a_program_needs():
    with pytest.raises(CnnprofError) as caught:
        cnnprof.profile("resnet18@clases=10")
    assert caught.value.exit_code == 3
    assert "classes" in caught.value.hint


def test_importing_the_package_imports_little():
    code = "import cnnprof, sys; print(sorted(m for m in sys.modules if m.startswith('cnnprof.')))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cnnprof.api" not in result.stdout


@pytest.mark.torch
def test_bench_measures():
    from cnnprof.measure.bench import Options

    options = Options(processes=1, rounds=2, warmup_seconds=0.0, budget_seconds=60)
    benchmark = cnnprof.bench(["lenet5"], batches=(1, 2), options=options)
    assert [measurement.batch for measurement in benchmark.measurements] == [1, 2]
    assert all(measurement.latency().median > 0 for measurement in benchmark.measurements)
    assert "lenet5" in str(benchmark)


@pytest.mark.torch
def test_an_interrupted_bench_returns_what_was_measured(monkeypatch):
    from cnnprof.measure import bench

    done = Measurement("lenet5", "cpu", "fp32", 1, "infer", ((0.01, 0.01),), (0,))

    def stopped(jobs, options, on_progress):
        raise bench.Interrupted([done])

    monkeypatch.setattr(bench, "run", stopped)
    found = cnnprof.bench(["lenet5"])
    assert found.interrupted
    assert found.measurements == (done,)


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        (lambda: cnnprof.profile("lenet5").report(by="stages"), "each 'stages'", "did you mean 'stage'?"),
        (lambda: cnnprof.profile("lenet5").chart(by="typ"), "each 'typ'", "did you mean 'type'?"),
        (lambda: cnnprof.profile("lenet5").report(sort="flops"), "sorted by 'flops'", "did you mean 'ops'?"),
        (lambda: cnnprof.diff("vgg11", "vgg13").report(by="kind"), "each 'kind'", "one of layer, stage, type"),
        (lambda: cnnprof.explain("lenet5", "param"), "derived of 'param'", "did you mean 'params'?"),
    ],
)
def test_words_that_mean_nothing_are_refused(asked, message, hint):
    with pytest.raises(UsageError, match=message) as refused:
        asked()
    assert refused.value.hint == hint
