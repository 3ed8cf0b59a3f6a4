"""`cnnprof.explain`: calculations written out.

What a function does not need every time it imports itself, so that the calculations of one layer start fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnprof import sources
from cnnprof.api.profile import Profile, load, profile
from cnnprof.api.result import Result
from cnnprof.counting.derivation import Explanation
from cnnprof.errors import UsageError
from cnnprof.network import results
from cnnprof.record import record
from cnnprof.report import Report


@record(repr=False)
class Worksheet(Result):
    """Calculations written out: `explanations`, one for each of the layers `chosen` in `profile`."""

    profile: Profile
    chosen: tuple[results.Cost, ...]
    explanations: tuple[Explanation, ...]
    what: str | None = None

    def report(self) -> Report:
        """The report of `cnnprof explain`."""
        from cnnprof.views.explanation import show_layer, show_worksheet

        if len(self.chosen) == 1:
            return show_layer(self.profile, self.chosen[0], self.explanations[0], self.what)
        return show_worksheet(self.profile, self.chosen, self.explanations, self.what)

    def quiz(self, answers: bool = False) -> Report:
        """The worksheet with shapes, parameters and operations left out, or with the answers filled in."""
        from cnnprof.views.quiz import show_quiz

        return show_quiz(self.profile, self.chosen, self.explanations, answers)

    def __repr__(self) -> str:
        return f"<Worksheet of {self.profile.graph.name}: {len(self.chosen)} layers>"


def explain(
    reference: str,
    what: str | None = None,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Worksheet:
    """The calculations of a network, or of the layer or block behind its name (`resnet50:stage3.bottleneck2.conv1`).

    Args:
        what: `shape`, `params`, `macs`, `memory` or `receptive-field`, where not all are wanted.
    """
    from cnnprof.symbolic.worksheet import select, work_out_layers

    network, target = sources.split_layer(reference)
    analyzed = profile(network, settings, input_shape, batch)
    return Worksheet(analyzed, tuple(select(analyzed, target)), tuple(work_out_layers(analyzed, target, what)), what)


def explain_gap(
    reference: str,
    convention: str,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Report:
    """Why a way of counting (`fvcore`, `torch`, ...) gives another number of operations, by layer type."""
    from cnnprof.counting.gaps import find_gaps
    from cnnprof.views.gaps import show_gaps

    network, target = sources.split_layer(reference)
    if target:
        raise UsageError("--vs explains whole networks", hint=f"cnnprof explain {network} --vs {convention}")
    analyzed = profile(network, settings, input_shape, batch)
    return show_gaps(analyzed, convention, find_gaps(analyzed, convention))


def summarize_in_letters(
    reference: str,
    by: str | None = None,
    depth: int | None = None,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> Report:
    """The network's shapes, operations and activations as formulas of N, H and W.

    Raises CnnprofError where a layer depends on the input's size in another way than by the rules for shapes.
    """
    from cnnprof.symbolic.network import formulate
    from cnnprof.views.formulas import show_formulas
    from cnnprof.views.summary import choose_rows

    hints = []

    def choose(profile: results.Analysis) -> list[results.LayerGroup]:
        rows, hint = choose_rows(profile, by, depth)
        hints.append(hint)
        return rows

    graph = load(reference, settings, input_shape)
    formulas = formulate(graph, lambda size: load(reference, settings, size), choose)
    return show_formulas(graph, formulas, hints[0])
