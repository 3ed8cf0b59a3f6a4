"""`cnnprof summary`: one network, by layer, stage or type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from cnnprof.charts.bars import Bars, Panel
from cnnprof.collector import without_collections
from cnnprof.errors import read_word
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.capacity import Fit
from cnnprof.judging.verification import EXPLAINED, FAILED, HOLDS, UNKNOWN, check_published
from cnnprof.network.results import Analysis, LayerGroup, RowsBy
from cnnprof.network.stages import stage_depth
from cnnprof.record import record
from cnnprof.report import WIDE_ONLY, Column, Fact, Listing, Report, Table, plural
from cnnprof.units import sizes_text
from cnnprof.views import columns as col
from cnnprof.views.checks import check_table
from cnnprof.views.fields import field_columns
from cnnprof.views.figures import bytes_in
from cnnprof.views.fitting import fit_dict, fit_notes, fit_table
from cnnprof.views.hyperparameters import WINDOW_COLUMNS
from cnnprof.views.legend import legend_of
from cnnprof.views.memory import int8_note
from cnnprof.views.model import header, layer_dicts, lower_bound_notes, model_dict, operations, source_text
from cnnprof.views.outputs import output_dicts, outputs_table

if TYPE_CHECKING:
    from cnnprof.footprint.formats import NumberFormat
    from cnnprof.timing.measurements import Check

PARAMS_SHARE = Column("params_share", "%", "share", 4)
MACS_SHARE = Column("macs_share", "%", "share", 2)

By = RowsBy | Literal["kind"]
"""A row of the table of layers; a `kind` tells 1x1, 3x3, grouped and depthwise convolutions apart."""

Sort = Literal["params", "macs", "ops", "activations", "name"]

LONG = 40
"""A table with more rows than this is shown by stage, unless the user asks for more."""

LEGEND = (
    *("params", "macs", "ops", "activations"),
    *("param_bytes", "peak_inference_bytes", "peak_training_bytes"),
)
"""The figures of the totals, as `legend_of` defines them."""


@without_collections()
def summarize(
    profile: MemoryAnalysis,
    by: By | None = None,
    depth: int | None = None,
    sort: Sort | None = None,
    top: int | None = None,
    checks: Sequence[Check] | None = None,
    fits: Sequence[Fit] = (),
    legend: bool = False,
    dtype: NumberFormat | None = None,
) -> Report:
    """The report on one network.

    Args:
        by: `layer`, `stage`, `type`, or `kind`, which tells 1x1, 3x3, grouped and depthwise convolutions apart; left out, by
            layer, or by stage where that would be long.
        depth: how many names of the block path to show; goes with stages.
        sort: the column whose largest come first; left out, execution order.
        top: how many rows to show.
        checks: the cross-check with other counters, if it was made.
        fits: the largest batches that fit, if that was asked.
        legend: say below the totals how each figure is defined.
        dtype: the number format that bytes of the totals are of; None for that of each weight.
    """
    rows, hint = choose_rows(profile, by, depth)
    every = len(rows)
    if sort:
        read_word(sort, get_args(Sort), f"layers are not sorted by '{sort}'")
    if sort == "name":
        rows.sort(key=lambda row: row.name)
    elif sort == "ops":
        rows.sort(key=lambda row: operations(row.ops), reverse=True)
    elif sort:
        rows.sort(key=lambda row: getattr(row, sort), reverse=True)
    rows = rows[:top]
    notes = [hint] if hint else []
    if len(rows) < every:
        notes.append(f"{len(rows)} of {every} rows; the totals are the whole network's")
    notes += [*fit_notes(profile.graph.name, fits), *lower_bound_notes("note", profile.totals)]
    totals, memory, form = bytes_in(profile, dtype)
    notes += [int8_note("int8", form["scale_bytes"])] if dtype == "int8" else []
    data: dict[str, Any] = {
        "model": model_dict(profile.graph),
        "totals": totals,
        "memory": memory,
        **form,
        "layers": layer_dicts(profile),
    }
    layers = _layer_table(profile, rows, by in ("type", "kind"))
    sections: list[Table | Listing] = [Listing(header(profile.graph)), layers, _totals(profile, totals, memory, dtype)]
    if outputs := output_dicts(profile):
        data["outputs"] = outputs
        sections.append(outputs_table(outputs))
    if legend:
        sections.append(legend_of(*LEGEND))
    published = published_table(profile)
    if published.rows:
        sections.append(published)
    if checks is not None:
        sections.append(check_table(checks))
        data["checks"] = [check.to_dict() for check in checks]
    if fits:
        sections.append(fit_table(fits))
        data["fits"] = [fit_dict(fit) for fit in fits]
    return Report("summary", profile.graph.name, tuple(sections), tuple(notes), data)


def chart_layers(profile: MemoryAnalysis, by: By | None = None, depth: int | None = None) -> Bars:
    """Parameters, MACs and activations over the network's depth, or by type; arguments as for `summarize`."""
    rows, hint = choose_rows(profile, by, depth)
    graph, batch = profile.graph, profile.graph.input_shape[0]
    size = sizes_text(graph.input_shape)
    return Bars(
        f"{graph.name}, input {size}: {'by type' if by == 'type' else 'from input to output'}",
        tuple(_called(row) for row in rows),
        (
            Panel("parameters (M)", tuple(row.params / 1e6 for row in rows)),
            Panel("MACs (G)", tuple(row.macs / 1e9 for row in rows)),
            Panel("activations (M)", tuple(row.activations / 1e6 for row in rows)),
        ),
        tuple(sizes_text(row.output) if row.output else "" for row in rows),
        tuple([f"of {batch} images"] * (batch > 1) + ([hint] if hint else []) + [*lower_bound_notes("note", profile.totals)]),
    )


@record
class StatedFigure:
    """A published figure beside the computed one, as it reads; `computed` is None where there is none to compare it with."""

    what: str
    published: str
    agrees: str
    where: str | None
    computed: str | None = ""


STATED = (col.WHAT, Column("published", "published"), col.COMPUTED, Column("agrees", "agrees", "status"), col.WHERE)


def published_table(profile: Analysis) -> Table:
    """The published figures beside the computed ones of one image; where they differ, the reason."""
    rows = []
    for verdict, figure in zip(check_published(profile), profile.graph.facts.published.values(), strict=True):
        close = "nearly" if figure.why else "yes"
        word = {HOLDS: "yes", EXPLAINED: close, FAILED: "no", UNKNOWN: "reported"}[verdict.status]
        agrees = f"{word}: {verdict.reason}" if verdict.reason and verdict.ours is not None else word
        computed = None if verdict.ours is None else f"{verdict.ours:,}"
        rows.append(StatedFigure(verdict.what, figure.text.replace("_", ","), agrees, figure.where, computed))
    accuracy = profile.graph.facts.accuracy
    if accuracy:
        where = source_text(accuracy)
        figures = (("top-1 %", accuracy.top1), ("top-5 %", accuracy.top5))
        rows += [StatedFigure(what, f"{value:g}", "reported", where) for what, value in figures if value is not None]
    return Table.of(STATED, rows, "Published figures")


def choose_rows(profile: Analysis, by: By | None, depth: int | None) -> tuple[list[LayerGroup], str | None]:
    """One row a layer, stage or type, and how to see more where that is not all. Raises UsageError for other rows."""
    if by:
        read_word(by, (*get_args(RowsBy), "kind"), f"there is no row for each '{by}'")
    if by == "type":
        return profile.by_type(), None
    if by == "kind":
        from cnnprof.timing.roofline import kind_of

        return profile.grouped(kind_of), None
    if depth is not None:
        return profile.rollup(depth), None
    if by == "layer" or (by is None and len(profile.costs) <= LONG):
        return profile.rows(), None
    depth = stage_depth([cost.node.name for cost in profile.costs])
    rows = profile.rollup(depth)
    if len(rows) > LONG:
        depth, rows = 1, profile.rollup(1)
    return rows, f"by stage; --depth {depth + 1} shows more, --by layer all {len(profile.costs)} layers"


def _share(column: Column, whole: Any) -> Column:
    """A row's share of the network's sum; of what only training runs there is none."""
    key = column.key.removesuffix("_share")
    return replace(column, of=lambda row: None if row.aux else getattr(row, key) / (whole or 1))


def _layer_columns(profile: Analysis, by_type: bool) -> tuple[Column, ...]:
    """The columns of rows of layers. Those of one type are in several places, and share neither shapes nor windows."""
    totals = profile.totals
    places = (
        Column("input_shape", "input", "shapes", WIDE_ONLY, lambda row: row.inputs and [shape[1:] for shape in row.inputs]),
        replace(col.OUTPUT_SHAPE, of=lambda row: row.output[1:]),
        *WINDOW_COLUMNS,
    )
    return (
        replace(col.NAME, of=_called),
        replace(col.TYPE, of=lambda row: plural(row.layers, "layer") if by_type or len(row.types) > 1 else row.types[0]),
        col.LAYERS,
        *(() if by_type else places),
        col.PARAMS,
        _share(PARAMS_SHARE, totals.params),
        col.MACS,
        _share(MACS_SHARE, totals.macs),
        Column("ops", "ops", "scaled", WIDE_ONLY, lambda row: operations(row.ops)),
        col.ACTIVATIONS,
        *(() if by_type else field_columns(profile)),
    )


def _layer_table(profile: Analysis, rows: list[LayerGroup], by_type: bool) -> Table:
    totals = profile.totals
    return Table.of(
        _layer_columns(profile, by_type),
        rows,
        total={
            "name": "total",
            "layers": totals.layers,
            "params": totals.params,
            "macs": totals.macs,
            "ops": operations(totals.ops),
            "activations": totals.activations,
        },
        faint=frozenset(i for i, row in enumerate(rows) if row.aux),
    )


def _called(row: LayerGroup) -> str:
    return f"{row.name} (aux)" if row.aux else row.name


def _totals(
    profile: MemoryAnalysis, sizes: Mapping[str, Any], memory: Mapping[str, Any], dtype: NumberFormat | None
) -> Listing:
    totals = profile.totals
    step = memory["training"]["peak_bytes"]
    shown = dtype or ("fp32" if profile.graph.is_single else "as written")
    form = "" if shown == "fp32" else f", {shown}"
    least = "at least " if totals.uncounted else ""
    facts = [
        Fact("params", totals.params, "exact"),
        Fact("trainable", totals.trainable_params, "exact"),
        Fact(f"{least}MACs", totals.macs, "exact"),
        Fact("ops", operations(totals.ops), "exact"),
        Fact("activations", totals.activations, "exact"),
        Fact(f"weights{form}", sizes["param_bytes"], "size"),
        Fact(f"activations{form}", sizes["activation_bytes"], "size"),
        Fact(f"peak, inference{form}", sizes["peak_inference_bytes"], "size"),
        *([Fact(f"peak, training{form}", step, "size")] if step is not None else []),
    ]
    if totals.trainable_params == totals.params:
        del facts[1]
    unused = profile.graph.aux_params
    if unused:
        facts.insert(1, Fact("not used", f"{sum(unused.values()):,} params more: {', '.join(unused)}"))
    heads = {_head(cost.node.name): None for cost in profile.costs if cost.node.aux}
    if heads:
        more = totals.aux_params - sum(unused.values())
        facts.insert(1, Fact("auxiliary heads", f"{more:,} params more, in training only: {', '.join(heads)}"))
    return Listing(tuple(facts), "Totals")


def _head(name: str) -> str:
    return name.split(".")[0]
