"""Published figures: `138M` carries its own precision, `138_357_544` is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cnnprof.core.errors import SpecError, did_you_mean
from cnnprof.core.graph import Accuracy, Figure
from cnnprof.spec.located import Token, whole_token
from cnnprof.spec.reader import Entries, Scalar, Yaml

UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
COUNTS = ("params", "macs", "ops", "activations")
ACCURACIES = ("top1", "top5", "top1_error", "top5_error")
SOURCES = ("where", "source")
KEYS = (*COUNTS, *ACCURACIES, *SOURCES)

_FIGURE = re.compile(r"(\d[\d_]*)(?:\.(\d+))?(?:[eE]\+?(\d{1,2}))?\s*([A-Za-z%]*)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Published:
    """What a paper states: counts and accuracies by key, and where.

    Args:
        where: the source of the figures that name none.
        places: the same for one key; a family states them for its variants.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    where: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)

    def over(self, other: Published) -> Published:
        """These figures, and the other's where these say nothing."""
        return Published({**other.placed, **self.placed}, other.where, other.places)

    @property
    def placed(self) -> dict[str, Figure]:
        """The figures with their sources."""
        return {key: replace(f, where=f.where or self.places.get(key) or self.where) for key, f in self.figures.items()}

    @property
    def counts(self) -> dict[str, Figure]:
        """The figures that can be computed, with their source."""
        return {key: figure for key, figure in self.placed.items() if key in COUNTS}

    def accuracy(self, paper: str | None) -> Accuracy | None:
        """Accuracy in percent, None where none is stated."""
        top1, top5 = self._percent("top1"), self._percent("top5")
        if top1 is None and top5 is None:
            return None
        places = [f.where for key, f in self.placed.items() if key in ACCURACIES and f.where]
        return Accuracy(top1, top5, places[0] if places else paper or "")

    def _percent(self, key: str) -> float | None:
        if key in self.figures:
            return self.figures[key].value
        error = self.figures.get(f"{key}_error")
        return None if error is None else round(100.0 - error.value, 6)


def read_published(node: Yaml) -> Published:
    """The mapping under `published`. Raises SpecError for an unknown key or unit."""
    if not isinstance(node, Entries):
        raise node.error("'published' is a mapping", "as in published: {params: 138M, macs: 15.5G}")
    figures: dict[str, Figure] = {}
    places: dict[str, str] = {}
    where = None
    for key, value in node.pairs:
        check_key(whole_token(key))
        if key.value in SOURCES:
            where = _text(value)
        elif isinstance(value, Entries) and [entry.value for entry, _ in value.pairs] == ["where"]:
            places[key.value] = _text(value.pairs[0][1])
        else:
            figures[key.value] = _detailed(key.value, value) if isinstance(value, Entries) else _plain(key.value, value)
    return Published(figures, where, places)


def check_key(token: Token) -> str:
    """The key, if it is one that can be published."""
    if token.text not in KEYS:
        hint = did_you_mean(token.text, KEYS) or f"one of {' '.join(KEYS)}"
        raise token.error(f"'published' has no key '{token.text}'", hint)
    return token.text


def read_figure(key: str, token: Token) -> Figure:
    """One figure: half a unit of its last digit is its tolerance. Raises SpecError for an unknown unit."""
    found = _FIGURE.match(token.text)
    if not found:
        raise token.error(f"'{token.text}' is not a figure", "as in 138M, 1.2G, 60k, 138_357_544 or 76.1")
    whole, digits, exponent, unit = found.groups()
    scale = _scale(key, token, unit) * 10.0 ** int(exponent or 0)
    value = round(float(f"{whole.replace('_', '')}.{digits or 0}") * scale, 9)
    if not value < 1e18:
        raise token.error("this figure is too large")
    if key in ACCURACIES and not value <= 100:
        raise token.error(f"'{key}' is in percent, from 0 to 100")
    exact = scale == 1 and not digits and key not in ACCURACIES
    return Figure(value, 0.0 if exact else 0.5 * scale / 10 ** len(digits or ""), token.text)


def _scale(key: str, token: Token, unit: str) -> float:
    known = ("", "%") if key in ACCURACIES else tuple(UNITS)
    if unit in known:
        return UNITS.get(unit, 1.0)
    start = len(token.text) - len(unit)
    matches = [name for name in known if name and name.lower() == unit.lower()]
    hint = f"did you mean '{matches[0]}'?" if matches else f"the units are {' '.join(name for name in known if name)}"
    raise token.cut(start).error(f"unknown unit '{unit}'", hint)


def _plain(key: str, node: Yaml) -> Figure:
    if not isinstance(node, Scalar):
        raise node.error(f"'{key}' is a figure such as 138M, or a mapping with its value")
    return read_figure(key, whole_token(node))


def _detailed(key: str, node: Entries) -> Figure:
    """`{value: 6.8M, tolerance: 0.2M, why: ..., where: ...}`."""
    known = ("value", "tolerance", "why", *SOURCES)
    for entry, _ in node.pairs:
        if entry.value not in known:
            raise entry.error(
                f"a figure has no key '{entry.value}'", did_you_mean(entry.value, known) or f"one of {' '.join(known)}"
            )
    value = node.get("value")
    if value is None:
        raise node.error(f"'{key}' has no 'value'")
    figure = _plain(key, value)
    tolerance = node.get("tolerance")
    why = node.get("why")
    where = next((node.get(name) for name in SOURCES if node.get(name) is not None), None)
    return Figure(
        figure.value,
        figure.tolerance if tolerance is None else _tolerance(key, tolerance, figure.value),
        figure.text,
        None if why is None else _text(why),
        None if where is None else _text(where),
    )


def _tolerance(key: str, node: Yaml, value: float) -> float:
    """A figure of its own, or a share such as `5%`."""
    if isinstance(node, Scalar) and node.value.endswith("%") and key not in ACCURACIES:
        token = whole_token(node)
        return read_figure("top1", token).value / 100 * value
    return _plain(key, node).value


def _text(node: Yaml) -> str:
    if not isinstance(node, Scalar):
        raise SpecError("this is a text", node.place)
    return node.value.strip()
