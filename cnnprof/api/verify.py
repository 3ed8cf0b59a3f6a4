"""`cnnprof.verify`: published figures and twins are compared here, counters run in worker processes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cnnprof import sources
from cnnprof.api.places import place_of
from cnnprof.api.profile import Network, Size, as_models, profile_each
from cnnprof.api.profile import profile as profile_network
from cnnprof.api.result import Result
from cnnprof.errors import CnnprofError
from cnnprof.judging.verification import (
    FAILED,
    FVCORE,
    TORCH,
    WEIGHTS,
    Verdict,
    Verified,
    check_published,
    check_read,
    check_twin,
    judge,
)
from cnnprof.network.analysis import analyze
from cnnprof.network.results import Analysis
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.sources import specs
from cnnprof.timing.measurements import Check


@record(repr=False)
class Verification(Result):
    """Networks held to what others say of them.

    Args:
        networks: each with its verdicts.
        broken: what is wrong with specs that could not be read.
        complete: False if Ctrl-C ended it early.
    """

    networks: tuple[Verified, ...]
    broken: tuple[CnnprofError, ...] = ()
    complete: bool = True

    @property
    def passed(self) -> bool:
        """Whether every difference has a reason."""
        return not any(each.status() == FAILED for each in self.networks)

    def report(self) -> Report:
        """The report of `cnnprof verify`."""
        from cnnprof.views.verification import show_verification

        return show_verification(self.networks, self.broken)

    def __repr__(self) -> str:
        return f"<Verification of {len(self.networks)} networks: {'passed' if self.passed else 'failed'}>"


def verify(networks: Network = None, input_shape: Size = None, counters: bool = True, notify: Notify = quiet) -> Verification:
    """Hold networks to their papers' figures, to torchvision's network of the name, and to other counters.

    Args:
        networks: references, globs, modules or Models, or one of them; every spec there is if left out.
        input_shape: (C, H, W) instead of the networks' own.
        counters: whether torch may be used, for torchvision's twins and for the counters.
        notify: told what is being done.

    Returns:
        A Verification. Ctrl-C keeps the networks that are finished.

    Raises:
        CnnprofError: as `load` for a network that is named.
    """
    if networks is None:
        profiles, broken = _read_catalogue(notify)
    else:
        profiles, broken = [*profile_each(as_models(networks), input_shape, 1, notify)], []
    finished, complete = verify_each(profiles, counters, notify)
    return Verification(tuple(finished), tuple(broken), complete)


def _read_catalogue(notify: Notify) -> tuple[list[Analysis], list[CnnprofError]]:
    """Every spec's network, and what is wrong with those that are broken."""
    profiles: list[Analysis] = []
    broken = []
    for name, graph in specs.catalogue():
        notify(f"reading {name}")
        if isinstance(graph, CnnprofError):
            broken.append(graph)
        else:
            profiles.append(analyze(graph))
    return profiles, [*dict.fromkeys(broken)]  # one that breaks a file is that of all its networks


def verify_each(profiles: Sequence[Analysis], counters: bool, notify: Notify) -> tuple[list[Verified], bool]:
    """The verdicts on all networks, and whether they are complete: Ctrl-C keeps those that are finished."""
    verdicts: dict[int, list[Verdict]] = {}
    if not counters:
        return [_verified(profile, [*check_read(profile), *check_published(profile)]) for profile in profiles], True
    from cnnprof.measure.crosschecks import check_each

    twins = {*sources.torchvision_names()}
    rows = check_each([profile.graph for profile in profiles], os.cpu_count() or 1)
    try:
        for done, (number, checks) in enumerate(rows, 1):
            profile = profiles[number]
            notify(f"checked {profile.graph.name} ({done} of {len(profiles)})")
            verdicts[number] = [*check_read(profile), *check_published(profile)]
            verdicts[number] += _twin(profile) if profile.graph.name in twins else ()
            verdicts[number] += _counted(checks)
    except KeyboardInterrupt:
        pass
    finally:
        rows.close()
    finished = [_verified(profiles[number], verdicts[number]) for number in sorted(verdicts)]
    return finished, len(finished) == len(profiles)


def _verified(profile: Analysis, verdicts: Sequence[Verdict]) -> Verified:
    return Verified(profile, tuple(verdicts), place_of(profile.graph))


def _twin(profile: Analysis) -> list[Verdict]:
    """The comparison with torchvision's network of the name, at the same input size."""
    shape = profile.graph.input_shape[1:]
    name = profile.graph.name
    twin = sources.Model(f"torchvision:{name}", "torchvision", name)
    theirs = profile_network(twin)
    if theirs.graph.input_shape[1:] != shape:
        theirs = profile_network(twin, shape)
    return [check_twin(profile, theirs)]


def _counted(checks: list[Check] | CnnprofError) -> list[Verdict]:
    if isinstance(checks, CnnprofError):
        return [Verdict(check, "module", FAILED, reason=checks.message) for check in (WEIGHTS, TORCH, FVCORE)]
    return [judge(check, row) for check, row in zip((WEIGHTS, TORCH, FVCORE), checks, strict=True)]
