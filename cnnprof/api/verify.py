"""A verification as the command runs it: published figures and twins here, counters in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cnnprof import sources
from cnnprof.api.profile import profile as profile_network
from cnnprof.api.profile import profile_each
from cnnprof.errors import CnnprofError
from cnnprof.judging.verification import (
    FAILED,
    FVCORE,
    TORCH,
    WEIGHTS,
    Verdict,
    Verified,
    check_published,
    check_twin,
    judge,
)
from cnnprof.network.analysis import analyze
from cnnprof.network.results import Analysis
from cnnprof.sources import specs
from cnnprof.timing.measurements import Check


def read(
    references: Sequence[str] | None, input_shape: tuple[int, ...] | None, say: Callable[[str], None]
) -> tuple[list[Analysis], list[CnnprofError]]:
    """The networks that are named; or all of the catalogue, and what is wrong with specs that are broken."""
    if references:
        return [*profile_each(references, None, input_shape, 1, say)], []
    profiles: list[Analysis] = []
    broken = []
    for name, graph in specs.catalogue():
        say(f"reading {name}")
        if isinstance(graph, CnnprofError):
            broken.append(graph)
        else:
            profiles.append(analyze(graph))
    return profiles, broken


def verify(profiles: Sequence[Analysis], counters: bool, say: Callable[[str], None]) -> tuple[list[Verified], bool]:
    """The verdicts on all networks, and whether they are complete: Ctrl-C keeps those that are finished.

    Args:
        counters: whether torch may be used, for torchvision's twins and for the counters.
        say: told what is being done.
    """
    verdicts: dict[int, list[Verdict]] = {}
    if not counters:
        return [Verified(profile, tuple(check_published(profile))) for profile in profiles], True
    from cnnprof.measure.crosschecks import check_each

    twins = {*sources.torchvision_names()}
    rows = check_each([profile.graph for profile in profiles], os.cpu_count() or 1)
    try:
        for done, (number, checks) in enumerate(rows, 1):
            profile = profiles[number]
            say(f"checked {profile.graph.name} ({done} of {len(profiles)})")
            verdicts[number] = [*check_published(profile), *(_twin(profile) if profile.graph.name in twins else ())]
            verdicts[number] += _counted(checks)
    except KeyboardInterrupt:
        pass
    finally:
        rows.close()
    finished = [Verified(profiles[number], tuple(verdicts[number])) for number in sorted(verdicts)]
    return finished, len(finished) == len(profiles)


def _twin(profile: Analysis) -> list[Verdict]:
    """The comparison with torchvision's network of the name, at the same input size."""
    shape = profile.graph.input_shape[1:]
    name = profile.graph.name
    twin = sources.Model(f"torchvision:{name}", "torchvision", name)
    theirs = profile_network(twin)
    if theirs.graph.input_shape[1:] != shape:
        theirs = profile_network(twin, input_shape=shape)
    return [check_twin(profile, theirs)]


def _counted(checks: list[Check] | CnnprofError) -> list[Verdict]:
    if isinstance(checks, CnnprofError):
        return [Verdict(check, "module", FAILED, reason=checks.message) for check in (WEIGHTS, TORCH, FVCORE)]
    return [judge(check, row) for check, row in zip((WEIGHTS, TORCH, FVCORE), checks, strict=True)]
