"""How a number reads: one function a kind of value, and the unit that a whole column shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cnnprof.report import Kind
from cnnprof.units import SCALES, sizes_text


def scale_of(values: Iterable[Any]) -> tuple[str, float]:
    """The unit for a column of counts: millions, unless all of it is below one million or beyond 10^13."""
    largest = max((abs(value) for value in values if isinstance(value, (int, float))), default=0)
    return ("G", 1e9) if largest >= 1e13 else ("M", 1e6) if largest >= 1e6 else ("K", 1e3) if largest >= 1e4 else ("", 1.0)


def scaled(value: Any, unit: float = 1.0) -> str:
    """A count in a column's unit: 4,089.18. Zero is written only where it is the answer."""
    if unit == 1.0 or value == 0:
        return f"{value:,}"
    return f"{value / unit:,.2f}" if value / unit >= 0.005 else "<0.01"


def count(value: Any) -> str:
    """An exact count: 25,557,032."""
    return f"{value:,}"


def change(value: Any) -> str:
    """A difference of counts: +1,024."""
    return f"{value:+,}" if value else "0"


def scaled_change(value: Any, unit: float = 1.0) -> str:
    """A difference in a column's unit: -115.61, or a single digit where two decimals would show none."""
    if not value or unit == 1.0:
        return change(value)
    return f"{value / unit:+,.2f}" if abs(value) >= 0.005 * unit else f"{value / unit:+.1g}"


def rough(value: Any) -> str:
    """A count with its own unit behind it: 4.089 G."""
    letter, unit = next(scale for scale in SCALES if abs(value) >= scale[1] or scale[1] == 1.0)
    return f"{value:,}" if unit == 1.0 else f"{value / unit:.4g} {letter}"


def exact_and_rough(value: Any) -> str:
    """An exact count, and how one says it: 4,089,184,256 (4.089 G)."""
    return f"{count(value)} ({rough(value)})" if abs(value) >= 10_000 else count(value)


def size(value: Any) -> str:
    """Bytes: 102.2 MB (1 MB = 10^6 bytes)."""
    letter, unit = next(scale for scale in SCALES if abs(value) >= scale[1] or scale[1] == 1.0)
    return f"{value:,} B" if unit == 1.0 else f"{value / unit:,.1f} {letter.replace('K', 'k')}B"


def megabytes(value: Any) -> str:
    """Bytes in a column headed MB; below 1 with two digits that count."""
    if value >= 950_000:
        return f"{value / 1e6:,.1f}"
    return f"{value / 1e6:.2g}" if value >= 500 else "<0.001" if value else "0"


def quantity(value: Any) -> str:
    """A number with its kind: a count, bytes, milliseconds or percent."""
    number, kind = value
    if kind == "percent":
        return f"{percent(number)}%"
    return f"{milliseconds(number)} ms" if kind == "ms" else size(number) if kind == "bytes" else rough(number)


def share(value: Any) -> str:
    """A part of the whole, in percent."""
    return f"{100 * value:.1f}" if value >= 0.0005 else "<0.1" if value else "0"


def error(value: Any) -> str:
    """How far a figure is off, in percent: +0.02."""
    return f"{100 * value:+.2f}"


def percent(value: Any) -> str:
    """A figure that is in percent already."""
    return f"{value:.2f}"


def milliseconds(value: Any) -> str:
    """Milliseconds, to four digits, as more are noise."""
    size = abs(value)
    return f"{value:.3f}" if size < 10 else f"{value:.2f}" if size < 100 else f"{value:,.1f}"


def factor(value: Any) -> str:
    """A ratio: 0.07x."""
    return f"{value:.2f}x" if value >= 0.01 else f"{value:.1e}x"


def interval(value: Any) -> str:
    """A confidence interval of milliseconds."""
    return f"{milliseconds(value[0])} - {milliseconds(value[1])}"


def factor_interval(value: Any) -> str:
    """A confidence interval of a ratio."""
    digits = 3 if value[0] < 10 else 1
    return f"{value[0]:.{digits}f} - {value[1]:.{digits}f}"


def shapes(value: Any) -> str:
    """Several shapes."""
    return " ".join(map(sizes_text, value))


def words(value: Any) -> str:
    """Several words."""
    return " ".join(str(item) for item in value)


def rate(value: Any) -> str:
    """Images a second."""
    return f"{value:,.1f}"


def joules(value: Any) -> str:
    """Energy to three digits, or the word for its absence."""
    return value if isinstance(value, str) else f"{value:.3g}"


def mark(value: Any) -> str:
    """Yes, or nothing."""
    return "yes" if value else ""


def result(value: Any) -> str:
    """The result of a calculation: a size, a count, or a blank to fill in."""
    return sizes_text(value) if isinstance(value, tuple) else value if isinstance(value, str) else count(value)


def verdict(value: Any) -> str:
    """How a check came out, as one sign."""
    return {"holds": "✓", "explained": "≈", "failed": "✗"}.get(value, "-")


KINDS: dict[Kind, Callable[[Any], str]] = {
    "text": str,
    "year": str,
    "count": count,
    "scaled": scaled,
    "change": change,
    "scaled_change": scaled_change,
    "exact": exact_and_rough,
    "size": size,
    "megabytes": megabytes,
    "quantity": quantity,
    "share": share,
    "percent": percent,
    "error": error,
    "ms": milliseconds,
    "factor": factor,
    "interval": interval,
    "factor_interval": factor_interval,
    "shape": sizes_text,
    "shapes": shapes,
    "words": words,
    "rate": rate,
    "joules": joules,
    "mark": mark,
    "verdict": verdict,
    "result": result,
    "status": str,
    "shaded": str,
}
"""Every kind of value by name; `scaled` takes the column's unit as well."""


SCALED: dict[Kind, Callable[[Any, float], str]] = {"scaled": scaled, "scaled_change": scaled_change}
"""The kinds that share a unit down a column."""


def show(value: Any, kind: Kind) -> str:
    """A value as text: a dash where it is not known, nothing where there is nothing to know."""
    return "-" if value is None else "" if value == "" else KINDS[kind](value)
