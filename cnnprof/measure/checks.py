"""Our figures beside those of counters that others wrote, with the reason for every difference."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace

from torch import nn

from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.errors import UnavailableError
from cnnprof.measure.counters import Count, count_packed, count_parameters, count_with_fvcore, count_with_torch, run_once
from cnnprof.measure.session import describe_failure
from cnnprof.network.graph import Graph
from cnnprof.network.layers.linear import MatMul
from cnnprof.network.results import Analysis, Cost
from cnnprof.report import plural
from cnnprof.timing.measurements import Check, Reason
from cnnprof.torch_bridge.instantiate import instantiate, is_users

_FVCORE_RATES = {
    "BatchNorm": "2 for each element of BatchNorm",
    "LayerNorm": "5 for each element of LayerNorm",
    "GroupNorm": "5 for each element of GroupNorm",
    "AdaptiveAvgPool": "the input elements of adaptive average pooling",
    "Upsample": "the output elements of upsampling",
    "ScaledDotProductAttention": "nothing for fused attention",
    "MatMul": "matrix products without broadcasting",
}


def check(graph: Graph, profile: Analysis) -> list[Check]:
    """Parameters against the module's own, multiply-accumulates against torch's FlopCounterMode and fvcore.

    Raises UnavailableError without torch. A tool that cannot count gets a row that says why.
    """
    return check_module(instantiate(graph), profile)


def check_module(
    module: nn.Module, profile: Analysis, fill: Callable[[nn.Module], nn.Module] = lambda module: module
) -> list[Check]:
    """The rows for a module that computes what the profile describes; `fill` gives data to one that has none, for fvcore."""
    return [_check_parameters(module, profile), _check_torch(module, profile), _check_fvcore(fill(module), profile)]


def _check_parameters(module: nn.Module, profile: Analysis) -> Check:
    totals, unused = profile.totals, sum(profile.graph.aux_params.values())
    theirs = count_parameters(module)
    more = {
        "auxiliary heads, which only training runs": totals.aux_params - unused,
        "parts that are not used": unused,
        "weights in int8 are packed, and no parameters": -count_packed(module),
    }
    if theirs < totals.params and is_users(profile.graph):
        run_once(module, profile.graph)
        made = count_parameters(module) - theirs
        more["layers that the first run makes"] = -made
    reasons = tuple(Reason(text, params) for text, params in more.items() if params)
    return Check("parameters", "module.parameters()", "", totals.params, theirs, reasons)


def _check_torch(module: nn.Module, profile: Analysis) -> Check:
    row, count = _operations(module, profile, "torch FlopCounterMode", "FLOPs, 2 a MAC", "flops", count_with_torch)
    return row if count is None else replace(row, notes=_differing_layers(module, profile, count.parts))


def _operations(
    module: nn.Module, profile: Analysis, tool: str, unit: str, convention: str, counter: Callable[..., Count]
) -> tuple[Check, Count | None]:
    """The row of a counter of operations, and what it counted, where it could."""
    row = Check("operations", tool, unit, sum(_count(convention, cost) for cost in _run(profile)), None)
    count = _try(counter, module, profile.graph)
    if isinstance(count, Exception):
        return _missing(row, count), None
    return replace(row, theirs=count.total), count


def _differing_layers(module: nn.Module, profile: Analysis, theirs: Mapping[str, int]) -> tuple[str, ...]:
    """Layers that are a module of the same name and for which torch counts something else."""
    modules = {name for name, _ in module.named_modules()}
    pairs = (
        (cost.node.name, _count("flops", cost), theirs.get(cost.node.name, 0))
        for cost in _run(profile)
        if cost.node.name in modules
    )
    return tuple(f"{name}: {ours:,} here, {other:,} there" for name, ours, other in pairs if ours != other)


def _check_fvcore(module: nn.Module, profile: Analysis) -> Check:
    row, count = _operations(module, profile, "fvcore", "fvcore flops, 1 a MAC", "macs", count_with_fvcore)
    if count is None:
        return row
    passed_over = ", ".join(f"{name} {times}x" for name, times in sorted(count.unsupported.items()))
    notes = (f"fvcore passes over {passed_over}",) if passed_over else ()
    return replace(row, reasons=(*_fvcore_rates(profile), *_left_out(profile), *_einsum_rounding(profile, count)), notes=notes)


def _fvcore_rates(profile: Analysis) -> list[Reason]:
    """The operations beyond multiply-accumulates that fvcore's convention counts, by kind of layer."""
    layers: dict[str, list[int]] = {}
    for cost in _run(profile):
        difference = _count("fvcore", cost) - _count("macs", cost)
        if difference:
            layers.setdefault(type(cost.node.layer).__name__, []).append(difference)
    return [
        Reason(f"{_FVCORE_RATES[kind]} ({plural(len(amounts), 'layer')})", sum(amounts)) for kind, amounts in layers.items()
    ]


def _left_out(profile: Analysis) -> list[Reason]:
    """fvcore counts on a trace, which drops what no output is computed from; the network's own code runs it."""
    needed = set(profile.graph.outputs)
    for node in reversed(profile.graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    amounts = [amount for cost in _run(profile) if cost.node.name not in needed and (amount := _count("fvcore", cost))]
    return (
        [Reason(f"layers that no output is computed from ({plural(len(amounts), 'layer')})", -sum(amounts))] if amounts else []
    )


def _einsum_rounding(profile: Analysis, count: Count) -> list[Reason]:
    """fvcore reads the cost of an einsum off numpy's printed report, which has four digits.

    Where einsum is the only kind of matrix product that fvcore saw, all of ours are such.
    """
    products = [_count("macs", cost) for cost in _run(profile) if isinstance(cost.node.layer, MatMul)]
    if "einsum" not in count.parts or {"matmul", "bmm", "mm"} & count.parts.keys():
        return []
    rounding = sum(math.floor(float(f"{2 * macs:.3e}") / 2) - macs for macs in products)
    return [Reason(f"einsum is counted to four digits ({len(products)} products)", rounding)] if rounding else []


def _run(profile: Analysis) -> list[Cost]:
    """The layers that inference runs."""
    return [cost for cost in profile.costs if not cost.node.aux]


def _count(convention: str, cost: Cost) -> int:
    return int(CONVENTIONS[convention](cost.node.layer, cost.inputs, cost.output, cost.ops))


def _try(counter: Callable[..., Count], module: nn.Module, graph: Graph) -> Count | Exception:
    """The tool's figure, or why there is none. What the module prints is no part of a report."""
    try:
        with redirect_stdout(sys.stderr):
            return counter(module, *graph.inputs.values())
    except Exception as error:
        return error


def _missing(row: Check, error: Exception) -> Check:
    """The row of a tool that gave no figure."""
    if isinstance(error, UnavailableError):
        return replace(row, notes=(error.message,))
    return replace(row, notes=(f"it cannot count this network: {describe_failure(error)}",), broke=True)
