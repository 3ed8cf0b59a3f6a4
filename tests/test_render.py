"""A saved result shown again, several files at once, and options that are given twice."""

import csv
import json
from importlib import import_module

import pytest
from shell import cnnprof
from test_reports import reports

from cnnprof.charts import Chart
from cnnprof.charts.bars import Bars, Panel
from cnnprof.charts.diagram import Box, Diagram
from cnnprof.charts.distributions import Distribution, Distributions
from cnnprof.charts.explorer import Explorer
from cnnprof.charts.heat import Heat
from cnnprof.charts.points import Axis, Point
from cnnprof.charts.saved import KINDS, to_saved
from cnnprof.charts.saved import from_saved as from_saved_chart
from cnnprof.charts.scatter import Scatter
from cnnprof.charts.timeline import Timeline
from cnnprof.cli import join_inputs
from cnnprof.report import Report
from cnnprof.reports import FORMATS, Style, render
from cnnprof.reports._saved import from_saved

COMMANDS = [
    ["summary", "lenet5", "--legend"],
    ["summary", "lenet5", "--by", "kind"],
    ["compare", "resnet18", "lenet5"],
    ["memory", "lenet5", "--train"],
    ["list", "lenet5"],
    ["explain", "lenet5"],
    ["explain", "lenet5", "--quiz"],
    ["diff", "resnet18", "resnet34"],
    ["transfer", "lenet5", "--classes", "5"],
    ["check", "lenet5", "--max-params", "1M"],
    ["show", "lenet5"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("form", ["table", "csv", "html"])
def test_what_is_saved_is_shown_as_it_was(command, form, tmp_path):
    saved, shown = tmp_path / "saved.json", tmp_path / "shown"
    assert cnnprof(*command, "-o", saved).code == 0
    plain = cnnprof(*command, "--format", form, COLUMNS="90").out
    assert cnnprof("render", saved, "--format", form, COLUMNS="90").out == plain
    assert cnnprof("render", saved, "--format", "json", "-o", shown).code == 0
    assert json.loads(shown.read_text()) == json.loads(saved.read_text())


def test_what_a_saved_result_holds_for_stays(tmp_path):
    saved = tmp_path / "saved.json"
    assert cnnprof("summary", "lenet5", "-o", saved).code == 0
    data = json.loads(saved.read_text())
    data["environment"] = {"cnnprof": "0.0.9", "python": "3.10.2", "platform": "darwin", "time": "2025-01-02T03:04:05Z"}
    saved.write_text(json.dumps(data))
    assert json.loads(cnnprof("render", saved, "--json").out) == data


CHARTS = [
    Bars("bars", ("a", "b"), (Panel("MB", (1.5, 2)),), ("first", "second"), ("a note",)),
    Diagram("diagram", (Box("in", "3x8x8"), Box("conv", "4x8x8", ("1 MAC",), "conv")), ((0, 1),)),
    Distributions("times", "ms", (Distribution("a", ((1.0, 2.0), (3.0,)), (1.0, 3.0)), Distribution("b", ((2.5,),))), True),
    Heat("cells", "a", "b", ("1", "2"), ("3",), "MACs", ((1.5, None),), True, ((True, False),), "a < 2"),
    Scatter("points", Axis("MACs", True, "lower"), Axis("top-1"), (Point("a", 1, 2.5, x_span=(0.5, 2), detail={"k": "v"}),)),
    Timeline("memory", ("a", "b"), ("s", "s"), ("forward", "backward"), {"weights": (1, 2)}, 1),
]
CHARTS.append(
    Explorer(
        CHARTS[4], ("x", "y", "x"), {"x": Axis("X"), "y": Axis("Y")}, ({"label": "a", "x": 1, "y": None},), {"x|y": ("a",)}
    )
)


def through_json(chart):
    return json.loads(json.dumps(to_saved(chart)))


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_every_kind_of_chart_comes_back(chart):
    assert from_saved_chart(through_json(chart)) == chart


def test_every_kind_of_chart_is_among_them():
    for name in KINDS:
        import_module(f"cnnprof.charts.{name}")
    assert {type(chart).__name__ for chart in CHARTS} == {kind.__name__ for kind in Chart.__subclasses__()}


def test_a_chart_with_what_json_lacks_is_not_saved():
    assert to_saved(Bars("bars", ("a",), (Panel("MB", (float("nan"),)),))) is None
    assert to_saved(None) is None


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Chart"},
        {"kind": ["Bars"]},
        {"kind": "bars"},
        {"kind": "Saved"},
        {"title": 7},
        {"names": "ab"},
        {"panels": [{"label": "MB"}]},
        {"panels": [{"label": "MB", "values": [True, 2]}]},
        {"panels": [{"label": "MB", "values": ["1", 2]}]},
        {"panels": [[]]},
        {"panels": [{"label": "MB", "values": [1.5]}]},
    ],
    ids=str,
)
def test_a_chart_that_was_changed_by_hand_is_one_message(change, tmp_path):
    saved = tmp_path / "saved.json"
    report = Report("summary", "bars", chart=CHARTS[0])
    data = json.loads(render(report, "json", Style()))
    data["report"]["chart"] |= change
    saved.write_text(json.dumps(data))
    done = cnnprof("render", saved, "--format", "html")
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert str(saved) in done.err


@pytest.mark.parametrize("kind", reports())
@pytest.mark.parametrize("form", FORMATS)
def test_every_report_comes_back(kind, form):
    report = reports()[kind]
    again = from_saved(json.loads(render(report, "json", Style())))
    assert render(again, form, Style(100)) == render(report, form, Style(100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is no JSON"),
        ("[]", "this is no result of cnnprof"),
        ("{}", "this is no result of cnnprof"),
        ('{"command": "list", "report": {"title": 1, "sections": [], "notes": []}}', "this is no result of cnnprof"),
        ('{"command": "list", "report": {"title": "", "sections": [{}], "notes": []}}', "this is no result of cnnprof"),
        (
            '{"command": "list", "report": {"title": "", "notes": [], "sections": [{"title": "", "group": "", "best": [], '
            '"faint": [], "total": null, "columns": [["a", "a", "shape", 0]], "rows": [[7]]}]}}',
            "a value does not fit its column",
        ),
    ],
)
def test_what_is_no_saved_result(text, message, tmp_path):
    file = tmp_path / "saved.json"
    file.write_text(text)
    done = cnnprof("render", file)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def saved_by(version, *command, form=1, **changes):
    data = json.loads(cnnprof(*command, "--json").out)
    data["environment"]["cnnprof"] = version
    return json.dumps(data | {"schema_version": form, **changes})


def test_a_result_of_a_version_without_tables_is_shown_by_its_figures(tmp_path):
    data = json.loads(saved_by("0.0.7", "compare", "resnet18", "lenet5"))
    del data["report"]
    del data["rows"]
    del data["models"][1]["memory"]
    (tmp_path / "old.json").write_text(json.dumps(data))
    done = cnnprof("render", "old.json", "--format", "csv", cwd=tmp_path)
    first, second = csv.DictReader(done.out.splitlines())
    assert (first["model.name"], first["totals.params"], first["model.input_shape"]) == ("resnet18", "11689512", "1x3x224x224")
    assert (second["totals.params"], second["memory.inference.peak_bytes"]) == ("61706", "")
    text = cnnprof("render", "old.json", "--format", "wide", cwd=tmp_path).out
    assert "saved by cnnprof 0.0.7, whose results have no tables" in text
    assert "11,689,512" in text
    assert "baseline  resnet18" in text


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_result_is_shown_without_its_tables(command, tmp_path):
    data = json.loads(saved_by("0.0.7", *command))
    del data["report"]
    (tmp_path / "old.json").write_text(json.dumps(data))
    for form in ("table", "html", "markdown"):
        assert cnnprof("render", "old.json", "--format", form, cwd=tmp_path).code == 0
    again = json.loads(cnnprof("render", "old.json", "--json", cwd=tmp_path).out)
    assert {key: again[key] for key in data} == data


def test_tables_that_another_version_writes_otherwise_are_left_out(tmp_path):
    (tmp_path / "odd.json").write_text(saved_by("0.9.0", "summary", "lenet5", report={"title": "x", "parts": []}))
    done = cnnprof("render", "odd.json", cwd=tmp_path)
    assert (done.code, "61,706" in done.out, "saved by cnnprof 0.9.0" in done.out) == (0, True, True)


def test_a_chart_of_another_version_is_left_out_and_said(tmp_path):
    data = json.loads(render(Report("summary", "bars", chart=CHARTS[0]), "json", Style()))
    data["report"]["chart"] = {"kind": "Pie", "slices": [1]}
    data["environment"]["cnnprof"] = "0.9.0"
    (tmp_path / "odd.json").write_text(json.dumps(data))
    assert "saved by cnnprof 0.9.0, whose chart cannot be drawn" in cnnprof("render", "odd.json", cwd=tmp_path).out


def test_a_later_form_says_its_version(tmp_path):
    (tmp_path / "late.json").write_text(saved_by("3.1.4", "summary", "lenet5", form=2))
    done = cnnprof("render", "late.json", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "saved by cnnprof 3.1.4 in form 2" in done.err


def test_a_file_that_is_not_there():
    done = cnnprof("render", "nowhere.json")
    assert done.code == 2
    assert "cannot read nowhere.json" in done.err


def test_several_files_are_all_written(tmp_path):
    files = [tmp_path / name for name in ("a.json", "a.md", "a.csv", "a.tex")]
    done = cnnprof("summary", "lenet5", *(word for file in files for word in ("-o", file)))
    assert done.code == 0
    assert [line.removeprefix("wrote ") for line in done.err.splitlines()] == [str(file) for file in files]
    assert json.loads(files[0].read_text())["model"]["name"] == "lenet5"
    assert files[1].read_text().startswith("## lenet5")
    assert files[3].read_text().count("toprule") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "lenet5", "--sort", "macs", "--sort", "params"], "--sort is given twice: --sort macs and --sort params"),
        (["summary", "lenet5", "--batch=2", "--batch", "3"], "--batch is given twice"),
        (["plot", "memory", "lenet5", "--batch", "2", "--batch", "2"], "--batch is given twice"),
        (["summary", "lenet5", "-o", "a.md", "-o", "b.md", "--json"], "several files have the formats of their suffixes"),
    ],
)
def test_what_is_given_twice_is_refused(arguments, message):
    done = cnnprof(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_what_may_be_repeated_adds():
    data = json.loads(cnnprof("summary", "mobilenet_v1", "--set", "width=0.5", "--set", "classes=10", "--json").out)
    assert {name: data["model"]["settings"][name] for name in ("width", "classes")} == {"width": 0.5, "classes": 10}


SHOWING = [
    *COMMANDS,
    ["summary", "lenet5_paper", "--by", "layer"],
    ["summary", "densenet121", "--by", "stage"],
    ["summary", "googlenet", "--by", "layer"],
    ["compare", "resnet18", "nosuch", "--fit", "8GB"],
    ["compare", "conv 3x3 8 relu", "conv 5x5 8", "--input", "3x16x16"],
    ["compare", "resnet18", "--formats"],
    ["list", "lenet*", "--sort", "top1"],
    ["list", "mobilenet*"],
    ["memory", "lenet5", "--train", "--fit", "8GB", "--checkpoint", "stage"],
    ["explain", "lenet5", "--what", "receptive-field"],
    ["explain", "alexnet", "--vs", "fvcore"],
    ["explain", "lenet5", "--quiz", "--answers"],
    ["summary", "resnet18", "--symbolic"],
    ["diff", "resnet18", "resnet34", "--by", "type"],
    ["diff", "resnet18", "resnet18@classes=10"],
    ["transfer", "resnet18", "--classes", "5", "--fit", "T4"],
    ["check", "lenet5", "--max-params", "1K"],
]


def test_every_column_that_a_command_shows_has_a_value_in_some_row():
    shown, filled = set(), set()
    for command in SHOWING:
        done = cnnprof(*command, "--json")
        assert done.out, (command, done.err)
        for section in json.loads(done.out)["report"]["sections"]:
            for number, (key, *_) in enumerate(section.get("columns", ())):
                shown.add(key)
                filled |= {key} if any(row[number] not in (None, "") for row in section["rows"]) else set()
    assert len(shown) > 70
    assert shown - filled == set()


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["a", "--input", "3x8x8", "--set", "b=2"], ["a", "--input", "3x8x8", "--set", "b=2"]),
        (["--input", "x=3x8x8", "y=1x8x8", "--set", "b=2"], ["--input", "x=3x8x8 y=1x8x8", "--set", "b=2"]),
        (["--input", "x=3x8x8", "--input", "y=1x8x8"], ["--input", "x=3x8x8 y=1x8x8"]),
        (["--input", "3x8x8", "--input", "3x9x9"], ["--input", "3x8x8", "--input", "3x9x9"]),
        (["--input"], ["--input"]),
    ],
)
def test_inputs_are_joined_and_nothing_else_is(words, joined):
    assert join_inputs(words) == joined
