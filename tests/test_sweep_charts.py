"""`cnnprof plot sweep`, and the chart of `sweep` itself: lines, cells, and the limit of a budget."""

import re
from dataclasses import replace

import pytest
from shell import cnnprof

import cnnprof as package
from cnnprof.charts.heat import Heat
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style, render


def test_a_design_space_is_points_and_lines():
    swept = package.sweep("mobilenet_v1", {"width": [0.25, 0.5, 1.0], "input": [128, 224]})
    chart = swept.chart("params")
    assert len(chart.points) == 6
    assert [line.xs for line in chart.lines] == [(0.25, 0.5, 1.0)] * 2
    # Parameters do not depend on the input; these are the network's own.
    totals = [package.profile("mobilenet_v1", settings={"width": width}).totals.params / 1e6 for width in (0.25, 0.5, 1.0)]
    assert [line.ys for line in chart.lines] == [pytest.approx(totals)] * 2
    assert chart.y.log == (max(totals) >= 20 * min(totals))
    done = cnnprof("plot", "sweep", "mobilenet_v1", "width=0.25,0.5", "input=128,160", "--y", "peak", "--format", "braille")
    assert (done.code, done.err) == (0, "")
    assert "memory of an inference (MB)" in done.out


def test_what_is_no_picture_of_a_space():
    done = cnnprof("plot", "sweep", "mobilenet_v1", "width=0.25,0.5", "--y", "mac", "--format", "braille")
    assert (done.code, done.out) == (2, "")
    assert "--y: 'mac' cannot be drawn" in done.err


def test_a_heat_map_is_the_figures_of_its_networks():
    swept = package.sweep("mobilenet_v1", {"width": [0.25, 0.5, 1.0], "input": [96, 128]}, where="macs < 100M and peak < 100MB")
    chart = swept.chart("macs", "heat")
    assert (chart.x, chart.xs, chart.y, chart.ys) == ("width", ("0.25", "0.5", "1"), "input", ("96", "128"))
    for row, size in enumerate((96, 128)):
        for column, width in enumerate((0.25, 0.5, 1.0)):
            network = package.profile("mobilenet_v1", input_shape=(3, size, size), settings={"width": width})
            assert chart.values[row][column] == pytest.approx(network.totals.macs / 1e9)
            assert chart.inside[row][column] == (network.totals.macs < 100e6)
    assert chart.budget == "macs < 100M and peak < 100MB"


def test_the_line_of_a_budget_parts_what_keeps_to_it_from_what_does_not():
    # The left column is inside, and the lower cell of the middle one.
    chart = Heat(
        "t",
        "a",
        "b",
        ("1", "2", "3"),
        ("x", "y"),
        "n",
        ((1, 2, 3), (4, 5, 6)),
        inside=((True, True, False), (True, False, False)),
    )
    assert {*chart.borders()} == {
        ((1.5, -0.5), (1.5, 0.5)),
        ((0.5, 0.5), (0.5, 1.5)),
        ((0.5, 0.5), (1.5, 0.5)),
    }
    rules = chart.vega()["layer"][1]["data"]["values"]
    assert len(rules) == 3
    for form in ("svg", "braille"):
        assert "limit of" in str(render(Report("x", "", chart=replace(chart, budget="n < 3")), form, Style()))


def test_lines_of_a_design_space_have_their_limit():
    swept = package.sweep("mobilenet_v1", {"width": [0.25, 0.5, 1.0]}, where="macs < 200M and 1M < params")
    chart = swept.chart("macs")
    macs = [package.profile("mobilenet_v1", settings={"width": width}).totals for width in (0.25, 0.5, 1.0)]
    assert [point.apart for point in chart.points] == [not (each.macs < 200e6 and each.params > 1e6) for each in macs]
    assert [(line.label, line.ys) for line in chart.lines if line.label] == [("macs < 200M", (0.2, 0.2))]
    assert [line.label for line in swept.chart("params").lines if line.label] == ["1M < params"]


def test_which_picture_of_a_space_fits():
    few = package.sweep("mobilenet_v1", {"width": [0.25, 0.5], "input": [96, 128]})
    many = package.sweep("mobilenet_v1", {"width": [0.25, 0.5], "input": [*range(96, 256, 8)]})
    assert (type(few.chart()), type(many.chart()), type(many.chart(kind="lines"))) == (Scatter, Heat, Scatter)
    huge = package.sweep("mobilenet_v1", {"width": [0.25 + k / 1000 for k in range(500)], "input": [*range(96, 600, 8)]})
    with pytest.raises(UsageError, match="31,500 points are too many for a picture"):
        huge.chart()
    with pytest.raises(UsageError, match="a heat map has two axes, and 1 axis varies here"):
        package.sweep("mobilenet_v1", {"width": [0.25, 0.5]}).chart(kind="heat")


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "html"])
def test_a_sweep_draws_itself(suffix, tmp_path):
    file = tmp_path / f"space.{suffix}"
    done = cnnprof("sweep", "mobilenet_v1", "width=0.25,0.5", "input=96,128", "-o", file)
    assert (done.code, done.out) == (0, "")
    assert file.stat().st_size > 1000
    if suffix == "html":
        assert "<figure" in file.read_text(encoding="utf-8")


def test_a_space_without_a_picture_is_still_a_page(tmp_path):
    file = tmp_path / "space.html"
    assert cnnprof("sweep", "resnet18", "dtype=fp32,fp16", "-o", file).code == 0
    assert "<figure" not in file.read_text(encoding="utf-8")
    refused = cnnprof("sweep", "resnet18", "dtype=fp32,fp16", "-o", tmp_path / "space.svg")
    assert (refused.code, "'dtype' holds no numbers" in refused.err) == (2, True)


def test_a_page_has_the_points_that_a_terminal_leaves_out(tmp_path):
    file = tmp_path / "space.html"
    assert cnnprof("sweep", "mobilenet_v1", "width=0.25,0.5,0.75", "input=96:224:16", "-o", file).code == 0
    assert len(re.findall(r'data-row="\d+"', file.read_text(encoding="utf-8").rpartition("<h3>Points")[2])) == 3 * 9
