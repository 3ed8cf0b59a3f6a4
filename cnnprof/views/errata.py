"""Figures that lecture slides print otherwise, so that nobody looks for the mistake in the own calculation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.counting.derivation import FigureName
from cnnprof.network.results import Analysis, Cost


class Erratum(NamedTuple):
    """A figure that a slide states of a network's layer (of the whole network: ""), and the computed one."""

    network: str
    layer: str
    what: str
    slide: str
    computed: int
    why: str = ""


ERRATA = (
    Erratum("lenet5", "S2", "operations", "4,074", 4_704, "digits exchanged"),
    Erratum("alexnet_one_tower", "conv1", "params", "34,857", 34_944),
    Erratum(
        "vgg16",
        "",
        "operations",
        "13.6 G",
        15_470_264_320,
        "the convolutions alone have 15.3 G, as the slide's own rows add up",
    ),
    Erratum("vgg16", "", "activations", "24 M, 96 MB", 15_112_168, "60 MB"),
)


FIGURES = {"params": "params", "operations": "macs", "activations": "memory"}


def erratum_notes(profile: Analysis, chosen: Sequence[Cost], what: FigureName | None = None) -> list[str]:
    """A remark for each slip about what is shown: all figures, or `what` of `counting.derivation.FIGURES`."""
    layers = {cost.node.name: cost for cost in chosen}
    totals = {"params": profile.totals.params, "operations": profile.totals.macs, "activations": profile.totals.activations}
    notes = []
    for network, layer, quantity, slide, computed, why in ERRATA:
        if network != profile.graph.name or (layer not in layers if layer else len(chosen) < len(profile.costs)):
            continue
        if what and what != FIGURES[quantity]:
            continue
        if computed == (_figure(layers[layer], quantity) if layer else totals[quantity]):
            reason = f" ({why})" if why else ""
            notes.append(f"{layer or network}: a slide says {slide} {quantity}; it is {computed:,}{reason}")
    return notes


def count_as_lectures(cost: Cost) -> int:
    """Multiply-accumulates, and for pooling the window for every output."""
    return int(CONVENTIONS["lecture"](cost.node.layer, cost.inputs, cost.output, cost.ops))


def _figure(cost: Cost, what: str) -> int:
    return int(cost.params) if what == "params" else count_as_lectures(cost)
