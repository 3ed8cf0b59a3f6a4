"""`cnnprof explain --quiz`: a worksheet to fill in, and its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from cnnprof.counting.derivation import Explanation
from cnnprof.network.graph import INPUT
from cnnprof.network.layers import Layer
from cnnprof.network.results import Analysis, Cost
from cnnprof.report import Column, Report, Table
from cnnprof.units import sizes_text
from cnnprof.views import columns as col
from cnnprof.views.errata import count_as_lectures, erratum_notes
from cnnprof.views.model import model_dict

READS = Column("reads", "reads")
GIVEN = Column("given", "given")

BLANK = "______"


def _answer(what: str) -> Column:
    """A column of answers, blank where none is given."""
    return Column(f"answer_{what}", what, "result", of=lambda row: BLANK if row[what] is None else row[what])


ANSWERS = (_answer("output"), _answer("params"), _answer("operations"))

_LETTERED = {"out_channels", "out_features", "kernel_size", "stride", "padding", "dilation", "groups", "inplace", "eps", "p"}


def show_quiz(profile: Analysis, chosen: Sequence[Cost], explanations: Sequence[Explanation], answers: bool) -> Report:
    """The worksheet to fill in: what is given stands there; shape, parameters and operations are blank without `answers`."""
    given: list[dict[str, Any]] = []
    shown: dict[str, str] = {}
    above = INPUT
    for cost, explanation in zip(chosen, explanations, strict=True):
        operations = count_as_lectures(cost)
        if cost.node.aux or (cost.inputs == (cost.output,) and not cost.params and not operations):
            shown[cost.node.name] = shown.get(cost.node.inputs[0], cost.node.inputs[0]) if cost.node.inputs else ""
            continue
        solution = {"output": tuple(cost.output[1:]), "params": cost.params, "operations": operations}
        entry = {
            "name": cost.node.name,
            "type": cost.node.layer.type,
            "reads": _reads(cost, [shown.get(name, name) for name in cost.node.inputs], above),
            "given": ", ".join([*_letters(explanation), *_more(cost.node.layer)]),
        }
        above = cost.node.name
        given.append(entry | (solution if answers else dict.fromkeys(solution)))
    total: dict[str, Any] = {
        "params": sum(cost.params for cost in chosen if not cost.node.aux),
        "operations": sum(count_as_lectures(cost) for cost in chosen if not cost.node.aux),
    }
    total = total if answers else dict.fromkeys(total)
    reads = (READS,) if any(row["reads"] for row in given) else ()
    sums = {column.key: column.cell(total) for column in ANSWERS[1:]}
    table = Table.of((col.NAME, col.TYPE, *reads, GIVEN, *ANSWERS), given, total={"name": "total"} | sums)
    graph = profile.graph
    beginning = next((cost for cost in chosen if cost.inputs), None)
    shape = beginning.inputs[0] if beginning else graph.input_shape
    notes = [
        f"input {sizes_text(shape[1:])}",
        "K filters of F x F with stride S, padding P, dilation d, in g groups; n_out features",
        "operations: multiply-accumulates without biases; for pooling the window's size for every output",
        *([] if answers else ["--answers fills it in"]),
        *(erratum_notes(profile, chosen) if answers else []),
    ]
    data = {"model": model_dict(graph), "quiz": given, "totals": total}
    return Report("explain", f"{graph.name}: worksheet{', with answers' if answers else ''}", (table,), tuple(notes), data)


def _reads(cost: Cost, sources: Sequence[str], above: str) -> str:
    """The rows of the sheet that the layer reads, without what their paths share with its own; "" for the one above it."""
    if [*sources] == [above]:
        return ""
    own = cost.node.path
    texts = []
    for source in sources:
        parts = source.split(".")
        same = next((i for i, pair in enumerate(zip(parts, own, strict=False)) if pair[0] != pair[1]), 0)
        texts.append(".".join(parts[same:]))
    return ", ".join(texts)


def _letters(explanation: Explanation) -> Iterator[str]:
    """The hyper-parameters that have a letter: `K = 96`, `F = 11`, `S = 4`, `P = 0`."""
    for letter in explanation.letters:
        if letter.symbol.partition("_")[0] in tuple("KFSPdg") or letter.symbol == "n_out":
            yield f"{letter.symbol} = {letter.value}"


def _more(layer: Layer) -> Iterator[str]:
    """The rest of what shape, parameters and operations depend on: `no bias`, `ceil mode`, `output size = 6x6`."""
    for each in fields(layer):
        value = getattr(layer, each.name)
        if each.name in _LETTERED or value == each.default:
            continue
        words = each.name.replace("_", " ")
        if isinstance(value, bool):
            yield words if value else f"no {words}"
        else:
            yield f"{words} = {sizes_text(value) if _is_size(value) else value}"


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, int) for item in value)
