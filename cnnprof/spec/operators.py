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
from cnnprof.spec.signs import plain
from cnnprof.spec.values import Value, is_number


class ExpressionError(Exception):
    """A mistake in the characters from `start` to `end` of an expression's text."""

    def __init__(self, message: str, start: int, end: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.hint = hint


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


def texts_in_a_row(text: str) -> str | None:
    """`['a', 'b']` for `'a' 'b'`, which Python would take for one text; None for a text alone."""
    if text[:1] not in ("'", '"') or (end := text.find(text[0], 1)) in (-1, len(text) - 1) or "\\" in text:
        return None
    return f"[{text[: end + 1]}, {text[end + 1 :].lstrip()}]"


def never_equal(symbol: str, a: Value, b: Value) -> tuple[str, str] | None:
    """A message at two values of kinds that are never equal, and a hint; None for a pair that may be."""
    if symbol not in ("==", "!="):
        return None
    a, b = (b, a) if isinstance(a, (str, tuple)) or isinstance(b, bool) else (a, b)
    message = f"'{symbol}' compares {_kind(a)} and {_kind(b)}, which are never equal"
    if isinstance(b, str) and is_number(a) and re.fullmatch(r"\s*-?\d+(\.\d*)?\s*", b):
        return message, f"a number stands without quotes: {b.strip()}"
    if isinstance(b, str) and isinstance(a, bool) and b.lower() in ("true", "false"):
        return message, f"it stands without quotes: {b.lower()}"
    if isinstance(b, tuple) and (isinstance(a, str) or (is_number(a) and not is_array(a))):
        return message, "one entry is xs[0], and 'x in xs' looks for one"
    return None


def _kind(value: Value) -> str:
    kinds = {bool: "true or false", str: "a text", tuple: "a list"}
    return kinds.get(type(value), "a number")


def joined_by(symbol: str) -> str | None:
    """A hint at arithmetic with outputs, which is a join."""
    word = {"+": "add", "-": "sub", "*": "mul", "/": "div"}.get(symbol)
    return f"outputs are joined by '- {word}: [a, b]'" if word else None


def in_full(number: str, prefix: str) -> str:
    """`4096` for `4.096` and `k`: thousands, and millions with `M`."""
    return f"{float(number) * (10**6 if prefix == 'M' else 1000):.0f}"


def comment_in(text: str) -> int:
    """Where a `#` outside of quotes begins what Python would leave out; -1 if there is none."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: " " * len(quoted[0]), text).find("#")


def not_allowed(part: object) -> tuple[str, str | None]:
    """That a part is not of the language, and a hint."""
    shown = NOT_ALLOWED.get(type(part), "this")
    return f"{shown} is not part of the language", _IN_STEPS if shown == "a comprehension" else None


_OTHERS = {
    "float": "numbers need no 'float': / divides to a fraction",
    "log2": "write log(x, 2)",
    "log10": "write log(x, 10)",
    "pow": "a power is written **",
    "str": "texts stand in quotes",
    **dict.fromkeys(("list", "tuple", "reversed", "sorted"), "a list is written [a, b]"),
}
"""Functions of other languages that have no counterpart of a like name."""


def not_callable(called: ast.expr, name: str | None, functions: Collection[str]) -> tuple[str, str]:
    """Why this cannot be called, and a hint."""
    if isinstance(called, ast.Constant):
        return "only a function can be called", "a product has its sign, as in 2*(w + 1)"
    if isinstance(called, ast.Attribute) and called.attr in functions:
        return "only a function can be called", f"write {called.attr}(...)"
    hint = _OTHERS.get(name or "") or did_you_mean(name or "", functions) or "the functions are " + " ".join(functions)
    return f"there is no function '{name}'" if name else "only a function can be called", hint


def odd_sign(text: str) -> int:
    """The number of the first sign that looks like one of the language, from 1; 0 where Python has to say what is wrong.

    Its versions place such a mistake differently.
    """
    return next(at for at, char in enumerate(text, 1) if not char.isascii()) if plain(text) else 0


def syntax_hint(text: str) -> str | None:
    """A hint for a text that is no expression."""
    for sign, right in (("<>", "!="), ("=>", ">="), ("=<", "<=")):
        if sign in text:
            return f"write {right}"
    if "," in text and re.fullmatch(r"[\w=.+-]+(,[\w=.+-]+)+", text) and "=" in text:
        return f"blanks separate options: write {text.replace(',', ' ')}"
    if re.search(r"(?<![=!<>:])=(?!=)|===", text):
        return "'==' compares"
    if re.search(r"\bthen\b", text):
        return "a step stands in front of its condition, as in 'relu if s == 1 else tanh'"
    if meant := plain(text):
        return f"write {meant}"
    if "||" in text or "&&" in text or "!" in text.replace("!=", ""):
        return "write 'and', 'or' and 'not'"
    if "|" in text or "->" in text:
        return "a condition holds for its whole line; put what follows on a line of its own, or use {if: ..., then: ...}"
    if not text.strip():
        return None
    if text.rstrip().endswith(":"):
        return "take out the colon at its end"
    if re.fullmatch(r"\s*0+\d+\s*", text):
        return f"write {int(text)}"
    if size := re.search(r"(?<![\w.])\d+(x\d+)+(?![\w.])", text):
        instead = "" if size[0] == text.strip() else f" for {size[0]}"
        return f"sizes in a list have commas: write ({size[0].replace('x', ',')}){instead}"
    if thousands := re.fullmatch(r"\s*(\d*\.?\d+)([kKM])\s*", text):
        return f"write {in_full(*thousands.groups())}, or {thousands[1]}*{thousands[2]} for a product"
    if entry := re.fullmatch(r"\s*([A-Za-z_]\w*)\.(\d+)\s*", text):
        return f"an entry of a list is written {entry[1]}[{entry[2]}]"
    if re.fullmatch(r".*[\w)][-+*/%]\s*", text):
        return "an expression with blanks stands in parentheses, as in (4 * w)"
    if product := re.fullmatch(r"\s*(\d+)([A-Za-z_]\w*|\(.*\))\s*", text):
        return f"a product has its sign: write {product[1]}*{product[2]}"
    return "expressions use + - * / // % ** ( ) [ ], comparisons, 'and', 'or', 'not' and 'a if condition else b'"
