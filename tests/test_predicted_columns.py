"""Predicted latency beside other figures: a column of `compare`, an axis of its picture, and a budget of `check`."""

import json
from dataclasses import replace

import pytest
from made_up_machine import made_up, write
from shell import cnnprof, texts

from cnnprof.api.check import check
from cnnprof.api.compare import compare
from cnnprof.api.predict import predict
from cnnprof.errors import UnavailableError
from cnnprof.measure.options import Options
from cnnprof.reports._units import KINDS
from cnnprof.views.prediction import RUN, PredictionRow

NETWORKS = ["resnet18", "mobilenet_v2", "squeezenet1_1"]


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    return write(tmp_path_factory.mktemp("machine") / "edge.json")


@pytest.fixture(scope="module")
def predicted():
    return {each.model: each for each in predict(NETWORKS, calibration=made_up()).predictions}


def test_compare_has_what_predict_says(edge, predicted):
    done = cnnprof("compare", *NETWORKS, "--predict", "--machine", edge, "--sort", "predicted", "--json")
    data = json.loads(done.out)
    assert {row["model"]: row["predicted_ms"] for row in data["rows"]} == pytest.approx(
        {name: each.milliseconds for name, each in predicted.items()}
    )
    assert [row["model"] for row in data["rows"]] == sorted(NETWORKS, key=lambda name: predicted[name].seconds)
    for model in data["models"]:
        each = predicted[model["model"]["name"]]
        assert model["prediction"]["predicted_ms"] == pytest.approx(each.milliseconds)
        assert model["prediction"]["interval90"] == pytest.approx(each.interval90_ms)
        assert sum(model["prediction"]["coverage"].values()) == pytest.approx(1)
        assert model["relative"]["predicted_ms"] == pytest.approx(each.seconds / predicted["resnet18"].seconds)


def test_conditions_and_fronts_take_predicted_times(edge, predicted):
    middle = sorted(each.milliseconds for each in predicted.values())[1]
    done = cnnprof(
        *("compare", *NETWORKS, "--predict", "--machine", edge, "--json"),
        *("--where", f"predicted <= {middle:.9f}ms", "--pareto", "predicted,params"),
    )
    rows = json.loads(done.out)["rows"]
    assert {row["model"] for row in rows} == {name for name, each in predicted.items() if each.milliseconds <= middle + 1e-6}
    assert all(row["pareto"] for row in rows)


def test_the_table_says_which_machine_is_meant(edge):
    done = cnnprof("compare", "resnet18", "--predict", "--machine", edge, "--columns", "model,predicted_ms,interval90")
    assert "predicted for Edge, 1 thread, torch 2, fp32, nchw" in done.out


@pytest.mark.parametrize(("measured", "shown"), [(1.25, "-20.00"), (0.8, "+25.00")])
def test_the_error_of_a_prediction_is_in_percent_of_what_was_measured(predicted, measured, shown):
    each = predicted["resnet18"]
    row = PredictionRow(each, each.milliseconds * measured)
    (column,) = [column for column in RUN if column.key == "error"]
    assert (row.error, KINDS[column.kind](column.cell(row))) == (pytest.approx(1 / measured - 1), shown)


def test_a_picture_has_predicted_latency_on_an_axis(edge, tmp_path):
    done = cnnprof(
        *("plot", "compare", *NETWORKS, "--x", "predicted", "--y", "top1", "--predict", "--machine", edge, "-o", "front.svg"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert "predicted latency (ms)" in texts((tmp_path / "front.svg").read_bytes())
    assert "add --predict" in cnnprof("plot", "compare", "lenet5", "resnet18", "--x", "predicted").err


def test_a_batch_is_predicted_as_a_batch(edge):
    one, eight = (
        json.loads(cnnprof("compare", "resnet18", "--predict", "--machine", edge, "--batch", batch, "--json").out)["rows"][0]
        for batch in ("1", "8")
    )
    assert 4 * one["predicted_ms"] < eight["predicted_ms"] < 9 * one["predicted_ms"]


def test_a_network_that_cannot_be_read_has_no_prediction_and_the_others_do(edge):
    done = cnnprof("compare", "resnet18", "no_such_net", "--predict", "--machine", edge, "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["predicted_ms"] is None for row in rows] == [False, True]


def test_a_kind_that_was_not_timed_makes_the_column_a_lower_bound():
    relu = {key: each for key, each in made_up().operations.items() if "ReLU in place" not in each.operation.kind}
    comparison = compare(["conv 3x3 8 relu"], input_shape=(8, 16, 16))
    text = str(comparison.predicted(Options(), replace(made_up(), operations=relu)).report())
    assert "the predicted time is a lower bound, for nothing is measured of ReLU in place" in " ".join(text.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sort", "predicted"], "add --predict"),
        (["--where", "predicted < 20ms"], "add --predict"),
        (["--pareto", "params,predicted_ms"], "add --predict"),
        (["--machine", "edge.json"], "add --predict"),
        (["--predict", "--machine", "missing.json"], "there is no missing.json"),
        (["--predict", "--formats"], "--predict is for one number format"),
        (["--predict", "--dtype", "int8"], "int8 is computed and not measured"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, message):
    done = cnnprof("compare", "lenet5", *options, cwd=tmp_path)
    assert done.code in (2, 4)
    assert message in done.err


def test_a_device_that_is_not_here_can_be_predicted(tmp_path):
    """A calibration of a GPU, at a desk without one."""
    ceilings = made_up().ceilings
    path = write(tmp_path / "gpu.json", ceilings=replace(ceilings, options={**ceilings.options, "device": "cuda:7"}))
    for command in ("predict", "compare"):
        more = ["--predict"] if command == "compare" else []
        done = cnnprof(command, "lenet5", *more, "--machine", path, "--device", "cuda:7")
        assert done.code == 0, done.err


def test_a_budget_for_predicted_latency_runs_nothing(edge, predicted, monkeypatch):
    from cnnprof.measure import bench

    monkeypatch.setattr(bench, "run", None)
    each = predicted["mobilenet_v2"]
    for limit, code, status in ((each.milliseconds * 1.01, 0, "ok"), (each.milliseconds * 0.99, 1, "error")):
        done = cnnprof(
            *("check", "mobilenet_v2", "--max-predicted-latency", f"{limit:.6f}ms", "--machine", edge, "--max-params", "5M"),
            "--json",
        )
        data = json.loads(done.out)
        (verdict,) = (entry for entry in data["budgets"] if entry["figure"] == "predicted_ms")
        assert (done.code, verdict["status"]) == (code, status)
        assert verdict["value"] == pytest.approx(each.milliseconds)
        assert data["predictions"][0]["interval90"] == pytest.approx(each.interval90_ms)


def test_a_limit_within_the_interval_is_said(edge, predicted):
    limit = predicted["mobilenet_v2"].milliseconds * 1.01
    done = cnnprof("check", "mobilenet_v2", "--max-predicted-latency", f"{limit:.6f}ms", "--machine", edge, COLUMNS="300")
    assert "the limit lies within the prediction's 90% interval" in done.out


def test_without_a_calibration_the_budget_is_unknown_and_the_others_are_judged(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.cnnprof.budget]]\nmodel = "lenet5"\nmax-predicted-latency = "20ms"\nmax-params = "1M"\n'
    )
    done = cnnprof("check", "--json", cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    by_figure = {entry["figure"]: entry for entry in json.loads(done.out)["budgets"]}
    assert done.code == 5
    assert by_figure["params"]["status"] == "ok"
    assert by_figure["predicted_ms"]["status"] == "unknown"
    assert "cnnprof calibrate --grid makes one: it takes less than 3 minutes" in by_figure["predicted_ms"]["reason"]


def test_a_machine_that_is_named_and_missing_is_an_error(tmp_path):
    with pytest.raises(UnavailableError, match="there is no"):
        check("lenet5", {"max-predicted-latency": "20ms"}, calibration=tmp_path / "none.json")


def test_a_lower_bound_below_the_limit_settles_nothing_and_one_above_it_fails():
    known = replace(
        made_up(), operations={key: e for key, e in made_up().operations.items() if "ReLU in place" not in e.operation.kind}
    )
    for limit, status in (("1s", "unknown"), ("1us", "error")):
        (verdict,) = check("conv 3x3 8 relu", {"max-predicted-latency": limit}, (8, 16, 16), calibration=known).verdicts
        assert verdict.status == status
    assert (
        "nothing is measured of ReLU in place"
        in check("conv 3x3 8 relu", {"max-predicted-latency": "1s"}, (8, 16, 16), calibration=known).verdicts[0].reason
    )


DAY = 86400
TAKEN = 1577836800
"""2020-01-01, when the made-up calibration was taken."""


@pytest.mark.parametrize(("days", "doubts"), [(29, []), (31, ["is 31 days old"]), (400, ["is 400 days old"])])
def test_an_old_calibration_is_said(days, doubts):
    assert made_up().doubts(TAKEN + days * DAY) == doubts


def test_every_user_of_a_busy_or_old_calibration_says_so(tmp_path):
    path = write(tmp_path / "edge.json", conditions={"time": "2020-01-01T00:00:00Z", "busy": "a neighbour"})
    for words in (["predict"], ["compare", "--predict"], ["check", "--max-predicted-latency", "9s"]):
        done = cnnprof(*words, "lenet5", "--machine", path, COLUMNS="400")
        assert "the calibration was taken on a busy machine: a neighbour" in done.out
        assert "days old" in done.out


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["predict", "lenet5"], "csv"),
        (["compare", "lenet5", "--predict"], "csv"),
        (["check", "lenet5", "--max-predicted-latency", "9s"], "junit"),
        (["check", "lenet5", "--max-predicted-latency", "9s"], "sarif"),
        (["sweep", "lenet5", "input=28,32", "--predict"], "csv"),
        (["sweep", "lenet5", "input=28,32", "--predict"], "jsonl"),
    ],
)
def test_formats_without_notes_leave_them_to_stderr(words, form, tmp_path):
    path = write(tmp_path / "edge.json", conditions={"busy": "a neighbour"})
    done = cnnprof(*words, "--machine", path, "--format", form)
    assert done.err.splitlines().count("the calibration was taken on a busy machine: a neighbour") == 1
    assert "a neighbour" not in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "compare", "alexnet", "squeezenet1_1", "--predict", "--x", "predicted"],
        ["plot", "compare", "alexnet", "squeezenet1_1", "--predict", "--size", "predicted"],
        ["plot", "sweep", "lenet5", "input=28,32", "--predict", "--y", "predicted"],
        ["plot", "sweep", "mobilenet_v2", "width=1,0.5", "input=96,128", "--predict", "--y", "predicted", "--kind", "heat"],
    ],
)
def test_a_picture_of_predicted_times_says_whose_they_are_and_that_the_machine_was_busy(words, tmp_path):
    path = write(tmp_path / "edge.json", conditions={"time": "2020-01-01T00:00:00Z", "busy": "a neighbour"})
    cnnprof(*words, "--machine", path, "-o", str(tmp_path / "picture.svg"))
    picture = (tmp_path / "picture.svg").read_text()
    assert "predicted for Edge" in picture
    assert "the calibration was taken on a busy machine: a neighbour" in picture
    assert "predicted the" not in picture
