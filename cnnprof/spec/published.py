"""Published figures: `138M` carries its own precision, `138_357_544` is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace

from cnnprof.errors import did_you_mean
from cnnprof.network.graph import Accuracy, Figure
from cnnprof.record import record
from cnnprof.spec.located import Token, whole_token
from cnnprof.spec.reader import Entries, Scalar, Yaml
from cnnprof.spec.texts import read_text
from cnnprof.units import factor_of

PREFIXES = ("", "k", "M", "G", "T")
COUNTS = ("params", "macs", "ops", "activations")
ACCURACIES = ("top1", "top5", "top1_error", "top5_error")
SOURCES = ("where", "source")

_FIGURE = re.compile(r"(\d[\d_]*)(?:\.(\d+))?(?:[eE]\+?(\d{1,2}))?\s*([A-Za-z%]*)\Z", re.ASCII)


@record
class Published:
    """A paper's figures: counts and accuracies by key, and where each of them stands.

    `where` holds the source of single keys, and under the key '' that of all others.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)

    def over(self, other: Published) -> Published:
        """These figures, and the other's where these say nothing."""
        return Published({**other.figures, **self.figures}, {**other.where, **self.where})

    @property
    def counts(self) -> dict[str, Figure]:
        """The figures that can be computed, each with its source."""
        return {key: replace(figure, where=self._source(key)) for key, figure in self.figures.items() if key in COUNTS}

    def accuracy(self, paper: str | None, dataset: str | None) -> Accuracy | None:
        """Accuracy in percent with its source, the paper if no other is named; None where no accuracy is stated."""
        stated = [key for key in ACCURACIES if key in self.figures]
        if not stated:
            return None
        accuracy = Accuracy(self._percent("top1"), self._percent("top5"), self._source(stated[0]) or paper or "")
        return replace(accuracy, dataset=dataset) if dataset else accuracy

    def _percent(self, key: str) -> float | None:
        if key in self.figures:
            return self.figures[key].value
        error = self.figures.get(f"{key}_error")
        return None if error is None else round(100.0 - error.value, 6)

    def _source(self, key: str) -> str | None:
        return self.figures[key].where or self.where.get(key) or self.where.get("")


def read_published(node: Yaml) -> Published:
    """The mapping under `published`. Raises SpecError for an unknown key or unit."""
    if not isinstance(node, Entries):
        raise node.error("'published' is a mapping", "as in published: {params: 138M, macs: 15.5G}")
    figures: dict[str, Figure] = {}
    where: dict[str, str] = {}
    for key, value in node.pairs:
        name = key.value
        if name in SOURCES:
            where[""] = read_text(name, value) or ""
            continue
        check_figure(whole_token(key))
        if isinstance(value, Entries):
            _read_detailed(name, value, figures, where)
        else:
            figures[name] = _read_plain(name, value)
    placed = {name: replace(figure, where=figure.where or where.get("")) for name, figure in figures.items()}
    return Published(placed, where)


def check_figure(token: Token) -> None:
    """Raise SpecError unless the word is the key of a figure."""
    known = (*COUNTS, *ACCURACIES)
    if token.text not in known:
        hint = did_you_mean(token.text, known) or f"the keys are {' '.join(known)}"
        raise token.error(f"'published' has no key '{token.text}'", hint)


def read_figure(key: str, token: Token) -> Figure:
    """One figure: half a unit of its last digit is its tolerance. Raises SpecError for an unknown unit."""
    found = _FIGURE.match(token.text)
    if not found:
        raise token.error(f"'{token.text}' is not a figure", "as in 138M, 1.2G, 60k, 138_357_544 or 76.1")
    whole, digits, exponent, unit = found.groups()
    scale = _scale(key, token, unit) * 10.0 ** int(exponent or 0)
    value = round(float(f"{whole.replace('_', '')}.{digits or 0}") * scale, 9)
    if key in ACCURACIES and value > 100:
        raise token.error(f"'{key}' is in percent, from 0 to 100")
    if key in ("top1", "top5") and 0 < value < 1:
        raise token.error(f"'{key}' is in percent, and {token.text} is less than one", f"write {round(100 * value, 6):g}")
    if value >= 1e18:
        raise token.error("this figure is too large")
    exact = scale == 1 and not digits and key not in ACCURACIES
    return Figure(value, 0.0 if exact else 0.5 * scale * 10.0 ** -len(digits or ""), token.text)


def _scale(key: str, token: Token, unit: str) -> float:
    known = ("", "%") if key in ACCURACIES else PREFIXES
    if unit in known:
        return factor_of(unit, "count") or 1.0
    folded = next((name for name in known if name and name.lower() == unit.lower()), None)
    units = " ".join(name for name in known if name)
    start = len(token.text) - len(unit)
    raise token.cut(start).error(f"unknown unit '{unit}'", f"did you mean '{folded}'?" if folded else f"it may be {units}")


def _read_plain(key: str, node: Yaml) -> Figure:
    if not isinstance(node, Scalar):
        raise node.error(f"'{key}' is a figure such as 138M, or a mapping with its value")
    return read_figure(key, whole_token(node))


def _read_detailed(key: str, node: Entries, figures: dict[str, Figure], where: dict[str, str]) -> None:
    """`{value: 6.8M, tolerance: 0.2M, why: ..., where: ...}`; without a value, where the variants' figures stand."""
    known = ("value", "tolerance", "why", *SOURCES)
    texts: dict[str, str | None] = {}
    for entry, value in node.pairs:
        if entry.value not in known:
            hint = did_you_mean(entry.value, known) or f"its keys are {' '.join(known)}"
            raise entry.error(f"a figure has no key '{entry.value}'", hint)
        if entry.value in ("why", *SOURCES):
            texts[entry.value] = read_text(entry.value, value)
    source = texts.get("where") or texts.get("source")
    stated, tolerance = node.get("value"), node.get("tolerance")
    if stated is None:
        if not source or tolerance is not None or "why" in texts:
            raise node.error(f"'{key}' has no 'value'")
        where[key] = source
        return
    figure = _read_plain(key, stated)
    margin = figure.tolerance if tolerance is None else _read_tolerance(key, tolerance, figure.value)
    figures[key] = Figure(figure.value, margin, figure.text, texts.get("why"), source)


def _read_tolerance(key: str, node: Yaml, value: float) -> float:
    """A figure of its own, or a share such as `5%`."""
    if isinstance(node, Scalar) and node.value.endswith("%") and key not in ACCURACIES:
        return read_figure("top1", whole_token(node)).value / 100 * value
    return _read_plain(key, node).value
