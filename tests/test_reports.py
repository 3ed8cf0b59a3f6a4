"""Every format over every kind of report: the content, not only that it renders."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from cnnprof.errors import UsageError
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.network.graph import INPUT, Accuracy, Facts, Figure, Graph, Node
from cnnprof.network.layers import LAYERS
from cnnprof.report import Fact, Kind, Listing, Report, Table
from cnnprof.reports import FORMATS, Style, render
from cnnprof.reports._units import KINDS, exact_and_rough, factor, megabytes, milliseconds, size
from cnnprof.timing.measurements import Check, Measurement, Reason
from cnnprof.views import columns as col
from cnnprof.views.benchmark import show_measurements
from cnnprof.views.budgets import EXCESS, LIMIT
from cnnprof.views.catalogue import ABOUT
from cnnprof.views.choice import Choice
from cnnprof.views.comparison import show_comparison
from cnnprof.views.entry import Entry
from cnnprof.views.explanation import NUMBERS
from cnnprof.views.gaps import GAP
from cnnprof.views.summary import MACS_SHARE, PARAMS_SHARE, summarize


def network(name, channels, top1=None, dataset="ImageNet-1K", **facts):
    """A convolution and a classifier; 3x3x3 weights and a bias for each channel, and a head that only training runs."""
    nodes = (
        Node("conv1", LAYERS["Conv"](channels, (3, 3), padding=(1, 1)), (INPUT,)),
        Node("head.fc", LAYERS["Conv"](7, (1, 1)), ("conv1",), aux=True),
        Node("stage1.gap", LAYERS["AdaptiveAvgPool"]((1, 1)), ("conv1",)),
    )
    accuracy = Accuracy(top1, None, "made up", dataset) if top1 is not None else None
    return analyze_memory(
        Graph(name, (1, 3, 32, 32), nodes, ("stage1.gap",), Facts("Family | *", "net.yaml", 2015, accuracy=accuracy, **facts))
    )


PUBLISHED = {
    "params": Figure(1_000, 500, "1K", None, "Table 1"),
    "macs": Figure(5, 0, "5", "the paper counts otherwise", "Table 2"),
    "top1": Figure(70, 0, "70", None, "Table 3"),
}


def reports():
    profile = network("one", 32, 70.0, published=PUBLISHED)
    check = Check("MACs", "fvcore", "MAC", 100, 130, (Reason("BatchNorm", 30),), ("passes over relu",))
    measured = Measurement("one", "cpu", "fp32", 2, "infer", ((0.010, 0.012), (0.011, 0.013)), (0, 1), peak_bytes=5_000_000)
    failed = Measurement("two", "cpu", "fp32", 2, "infer", (), status="failed", error="out of memory")
    slower = Measurement("three", "cpu", "fp32", 2, "infer", ((0.020, 0.024), (0.022, 0.026)), (0, 1))
    return {
        "summary": summarize(profile, checks=[check]),
        "compare": show_comparison([Entry.of(profile, measured), Entry.of(network("two", 64, 75.0))], "one"),
        "bench": show_measurements([measured, failed, slower]),
        "text": Report("show", "net", (Listing((Fact("paper", "a | b"),)),), text="name: net\n"),
    }


class Checker(HTMLParser):
    """Counts what opens and closes."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.wrong = [], 0, []

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        self.cells += tag == "td"

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("kind", reports())
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_every_report(kind, form):
    report = reports()[kind]
    text = render(report, form, Style(80))
    if form == "json":
        data = json.loads(text)
        assert (data["schema_version"], data["command"]) == (1, report.command)
        assert {key: data[key] for key in report.data} == json.loads(json.dumps(report.data))
    elif form == "csv":
        tables = [section for section in report.sections if isinstance(section, Table)]
        rows = list(csv.reader(io.StringIO(text)))
        listed = sum(len(section.facts) for section in report.sections if isinstance(section, Listing))
        assert len(rows) == 1 + (len(tables[0].rows) if tables else listed)
        assert len({len(row) for row in rows}) <= 1
    elif form == "html":
        checker = Checker()
        checker.feed(text)
        assert checker.open == []
        assert checker.wrong == []
    elif form == "markdown":
        for block in text.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("|")]
            assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1
    else:
        assert "\x1b" not in text
        assert all(line == line.rstrip() for line in text.splitlines())
        if form == "table":
            assert max(map(len, text.splitlines())) <= 80


def test_the_summary_says_what_was_computed():
    text = render(reports()["summary"], "wide", Style())
    # 32 filters of 3*3*3 weights and a bias; 32*32 positions of 27 multiply-accumulates for each; the head of 7 (32 + 1) apart.
    assert "896" in text
    assert f"{32 * 32 * 32 * 27:,}" in text
    assert "231 params more, in training only: head" in text
    assert "apart, and 0 are allowed: the paper counts otherwise" in text
    assert "explained below" in text
    assert "passes over relu" in text


def test_shares_add_up_without_the_auxiliary_head():
    table = next(section for section in reports()["summary"].sections if isinstance(section, Table))
    for share in ("params_share", "macs_share"):
        assert sum(row[share] or 0 for row in table.rows) == pytest.approx(1)
    assert [row["name"] for row in table.rows] == ["conv1", "head.fc (aux)", "stage1.gap"]


def test_a_comparison_marks_best_and_ratio():
    report = reports()["compare"]
    table = report.sections[0]
    assert table.rows[1]["params_ratio"] == pytest.approx(2.0)
    assert (0, "params") in table.best
    assert (1, "top1") in table.best
    assert (1, "params") not in table.best
    assert report.data["models"][1]["relative"]["params"] == pytest.approx(2.0)
    assert "896*" in render(report, "wide", Style())


def test_accuracies_on_two_data_sets_are_not_compared():
    entries = [
        Entry.of(network("one", 32, 70.0)),
        Entry.of(network("two", 64, 75.0)),
        Entry.of(network("small", 8, 91.0, "CIFAR-10")),
    ]
    report = show_comparison(entries, "one", sort="top1")
    table = report.sections[0]
    assert [row["model"] for row in table.rows] == ["two", "one", "small"]
    assert {(0, "top1"), (2, "params")} <= table.best
    assert (2, "top1") not in table.best
    assert [row["pareto"] for row in table.rows] == ["yes", "yes", "?"]
    assert [row["accuracy_source"] for row in table.rows] == ["made up, ImageNet-1K"] * 2 + ["made up, CIFAR-10"]
    assert "small: its accuracy on CIFAR-10 is not compared with that of the others" in report.notes
    assert report.data["models"][2]["accuracy"]["dataset"] == "CIFAR-10"
    # Seen from the other side, the two of one data set stay out.
    others = show_comparison(entries, "small")
    assert [row["pareto"] for row in others.sections[0].rows] == ["?", "?", "yes"]
    assert not any(column == "top1" for _, column in others.sections[0].best)


def test_a_baseline_without_accuracy_leaves_the_others_comparable():
    report = show_comparison(
        [Entry.of(network("none", 32)), Entry.of(network("one", 16, 70.0)), Entry.of(network("two", 64, 75.0))], "none"
    )
    assert [row["pareto"] for row in report.sections[0].rows] == ["?", "yes", "yes"]
    assert not any("not compared" in note for note in report.notes)


def test_pareto():
    def entry(name, channels, top1):
        return Entry.of(network(name, channels, top1))

    entries = [
        entry("small", 8, 60),
        entry("big", 64, 80),
        entry("bad", 64, 70),
        entry("twin", 64, 80),
        entry("unknown", 1, None),
    ]
    report = show_comparison(entries, "small")
    assert [row["pareto"] for row in report.sections[0].rows] == ["yes", "yes", "by big", "yes", "?"]
    assert [model["pareto"] for model in report.data["models"]] == [True, True, False, True, None]
    assert [model["dominated_by"] for model in report.data["models"]] == [None, None, "big", None, None]
    # By parameters and activations alone the smallest is the best, and nothing is unknown.
    costs = show_comparison(entries, "small", choice=Choice(pareto="params,activations"))
    assert [row["pareto"] for row in costs.sections[0].rows] == ["by unknown"] * 4 + ["yes"]
    front = show_comparison(entries, "small", choice=Choice(pareto_only=True))
    assert [row["model"] for row in front.sections[0].rows] == ["small", "big", "twin"]


@pytest.mark.parametrize("width", [30, 45, 60, 80])
def test_no_number_is_split_however_narrow(width):
    rows = (
        {"name": "stage10.inverted_residual1.conv12", "params": 25_557_032, "numbers": "112*112*144*1*1*240", "gap": 1_234_567},
        {"name": "fc1", "params": 138_357_544, "numbers": "1 + 1 (3 - 1)", "gap": 0},
    )
    report = Report("explain", "net", (Table((col.NAME, col.PARAMS, NUMBERS, GAP), rows),))
    text = render(report, "table", Style(width))
    body = text.partition("─\n")[2].partition("not shown")[0]
    numbers = re.findall(r"[\d,]*\d[\d,]*", body)
    whole = {"10", "1", "12", "25,557,032", "112", "144", "240", "1,234,567", "138,357,544", "3", "0"}
    assert set(numbers) <= whole
    assert {"25,557,032", "138,357,544", "240"} <= set(numbers)
    assert ("1,234,567" in body) == (width >= 60)
    assert "stage10." in body


def test_pareto_takes_latencies_whose_intervals_meet_as_equal():
    def timed(name, channels, *processes):
        times = tuple((seconds,) * 3 for seconds in processes)
        return Entry.of(network(name, channels, 70), Measurement(name, "cpu", "fp32", 1, "infer", times, (0,) * len(processes)))

    entries = [
        timed("light", 8, 0.0104, 0.0105, 0.0106),
        timed("heavy", 16, 0.0102, 0.0103, 0.01035),  # its median is lower, its interval meets that of light
        timed("fast", 16, 0.00900, 0.00901, 0.00899),
    ]
    report = show_comparison(entries, "light")
    assert [row["pareto"] for row in report.sections[0].rows] == ["yes", "by light", "yes"]
    unmeasured = [Entry.of(network("light", 8, 70)), Entry.of(network("heavy", 16, 70))]
    assert [row["pareto"] for row in show_comparison(unmeasured, "light").sections[0].rows] == ["yes", "by light"]


def test_latencies_that_cannot_be_told_apart_share_the_star():
    def measured(name, *processes):
        return Measurement(
            name, "cpu", "fp32", 1, "infer", tuple((seconds,) * 3 for seconds in processes), (*range(len(processes)),)
        )

    entries = [
        Entry.of(network("one", 32), measured("one", 0.0100, 0.0104, 0.0096)),
        Entry.of(network("near", 32), measured("near", 0.0101, 0.0103, 0.0098)),
        Entry.of(network("far", 32), measured("far", 0.0200, 0.0201, 0.0202)),
    ]
    report = show_comparison(entries, "one")
    stars = {row for row, column in report.sections[0].best if column == "latency_ms"}
    assert stars == {0, 1}
    assert any(note.startswith("latencies whose intervals meet are not told apart") for note in report.notes)


def test_a_narrow_terminal_drops_columns_and_says_so():
    report = reports()["compare"]
    wide, narrow = render(report, "table", Style(300)), render(report, "table", Style(60))
    assert "weights MB" in wide
    assert "not shown for want of room" in narrow
    assert "weights MB" in narrow.split("not shown")[1]
    assert all(heading in narrow for heading in ("model", "params", "MACs", "top-1"))


def test_colour_only_where_it_is_wanted():
    report = reports()["compare"]
    assert "\x1b[" in render(report, "table", Style(120, color=True))
    assert "\x1b[" not in render(report, "table", Style(120))


def test_an_unknown_format_is_named():
    with pytest.raises(UsageError, match="there is no format 'toml'"):
        render(reports()["text"], "toml", Style())


def test_units():
    assert exact_and_rough(4_089_184_256) == "4,089,184,256 (4.089 G)"
    assert exact_and_rough(999) == "999"
    assert size(102_228_128) == "102.2 MB"
    assert size(120) == "120 B"
    assert [megabytes(value) for value in (0, 120, 31_520, 246_824, 102_228_128)] == ["0", "<0.001", "0.032", "0.25", "102.2"]
    assert milliseconds(1.23456) == "1.235"
    assert milliseconds(123.456) == "123.5"
    assert factor(0.0712) == "0.07x"
    assert set(KINDS) == set(get_args(Kind))


def test_what_is_not_shown_is_named_after_its_column_and_an_empty_column_is_dropped():
    rows = ({"name": "a layer of a long name", "params": 5, "params_share": 1.0, "about": "", "macs": 7, "macs_share": None},)
    keys = (col.NAME, col.PARAMS, PARAMS_SHARE, ABOUT, col.MACS, MACS_SHARE)
    report = Report("summary", "net", (Table(keys, rows), Listing((Fact("params", 5),), "Totals")))
    narrow = render(report, "table", Style(42))
    assert "\nnot shown for want of room: params %" in narrow
    assert "\n\nTotals\n" in narrow
    assert "about" not in narrow + render(report, "markdown", Style())
    assert "about" in render(report, "wide", Style())
    assert render(report, "csv", Style()).startswith("name,params,params_share,about,macs,macs_share\n")


def test_csv_has_budgets_in_base_units():
    row = {"model": "net", "limit": (5_000_000, ""), "excess": ""}
    text = render(Report("check", "net", (Table((col.MODEL, LIMIT, EXCESS), (row,)),)), "csv", Style())
    assert text.splitlines()[1] == "net,5000000,"


def test_markdown_shows_texts_as_they_are():
    rows = ({"name": "a|b", "notes": "<b>*x*\nnext"},)
    report = Report("show", "title", (Table((col.NAME,), rows),), ("<script> `code`",), {}, "layers: # ```")
    shown = render(report, "markdown", Style())
    assert "| a\\|b |" in shown
    assert "- &lt;script> \\`code\\`" in shown
    assert shown.count("\n````") == 2


def test_a_layer_table_has_hyperparameters():
    report = reports()["summary"]
    table = next(section for section in report.sections if isinstance(section, Table))
    assert [row["kernel_size"] for row in table.rows] == [(3, 3), (1, 1), ""]
    assert [row["padding"] for row in table.rows] == [(1, 1), (0, 0), ""]
    assert report.data["layers"][0]["hyperparameters"]["padding"] == [1, 1]
    assert "1x1" in render(report, "csv", Style())


def test_kinds_tell_convolutions_apart():
    report = summarize(network("one", 32), by="kind", legend=True)
    table = next(section for section in report.sections if isinstance(section, Table))
    assert [row["name"] for row in table.rows] == ["Conv2d 3x3", "Conv2d 1x1 (aux)", "AdaptiveAvgPool2d"]
    assert report.sections[3].title == "What the figures are"
