"""`cnnprof verify`: a tick for each network and check, and every difference with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.judging.verification import (
    CHECKS,
    EXPLAINED,
    FAILED,
    FVCORE,
    HOLDS,
    PUBLISHED,
    TORCH,
    UNKNOWN,
    CheckName,
    Verdict,
    Verified,
)
from cnnprof.record import record
from cnnprof.report import Annotation, Column, Report, Table, plural
from cnnprof.views import columns as col
from cnnprof.views.errata import erratum_notes


@record
class ToldVerdict:
    """A verdict that is told, and the network that it is on."""

    network: Verified
    verdict: Verdict


def _of_verdict(column: Column, take: Callable[[Verdict], Any]) -> Column:
    return replace(column, of=lambda difference: take(difference.verdict))


def _outcome(check: CheckName) -> Column:
    return Column(f"check_{check}", check, "verdict", of=lambda each: each.status(check))


CHECKED = (replace(col.MODEL, of=lambda each: each.profile.graph.name), *map(_outcome, CHECKS))
"""A network, and how each of `CHECKS` came out."""

DIFFERENCES = (
    replace(col.MODEL, of=lambda difference: difference.network.profile.graph.name),
    _of_verdict(Column("check", "check"), lambda verdict: verdict.check),
    _of_verdict(col.WHAT, lambda verdict: verdict.what),
    _of_verdict(Column("other_figure", "theirs"), lambda verdict: verdict.text),
    _of_verdict(col.COMPUTED, lambda verdict: "" if verdict.ours is None else f"{verdict.ours:,}"),
    _of_verdict(col.REASON, lambda verdict: f"✗ {verdict.reason}" if verdict.status == FAILED else verdict.reason),
    _of_verdict(col.WHERE, lambda verdict: verdict.where or None),
)

LEGEND = (
    "✓ agrees, ≈ differs for a reason, ✗ differs without one, - nothing to compare with",
    "published: the paper's figures; torchvision: its network of this name, layer by layer; weights, torch, fvcore: what the "
    "built module holds, and what these counters say of it",
)
_TRIED = "what weights, torch and fvcore differ by, and why, is in --json and in cnnprof summary NAME --check"


def show_verification(networks: Sequence[Verified], broken: Sequence[CnnprofError] = ()) -> Report:
    """The report of `verify`; what is `broken` and could not be checked is an annotation."""
    shown = [ToldVerdict(each, verdict) for each in networks for verdict in each.verdicts if _is_told(verdict)]
    sections = [Table.of(CHECKED, networks)]
    if shown:
        sections.append(Table.of(DIFFERENCES, shown, "Differences"))
    count = Counter(verdict.status for each in networks for verdict in each.verdicts)
    title = f"{plural(len(networks), 'network')}, {plural(sum(count.values()), 'check')}: "
    title += f"{count[HOLDS]} hold, {count[EXPLAINED]} explained, {count[FAILED]} failed"
    if count[UNKNOWN]:
        title += f", {count[UNKNOWN]} could not be made"
    errata = [_erratum(each, note) for each in networks for note in erratum_notes(each.profile, each.profile.costs, None)]
    counted = [_TRIED] if any(verdict.check in (TORCH, FVCORE) for each in networks for verdict in each.verdicts) else []
    annotations = [_annotation(each, verdict) for each in networks for verdict in each.verdicts]
    annotations += [Annotation("error", "cnnprof", error.message, error.place) for error in broken]
    notes = (*errata, *LEGEND, *counted)
    return Report("verify", title, tuple(sections), notes, _data(networks), annotations=tuple(annotations))


def _annotation(each: Verified, verdict: Verdict) -> Annotation:
    figures = f"{verdict.ours} computed, {verdict.text or verdict.theirs}" if verdict.theirs is not None else ""
    message = "; ".join(text for text in (figures, verdict.reason) if text)
    title = f"{each.profile.graph.name}: {verdict.check}, {verdict.what}"
    return Annotation("error" if verdict.status == FAILED else "ok", title, message, each.place)


def _erratum(each: Verified, note: str) -> str:
    name = each.profile.graph.name
    return note if note.startswith(f"{name}:") else f"{name}, {note}"


def _is_told(verdict: Verdict) -> bool:
    """Whether the verdict needs a line: what failed, what could not be checked, and what the paper states otherwise."""
    return verdict.status != HOLDS and (verdict.check == PUBLISHED or verdict.status != EXPLAINED)


def _data(networks: Sequence[Verified]) -> dict[str, Any]:
    return {
        "passed": all(each.status() != FAILED for each in networks),
        "models": [
            {
                "model": each.profile.graph.name,
                "source": each.profile.graph.facts.source,
                "status": each.status(),
                "checks": [verdict.to_dict() for verdict in each.verdicts],
            }
            for each in networks
        ],
    }
