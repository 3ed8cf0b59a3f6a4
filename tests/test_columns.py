"""Columns of tables: each has a value in what some command shows; only measured ones and the installation are left out."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from unittest.mock import patch

from shell import cnnprof

from cnnprof.cli.output import Destination
from cnnprof.report import Column, Table
from cnnprof.views import columns as shared

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


def tables_of(*words: str) -> list[Table]:
    """The tables of the report that the command makes."""
    with patch.object(Destination, "emit", autospec=True) as emit:
        done = cnnprof(*words)
    assert emit.call_args, (words, done.err)
    report = emit.call_args.args[1]
    return [part for part in report.sections if isinstance(part, Table)]


def test_each_column_has_a_value_somewhere():
    values: dict[tuple[str, str], set[bool]] = defaultdict(set)
    for words in COMMANDS:
        for table in tables_of(*words):
            for column in table.columns:
                cells = [row.get(column.key) for row in (*table.rows, table.total or {})]
                values[words[0], column.key].add(any(cell not in (None, "") for cell in cells))
    empty = [key for key, known in values.items() if known == {False}]
    assert empty == []
    assert len(values) > 110


def test_what_one_view_shows_stands_in_that_view():
    """The columns that views share are each read by two or more of them; one that none reads, nobody sees."""
    views = [path.read_text() for path in Path(shared.__file__).parent.glob("*.py") if path.name != "columns.py"]
    readers = {
        name: sum(bool(re.search(rf"\bcol\.{name}\b", code)) for code in views)
        for name, value in vars(shared).items()
        if isinstance(value, Column)
    }
    assert [name for name, number in readers.items() if number < 2] == []
