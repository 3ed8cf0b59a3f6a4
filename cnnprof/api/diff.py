"""`cnnprof.diff`: what changed from one network to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, Profile, pair
from cnnprof.api.result import Result
from cnnprof.record import record

if TYPE_CHECKING:
    from cnnprof.judging.alignment import Pair
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

    def report(self, by: str | None = None) -> Report:
        """The report of `cnnprof diff`."""
        from cnnprof.views.difference import show_difference

        return show_difference(self.before, self.after, self.pairs, by)

    def __repr__(self) -> str:
        verdict = "different" if self.different else "the same"
        return f"<Difference {self.before.graph.name} -> {self.after.graph.name}: {verdict}>"


def diff(
    before: Network,
    after: Network,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Difference:
    """What changed from one network to another; arguments as for `load`."""
    first, second = pair(before, after, settings, input_shape, batch)
    from cnnprof.judging.alignment import align

    return Difference(first, second, tuple(align(first, second)))
