"""Formats of figures that another program lays over its own picture of a network."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cnnprof.errors import UsageError
from cnnprof.report import Report

NAMES = {"layer_ms": "time (ms)", "macs": "MACs", "params": "parameters"}
"""How the figures are called above the graph."""

COLORS = ("#ffffff", "#e69f00", "#d55e00")
"""Of the smallest value, of the middle and of the largest."""


def overlay(report: Report, figures: Sequence[str]) -> str:
    """Layers with the first of the figures that they have, as Model Explorer reads node data.

    Its form is `GraphNodeData` of the package ai-edge-model-explorer (node_data_builder.py): results by node,
    whose name in a file of torch.export is the operation's own, and colours from the smallest value to the largest. Raises
    UsageError for a report without layers.
    """
    layers = report.data.get("layers") or ()
    figure = next((name for name in figures if any(name in layer for layer in layers)), None)
    if figure is None:
        raise UsageError(
            f"'{report.command}' has no figures of single layers here", hint="cnnprof summary NAME, or bench --layers"
        )
    values = {layer["name"]: {"value": layer[figure]} for layer in layers if layer.get(figure) is not None}
    gradient = [{"stop": k / (len(COLORS) - 1), "bgColor": color} for k, color in enumerate(COLORS)]
    return json.dumps({"name": NAMES[figure], "results": values, "gradient": gradient}, indent=2) + "\n"
