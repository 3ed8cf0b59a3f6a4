"""Layers of one word with other numbers, as one layer with columns; what only one of them says is usual in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.spec.folding.outline import USUAL, Column, Part
from cnnprof.spec.words import WORDS

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
    if word in (*SIZED, "parameter"):
        return "w"
    places = WORDS[word].positional
    return places[int(key)] if int(key) < len(places) else "value"
