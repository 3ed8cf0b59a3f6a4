"""Settings with several values, `width=0.5,0.75,1.0` or `input=128:224:32`, as one network each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import product
from math import prod

from cnnprof.errors import CnnprofError

MOST = 1_000
"""So many networks one reference may stand for."""

_COMMA = re.compile(r",(?![^\[(]*[\])])")
_RANGE = re.compile(r"(-?[\d.]+):(-?[\d.]+)(?::(-?[\d.]+))?")


def split_items(text: str) -> dict[str, str]:
    """`width=0.5,0.75,res=160` as the values of each setting; commas inside brackets belong to a value.

    Raises CnnprofError for what is neither a setting nor a further value of one.
    """
    settings: dict[str, str] = {}
    last = ""
    for item in _COMMA.split(text):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals and last and name:
            settings[last] += f",{name}"
            continue
        if not (equals and name and value):
            raise CnnprofError(f"'{item}' is not a setting", hint="write name=value, several with a comma between them")
        if name in settings:
            raise CnnprofError(
                f"the setting '{name}' stands twice", hint=f"several values have commas: {name}={settings[name]},{value}"
            )
        settings[name] = value
        last = name
    return settings


def variations(settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Every combination of the values. Raises CnnprofError for more than `MOST`."""
    values = [_values(text) for text in settings.values()]
    count = prod(map(len, values))
    if count > MOST:
        raise CnnprofError(
            f"these settings stand for {count:,} networks, and a table takes {MOST:,}",
            hint="cnnprof sweep goes through that many",
        )
    for chosen in product(*values):
        yield dict(zip(settings, chosen, strict=True))


def _values(text: str) -> list[str]:
    return values_of(text, MOST)


def values_of(text: str, most: int) -> list[str]:
    """`0.5,128:224:32` as 0.5, 128, 160, 192 and 224; a range of more than `most` values as so many times itself.

    Raises CnnprofError for a range without values.
    """
    return [value for part in _COMMA.split(text) for value in _range(part.strip(), most)]


def _range(text: str, most: int) -> list[str]:
    found = _RANGE.fullmatch(text)
    if not found:
        return [text]
    try:
        start, stop, step = (Decimal(part or "1") for part in found.groups())
    except InvalidOperation:
        return [text]
    if step <= 0 or stop < start:
        raise CnnprofError(f"'{text}' has no values", hint="a range is first:last:step, as in 128:224:32")
    count = int((stop - start) / step) + 1
    if count > most:
        return [text] * count  # `variations` says how many
    return [str(start + number * step) for number in range(count)]


def read_input(text: str, channels: int) -> tuple[int, ...]:
    """`3x160x160` or, for a square of the network's own channels, `160`. Raises CnnprofError for anything else."""
    sizes = text.split("x")
    if not all(re.fullmatch(r"[1-9]\d{0,8}", size) for size in sizes) or len(sizes) not in (1, 3):
        raise CnnprofError(f"'{text}' is not an input size", hint="as in input=3x160x160, or input=160 for a square")
    numbers = tuple(map(int, sizes))
    return numbers if len(numbers) == 3 else (channels, *numbers, *numbers)
