"""`cnnprof plot compare`: networks as bubbles on two axes, with the front of exactly these two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from cnnprof.charts.explorer import Explorer
from cnnprof.charts.points import Axis, Line, Point
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError, suggest
from cnnprof.judging.pareto import Span, standings
from cnnprof.record import record
from cnnprof.timing.calibrations import Calibration
from cnnprof.units import sizes_text
from cnnprof.views.benchmark import conditions
from cnnprof.views.comparison import on_other_data
from cnnprof.views.entry import OF_ENTRY, Entry
from cnnprof.views.prediction import calibration_notes


@record
class Quantity:
    """A figure of a network that an axis, or a bubble's area, can show.

    Args:
        key: its name in a row of a comparison.
        label: its name with the unit that `unit` of it is one of.
        unit: base units in a shown one.
        better: which end of it is.
        lacking: how a user comes to have it, where a network has not.
    """

    key: str
    label: str
    unit: float = 1.0
    better: Literal["lower", "higher", ""] = "lower"
    lacking: str = ""


_REPORTED = "an accuracy is shown where one is reported: cnnprof list 'resnet*'"
_MEASURED = "add --bench to measure it"
QUANTITIES: Mapping[str, Quantity] = {
    "macs": Quantity("macs", "multiply-accumulates (G)", 1e9),
    "params": Quantity("params", "parameters (M)", 1e6),
    "activations": Quantity("activations", "activations (M)", 1e6),
    "peak": Quantity("peak_inference_bytes", "memory of an inference (MB)", 1e6),
    "training": Quantity("peak_training_bytes", "memory of a training step (MB)", 1e6),
    "latency": Quantity("latency_ms", "latency (ms)", lacking=_MEASURED),
    "predicted": Quantity("predicted_ms", "predicted latency (ms)", lacking="add --predict"),
    "throughput": Quantity("throughput_img_s", "throughput (images/s)", better="higher", lacking=_MEASURED),
    "top1": Quantity("top1", "top-1 accuracy (%)", better="higher", lacking=_REPORTED),
    "top5": Quantity("top5", "top-5 accuracy (%)", better="higher", lacking=_REPORTED),
    "year": Quantity("year", "year", better=""),
}
"""The figures that can be drawn, by their words."""

INTERVALS = {"latency_ms": "ci95", "predicted_ms": "interval90"}
"""Where a row has the interval of a figure."""

DECADE = 20
"""A logarithmic axis where the largest value is this many times the smallest."""

NAMES_SHOWN = 6

LONGEST = 48
"""Letters of a name in a picture."""


def find_quantity(word: str, option: str) -> Quantity:
    """The quantity of that word, or of its name in JSON. Raises UsageError, in the name of the option, for another."""
    by_key = {quantity.key: quantity for quantity in QUANTITIES.values()}
    found = QUANTITIES.get(word) or by_key.get(word)
    if found is None:
        raise UsageError(f"{option}: '{word}' cannot be drawn", hint=suggest(word, QUANTITIES))
    return found


def chart_comparison(
    entries: Sequence[Entry], baseline: str, x: str, y: str, size: str, colour: str, calibration: Calibration | None = None
) -> Scatter:
    """The chart of a comparison, whose predictions rest on the calibration; other arguments as for `bubbles`."""
    rows = [{column.key: column.cell(entry) for column in OF_ENTRY} for entry in entries]
    base = next(row for row in rows if row["model"] == baseline)
    measured = [entry.measurement for entry in entries if entry.measurement and entry.measurement.times]
    shown = {x, y, size} & {"latency", "latency_ms", "throughput", "throughput_img_s"}
    remarks = sorted({conditions(each) for each in measured if shown})
    if calibration and "predicted" in (x, y, size):
        remarks += calibration_notes(calibration, "predicted ")
    return bubbles(rows, x, y, size, colour, on_other_data(rows, base), remarks)


def explore_comparison(entries: Sequence[Entry], baseline: str) -> Explorer | None:
    """The chart of a comparison's page: bubbles by any two figures; None where no two are known of any network."""
    rows = [{column.key: column.cell(entry) for column in OF_ENTRY} for entry in entries]
    base = next(row for row in rows if row["model"] == baseline)
    apart = on_other_data(rows, base)
    known = {word: quantity for word, quantity in QUANTITIES.items() if any(row.get(quantity.key) is not None for row in rows)}
    words = [word for word in known if word != "year"]
    if len(words) < 2:
        return None
    up = "top1" if "top1" in known else "params"
    chosen = ("macs", up, "params" if up == "top1" else "activations")
    fronts = {}
    for x, y in ((x, y) for x in known for y in known if x != y):
        aside = apart if {known[x].key, known[y].key} & {"top1", "top5"} else {}
        both = [row for row in rows if row.get(known[x].key) is not None and row.get(known[y].key) is not None]
        front = _front([row for row in both if row["model"] not in aside], known[x], known[y])
        fronts[f"{x}|{y}"] = tuple(row["model"] for row in front) if len(front) > 1 else ()
    source = common_source(rows)
    points = tuple(
        {"label": row["model"], "name": _short(row["model"].removeprefix(source)), "group": _short(row["family"] or "")}
        | {word: None if row.get(each.key) is None else row[each.key] / each.unit for word, each in known.items()}
        | ({"apart": apart[row["model"]]} if row["model"] in apart else {})
        | {f"{word}_span": list(span) for word, each in known.items() if (span := _interval(row, each))}
        for row in rows
    )
    axes = {word: _axis(each, [row for row in rows if row.get(each.key) is not None]) for word, each in known.items()}
    measured = [entry.measurement for entry in entries if entry.measurement and entry.measurement.times]
    first = bubbles(rows, *chosen, "family", apart, sorted({conditions(each) for each in measured}))
    return Explorer(first, chosen, axes, points, fronts)


def bubbles(
    rows: Sequence[Mapping[str, Any]],
    x: str,
    y: str,
    size: str,
    colour: str,
    apart: Mapping[str, str],
    remarks: Sequence[str] = (),
) -> Scatter:
    """Networks on two axes.

    Args:
        rows: those of a comparison, with `family`.
        x: what is drawn along the lower edge, a word of `QUANTITIES`; `y` along the left one, `size` as area.
        colour: `family`, `dataset`, `recipe` or `source`: what shares a colour.
        apart: networks whose accuracy is on another data set than the first one's, and on which.
        remarks: how what was measured was measured.

    Raises UsageError for an unknown word, and for an axis that no row has.
    """
    across, up, area = find_quantity(x, "--x"), find_quantity(y, "--y"), find_quantity(size, "--size")
    if colour not in COLOURS:
        raise UsageError(f"--colour: there is no '{colour}'", hint=suggest(colour, COLOURS))
    for quantity in (across, up, area):
        if all(row.get(quantity.key) is None for row in rows):
            raise UsageError(f"no network has the {quantity.label}", hint=quantity.lacking or None)
    placed = [row for row in rows if row.get(across.key) is not None and row.get(up.key) is not None]
    if not placed:
        raise UsageError(f"no network has both the {across.label} and the {up.label}")
    aside = apart if {across.key, up.key} & {"top1", "top5"} else {}
    front = _front([row for row in placed if row["model"] not in aside], across, up)
    largest = max((row.get(area.key) or 0) for row in placed)
    recipes = _recipes(placed) if {across.key, up.key} & {"top1", "top5"} else {}
    on_front = [row["model"] for row in front]
    source = common_source(placed)
    of_source = f", networks of {source[:-1]}" if source else ""
    # Names of the front come first; then the large bubbles', which have the least room to spare.
    ranked = sorted(placed, key=lambda row: (row["model"] not in on_front, -(row.get(area.key) or 0)))
    points = tuple(
        Point(
            _short(row["model"].removeprefix(source)) + recipes.get(row["accuracy_source"], ("", ""))[0],
            row[across.key] / across.unit,
            row[up.key] / up.unit,
            (row.get(area.key) or 0) / largest if largest else 0.1,
            _short(COLOURS[colour](row)),
            _interval(row, across),
            _interval(row, up),
            row["model"] in aside,
            _detail(row, (across, up, area)),
        )
        for row in ranked
    )
    line = Line(
        "no other is better in both",
        tuple(row[across.key] / across.unit for row in front),
        tuple(row[up.key] / up.unit for row in front),
        steps=True,
    )
    return Scatter(
        f"{_name(up)} over {_name(across)}, area by {_name(area)}, {_inputs(placed)}{of_source}",
        _axis(across, placed),
        _axis(up, placed),
        points,
        (line,) if len(front) > 1 else (),
        _sizes(largest / area.unit) if area.key != "year" else (),
        area.label,
        tuple(_notes(rows, placed, across, up, aside, recipes, remarks)),
    )


COLOURS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "family": lambda row: row.get("family") or "",
    "dataset": lambda row: row.get("dataset") or "",
    "recipe": lambda row: row.get("recipe") or "",
    "source": lambda row: (row.get("source") or "").partition(":")[0].partition("/")[0],
}
"""The properties that bubbles of one colour can share."""


def _inputs(rows: Sequence[Mapping[str, Any]]) -> str:
    sizes = {row["input"] for row in rows}
    return f"input {sizes_text(*sizes)}" if len(sizes) == 1 else "each at its own input size"


def common_source(rows: Sequence[Mapping[str, Any]]) -> str:
    """The prefix that all names have, `torchvision:`, which a picture says once; empty where they have none in common."""
    prefixes = {row["model"].partition(":")[0] if ":" in row["model"] else "" for row in rows}
    (prefix,) = prefixes if len(prefixes) == 1 else ("",)
    return f"{prefix}:" if prefix and len(rows) > 1 else ""


def _short(name: str) -> str:
    """A name that a picture has room for."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _name(quantity: Quantity) -> str:
    return quantity.label.partition(" (")[0]


def _axis(quantity: Quantity, rows: Sequence[Mapping[str, Any]]) -> Axis:
    values = [row[quantity.key] for row in rows]
    return Axis(quantity.label, min(values) > 0 and max(values) >= DECADE * min(values), quantity.better)


def _interval(row: Mapping[str, Any], quantity: Quantity) -> tuple[float, float] | None:
    ends = row.get(INTERVALS.get(quantity.key, ""))
    return (ends[0] / quantity.unit, ends[1] / quantity.unit) if ends else None


def _front(rows: Sequence[Mapping[str, Any]], across: Quantity, up: Quantity) -> list[Mapping[str, Any]]:
    """The rows that no other is better than in these two, from left to right; none where an axis has no better end."""
    if not (across.better and up.better):
        return []

    def span(row: Mapping[str, Any], quantity: Quantity) -> Span:
        low, high = _interval(row, quantity) or (row[quantity.key], row[quantity.key])
        return (-high, -low) if quantity.better == "higher" else (low, high)

    found = standings([(span(row, across), span(row, up)) for row in rows])
    best = [row for row, standing in zip(rows, found, strict=True) if standing.optimal]
    return sorted(best, key=lambda row: (row[across.key], row[up.key]))


def _recipes(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Where accuracies come from: each source but the most frequent one with the mark behind a name, and its text."""
    counts = Counter(row["accuracy_source"] for row in rows)
    others = [source for source, _ in counts.most_common()][1 : len(MARKS) + 1]
    return {source: (mark, source) for source, mark in zip(others, MARKS, strict=False)}


MARKS = "¹²³⁴⁵⁶⁷⁸⁹"


def _sizes(largest: float) -> tuple[tuple[str, float], ...]:
    """Three round values for the legend of areas."""
    steps = [factor * 10.0**power for power in range(-3, 7) for factor in (1, 2, 5)]
    below = [step for step in steps if step <= largest]
    return tuple((f"{step:,g}", step / largest) for step in below[-1:-8:-3])[::-1] if largest else ()


def _detail(row: Mapping[str, Any], shown: Sequence[Quantity]) -> dict[str, str]:
    texts = {
        quantity.label: f"{row[quantity.key] / quantity.unit:,.4g}" for quantity in shown if row.get(quantity.key) is not None
    }
    return texts | ({"accuracy": row["accuracy_source"]} if row.get("accuracy_source") else {})


def _notes(
    rows: Sequence[Mapping[str, Any]],
    placed: Sequence[Mapping[str, Any]],
    across: Quantity,
    up: Quantity,
    aside: Mapping[str, str],
    recipes: Mapping[str, tuple[str, str]],
    remarks: Sequence[str],
) -> list[str]:
    notes = [*remarks]
    for quantity in (across, up):
        lacking = [row["model"] for row in rows if row.get(quantity.key) is None]
        if lacking:
            notes.append(f"without {_name(quantity)}, and not shown: {_some(lacking)}")
    notes += [f"on {name}, and not compared: {_some(of)}" for name, of in _by_value(aside).items()]
    if {across.key, up.key} & {"top1", "top5"}:
        common = next(iter(Counter(row["accuracy_source"] for row in placed).most_common(1)))[0]
        marked = "; ".join(f"{mark} {text}" for mark, text in recipes.values())
        notes.append(f"accuracy as reported, not measured here: {common}" + (f"; {marked}" if marked else ""))
    return notes


def _by_value(mapping: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in mapping.items():
        found.setdefault(value, []).append(name)
    return found


def _some(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(map(_short, names[:NAMES_SHOWN])) + (f" and {more} more" if more > 0 else "")
