"""Columns of tables: each has a value in what some command shows; what a machine measures is made up."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from made_up_machine import made_up
from shell import cnnprof
from test_roofline import network

from cnnprof.api.predict import predict
from cnnprof.cli.output import Destination
from cnnprof.judging.verification import Verdict, Verified
from cnnprof.network.analysis import analyze
from cnnprof.report import Column, Report, Table
from cnnprof.sources import specs
from cnnprof.timing.energy import Energy
from cnnprof.timing.measurements import Finding, Measurement
from cnnprof.views import columns as shared
from cnnprof.views.benchmark import show_measurements
from cnnprof.views.doctor import show_findings
from cnnprof.views.prediction import show_predictions
from cnnprof.views.reasons import show_reasons
from cnnprof.views.verification import show_verification

COMMANDS = [
    ["summary", "lenet5", "--by", "layer"],
    ["summary", "mobilenet_v2", "--depth", "1"],
    ["summary", "googlenet", "--by", "type"],
    ["compare", "resnet18", "mobilenet_v2", "lenet5", "--fit", "8GB"],
    ["compare", "inception_v3", "alexnet"],
    ["memory", "resnet18", "--fit", "8GB", "--checkpoint", "stage"],
    ["memory", "lenet5", "--train", "--fit", "STM32H743"],
    ["transfer", "resnet18", "--classes", "10", "--fit", "8GB"],
    ["diff", "resnet50", "resnet50_v1", "--by", "layer"],
    ["diff", "resnet18", "resnet34"],
    ["explain", "lenet5", "--answers"],
    ["explain", "alexnet:conv1"],
    ["explain", "resnet18", "--vs", "thop"],
    ["check", "lenet5", "--max-params", "5M", "--max-peak", "1kB"],
    ["list"],
    ["list", "*resnet*"],
    ["spec"],
    ["spec", "conv"],
]


def made_up_reports() -> list[Report]:
    """The reports of commands that measure, or look at the installation."""
    times = ((0.010, 0.012), (0.011, 0.013))
    shared = ("one", "cpu", "fp32", 1, "train", times, (0, 1))
    phases = dict.fromkeys(("forward", "backward", "step"), times)
    elsewhere = {"runtime": "onnxruntime 1.20"}
    timed = Measurement(*shared, phases=phases, peak_bytes=10**6, environment=elsewhere, input_shape=(3, 32, 32))
    # Of another batch, so that ratios say theirs.
    further = [replace(timed, model=name, batch=batch) for name, batch in (("two", 1), ("one", 2), ("two", 2))]
    energy = Energy("RAPL", (2.0, 2.5, 3.0), (1.0, 1.5, 1.25), 10.0)
    known = made_up()
    predictions = predict("lenet5", calibration=known).predictions
    profile = analyze(specs.load("lenet5"))
    differs = Verdict("published", "params", "failed", 5, 7.0, "7", "2 apart", "Table 1")
    return [
        show_measurements([timed, *further], energies=[energy] * 4),
        show_reasons(network("slow", 64, (3e-3, 1e-3, 0, 0.5e-3)), network("quick", 1, (2e-3, 0.2e-3, 0, 0.1e-3))),
        show_predictions(predictions, known, [replace(timed, model="lenet5")]),
        show_findings([Finding("torch", "broken", "2.13", "install it again")]),
        show_verification([Verified(profile, (differs,))]),
    ]


def tables_of(*words: str) -> list[Table]:
    """The tables of the report that the command makes."""
    with patch.object(Destination, "emit", autospec=True) as emit:
        done = cnnprof(*words)
    assert emit.call_args, (words, done.err)
    report = emit.call_args.args[1]
    return [part for part in report.sections if isinstance(part, Table)]


def test_each_column_has_a_value_somewhere():
    values: dict[tuple[str, str], set[bool]] = defaultdict(set)
    shown = [(words[0], table) for words in COMMANDS for table in tables_of(*words)]
    shown += [(made.command, table) for made in made_up_reports() for table in made.sections if isinstance(table, Table)]
    for command, table in shown:
        for column in table.columns:
            cells = [row.get(column.key) for row in (*table.rows, table.total or {})]
            values[command, column.key].add(any(cell not in (None, "") for cell in cells))
    empty = [key for key, known in values.items() if known == {False}]
    assert empty == []
    assert len(values) > 180


def test_json_has_the_rows_of_tables():
    _, why, predicted, doctor, _ = made_up_reports()
    assert [why.data[key] for key in ("networks", "kinds", "layers")] == [list(table.rows) for table in why.sections]
    dearest = sorted(predicted.data["predictions"][0]["layers"], key=lambda row: -row["layer_ms"])
    assert dearest[:10] == list(predicted.sections[1].rows)
    assert doctor.data["findings"] == list(doctor.sections[0].rows)


def test_what_one_view_shows_stands_in_that_view():
    """The columns that views share are each read by two or more of them; one that none reads, nobody sees."""
    views = [path.read_text() for path in Path(shared.__file__).parent.glob("*.py") if path.name != "columns.py"]
    readers = {
        name: sum(bool(re.search(rf"\bcol\.{name}\b", code)) for code in views)
        for name, value in vars(shared).items()
        if isinstance(value, Column)
    }
    assert [name for name, number in readers.items() if number < 2] == []
