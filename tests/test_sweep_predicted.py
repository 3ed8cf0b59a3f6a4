"""Predicted latency of a design space: in every entry what `predict` says of that setting alone."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machine import made_up, write
from shell import cnnprof, texts
from test_sweep import SPACES

from cnnprof import CnnprofError
from cnnprof.api.predict import predict
from cnnprof.api.sweep import sweep
from cnnprof.design_space.predicting import PREDICTED, ranks
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.operations import Timed
from cnnprof.timing.prediction import Predictor, told_apart
from cnnprof.timing.prediction_fit import spreads_of
from cnnprof.timing.roofline import MEMORY, Rate
from cnnprof.views.sweep import Order


@cache
def uneven() -> Calibration:
    """The made-up machine with caches, and operations that take from half to three times as long; some kinds are not known."""
    draw = random.Random(1)
    operations = {
        key: Timed(each.operation, each.hot * draw.uniform(0.5, 2), each.cold * draw.uniform(0.6, 3))
        for key, each in made_up().operations.items()
        if each.operation.kind not in ("channelshuffle", "Softmax", "AvgPool2d")
    }
    rates = [rate for rate in made_up().ceilings.rates if rate.kind != MEMORY]
    rates += [Rate(MEMORY, "test", rate, size) for size, rate in ((2**14, 90e9), (2**19, 70e9), (2**21, 81e9), (2**26, 12e9))]
    ceilings = replace(made_up().ceilings, rates=tuple(rates))
    known = replace(
        made_up(), ceilings=ceilings, operations=operations, between=1.1, reach=0.06, stretch=1.3, factor=1.05, call=2e-6
    )
    return replace(known, spreads=spreads_of(Predictor(known)))


FAMILIES = sorted(set(SPACES) - {"vgg16"})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FAMILIES), st.data())
def test_every_entry_is_what_predict_says_of_its_setting(name, data):
    axes = {
        axis: data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique_by=str))
        for axis, values in SPACES[name].items()
        if axis != "dtype"
    }
    swept = sweep(name, axes, predict=True, calibration=uneven(), figures=PREDICTED)
    columns = swept.to_dict()
    if not len(columns["predicted_ms"]):
        return
    at = data.draw(st.integers(0, len(columns["predicted_ms"]) - 1))
    point = {axis: columns[axis][at] for axis in axes}
    shape = tuple(map(int, point.pop("input").split("x"))) if "input" in point else None
    batch = int(point.pop("batch", 1))
    own = {key: json.loads(value) if isinstance(value, str) and value[0] == "[" else value for key, value in point.items()}
    own = {key: value.item() if isinstance(value, np.generic) else value for key, value in own.items()}
    (alone,) = predict(name, shape, batch, own, calibration=uneven()).predictions
    far = alone.coverage["extrapolated"] + alone.coverage["unknown"]
    assert [columns[key][at] for key in PREDICTED] == pytest.approx([alone.milliseconds, *alone.interval90_ms, far], rel=1e-9)
    assert set(alone.unknown_kinds) <= set(swept.forecast.unknown_kinds)


def test_many_entries_are_worked_out_together():
    """Enough points that layers are looked up as arrays, with sizes that were timed among them."""
    swept = sweep(
        "mobilenet_v2", {"width": [1.0, 0.5, 0.75, 1.4], "input": range(64, 264, 2)}, predict=True, calibration=uneven()
    )
    columns = swept.to_dict()
    for at in range(0, 400, 37):
        shape = tuple(map(int, columns["input"][at].split("x")))
        (alone,) = predict("mobilenet_v2", shape, 1, {"width": float(columns["width"][at])}, calibration=uneven()).predictions
        wanted = [alone.milliseconds, *alone.interval90_ms]
        assert [columns[key][at] for key in PREDICTED[:3]] == pytest.approx(wanted, rel=1e-9)


def test_points_are_ranked_by_those_that_are_told_apart_from_them():
    axes = {"width": [0.5, 0.55, 0.6, 0.75, 1.0, 1.4], "input": [*range(96, 225, 16)]}
    swept = sweep("mobilenet_v2", axes, predict=True, calibration=uneven())
    columns = swept.to_dict()
    alone = [
        predict("mobilenet_v2", tuple(map(int, size.split("x"))), 1, {"width": float(width)}, calibration=uneven()).predictions[
            0
        ]
        for size, width in zip(columns["input"], columns["width"], strict=True)
    ]
    quicker = [sum(other.seconds < each.seconds and told_apart(other, each) for other in alone) for each in alone]
    found = ranks(columns, uneven()).tolist()
    assert found == [count + 1 for count in quicker]
    assert 1 < found.count(1) < len(found)
    report = swept.report(Order(sort="predicted_ms"))
    points = report.data["points"]
    assert [each["rank"] for each in points] == [found[i] for i in np.argsort(columns["predicted_ms"], kind="stable")]
    assert f"of which {found.count(1)} are the quickest: --bench measures them" in str(report)
    assert "rank" not in swept.report(Order(sort="-predicted_ms")).data["points"][0]


def test_batches_of_small_maps_are_what_they_are_alone():
    """Last maps of 2, 3 and 4 positions a side: a vector has room for more than the first two."""
    columns = sweep("mobilenet_v2", {"batch": [1, 3, 8], "input": [64, 96, 128]}, predict=True, calibration=uneven()).to_dict()
    for at, (batch, size) in enumerate(zip(columns["batch"], columns["input"], strict=True)):
        (alone,) = predict("mobilenet_v2", tuple(map(int, size.split("x"))), int(batch), calibration=uneven()).predictions
        wanted = [alone.milliseconds, *alone.interval90_ms]
        assert [columns[key][at] for key in PREDICTED[:3]] == pytest.approx(wanted, rel=1e-9)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    return write(tmp_path_factory.mktemp("machine") / "edge.json")


AXES = ("mobilenet_v2", "width=0.25:1:0.25", "input=96:224:32")


def test_conditions_order_fronts_and_budgets_take_predicted_times(edge, tmp_path):
    path = tmp_path / "points.csv"
    more = ("--predict", "--machine", edge)
    assert cnnprof("sweep", *AXES, *more, "-o", path).code == 0
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0])[-4:] == list(PREDICTED)
    times = [float(row["predicted_ms"]) for row in rows]
    assert all(float(row["predicted_low_ms"]) < float(row["predicted_ms"]) < float(row["predicted_high_ms"]) for row in rows)
    limit = sorted(times)[7]
    data = json.loads(
        cnnprof("sweep", *AXES, *more, "--within", f"predicted <= {limit:.9f}ms", "--sort=-predicted_ms", "--json").out
    )
    assert [each["predicted_ms"] for each in data["points"]] == pytest.approx(sorted(times)[7::-1])
    best = json.loads(
        cnnprof("sweep", *AXES, *more, "--within", f"predicted < {limit:.9f}ms", "--largest", "macs", "--json").out
    )
    fits = [int(row["macs"]) for row, time in zip(rows, times, strict=True) if time < limit]
    assert best["points"][0]["macs"] == max(fits)
    front = json.loads(cnnprof("sweep", *AXES, *more, "--pareto", "predicted,+macs", "--json").out)["points"]
    points = [(time, -int(row["macs"])) for row, time in zip(rows, times, strict=True)]
    beaten = [any(a <= x and b <= y and (a, b) != (x, y) for a, b in points) for x, y in points]
    assert len(front) == beaten.count(False)
    assert "predicted for Edge, 1 thread, torch 2, fp32, nchw" in cnnprof("sweep", *AXES, *more).out


def test_a_picture_and_a_page_have_predicted_times(edge, tmp_path):
    more = ("--predict", "--machine", edge)
    done = cnnprof("plot", "sweep", *AXES, *more, "--y", "predicted", "-o", "space.svg", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "predicted latency (ms)" in texts((tmp_path / "space.svg").read_bytes())
    done = cnnprof("report", "lenet5", "resnet18", *more, "--no-chapters", "-o", "page.html", cwd=tmp_path)
    assert done.code == 0, done.err
    page = (tmp_path / "page.html").read_text()
    assert "predicted for Edge" in page
    assert "predicted ms" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sort", "predicted_ms"], "add --predict"),
        (["--where", "predicted < 20ms"], "add --predict"),
        (["--pareto", "predicted,params"], "add --predict"),
        (["--columns", "params,predicted_ms"], "add --predict"),
        (["--machine", "edge.json"], "add --predict"),
        (["--threads", "2"], "add --bench or --predict"),
        (["--predict", "--machine", "missing.json"], "there is no missing.json"),
        (["--predict"], "cnnprof calibrate --grid makes one"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, message):
    done = cnnprof("sweep", "lenet5", "classes=10,20", *options, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.code in (2, 4)
    assert message in done.err
    assert done.out == ""


@pytest.mark.parametrize("other", ["int8", "fp64"])
def test_formats_that_nothing_was_timed_in_have_no_prediction(other):
    columns = sweep("lenet5", {"dtype": ["fp32", other]}, predict=True, calibration=uneven()).to_dict()
    assert columns["predicted_ms"][0] > 0
    assert np.isnan(columns["predicted_ms"][1])
    with pytest.raises(CnnprofError, match="in formats that networks are run in"):
        sweep("lenet5", {"dtype": [other]}, predict=True, calibration=uneven())


def test_a_kind_that_was_not_timed_makes_the_times_lower_bounds():
    swept = sweep("nasnet_a_mobile", {"N": [1]}, predict=True, calibration=uneven())
    assert "the predicted time is a lower bound, for nothing is measured of AvgPool2d" in " ".join(str(swept.report()).split())
