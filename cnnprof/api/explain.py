"""`cnnprof.explain`: calculations written out.

What a function does not need every time it imports itself, so that the calculations of one layer start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnprof import sources
from cnnprof.api.profile import Network, Profile, Size, as_model, profile
from cnnprof.api.result import Result
from cnnprof.counting.derivation import Explanation, FigureName
from cnnprof.errors import UsageError
from cnnprof.network import results
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.sources import Model
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.views.summary import By


@record(repr=False)
class Worksheet(Result):
    """Calculations written out: `explanations`, one for each of the layers `chosen` in `profile`."""

    profile: Profile
    chosen: tuple[results.Cost, ...]
    explanations: tuple[Explanation, ...]
    what: FigureName | None = None

    def report(self) -> Report:
        """The report of `cnnprof explain`."""
        from cnnprof.views.explanation import show_layer, show_worksheet

        if len(self.chosen) == 1:
            return show_layer(self.profile, self.chosen[0], self.explanations[0], self.what)
        return show_worksheet(self.profile, self.chosen, self.explanations, self.what)

    def quiz(self, answers: bool = False) -> Report:
        """The worksheet to be filled in.

        Args:
            answers: whether shapes, parameters and operations stand in it.

        Returns:
            A Report: a table with a row a layer.
        """
        from cnnprof.views.quiz import show_quiz

        return show_quiz(self.profile, self.chosen, self.explanations, answers)

    def __repr__(self) -> str:
        return f"<Worksheet of {self.profile.graph.name}: {len(self.chosen)} layers>"


def explain(
    network: Network,
    what: FigureName | None = None,
    input_shape: Size = None,
    batch: int = 1,
    settings: Settings = None,
    layer: str | None = None,
) -> Worksheet:
    """The calculations of a network, or of the layer or block behind its name (`resnet50:stage3.bottleneck2.conv1`).

    Args:
        network: a reference, a layer's name behind it or not; or a Model.
        what: `shape`, `params`, `macs`, `memory` or `receptive-field`, where not all are wanted.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
        settings: values that override the network's own, by name.
        layer: the layer or block, where the network is no reference.

    Returns:
        A Worksheet: `explanations`, one for each chosen layer.

    Raises:
        CnnprofError: as `load`, and where there is no such layer.
    """
    from cnnprof.symbolic.worksheet import derive_layers, select

    model, target = _split(network, settings)
    analyzed = profile(model, input_shape, batch)
    target = layer or target
    return Worksheet(analyzed, tuple(select(analyzed, target)), tuple(derive_layers(analyzed, target, what)), what)


def _split(network: Network, settings: Settings) -> tuple[Model, str | None]:
    """The network, and the layer that its reference goes on to name."""
    reference, target = sources.split_layer(network) if isinstance(network, str) else (network, None)
    return as_model(reference, settings), target


def explain_gap(
    network: Network, convention: str, input_shape: Size = None, batch: int = 1, settings: Settings = None
) -> Report:
    """Why another way of counting gives another number, by layer type.

    Args:
        network: a reference, or a Model; the whole network.
        convention: `fvcore`, `torch` or another that `counting.conventions` or `counting.activations` names.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
        settings: values that override the network's own, by name.

    Returns:
        A Report: a table with a row a layer type, whose differences add up to the whole one.

    Raises:
        CnnprofError: as `load`.
        UsageError: there is no such convention, or the reference names a layer.
    """
    from cnnprof.counting.gaps import find_gaps
    from cnnprof.views.gaps import show_gaps

    model, target = _split(network, settings)
    if target:
        whole = str(network).removesuffix(f":{target}")
        raise UsageError("--vs explains whole networks", hint=f"cnnprof explain {whole} --vs {convention}")
    analyzed = profile(model, input_shape, batch)
    return show_gaps(analyzed, convention, find_gaps(analyzed, convention))


def summarize_in_letters(model: Model, by: By | None = None, depth: int | None = None, input_shape: Size = None) -> Report:
    """The network's shapes, operations and activations as formulas of N, H and W.

    Args:
        model: the network.
        by: a row for each `layer`, `stage`, `type` or `kind`, as for `Profile.report`.
        depth: how many names of a block's path stages have.
        input_shape: (C, H, W) at which its layers are read; the network's own if left out.

    Returns:
        A Report: a table of formulas, and totals.

    Raises:
        CnnprofError: as `load`, and where a layer depends on the input's size in another way than by the rules for shapes.
    """
    from cnnprof.symbolic.network import formulate
    from cnnprof.views.formulas import show_formulas
    from cnnprof.views.summary import choose_rows

    hints = []

    def choose(profile: results.Analysis) -> list[results.LayerGroup]:
        rows, hint = choose_rows(profile, by, depth)
        hints.append(hint)
        return rows

    graph = model.graph(input_shape)
    return show_formulas(graph, formulate(graph, model.graph, choose), hints[0])
