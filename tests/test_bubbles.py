"""Networks as bubbles: the front of the axes that are shown, names that hide nothing, and what is said of the rest."""

import dataclasses
import itertools
import random
import re

import pytest
from shell import cnnprof, texts

from cnnprof.api.compare import compare
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style, render
from cnnprof.reports.pictures import draw
from cnnprof.torch_bridge.requirements import import_torchvision
from cnnprof.views.bubbles import bubbles


def row(model, macs=1e9, top1=70.0, params=1e6, **more):
    facts = {"family": "F", "input": (1, 3, 224, 224), "accuracy_source": "paper", "dataset": "ImageNet-1K", "source": "x"}
    return {"model": model, "macs": macs, "top1": top1, "params": params} | facts | more


def shown(rows, x="macs", y="top1", size="params", colour="family", apart=()):
    return bubbles(rows, x, y, size, colour, dict(apart))


def names_on(line, chart):
    at = {(point.x, point.y): point.label for point in chart.points}
    return [at[place] for place in zip(line.xs, line.ys, strict=True)]


def test_the_front_is_that_of_its_two_axes():
    # c has more MACs than a for less accuracy; by parameters it is the smallest, and so on the front.
    rows = [row("a", 1e9, 70, 8e6), row("b", 2e9, 75, 9e6), row("c", 3e9, 69, 1e6)]
    by_macs, by_params = shown(rows), shown(rows, x="params")
    assert names_on(by_macs.lines[0], by_macs) == ["a", "b"]
    assert names_on(by_params.lines[0], by_params) == ["c", "a", "b"]
    assert by_macs.lines[0].xs == (1.0, 2.0)  # in G


@pytest.mark.parametrize("seed", range(20))
def test_nothing_beats_a_point_of_the_front(seed):
    draw_one = random.Random(seed).uniform
    rows = [row(f"n{k}", draw_one(1, 9), draw_one(50, 90)) for k in range(25)]
    chart = shown(rows)
    front = set(names_on(chart.lines[0], chart)) if chart.lines else set()
    by_hand = {
        a["model"] for a in rows if not any(b["macs"] <= a["macs"] and b["top1"] >= a["top1"] and b is not a for b in rows)
    }
    assert front == by_hand or (len(by_hand) == 1 and not front)


def test_areas_axes_and_intervals():
    rows = [
        row("small", 1e8, 60, 1e6, latency_ms=2.0, ci95=(1.8, 2.2)),
        row("large", 4e9, 80, 4e6, latency_ms=9.0, ci95=(8, 10)),
    ]
    chart = shown(rows, x="latency", y="macs")
    large, small = sorted(chart.points, key=lambda point: -point.size)
    assert (large.size, small.size) == (1.0, 0.25)
    assert (small.x_span, small.y_span) == ((1.8, 2.2), None)
    assert (chart.x.log, chart.y.log) == (False, True)  # 9 is 4.5 times 2; 4e9 is 40 times 1e8
    assert (chart.x.label, chart.y.label) == ("latency (ms)", "multiply-accumulates (G)")
    predicted = shown(
        [row("a", predicted_ms=3.0, interval90=(2.5, 3.5)), row("b", 2e9, predicted_ms=5.0)], x="macs", y="predicted"
    )
    assert {point.label: point.y_span for point in predicted.points} == {"a": (2.5, 3.5), "b": None}


def test_what_is_on_other_data_is_marked_and_stays_off_the_front():
    rows = [row("a", top1=70), row("b", 2e9, 75), row("c", 1e6, 95, dataset="CIFAR-10", accuracy_source="table 3")]
    chart = shown(rows, apart={"c": "CIFAR-10"})
    assert names_on(chart.lines[0], chart) == ["a", "b"]
    assert [point.label for point in chart.points if point.apart] == ["c¹"]
    assert "on CIFAR-10, and not compared: c" in chart.notes
    assert "accuracy as reported, not measured here: paper; ¹ table 3" in chart.notes


def test_what_has_no_figure_is_named():
    chart = shown([row("a"), row("b", top1=None), row("c", top1=None)])
    assert [point.label for point in chart.points] == ["a"]
    assert "without top-1 accuracy, and not shown: b, c" in chart.notes
    assert chart.lines == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "mac"}, "--x: 'mac' cannot be drawn"),
        ({"y": "top2"}, "--y: 'top2' cannot be drawn"),
        ({"size": "weight"}, "--size: 'weight' cannot be drawn"),
        ({"colour": "familly"}, "--colour: there is no 'familly'"),
        ({"x": "latency"}, "no network has the latency (ms)"),
    ],
)
def test_what_cannot_be_drawn(options, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        shown([row("a"), row("b")], **options)


def test_a_source_that_all_names_share_is_said_once():
    shared = shown([row("torchvision:a", 1e9, 70), row("torchvision:b", 2e9, 75)])
    assert names_on(shared.lines[0], shared) == ["a", "b"]
    assert shared.title.endswith(", networks of torchvision")
    mixed = shown([row("torchvision:a", 1e9, 70), row("b", 2e9, 75)])
    assert names_on(mixed.lines[0], mixed) == ["torchvision:a", "b"]


def test_no_network_has_both_axes():
    rows = [row("a", top1=None, year=2015), row("b", year=None)]
    with pytest.raises(UsageError, match="no network has both the year and the top-1 accuracy"):
        shown(rows, x="year")


def boxes_of(figure, chart):
    """The boxes of names, and those of symbols, in dots."""
    figure.draw_without_rendering()
    names = {point.label for point in chart.points}
    found = [text for axes in figure.axes for text in axes.texts if text.get_text() in names]
    plane = figure.axes[0].transData
    symbols = []
    for point in chart.points:
        x, y = plane.transform((point.x, point.y))
        half = chart._area(point.size) ** 0.5 / 2 * figure.dpi / 72
        symbols.append((x - half, y - half, x + half, y + half))
    return {text.get_text(): text.get_window_extent().extents for text in found}, symbols


def overlap(one, other, slack=0.0):
    return min(one[2], other[2]) - max(one[0], other[0]) > slack and min(one[3], other[3]) - max(one[1], other[1]) > slack


def hold_names_apart(chart, named):
    figure = draw(chart)
    names, symbols = boxes_of(figure, chart)
    assert len(names) >= named
    assert not [(a, b) for (a, one), (b, other) in itertools.combinations(names.items(), 2) if overlap(one, other)]
    # A name's box has a little air below the letters.
    assert not [name for name, box in names.items() if any(overlap(box, symbol, 1.5) for symbol in symbols)]
    below = figure._supxlabel.get_text().replace("\n", " ")
    missing = {point.label for point in chart.points} - {*names}
    assert all(name in below for name in missing)


@pytest.mark.torch
def test_names_of_torchvisions_networks_stand_apart():
    import_torchvision()
    from torchvision.models import get_model_weights, list_models

    rows = []
    for name in list_models(module=None):
        (weights, *_) = [*get_model_weights(name)] or [None]
        metrics = (weights.meta.get("_metrics") or {}).get("ImageNet-1K") if weights else None
        if metrics and "quantized" not in name:
            meta = weights.meta
            rows.append(row(name, meta["_ops"] * 1e9, metrics["acc@1"], meta["num_params"], family=name.partition("_")[0][:6]))
    assert len(rows) >= 75
    hold_names_apart(shown(rows), named=0.9 * len(rows))
    hold_names_apart(shown(rows, x="params", size="macs"), named=0.9 * len(rows))


@pytest.mark.parametrize(("x", "y"), [("latency", "top1"), ("params", "latency"), ("latency", "predicted")])
def test_names_of_measured_networks_stand_apart_from_intervals(x, y):
    draw_one = random.Random(7).uniform
    rows = []
    for number in range(24):
        ms = draw_one(2, 30)
        more = {"latency_ms": ms, "ci95": (0.95 * ms, 1.04 * ms), "predicted_ms": 1.1 * ms, "interval90": (0.9 * ms, 1.3 * ms)}
        rows.append(row(f"network_{number}", top1=draw_one(60, 80), params=draw_one(1e6, 6e7), **more))
    chart = shown(rows, x=x, y=y)
    hold_names_apart(chart, named=18)
    figure = draw(chart)
    names, _ = boxes_of(figure, chart)
    ends = figure.axes[0].transData.transform
    for point in chart.points:
        for span, place in (
            (point.x_span, lambda end, at=point: (end, at.y)),
            (point.y_span, lambda end, at=point: (at.x, end)),
        ):
            if span:
                (x0, y0), (x1, y1) = (ends(place(end)) for end in span)
                line = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
                wide = (line[0] - 2, line[1] - 2, line[2] + 2, line[3] + 2)
                assert not [name for name, box in names.items() if overlap(box, wide, 2.5)]


@pytest.mark.parametrize("theme", ["paper", "slides"])
def test_few_networks_are_all_named(theme, tmp_path):
    path = tmp_path / "front.svg"
    done = cnnprof("plot", "compare", "resnet18", "vgg16", "mobilenet_v2", "alexnet", "--theme", theme, "-o", path)
    assert (done.code, done.err) == (0, f"wrote {path}\n")
    written = texts(path.read_bytes())
    assert {"resnet18", "vgg16", "alexnet", "multiply-accumulates (G)", "top-1 accuracy (%)"} <= {*written}


def test_the_command_of_comparisons_draws_too(tmp_path):
    for suffix, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        path = tmp_path / f"front.{suffix}"
        assert cnnprof("compare", "resnet18", "vgg16", "-o", path).code == 0
        assert path.read_bytes().startswith(start)


def test_the_size_of_a_picture(tmp_path):
    path = tmp_path / "a.svg"
    assert cnnprof("plot", "compare", "resnet18", "vgg16", "--cm", "12.7x25.4", "-o", path).code == 0
    # 72 points an inch of 2.54 cm.
    assert b'width="360pt" height="720pt"' in path.read_bytes()
    for wrong in ("12", "1x1", "12x", "axb", "999x999"):
        done = cnnprof("plot", "compare", "resnet18", "--cm", wrong, "-o", path)
        assert (done.code, "is not a picture's size" in done.err) == (2, True)


def test_a_sketch_for_the_terminal():
    done = cnnprof("plot", "compare", "resnet18", "vgg16", "mobilenet_v2", "--format", "braille")
    lines = done.out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert {"resnet18", "vgg16", "mobilenet_v2"} <= {*re.findall(r"\w+", re.sub("[¹²⠀-⣿]", " ", done.out))}
    assert "\x1b" not in done.out


def test_a_notebook_gets_a_figure():
    comparison = compare(["resnet18", "vgg16"])
    assert comparison.plot(x="params").axes[0].get_xlabel() == "parameters (M)"


def test_a_chart_is_data():
    chart = shown([row("a"), row("b", 2e9, 75)])
    assert isinstance(chart, Scatter)
    assert dataclasses.asdict(chart)["points"][0]["label"] in ("a", "b")
    assert render(Report("compare", "", chart=chart), "braille", Style())


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'a"b&c', "x" * 300, "\N{HEBREW LETTER ALEF}" * 5, "$x^2$", "a_b%c"]
)
def test_names_are_only_letters(name):
    report = Report("compare", "", chart=shown([row(name), row("other", 2e9, 75)]))
    svg = render(report, "svg", Style())
    assert b"<script" not in svg
    assert "other" in texts(svg)
    assert name in " ".join(texts(svg)).replace("\n", " ") or len(name) == 300


@pytest.mark.parametrize("later", [[], ["b"]])
def test_names_that_find_room_at_last_are_not_said_to_have_none(later, monkeypatch):
    from matplotlib.figure import Figure

    from cnnprof.charts.points import Axis, Point
    from cnnprof.charts.scatter import Scatter

    found = iter([["a", "b"], later])
    monkeypatch.setattr(Scatter, "_name_points", lambda *_: next(found))
    figure = Figure()
    Scatter("", Axis("x"), Axis("y"), (Point("a", 1, 1), Point("b", 2, 2)), notes=("a remark",)).draw(figure)
    lines = figure.get_supxlabel().splitlines()
    assert lines == ["a remark", *(f"no room for the names of: {name}" for name in later)]
