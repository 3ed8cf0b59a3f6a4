"""`cnnprof.diff`: what changed from one network to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnprof.api.profile import Network, Profile, Size, as_model, pair
from cnnprof.api.result import Result
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.judging.alignment import Pair
    from cnnprof.network.results import RowsBy
    from cnnprof.report import Report


@record(repr=False)
class Difference(Result):
    """Two networks with their layers aligned: `pairs` of a layer and what stands in its place in the other."""

    before: Profile
    after: Profile
    pairs: tuple[Pair, ...]

    @property
    def different(self) -> bool:
        """Whether anything is not the same."""
        from cnnprof.judging.alignment import differ

        return differ(self.before, self.after, self.pairs)

    def report(self, by: RowsBy | None = None) -> Report:
        """The report of `cnnprof diff`.

        Args:
            by: a row for each `layer`, `stage` or `type`; left out, by layer, or by stage where many changed.

        Returns:
            A Report: what changed, and both networks' totals.

        Raises:
            UsageError: there are no such rows.
        """
        from cnnprof.api.places import place_of_change
        from cnnprof.views.difference import show_difference

        place = place_of_change(self.before.graph, self.after.graph, self.pairs)
        return show_difference(self.before, self.after, self.pairs, by, place)

    def __repr__(self) -> str:
        verdict = "different" if self.different else "the same"
        return f"<Difference {self.before.graph.name} -> {self.after.graph.name}: {verdict}>"


def diff(
    before: Network, after: Network, input_shape: Size = None, batch: int = 1, settings: Settings = None, notify: Notify = quiet
) -> Difference:
    """The differences between two networks, layer by layer.

    Args:
        before: the one network; it and the other are as for `load`.
        after: the other.
        input_shape: (C, H, W) instead of the networks' own.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        notify: told what is being read.

    Returns:
        A Difference: `pairs` of a layer and what stands in its place in the other.

    Raises:
        CnnprofError: as `load` for either of them.
    """
    from cnnprof.judging.alignment import align, differ
    from cnnprof.network.analysis import analyze
    from cnnprof.network.recognition import recognize

    first, second = pair(as_model(before, settings), as_model(after, settings), input_shape, batch, notify)
    pairs = tuple(align(first, second))
    if differ(first, second, pairs):
        # What is spelled out in several operations may be one layer of the other.
        plainer = (analyze(recognize(each.graph)) for each in (first, second))
        recognized = tuple(align(*plainer))
        if not differ(first, second, recognized):
            pairs = recognized
    return Difference(first, second, pairs)
