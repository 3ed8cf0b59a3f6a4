"""Points of a design space as files: CSV, JSON lines and Parquet, written block by block as they are worked out."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cnnprof.errors import UsageError

STREAMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""The format of each suffix."""

ROWS = 2**14
"""Rows that are made text at once."""

Write = Callable[[Mapping[str, Any]], None]
"""Writes one block of columns."""


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def writing(path: Path, form: str, names: Sequence[str]) -> Iterator[Write]:
    """A function that writes blocks of these columns; the file is there when all are written, and until then `path.part`.

    Raises UsageError where it cannot be written.
    """
    part = part_of(path)
    try:
        opened = part.open("wb") if form == "parquet" else part.open("w", encoding="utf-8", newline="\n")
        with opened as file, stream(file, form, names) as write:
            yield write
        os.replace(part, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def stream(file: IO[Any], form: str, names: Sequence[str]) -> Iterator[Write]:
    """A function that writes blocks of these columns to an open file: of bytes for Parquet, else of text."""
    if form == "parquet":
        with _parquet(file, names) as written:
            yield written
        return
    if form == "csv":
        file.write(_lines([names]))

    def write(columns: Mapping[str, Any]) -> None:
        for start in range(0, len(columns[names[0]]), ROWS):
            rows = zip(*(_plain(columns[name][start : start + ROWS]) for name in names), strict=True)
            file.write(_lines(rows) if form == "csv" else _json_lines(names, rows))
        file.flush()

    yield write


def _lines(rows: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _json_lines(names: Sequence[str], rows: Any) -> str:
    return "".join(f"{json.dumps(dict(zip(names, row, strict=True)))}\n" for row in rows)


def _plain(column: Any) -> list[Any]:
    """The column as JSON has it: what is not known is None."""
    values: list[Any] = column.tolist()
    return [None if value != value else value for value in values] if column.dtype.kind == "f" else values


@contextmanager
def _parquet(file: IO[Any], names: Sequence[str]) -> Iterator[Write]:
    import pyarrow
    from pyarrow import parquet

    opened: list[Any] = []

    def write(columns: Mapping[str, Any]) -> None:
        if not len(columns[names[0]]):
            return  # of nothing there is no type
        table = pyarrow.table({name: pyarrow.array(_plain(columns[name])) for name in names})
        if not opened:
            opened.append(parquet.ParquetWriter(file, table.schema))
        opened[0].write_table(table.cast(opened[0].schema))

    yield write
    if not opened:
        opened.append(parquet.ParquetWriter(file, pyarrow.schema([(name, pyarrow.int64()) for name in names])))
    opened[0].close()
