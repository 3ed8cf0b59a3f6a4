"""`cnnprof explain`: calculations written out, for one layer or as the worksheet of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.counting.derivation import Derivation, Explanation, FigureName
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.network.results import Cost
from cnnprof.report import Column, Fact, Listing, Report, Table
from cnnprof.units import sizes_text
from cnnprof.views import columns as col
from cnnprof.views.errata import count_as_lectures, erratum_notes
from cnnprof.views.fields import centres, exceeds, strides
from cnnprof.views.model import header, layer_dicts, model_dict, totals_dict

FORMULA = Column("formula", "formula")
NUMBERS = Column("numbers", "with numbers")


def show_layer(profile: MemoryAnalysis, cost: Cost, explanation: Explanation, what: FigureName | None) -> Report:
    """One layer: its letters, and a line for each figure, `params = K (F F C_in + 1) = 96 (11*11*3 + 1) = 34,944`."""
    facts = [
        Fact("layer", f"{cost.node.layer.type} of {profile.graph.name}"),
        Fact("inputs", ", ".join(f"{n} {sizes_text(s[1:])}" for n, s in zip(cost.node.inputs, cost.inputs, strict=True))),
        Fact("letters", _letters(explanation)),
    ]
    table = Table.of((Column("figure", "figure"), Column("working", "calculation", of=write_line)), explanation.derivations)
    notes = [f"{line.name}: {line.note}" for line in explanation.derivations if line.note]
    return Report(
        "explain",
        f"{profile.graph.name}: {cost.node.name}",
        (Listing(tuple(fact for fact in facts if fact.value)), table),
        (*notes, *erratum_notes(profile, [cost], what)),
        _data(profile, [cost], [explanation]),
    )


def show_worksheet(
    profile: MemoryAnalysis, chosen: Sequence[Cost], explanations: Sequence[Explanation], what: FigureName | None
) -> Report:
    """The worksheet of a network or a block; layers without anything to calculate are left out, and named."""
    if what == "receptive-field":
        table, notes = _field_table(profile, chosen, explanations), list[str]()
    else:
        table, notes = _line_table(chosen, explanations)
    sections: list[Table | Listing] = [table]
    if len(chosen) == len(profile.costs):
        title = profile.graph.name
        sections.insert(0, Listing(header(profile.graph)))
    else:
        title = f"{profile.graph.name}: {'.'.join(_common_path(chosen))}"
    if what != "receptive-field":
        sections.append(_sums(chosen))
    notes += erratum_notes(profile, chosen, what)
    return Report("explain", title, tuple(sections), tuple(notes), _data(profile, chosen, explanations))


def write_line(line: Derivation) -> str:
    """`params = K (F F C_in + 1) = 96 (11*11*3 + 1) = 34,944`."""
    result = _result(line.result)
    steps = [line.name, line.formula, _numbers(line), result]
    return " = ".join(step for step in steps if step) + (f" {line.unit}" if line.unit and line.result is not None else "")


def _numbers(line: Derivation) -> str:
    """The formula with its numbers; nothing where that is the result already."""
    return "" if line.numbers == str(line.result) else line.numbers


def _line_table(chosen: Sequence[Cost], explanations: Sequence[Explanation]) -> tuple[Table, list[str]]:
    rows: list[tuple[str, Derivation]] = []
    notes: list[str] = []
    left_out: dict[str, int] = {}
    shared = len(_common_path(chosen))
    for cost, explanation in zip(chosen, explanations, strict=True):
        lines = [line for line in explanation.derivations if _says_something(line, cost)]
        if not lines:
            left_out[cost.node.layer.type] = left_out.get(cost.node.layer.type, 0) + 1
        name = ".".join(cost.node.path[shared:])
        rows += [(name, line) for line in lines]
        notes += [f"{name}: {line.note}" for line in lines if "unread" in line.note]
    if left_out:
        kinds = ", ".join(f"{kind} ({times})" for kind, times in left_out.items())
        notes.append(f"nothing to calculate, and left out: {kinds}")
    columns = (
        replace(col.NAME, of=lambda row: row[0]),
        Column("working_name", "figure", of=lambda row: row[1].name),
        replace(FORMULA, of=lambda row: row[1].formula),
        replace(NUMBERS, of=lambda row: _numbers(row[1])),
        Column("result", "result", "result", of=lambda row: row[1].result),
    )
    return Table.of(columns, rows), notes


def _says_something(line: Derivation, cost: Cost) -> bool:
    """Whether a worksheet needs the line: no zeros, no size twice, no shape that stays, of operations MACs and windows."""
    if line.figure == "shape" and not cost.inputs:
        return False
    if line.figure == "shape":
        return bool(line.numbers) or (line.name == "output" and (cost.inputs[:1] != (cost.output,) or _has_window(cost)))
    if line.figure == "macs" and line.name not in ("MACs", "window operations"):
        return False
    return bool(line.result)


def _has_window(cost: Cost) -> bool:
    return hasattr(cost.node.layer, "kernel_size")


def _field_table(profile: MemoryAnalysis, chosen: Sequence[Cost], explanations: Sequence[Explanation]) -> Table:
    shared = len(_common_path(chosen))
    columns = (
        replace(col.NAME, of=lambda row: ".".join(row[0].node.path[shared:])),
        replace(col.TYPE, of=lambda row: row[0].node.layer.type),
        replace(FORMULA, of=lambda row: "; ".join(dict.fromkeys(line.formula for line in _sizes(row[1])))),
        replace(NUMBERS, of=lambda row: "; ".join(line.numbers for line in _sizes(row[1]))),
        Column("field", "field", "shape", of=lambda row: row[0].receptive_field),
        replace(col.STRIDE, of=lambda row: strides(row[0])),
        Column("center", "centre", "shape", 2, lambda row: centres(row[0])),
        Column("beyond", "> input", "mark", of=lambda row: exceeds(profile, row[0])),
    )
    return Table.of(columns, zip(chosen, explanations, strict=True))


def _sizes(explanation: Explanation) -> list[Derivation]:
    """The field's calculation, for each axis."""
    name = explanation.derivations[0].name.partition(",")[0]
    return [line for line in explanation.derivations if line.name.partition(",")[0] == name]


def _sums(chosen: Sequence[Cost]) -> Listing:
    run = [cost for cost in chosen if not cost.node.aux]
    return Listing(
        (
            Fact("params", sum(cost.params for cost in run), "exact"),
            Fact("MACs", sum(cost.macs for cost in run), "exact"),
            Fact("with pooling windows", sum(count_as_lectures(cost) for cost in run), "exact"),
            Fact("activations", sum(cost.activations for cost in run), "exact"),
        ),
        "Totals",
    )


def _data(profile: MemoryAnalysis, chosen: Sequence[Cost], explanations: Sequence[Explanation]) -> dict[str, Any]:
    layers = []
    plain = layer_dicts(replace(profile, costs=tuple(chosen)))
    for entry, cost, explanation in zip(plain, chosen, explanations, strict=True):
        fields = {"receptive_field_stride": strides(cost), "receptive_field_center": centres(cost)}
        layers.append(
            entry
            | {key: list(sizes) if sizes else None for key, sizes in fields.items()}
            | {
                "letters": {
                    letter.symbol: {"meaning": letter.meaning, "value": letter.value} for letter in explanation.letters
                },
                "workings": [line.to_dict() for line in explanation.derivations],
            }
        )
    return {"model": model_dict(profile.graph), "totals": totals_dict(profile.totals), "layers": layers}


def _letters(explanation: Explanation) -> str:
    return ", ".join(f"{letter.symbol} = {letter.value:,} ({letter.meaning})" for letter in explanation.letters)


def _common_path(chosen: Sequence[Cost]) -> tuple[str, ...]:
    """The blocks that all the layers stand in."""
    paths = [cost.node.path for cost in chosen]
    shared = 0
    while shared + 1 < min(map(len, paths)) and len({path[shared] for path in paths}) == 1:
        shared += 1
    return paths[0][:shared]


def _result(value: Any) -> str:
    if value is None:
        return "-"
    return sizes_text(value) if isinstance(value, tuple) else f"{value:,}"
