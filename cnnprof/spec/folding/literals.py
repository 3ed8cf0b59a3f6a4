"""Values and columns as the texts of expressions."""

from __future__ import annotations

from math import isfinite
from typing import Any

from cnnprof.spec.batches import BATCH, Besides
from cnnprof.spec.folding.outline import Expr, First, Rising, Text
from cnnprof.spec.words.windows import number


def shown(hole: Any) -> str:
    """The text of an expression, or of the one value of a column."""
    return str(hole) if isinstance(hole, Expr) else literal(hole[0])


def in_first_round(first: str, others: str) -> str:
    """An expression for a value that is another in the first round of a loop than in all others."""
    conditions = {("true", "false"): "first", ("false", "true"): "(not first)"}
    return conditions.get((first, others), f"({first} if first else {others})")


def besides_text(several: str, one: str) -> str:
    """An expression for a value that is another at a batch of one than at larger ones."""
    return f"({several} if {BATCH} > 1 else {one})"


def literal(value: Any) -> str:
    """A value as an expression has it, without blanks but for those in parentheses."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Text):
        return f"'{value}'"
    if isinstance(value, First):
        return in_first_round(literal(value.first), literal(value.others))
    if isinstance(value, Besides):
        if isinstance(value.one, bool):
            return f"({BATCH} == 1)" if value.one else f"({BATCH} > 1)"
        return besides_text(literal(value.several), literal(value.one))
    if isinstance(value, Rising):
        return f"({literal(value.start)}+{literal(value.step)}*i)"
    if isinstance(value, tuple):
        entries = ",".join(map(literal, value))
        return f"({entries})" if len(value) > 1 else f"[{entries}]"
    return _decimal(value) if isinstance(value, float) and isfinite(value) else str(value)


def _decimal(value: float) -> str:
    """The number as people write it: 0.001, and 1e-6."""
    digits, power, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent)}" if power and int(exponent) < 0 else number(value)


def negated(text: str) -> str:
    """The condition that holds where another does not."""
    return " and ".join(part.replace("!=", "==") for part in text.split(" or "))
