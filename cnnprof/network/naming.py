"""Names that nothing else has."""

from __future__ import annotations

from collections.abc import Container, Iterable


def free_name(wanted: str, taken: Container[str], first: int = 1) -> str:
    """The wanted name, or with the first number from `first` on behind it that makes it free: `conv`, `conv_1`, `conv_2`."""
    name, number = wanted, first
    while name in taken:
        name = f"{wanted}_{number}"
        number += 1
    return name


class FreeNames:
    """Names that are handed out once each, in steps that do not grow with how often one is wanted.

    Args:
        taken: names that nobody is to have.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*taken}
        self._numbers: dict[str, int] = {}

    def keep(self, names: Iterable[str]) -> None:
        """Let nobody have these."""
        self._taken.update(names)

    def new(self, wanted: str) -> str:
        """The wanted name, or with a number behind it, as `free_name` has it; from now on it is taken."""
        number = self._numbers.get(wanted, 1)
        name = free_name(wanted, self._taken, number)
        if name != wanted:
            self._numbers[wanted] = int(name[len(wanted) + 1 :]) + 1
        self._taken.add(name)
        return name
