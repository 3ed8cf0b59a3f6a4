"""`cnnprof.compare`: networks side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, Notify, expand, profile_each
from cnnprof.api.result import Result
from cnnprof.errors import UsageError, did_you_mean
from cnnprof.record import record

if TYPE_CHECKING:
    from cnnprof.report import Report
    from cnnprof.views.entry import Entry


@record(repr=False)
class Comparison(Result):
    """Several networks, with measurements if they were timed; ratios are relative to `baseline`."""

    entries: tuple[Entry, ...]
    baseline: str

    def report(self, sort: str | None = None) -> Report:
        """The report of `cnnprof compare`."""
        from cnnprof.views.comparison import show_comparison

        return show_comparison(self.entries, self.baseline, sort)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(entry.profile.graph.name for entry in self.entries)}>"


def compare(
    references: Sequence[Network],
    baseline: str | None = None,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    notify: Notify = lambda _: None,
) -> Comparison:
    """Several networks side by side; `baseline` is one of them, the first if left out."""
    expanded = expand(references, settings)
    profiles = profile_each(expanded, None, input_shape, batch, notify)
    names = [each.graph.name for each in profiles]
    by_reference = dict(zip((model.reference for model in expanded), names, strict=True))
    chosen = names[0] if baseline is None else by_reference.get(baseline, baseline)
    if chosen not in names:
        raise UsageError(
            f"the baseline '{baseline}' is not one of the networks",
            hint=did_you_mean(chosen, names) or f"one of {', '.join(names)}",
        )
    from cnnprof.views.entry import Entry

    return Comparison(tuple(Entry.of(each) for each in profiles), chosen)
