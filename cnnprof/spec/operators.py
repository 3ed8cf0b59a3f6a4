"""The operators of expressions, for numbers and for arrays, whose entries get what each would get alone."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Collection
from typing import Any

from cnnprof.errors import did_you_mean
from cnnprof.network.dims import is_array
from cnnprof.spec.entrywise import each
from cnnprof.spec.values import Value


def _checked(divide: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A division that raises ZeroDivisionError for arrays, too."""

    def operate(a: Value, b: Value) -> Value:
        if (is_array(a) or is_array(b)) and b == 0:
            raise ZeroDivisionError
        return divide(a, b)

    return operate


def equal(a: Value, b: Value) -> Any:
    """Equality under which true is not 1; lists compare entry by entry."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return a == b if is_array(a) or is_array(b) else bool(a == b)


def differ(a: Value, b: Value) -> Any:
    """The opposite of `equal`."""
    alike = equal(a, b)
    return ~alike if is_array(alike) else not alike


def contained(a: Value, b: Value) -> bool:
    """Whether one of the list's entries is equal to `a`."""
    return any(equal(a, item) for item in b)


OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", _checked(operator.truediv)),
    ast.FloorDiv: ("//", _checked(operator.floordiv)),
    ast.Mod: ("%", _checked(operator.mod)),
    ast.Pow: ("**", lambda a, b: each(operator.pow, a, b)),
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Eq: ("==", equal),
    ast.NotEq: ("!=", differ),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.In: ("in", contained),
    ast.NotIn: ("not in", lambda a, b: not contained(a, b)),
}
ORDERED = ("<", "<=", ">", ">=")
NOT_ALLOWED: dict[type, str] = {
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "':='",
    ast.Starred: "'*' before a value",
    bytes: "a byte string",
    complex: "a complex number",
    type(...): "'...'",
}
"""Parts of Python's expressions that a spec's have not."""

_IN_STEPS = "a loop collects a list: begin with 'let ys = []', and go on in it with 'let ys = ys + [y]'"


def comment_in(text: str) -> int:
    """Where a `#` outside of quotes begins what Python would leave out; -1 if there is none."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: " " * len(quoted[0]), text).find("#")


def not_allowed(part: object) -> tuple[str, str | None]:
    """That a part is not of the language, and a hint."""
    shown = NOT_ALLOWED.get(type(part), "this")
    return f"{shown} is not part of the language", _IN_STEPS if shown == "a comprehension" else None


def not_callable(called: ast.expr, name: str | None, functions: Collection[str]) -> tuple[str, str]:
    """Why this cannot be called, and a hint."""
    if isinstance(called, ast.Constant):
        return "only a function can be called", "a product has its sign, as in 2*(w + 1)"
    hint = did_you_mean(name or "", functions) or "the functions are " + " ".join(functions)
    return f"there is no function '{name}'" if name else "only a function can be called", hint


def syntax_hint(text: str) -> str | None:
    """A hint for a text that is no expression."""
    if re.search(r"(?<![=!<>:])=(?!=)|===", text):
        return "'==' compares"
    if "||" in text or "&&" in text or "!" in text.replace("!=", ""):
        return "write 'and', 'or' and 'not'"
    if "|" in text or "->" in text:
        return "a condition holds for its whole line; put what follows on a line of its own, or use {if: ..., then: ...}"
    if not text.strip():
        return None
    if re.fullmatch(r"\s*0+\d+\s*", text):
        return f"write {int(text)}"
    if product := re.fullmatch(r"\s*(\d+)([A-Za-z_]\w*|\(.*\))\s*", text):
        return f"a product has its sign: write {product[1]}*{product[2]}"
    return "expressions use + - * / // % ** ( ) [ ], comparisons, 'and', 'or', 'not' and 'a if condition else b'"
