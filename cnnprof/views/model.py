"""A network's facts, totals and layers under their stable JSON names, and the lines that head a report on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnprof.footprint.analysis import MemoryTotals
from cnnprof.network.graph import Accuracy, Figure, Graph
from cnnprof.network.layers import Ops
from cnnprof.network.results import Analysis, Totals
from cnnprof.record import pick
from cnnprof.report import Fact
from cnnprof.units import sizes_text
from cnnprof.views.hyperparameters import hyperparameters

CONVENTION = "MACs: multiply-accumulates of convolutions, linear layers and matrix products; biases not counted"


def model_dict(graph: Graph) -> dict[str, Any]:
    """`model` of the JSON reports; `left_out`, `inputs` (of several), `outputs` (by name) and `about` (of a file, or of
    code that was run: what its figures hold for) only where something is there.
    """
    facts = graph.facts
    inputs = {"inputs": {name: list(shape) for name, shape in graph.inputs.items()}} if graph.further_inputs else {}
    names = dict(zip(graph.output_names, graph.outputs, strict=True)) if graph.output_names else {}
    return (
        ({"left_out": list(graph.left_out)} if graph.left_out else {})
        | ({"about": facts.about} if facts.about and graph.origin else {})
        | inputs
        | ({"outputs": names} if names else {})
        | {
            "name": graph.name,
            "family": facts.family,
            "source": facts.source,
            "input_shape": list(graph.input_shape),
            "settings": {name: _json_value(value) for name, value in facts.settings.items()},
            "year": facts.year,
            "paper": facts.paper,
            "published": {what: _figure_dict(figure) for what, figure in facts.published.items()},
            "accuracy": accuracy_dict(facts.accuracy),
        }
    )


def accuracy_dict(accuracy: Accuracy | None) -> dict[str, Any] | None:
    """An accuracy with its source, data set and input; None where none is stated."""
    return pick(accuracy) if accuracy else None


def totals_dict(totals: MemoryTotals) -> dict[str, Any]:
    """`totals` of the JSON reports."""
    bytes_ = ("param_bytes", "activation_bytes", "peak_inference_bytes")
    return pick(
        totals, "params", "trainable_params", "aux_params", "macs", "ops", "activations", *bytes_, "layers", "uncounted"
    )


def layer_dicts(profile: Analysis) -> list[dict[str, Any]]:
    """`layers` of the JSON report: one entry a layer, in order."""
    return [
        {
            "name": cost.node.name,
            "type": cost.node.layer.type,
            "inputs": list(cost.node.inputs),
            "input_shape": [list(shape) for shape in cost.inputs],
            "output_shape": list(cost.output),
            "params": cost.params,
            "macs": cost.macs,
            "ops": ops_dict(cost.ops),
            "activations": cost.activations,
            "receptive_field": list(cost.receptive_field) if cost.receptive_field else None,
            "hyperparameters": hyperparameters(cost.node.layer),
            **({"aux": True} if cost.node.aux else {}),
        }
        for cost in profile.costs
    ]


def ops_dict(ops: Ops) -> dict[str, int]:
    """Operations by kind."""
    return pick(ops)


def operations(ops: Ops) -> int:
    """Every arithmetic operation, a multiply-accumulate being two."""
    total: int = 2 * ops.mac + ops.add + ops.mul + ops.div + ops.cmp + ops.exp
    return total


def header(graph: Graph) -> tuple[Fact, ...]:
    """The facts that head a report: where the network comes from, its paper, its input and its settings."""
    facts = graph.facts
    family = f"{facts.family} ({facts.year})" if facts.year else facts.family
    lines = [
        ("family", family),
        ("paper", facts.paper),
        ("about", facts.about),
        ("source", facts.source),
        ("input", inputs_text(graph)),
        ("outputs", " ".join(graph.output_names)),
        ("settings", settings_text(facts.settings)),
        ("left out", "; ".join(f"a head of training, as {reason}" for reason in graph.left_out)),
        ("counted", CONVENTION),
    ]
    return tuple(Fact(label, text) for label, text in lines if text)


def inputs_text(graph: Graph) -> str:
    """The input's shape, or those of several with their names."""
    shapes = {name: sizes_text(shape) for name, shape in graph.inputs.items()}
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) if graph.further_inputs else shapes[graph.input_name]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as they would be given to `--set`."""
    return "  ".join(f"{name}={_as_given(value)}" for name, value in settings.items())


def _as_given(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_as_given, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value).replace(" ", "")


def _json_value(value: Any) -> Any:
    """The value as JSON has it; what JSON has not, as Python writes it."""
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def source_text(accuracy: Accuracy) -> str:
    """Where an accuracy is reported, and on which data set."""
    return accuracy.source if accuracy.dataset in accuracy.source else f"{accuracy.source}, {accuracy.dataset}"


def lower_bound_notes(name: str, totals: Totals) -> list[str]:
    """The remark that some operations of a captured model are not counted."""
    if not totals.uncounted:
        return []
    shown = ", ".join(totals.uncounted[:5]) + (", ..." if len(totals.uncounted) > 5 else "")
    return [f"{name}: the totals are a lower bound, as {len(totals.uncounted)} operations are not counted: {shown}"]


def _figure_dict(figure: Figure) -> dict[str, Any]:
    entry = {"value": figure.value, "tolerance": figure.tolerance, "text": figure.text}
    return entry | {key: text for key, text in (("why", figure.why), ("where", figure.where)) if text}
