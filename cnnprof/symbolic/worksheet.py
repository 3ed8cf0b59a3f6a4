"""A worksheet: the calculations of one layer, of a block, or of a whole network."""

from __future__ import annotations

from dataclasses import replace

from cnnprof.counting.derivation import FIGURES, Explanation, FigureName
from cnnprof.errors import CnnprofError, did_you_mean, read_word
from cnnprof.network.results import Analysis, Cost
from cnnprof.symbolic.rules import Explainer
from cnnprof.symbolic.separable import compare_with_standard, find_pointwise

SHORT_LIST = 16
"""So many names are listed; of more only the blocks."""


def select(profile: Analysis, target: str | None) -> list[Cost]:
    """The layer of that name, or the layers of the block of that path; all for None. Raises CnnprofError if there is none."""
    if target is None:
        return list(profile.costs)
    chosen = [cost for cost in profile.costs if cost.node.name == target or cost.node.name.startswith(f"{target}.")]
    if chosen:
        return chosen
    name, names = profile.graph.name, [cost.node.name for cost in profile.costs]
    ending = [f"'{each}'" for each in names if each.endswith(f".{target}")][:3]
    depth = target.count(".") + 1
    alike = {".".join(each.split(".")[:depth]): None for each in names}
    near = f"did you mean {' or '.join(ending)}?" if ending else did_you_mean(target, alike) or did_you_mean(target, names)
    if len(names) > SHORT_LIST:
        listed = ", ".join(dict.fromkeys(row.name for row in profile.rollup(1)))
        hint = f"its blocks are {listed}; cnnprof summary {name} --by layer lists every layer"
    else:
        hint = f"its layers are {', '.join(names)}"
    raise CnnprofError(f"{name} has no layer '{target}'", hint=f"{near} {hint}" if near else hint)


def derive_layers(profile: Analysis, target: str | None = None, what: FigureName | None = None) -> list[Explanation]:
    """The calculations of the layers that `target` names.

    Args:
        what: one of `FIGURES`; left out, all of them for a single layer, else shape, parameters and operations.
    """
    if what:
        read_word(what, FIGURES, f"nothing is derived of '{what}'")
    chosen = select(profile, target)
    explainer = Explainer(profile)
    if len(chosen) > 1:
        return [explainer.explain(cost, (what,) if what else FIGURES[:3]) for cost in chosen]
    figures = (what,) if what else FIGURES
    explanation = explainer.explain(chosen[0], figures)
    pointwise = find_pointwise(profile, chosen[0])
    if not pointwise:
        return [explanation]
    pair = [line for line in compare_with_standard(chosen[0], pointwise) if line.figure in figures]
    return [replace(explanation, derivations=(*explanation.derivations, *pair))]
