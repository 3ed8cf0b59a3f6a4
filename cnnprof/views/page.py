"""`cnnprof report`: a comparison with a chapter on every network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.network.stages import stage_depth
from cnnprof.report import Fact, Listing, Report
from cnnprof.timing.calibrations import Calibration
from cnnprof.views.benchmark import chart_runs, show_measurements
from cnnprof.views.bubbles import explore_comparison
from cnnprof.views.comparison import show_comparison
from cnnprof.views.diagram import chart_diagram
from cnnprof.views.entry import Entry
from cnnprof.views.memory import chart_moments
from cnnprof.views.summary import chart_layers, summarize


def show_page(
    entries: Sequence[Entry],
    baseline: str,
    about: Sequence[tuple[str, str]],
    chapters: bool = True,
    calibration: Calibration | None = None,
) -> Report:
    """The page of several networks.

    Args:
        entries: the networks, measured or not.
        baseline: the one that ratios are relative to.
        about: what the figures hold for, as labels and texts.
        chapters: whether each network has a chapter with its layers and its memory.
        calibration: what predicted times rest on, if there are any.
    """
    report = show_comparison(entries, baseline, calibration=calibration)
    parts = []
    timed = [entry.measurement for entry in entries if entry.measurement]
    if any(each.times for each in timed):
        parts.append(replace(show_measurements(timed), chart=chart_runs(timed)))
    if chapters:
        parts += [show_chapter(entry.profile) for entry in entries if not entry.error]
    conditions = Listing(tuple(Fact(label, text) for label, text in about), "What these figures hold for")
    chart = explore_comparison(entries, baseline)
    title = f"{report.title}: {', '.join(entry.name for entry in entries[:4])}{', ...' if len(entries) > 4 else ''}"
    return replace(
        report, command="report", title=title, sections=(*report.sections, conditions), chart=chart, chapters=tuple(parts)
    )


def show_chapter(profile: MemoryAnalysis) -> Report:
    """A page's chapter on one network: its layers by stage, and its memory in training."""
    depth = stage_depth([cost.node.name for cost in profile.costs])
    report = summarize(profile, depth=depth)
    images = profile.graph.input_shape[0]
    title = f"memory of a training step of {profile.graph.name} with sgd, fp32, batch {images}"
    memory = Report("memory", "Memory of a training step", chart=chart_moments(profile.training, title))
    built = Report("diagram", "How it is built", chart=chart_diagram(profile))
    return replace(report, chart=chart_layers(profile, depth=depth), chapters=(built, memory), data={})
