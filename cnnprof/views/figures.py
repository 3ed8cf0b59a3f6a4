"""One network's figures as JSON has them: what `compare` and `list` show, and what is kept between two calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.execution import Execution
from cnnprof.footprint.formats import NumberFormat, sizes_in
from cnnprof.footprint.training import training
from cnnprof.network.graph import Accuracy
from cnnprof.network.layers.activation import Activation
from cnnprof.views.memory import memory_dict
from cnnprof.views.model import model_dict, totals_dict


def describe(profile: MemoryAnalysis, dtype: NumberFormat | None = None) -> dict[str, Any]:
    """The network's `model`, `totals`, `memory`, field and output as JSON types; bytes are in the format, or its own."""
    graph = profile.graph
    output = next(cost for cost in profile.costs if cost.node.name == graph.outputs[0])
    activations = [cost for cost in profile.costs if isinstance(cost.node.layer, Activation) and not cost.node.aux]
    totals, memory, more = bytes_in(profile, dtype)
    return {
        "model": model_dict(graph),
        "totals": totals,
        "memory": memory,
        **more,
        "receptive_field": list(output.receptive_field) if output.receptive_field else None,
        "nonlinearities": len(activations),
        "output_shape": list(output.output[1:]),
    }


def bytes_in(profile: MemoryAnalysis, dtype: NumberFormat | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """`totals` and `memory` of the JSON reports with the bytes of the format, and, of another than its own, which it is.

    Memory is then said by its peaks alone, of which a training step has none in int8.
    """
    totals = totals_dict(profile.totals)
    if dtype is None or (dtype == "fp32" and profile.graph.is_single):
        return totals, memory_dict(profile.inference, profile.training), {}
    sizes = sizes_in(profile, dtype)
    totals |= {key: getattr(sizes, key) for key in ("param_bytes", "activation_bytes", "peak_inference_bytes")}
    step = None if dtype == "int8" else training(profile.graph, profile.costs, Execution(dtype=dtype)).peak_bytes
    memory = {"inference": {"peak_bytes": sizes.peak_inference_bytes}, "training": {"peak_bytes": step}}
    return totals, memory, {"dtype": dtype, "scale_bytes": sizes.scale_bytes}


def accuracy_in(figures: Mapping[str, Any]) -> Accuracy | None:
    """The accuracy that is stated of the network where it comes from."""
    entry = figures["model"].get("accuracy")
    if not entry:
        return None
    size = entry.get("input")
    return Accuracy(entry["top1"], entry["top5"], entry["source"], entry["dataset"], tuple(size) if size else None)


def is_whole(figures: Any) -> bool:
    """Whether it has what `describe` gives, in the right shape; a file that was kept may have been changed since."""
    try:
        counts = [*(figures["totals"][name] for name in _TOTALS), figures["nonlinearities"]]
        peaks = [figures["memory"][mode]["peak_bytes"] for mode in ("inference", "training")]
        counts += [peak for peak in peaks if peak is not None or figures.get("dtype") != "int8"]
        sizes = [*figures["model"]["input_shape"], *figures["output_shape"], *(figures["receptive_field"] or ())]
        texts = [figures["model"][name] for name in ("name", "family", "source")]
        accuracy_in(figures)
        lists = [figures["totals"]["uncounted"]]
        counts += figures["totals"]["ops"].values()
    except (TypeError, KeyError, AttributeError, ValueError):
        return False
    return (
        all(type(value) is int for value in (*counts, *sizes))
        and all(isinstance(text, str) for text in (*texts, *lists[0]))
        and isinstance(figures["model"].get("year"), (int, type(None)))
    )


_TOTALS = ("params", "macs", "activations", "param_bytes", "activation_bytes", "peak_inference_bytes")
