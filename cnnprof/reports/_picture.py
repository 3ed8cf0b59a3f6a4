"""A chart as a picture, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import groupby

from cnnprof.report import Chart

INCHES = (11, 5)
DOTS_PER_INCH = 150
TICKS = 32
"""So many names have room below a chart."""

COLORS = ("#8c8c8c", "#ababab", "#c4c4c4", "#dcdcdc", "#e69f00", "#0072b2", "#56b4e9", "#d55e00")
"""Greys for what is held throughout, then colours that every eye can tell apart (Okabe, Ito: Color Universal Design, 2008)."""


def picture(chart: Chart, format_name: str) -> bytes:
    """The chart in one of `reports.PICTURES`; the same bytes for the same chart."""
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text, and nothing in the file depends on chance.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnprof", "font.size": 9}):
        figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
        axes = figure.add_subplot()
        every = zip(chart.layers, chart.layers.values(), COLORS, strict=True)
        labels, amounts, colors = zip(*(each for each in every if any(each[1])), strict=True)
        count = len(chart.steps)
        edges = [number - 0.5 for number in range(count + 1)]
        megabytes = [[amount / 1e6 for amount in (*layer, layer[-1])] for layer in amounts]
        axes.stackplot(edges, *megabytes, labels=labels, colors=colors, step="post")
        top = sum(layer[chart.peak] for layer in megabytes)
        axes.set(title=chart.title, ylabel="MB", xlim=(-0.5, count - 0.5), ylim=(0, 1.2 * top))
        axes.annotate(
            f"peak {top:,.1f} MB\n{chart.steps[chart.peak]}",
            (chart.peak, top),
            (0, 14),
            textcoords="offset points",
            ha="left" if chart.peak < count / 4 else "right" if chart.peak > 3 * count / 4 else "center",
            arrowprops={"arrowstyle": "-"},
        )
        ticks = _ticks(chart.stages)
        axes.set_xticks([number for number, _ in ticks], [name for _, name in ticks], rotation=45, ha="right")
        for number, phase in _changes(chart.phases)[1:]:
            axes.axvline(number - 0.5, color="black", linewidth=0.8, linestyle=":")
            axes.text(number - 0.5, 1.2 * top, f" {phase}", va="top")
        axes.legend(reverse=True, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        file = BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(file, format=format_name, metadata=dated.get(format_name))
    return file.getvalue()


def _ticks(stages: Sequence[str]) -> list[tuple[int, str]]:
    """The first step of each stage; where they stand too close, of the longer ones."""
    starts = _changes(stages)
    ends = [number for number, _ in starts[1:]] + [len(stages)]
    kept: list[tuple[int, str]] = []
    for _, start in sorted(zip(ends, starts, strict=True), key=lambda pair: pair[1][0] - pair[0]):
        if all(abs(start[0] - other) >= len(stages) / TICKS for other, _ in kept):
            kept.append(start)
    return kept


def _changes(names: Sequence[str]) -> list[tuple[int, str]]:
    """Where a run of equal names begins."""
    return [(next(run)[0], name) for name, run in groupby(enumerate(names), key=lambda pair: pair[1])]
