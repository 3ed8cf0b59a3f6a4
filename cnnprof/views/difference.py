"""`cnnprof diff`: what changed from one network to another, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

from cnnprof.collector import without_collections
from cnnprof.errors import Place, read_word
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.judging.alignment import ADDED, CHANGED, REMOVED, SAME, Change, Pair, alike, differ
from cnnprof.network.layers import layer_to_dict
from cnnprof.network.results import RowsBy
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.report import LAST_RESORT, Annotation, Column, Fact, Listing, Report, Table
from cnnprof.views import columns as col
from cnnprof.views.model import CONVENTION, inputs_text, lower_bound_notes, model_dict, totals_dict

PARAMS_CHANGE = Column("params_change", "params", "change")
MACS_CHANGE = Column("macs_change", "MACs", "scaled_change")
ACTIVATIONS_CHANGE = Column("activations_change", "act.", "scaled_change", 1)

LONG = 40
"""A table with more changed layers than this is shown by stage, unless the user asks for more."""

FIGURES = ("params", "macs", "activations", "param_bytes", "activation_bytes", "peak_inference_bytes")
COSTS = ("params", "macs", "activations")


@without_collections()
def show_difference(
    before: MemoryAnalysis, after: MemoryAnalysis, pairs: Sequence[Pair], by: RowsBy | None = None, place: Place | None = None
) -> Report:
    """The report on two aligned networks, by `layer`, `stage` or `type`; left out, by layer, or by stage where that is long.

    `place` is where the first difference is written.
    """
    kinds = Counter(pair.kind for pair in pairs)
    different = differ(before, after, pairs)
    notes = []
    sections: list[Table | Listing] = [Listing((_fact("before", before), _fact("after", after)))]
    if not alike(pairs):
        notes.append("the two have too little in common to be aligned layer by layer; only their totals are compared")
    elif different:
        table, hint = _layers(pairs, by)
        sections.append(table)
        notes += [hint] if hint else []
    sections.append(_totals(before, after))
    notes.append(CONVENTION)
    if before.totals.aux_params != after.totals.aux_params:
        sizes = f"{before.totals.aux_params:,} and {after.totals.aux_params:,}"
        notes.append(f"heads that only training runs are left out; they have {sizes} params")
    notes += lower_bound_notes(before.graph.name, before.totals) + lower_bound_notes(after.graph.name, after.totals)
    data = {
        "before": {"model": model_dict(before.graph), "totals": totals_dict(before.totals)},
        "after": {"model": model_dict(after.graph), "totals": totals_dict(after.totals)},
        "identical": not different,
        "aligned": alike(pairs),
        "difference": {figure: getattr(after.totals, figure) - getattr(before.totals, figure) for figure in FIGURES},
        "layers": [_layer_dict(pair) for pair in pairs],
    }
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind]) if alike(pairs) else "nothing aligns"
    title = f"{before.graph.name} -> {after.graph.name}: {told if different else 'the same, layer by layer'}"
    annotation = Annotation("error" if different else "ok", f"{before.graph.name} -> {after.graph.name}", title, place)
    return Report("diff", title, tuple(sections), tuple(notes), data, annotations=(annotation,))


KINDS = (SAME, CHANGED, ADDED, REMOVED)


def _fact(label: str, profile: MemoryAnalysis) -> Fact:
    graph = profile.graph
    return Fact(label, f"{graph.name} ({graph.facts.source}), input {inputs_text(graph)}")


def _layers(pairs: Sequence[Pair], by: RowsBy | None) -> tuple[Table, str | None]:
    changed = [pair for pair in pairs if pair.kind != SAME]
    if by:
        read_word(by, get_args(RowsBy), f"there is no row for each '{by}'")
    if by == "type":
        return _grouped([(pair.cost.node.layer.type, pair) for pair in pairs], col.TYPE), None
    if by == "layer" or (by is None and len(changed) <= LONG):
        return _by_layer(changed), None
    hint = f"by stage; --by layer shows all {len(changed)} layers that are not the same" if by is None else None
    return _by_stage(pairs), hint


def _by_layer(pairs: Sequence[Pair]) -> Table:
    def counterpart(pair: Pair) -> str | None:
        return pair.after.node.name if pair.before and pair.after else None

    renamed = any(counterpart(pair) not in (None, pair.cost.node.name) for pair in pairs)
    columns = (
        Column("change", "change", of=lambda pair: pair.kind),
        replace(col.NAME, of=lambda pair: pair.cost.node.name),
        *((Column("counterpart", "in the other", of=counterpart),) if renamed else ()),
        replace(col.TYPE, of=lambda pair: pair.cost.node.layer.type),
        replace(col.DETAIL, of=_detail),
        *_changes(lambda pair: [pair]),
    )
    return Table.of(columns, pairs)


def _by_stage(pairs: Sequence[Pair]) -> Table:
    names = [pair.cost.node.name for pair in pairs]
    depth = stage_depth(names)
    # A layer that was added stands in the stage that its stage is aligned with.
    twin: dict[str, str] = {}
    for pair in pairs:
        if pair.before and pair.after:
            twin.setdefault(stage_of(pair.after.node.name, depth), stage_of(pair.before.node.name, depth))
    stages = [stage_of(name, depth) for name in names]
    return _grouped(
        [(stage if pair.before else twin.get(stage, stage), pair) for stage, pair in zip(stages, pairs, strict=True)], col.NAME
    )


def _changes(pairs_of: Callable[[Any], Sequence[Pair]]) -> tuple[Column, ...]:
    """By how much each of `COSTS` changes over the pairs of a row."""

    def change(figure: str, column: Column) -> Column:
        return replace(column, of=lambda row: sum(pair.difference(figure) for pair in pairs_of(row)))

    return tuple(map(change, COSTS, (PARAMS_CHANGE, MACS_CHANGE, ACTIVATIONS_CHANGE)))


def _count(kind: str) -> Column:
    weight = LAST_RESORT if kind == SAME else 0
    return Column(kind, kind, "count", weight, lambda group: sum(pair.kind == kind for pair in group[1]))


def _grouped(named: Sequence[tuple[str, Pair]], heads: Column) -> Table:
    groups: dict[str, list[Pair]] = {}
    for name, pair in named:
        groups.setdefault(name, []).append(pair)
    columns = (replace(heads, of=lambda group: group[0]), *map(_count, KINDS), *_changes(lambda group: group[1]))
    return Table.of(columns, groups.items())


def _totals(before: MemoryAnalysis, after: MemoryAnalysis) -> Table:
    def old(figure: str) -> int:
        return int(getattr(before.totals, figure))

    def new(figure: str) -> int:
        return int(getattr(after.totals, figure))

    columns = (
        replace(col.WHAT, of=lambda figure: _NAMES.get(figure, figure)),
        Column("before", "before", "count", of=old),
        Column("after", "after", "count", of=new),
        Column("total_change", "difference", "change", LAST_RESORT, lambda figure: new(figure) - old(figure)),
        replace(col.RATIO, of=lambda figure: new(figure) / old(figure) if old(figure) else None),
    )
    return Table.of(columns, FIGURES, "Totals")


_NAMES = {
    "macs": "MACs",
    "param_bytes": "weights, bytes",
    "activation_bytes": "activations, bytes",
    "peak_inference_bytes": "peak, inference, bytes",
}


def _detail(pair: Pair) -> str:
    if pair.changes:
        return "; ".join(f"{change.what} {_text(change.before)} -> {_text(change.after)}" for change in pair.changes)
    return ", ".join(f"{name} {_text(value)}" for name, value in _options(pair).items())


def _options(pair: Pair) -> dict[str, Any]:
    return {name: value for name, value in layer_to_dict(pair.cost.node.layer).items() if name != "type"}


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return (", " if any(isinstance(item, str) for item in value) else "x").join(map(str, value))
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _layer_dict(pair: Pair) -> dict[str, Any]:
    return {
        "change": pair.kind,
        "before": pair.before.node.name if pair.before else None,
        "after": pair.after.node.name if pair.after else None,
        "type": pair.cost.node.layer.type,
        "changes": [_change_dict(change) for change in pair.changes],
        **{figure: pair.difference(figure) for figure in COSTS},
    }


def _change_dict(change: Change) -> dict[str, Any]:
    before, after = ([*value] if isinstance(value, tuple) else value for value in (change.before, change.after))
    return {"what": change.what, "before": before, "after": after}
