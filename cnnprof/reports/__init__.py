"""Output formats: one module each, whose name is the value of `--format`; what it has is said by `Format`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol

from cnnprof.errors import UsageError, suggest
from cnnprof.record import record
from cnnprof.report import Report

FORMATS = tuple(module.name for module in iter_modules(__path__) if not module.name.startswith("_") and not module.ispkg)
"""Formats that every report can have."""

_PICTURES = (module.name for module in iter_modules([f"{path}/pictures" for path in __path__]))
PICTURES = tuple(
    sorted(
        (name for name in _PICTURES if not name.startswith("_")),
        key=lambda name: ({"svg": 0, "braille": 2, "mermaid": 3}.get(name, 1), name),
    )
)
"""Formats of charts; the first one is what a pipe gets, the last ones are text."""


GATES = tuple(sorted(module.name for module in iter_modules([f"{path}/gates" for path in __path__])))
"""Formats of what was checked."""

WITHOUT_NOTES = (*GATES, "csv")
"""Formats that have no place for a report's remarks."""

OVERLAYS = tuple(sorted(module.name.replace("_", "-") for module in iter_modules([f"{path}/overlays" for path in __path__])))
"""Formats of figures layer by layer, which other programs lay over their own pictures."""

SPECS = tuple(sorted(module.name for module in iter_modules([f"{path}/specs" for path in __path__])))
"""Formats that have a network's spec and nothing else."""


@record
class Style:
    """How a report is to look.

    Args:
        width: the columns there are for a text (None: as many as it needs).
        color: whether a text may have colours.
        theme: `paper` or `slides`, of a picture.
        inches: width and height of a picture (None: the chart's own).
    """

    width: int | None = None
    color: bool = False
    theme: str = "paper"
    inches: tuple[float, float] | None = None


class Format(Protocol):
    """A module of this package, or of `pictures`.

    Args:
        suffixes: of files that are in this format.
        binary: whether `render` gives bytes, which do not go to a terminal.
    """

    suffixes: tuple[str, ...]
    binary: bool

    def render(self, report: Report, style: Style) -> Any:
        """The report as text, or as bytes if the format is `binary`. A picture raises UsageError where there is no chart."""


_ROOMS = {".pictures": PICTURES, ".gates": GATES, ".overlays": OVERLAYS, ".specs": SPECS}


def format_of(name: str) -> Format:
    """The format of that name. Raises UsageError if there is none."""
    if name not in (*FORMATS, *PICTURES, *GATES, *OVERLAYS, *SPECS):
        raise UsageError(f"there is no format '{name}'", hint=suggest(name, FORMATS))
    folder = next((room for room, names in _ROOMS.items() if name in names), "")
    module: Any = import_module(f"{__name__}{folder}.{name.replace('-', '_')}")
    return module  # type: ignore[no-any-return]


def suffixes_of(names: Iterable[str]) -> dict[str, str]:
    """The suffixes of files, each with the one of these formats that it stands for."""
    return {suffix: name for name in names for suffix in format_of(name).suffixes}


def render(report: Report, format_name: str, style: Style) -> str:
    """The report as text. Raises UsageError for a format that there is not."""
    text: str = format_of(format_name).render(report, style)
    return text


def draw(report: Report, format_name: str) -> bytes:
    """The report's chart as a picture. Raises UsageError for a report without one."""
    content: bytes = format_of(format_name).render(report, Style())
    return content
