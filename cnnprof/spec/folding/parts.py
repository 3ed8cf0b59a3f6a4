"""Layers of one word with other numbers, as one layer with columns; what only one of them says is usual in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.spec.folding.outline import USUAL, Column, Part, Text
from cnnprof.spec.words import ACTIVATIONS, WORDS

SIZED = ("conv", "deconv", "fc")
"""Words whose first number is how many channels come out."""


def same_word(a: Part, b: Part, sizes: tuple[int, int]) -> Part | None:
    """Two layers of one word as one; None where their words or flags differ."""
    if (a.word, a.flags) != (b.word, b.flags) or (a.word == "permute" and {*a.options[0][1]} != {*b.options[0][1]}):
        return None
    keys = [key for key, _ in _longer(a, b)]
    columns = []
    for key in keys:
        one, other = (_column(part, key, size) for part, size in zip((a, b), sizes, strict=True))
        if one is None or other is None:
            return None
        columns.append((key, (*one, *other)))
    return Part(a.word, a.flags, tuple(columns))


def same_words(a: Sequence[Part], b: Sequence[Part], sizes: tuple[int, int], acts: bool) -> tuple[Part, ...] | None:
    """Layers of one line as one line; with `acts` the activation behind them may be another, or none, by `use act`."""
    longer = max(len(a), len(b))
    if abs(len(a) - len(b)) > (acts or "use" in (a[-1].word, b[-1].word)):
        return None
    found: list[Part] = []
    for at in range(longer):
        x, y = (parts[at] if at < len(parts) else _NO_ACT for parts in (a, b))
        part = same_word(x, y, sizes)
        if part is None and (acts or "use" in (x.word, y.word)) and at and at == longer - 1 and _is_act(x) and _is_act(y):
            part = Part("use", (), (("act", (*_acts(x, sizes[0]), *_acts(y, sizes[1]))),))
        if part is None:
            return None
        found.append(part)
    return tuple(found)


_NO_ACT = Part("identity", (), ())


def _is_act(part: Part) -> bool:
    plain = part.word in ACTIVATIONS and not part.flags and not part.options
    return plain or part.word == "use" or part == _NO_ACT


def _acts(part: Part, size: int) -> Column:
    return dict(part.options)["act"] if part.word == "use" else (Text(part.word),) * size  # type: ignore[return-value]


def _longer(a: Part, b: Part) -> Sequence[tuple[str, Any]]:
    """The options of both; those that only one says stand last."""
    known = {key for key, _ in a.options}
    return [*a.options, *(option for option in b.options if option[0] not in known)]


def _column(part: Part, key: str, size: int) -> Column | None:
    options = dict(part.options)
    if key in options:
        return options[key]  # type: ignore[return-value]
    if key in USUAL and not (key == "s" and part.word in ("maxpool", "avgpool", "subsample")):
        return (USUAL[key],) * size
    if key == "s":
        return options.get("size")  # type: ignore[return-value]
    if key == "p":
        return (0,) * size if part.word.endswith("pool") else _half(options, size)
    return None


def _half(options: dict[str, Any], size: int) -> Column | None:
    """The padding of a convolution with an odd kernel that says none."""
    kernels, gaps = options.get("size"), options.get("d", (1,) * size)
    if kernels is None:
        return None
    halves: list[Any] = []
    for kernel, gap in zip(kernels, gaps, strict=True):
        if kernel is None:
            halves.append(None)
            continue
        axes = kernel if isinstance(kernel, tuple) else (kernel,)
        spread = gap if isinstance(gap, tuple) else (gap,) * len(axes)
        half = tuple(d * (k - 1) // 2 for k, d in zip(axes, spread, strict=True))
        halves.append(half[0] if len({*half}) == 1 else half)
    return tuple(halves)


def option_name(key: str, word: str) -> str:
    """The name of an argument for an option of a word."""
    if key == "size":
        return "k" if WORDS[word].shorthand == "kernel" else "size"
    if not key.isdigit():
        return key.rstrip("=")
    if word in (*SIZED, "parameter", "reshape"):
        return "w"
    places = WORDS[word].positional
    return places[int(key)] if int(key) < len(places) else "value"
