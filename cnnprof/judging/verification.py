"""Whether a network is what others say it is: published figures beside computed ones, and a twin layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.errors import Place
from cnnprof.network.graph import Figure
from cnnprof.network.layers.base import elements
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.results import Analysis, Cost, Totals
from cnnprof.record import pick, record
from cnnprof.timing.measurements import Check

VerdictStatus = Literal["holds", "explained", "failed", "unknown"]
HOLDS: VerdictStatus = "holds"
EXPLAINED: VerdictStatus = "explained"
FAILED: VerdictStatus = "failed"
UNKNOWN: VerdictStatus = "unknown"

CheckName = Literal["published", "torchvision", "weights", "torch", "fvcore"]
PUBLISHED: CheckName = "published"
TWIN: CheckName = "torchvision"
WEIGHTS: CheckName = "weights"
TORCH: CheckName = "torch"
FVCORE: CheckName = "fvcore"
CHECKS: tuple[CheckName, ...] = (PUBLISHED, TWIN, WEIGHTS, TORCH, FVCORE)
"""Published figures, torchvision's network of the same name, and what the built module's parameters and two counters say."""


@record
class Verdict:
    """One check of one network.

    Args:
        check: one of `CHECKS`.
        what: the figure, or the layer where a twin differs first.
        status: `holds` if the figures agree to the digits that are stated; `explained` if a reason accounts for the
            difference; `failed` if none does; `unknown` if there was nothing to compare with.
        ours: the computed figure.
        theirs: the other one, in base units.
        text: the other one as its source writes it.
        reason: why they differ, or why there is none.
        where: what states it.
    """

    check: CheckName
    what: str
    status: VerdictStatus
    ours: int | None = None
    theirs: float | None = None
    text: str = ""
    reason: str = ""
    where: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON types."""
        said = [key for key in ("reason", "where") if getattr(self, key)]
        return pick(self, "check", "what", "status", "ours", "theirs", *said)


@record
class Verified:
    """A network with the verdicts on it, and where it is written."""

    profile: Analysis
    verdicts: tuple[Verdict, ...]
    place: Place | None = None

    def status(self, check: CheckName | None = None) -> VerdictStatus:
        """The status that stands for one of the checks, or for all: the worst there is; `unknown` where nothing was checked."""
        found = {verdict.status for verdict in self.verdicts if check in (None, verdict.check)}
        return next((status for status in (FAILED, EXPLAINED, HOLDS) if status in found), UNKNOWN)


def computed_figure(profile: Analysis, key: str) -> int | None:
    """The network's own figure for a key of `published`, of one image; None for what is not computed."""
    if key == "params":
        return int(profile.totals.params)
    batch = int(profile.graph.input_shape[0])
    if key == "ops":
        run = (cost for cost in profile.costs if not cost.node.aux)
        return sum(int(CONVENTIONS["ops"](cost.node.layer, cost.inputs, cost.output, cost.ops)) for cost in run) // batch
    return int(getattr(profile.totals, key)) // batch if key in ("macs", "activations") else None


def check_read(profile: Analysis) -> list[Verdict]:
    """A failure for all that the network's spec says and nothing reads."""
    return [Verdict(PUBLISHED, "the spec", FAILED, reason=text) for text in profile.graph.warnings]


def check_published(profile: Analysis) -> list[Verdict]:
    """A verdict for each published figure."""
    return [_check_figure(profile, key, figure) for key, figure in profile.graph.facts.published.items()]


def _check_figure(profile: Analysis, key: str, figure: Figure) -> Verdict:
    ours, heads = computed_figure(profile, key), profile.totals.aux_params
    reason = figure.why or ""
    if ours is None:
        status, reason = UNKNOWN, "it is not computed"
    elif ours == figure.value or (abs(ours - figure.value) <= figure.tolerance and not reason):
        status, reason = HOLDS, ""
    elif abs(ours - figure.value) <= figure.tolerance:
        status = EXPLAINED
    elif key == "params" and heads and abs(ours + heads - figure.value) <= figure.tolerance:
        status, reason = EXPLAINED, reason or f"with the {heads:,} of the heads that only training runs"
    else:
        status = FAILED
        apart = f"{abs(ours - figure.value):,.0f} apart, and {figure.tolerance:,.0f} are allowed"
        reason = f"{apart}: {reason}" if reason else apart
    return Verdict(PUBLISHED, key, status, ours, figure.value, figure.text, reason, figure.where or "")


def check_twin(ours: Analysis, theirs: Analysis) -> Verdict:
    """Whether both have the same layers with weights or multiply-accumulates, in order, and the same totals."""
    where = theirs.graph.facts.source
    layers, others = (_weighed(profile.costs) for profile in (ours, theirs))
    for cost, other in zip(layers, others, strict=False):
        if _content(cost) != _content(other):
            name = cost.node.name
            return Verdict(
                TWIN, name, FAILED, reason=f"{_describe(cost)} here, {other.node.name} ({_describe(other)}) there", where=where
            )
    if len(layers) != len(others):
        longer, side = (layers, "here") if len(layers) > len(others) else (others, "there")
        extra = longer[min(len(layers), len(others))]
        reason = f"{len(layers)} layers here, {len(others)} there; only {side}: {_describe(extra)}"
        return Verdict(TWIN, extra.node.name, FAILED, reason=reason, where=where)
    for what in ("params", "aux_params", "macs", "activations"):
        mine, other_total = _total(ours.totals, what), _total(theirs.totals, what)
        if mine != other_total:
            if what == "activations" and mine + _in_place(ours) == other_total + _in_place(theirs):
                reason = "which activations work in place, and write nothing, is told otherwise there"
                return Verdict(TWIN, what, EXPLAINED, mine, other_total, f"{other_total:,}", reason, where)
            return Verdict(TWIN, what, FAILED, mine, other_total, f"{other_total:,}", "the totals differ", where)
    return Verdict(TWIN, f"{len(layers)} layers", HOLDS, ours.totals.params, theirs.totals.params, where=where)


def _in_place(profile: Analysis) -> int:
    """The elements that layers in place would write if they were not."""
    run = (cost for cost in profile.costs if not cost.node.aux and getattr(cost.node.layer, "inplace", False))
    return sum(int(elements(cost.output)) - int(cost.activations) for cost in run)


def _weighed(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if cost.params or cost.macs]


def _content(cost: Cost) -> tuple[Any, ...]:
    kind, output = type(cost.node.layer), cost.output
    if len(output) == 4 and (kind is Linear or (isinstance(cost.node.layer, LayerNorm) and not cost.node.layer.channels_first)):
        # Over the last axis of an image whose channels stand behind; there, a linear layer is a 1x1 convolution.
        kind, output = Conv if kind is Linear else kind, (output[0], output[3], *output[1:3])
    return kind, output, cost.params, cost.macs, cost.node.aux


def _describe(cost: Cost) -> str:
    size = "x".join(map(str, cost.output[1:]))
    return f"{cost.node.layer.type} to {size}, {cost.params:,} params, {cost.macs:,} MACs"


def _total(totals: Totals, what: str) -> int:
    return int(getattr(totals, what))


def judge(check: CheckName, row: Check) -> Verdict:
    """The verdict on a row of a cross-check."""
    reasons = [f"{reason.amount:+,}: {reason.text}" for reason in row.reasons]
    if row.theirs is None:
        status, reasons = FAILED if row.broke else UNKNOWN, []
    else:
        status = FAILED if not row.closed else EXPLAINED if row.theirs != row.ours else HOLDS
    if row.unexplained:
        reasons.append(f"{row.unexplained:+,} unexplained")
    text = "; ".join([*reasons, *(row.notes if status != HOLDS else ())])
    return Verdict(
        check, row.what, status, row.ours, row.theirs, "" if row.theirs is None else f"{row.theirs:,}", text, row.tool
    )
