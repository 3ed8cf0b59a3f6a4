"""`cnnprof summary --symbolic`: a network in N, H and W."""

from __future__ import annotations

from dataclasses import asdict, replace

from cnnprof.counting.derivation import Formulas
from cnnprof.network.graph import Graph
from cnnprof.report import Column, Fact, Listing, Report, Table
from cnnprof.views import columns as col
from cnnprof.views.model import header, model_dict

COLUMNS = (
    replace(col.NAME, of=lambda row: f"{row.name} (aux)" if row.aux else row.name),
    col.TYPE,
    Column("output_formula", "output", of=lambda row: " x ".join(map(_factor, row.output))),
    col.PARAMS,
    Column("macs_formula", "MACs", of=lambda row: row.macs),
    Column("activations_formula", "activations", weight=2, of=lambda row: row.activations),
)


def show_formulas(graph: Graph, formulas: Formulas, hint: str | None) -> Report:
    """Shapes, MACs and activations as formulas, under the condition that they need."""
    smallest = formulas.smallest_input or graph.input_shape[1:]
    totals = Listing(
        (
            Fact("params", formulas.params, "exact"),
            Fact("MACs", formulas.macs),
            Fact("activations", formulas.activations),
            Fact("holds for", formulas.condition),
            Fact("smallest input", smallest, "shape"),
        ),
        "Totals",
    )
    table = Table.of(
        COLUMNS,
        formulas.rows,
        "For N images of H x W",
        faint=frozenset(i for i, row in enumerate(formulas.rows) if row.aux),
    )
    data = {
        "model": model_dict(graph),
        "formulas": {
            "condition": formulas.condition,
            "smallest_input": list(smallest),
            "totals": {"params": formulas.params, "macs": formulas.macs, "activations": formulas.activations},
            "layers": [_row(asdict(row)) for row in formulas.rows],
            "unread": list(formulas.unread),
            "of_one_image": list(formulas.of_one_image),
        },
    }
    notes = (*([hint] if hint else []), *formulas.unread, *formulas.of_one_image)
    return Report("summary", graph.name, (Listing(header(graph)), table, totals), notes, data)


def _factor(size: str) -> str:
    return f"({size})" if " + " in size or " - " in size else size


def _row(entry: dict[str, object]) -> dict[str, object]:
    return {"name": entry["name"], "type": entry["type"], "output_shape": entry["output"]} | {
        key: entry[key] for key in ("params", "macs", "activations", "aux")
    }
