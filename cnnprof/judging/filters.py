"""Conditions on rows of figures, `params < 5M and top1 >= 70`: read once, then held against one row or whole arrays.

A figure that is not known makes a comparison neither true nor false (Kleene's three values), and a row is kept only where the
whole condition is true. `known(top1)` asks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias
from warnings import catch_warnings, simplefilter

from cnnprof.errors import Place, UsageError, did_you_mean
from cnnprof.judging.comparing import NAN, OPERATORS, TESTS, InList, Truth, compare, equal, opposite, there
from cnnprof.record import record
from cnnprof.units import UNITS, Holds, QuantityKind, factor_of

MAX_LENGTH, MAX_DEPTH = 500, 40

_QUANTITIES: tuple[QuantityKind, ...] = ("count", "bytes", "time")
_UNITS = {unit for quantity in _QUANTITIES for unit in UNITS[quantity] if unit}
_NUMBER_WITH_UNIT = re.compile(rf"(?<![\w.])(\d[\d_]*\.?\d*)\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?!\w)", re.I)

_MEANT = {
    **dict.fromkeys((ast.BitAnd, ast.BitOr), "write 'and' and 'or' for conditions"),
    **dict.fromkeys((ast.LShift, ast.RShift), "compare with < or >"),
}
"""The hint for an operator that stands where another one was meant."""

TableRow: TypeAlias = Mapping[str, Any]


class _Part(NamedTuple):
    """A compiled part: what it holds (`condition` if it is one), and its value, or truth, for a row."""

    holds: Holds | Literal["condition"]
    value: Callable[[TableRow], Any]


class Limit(NamedTuple):
    """A comparison of a column with a number, in base units, and how it was written."""

    column: str
    number: float
    text: str


@record
class Condition:
    """A condition as it was written; `columns` are those that it asks for, and `limits` its comparisons with a number."""

    text: str
    columns: frozenset[str]
    truth: Callable[[TableRow], Truth]
    limits: tuple[Limit, ...] = ()

    def holds(self, row: TableRow) -> bool:
        """Whether the row is to be kept. What the row lacks, or has as None, is not known."""
        return bool(self.truth(row)[0])

    def mask(self, table: TableRow) -> Any:
        """The same for a table of arrays, one a column: a boolean array. What is not known is NaN, or None among texts."""
        return self.truth(table)[0]

    def is_unknown(self, row: TableRow) -> bool:
        """Whether the row has too few figures to tell."""
        yes, no = self.truth(row)
        return not (yes or no)


def read_condition(text: str, columns: Mapping[str, Holds], option: str = "--where") -> Condition:
    """Compile a condition.

    Args:
        text: comparisons (`<`, `<=`, `>`, `>=`, `==`, `!=`, `in`), `and`, `or`, `not`, arithmetic, numbers with units (5M,
            64MB, 8ms) and quoted texts; `known(column)` is true where there is a figure.
        columns: what there is to ask for, by every name that it has.
        option: who asks, for messages.

    Raises UsageError, with the place in the text, for what is no condition, names no column, or compares text with numbers.
    """
    return _Compiler(text, columns, option).condition()


class _Compiler:
    def __init__(self, text: str, columns: Mapping[str, Holds], option: str) -> None:
        self.text = text
        self.columns = columns
        self.option = option
        self.asked: set[str] = set()
        self.quantities: dict[int, tuple[float, Holds]] = {}
        self.limits: list[Limit] = []
        self.depth = 0

    def condition(self) -> Condition:
        if len(self.text) > MAX_LENGTH or not self.text.isascii():
            raise self.fault(None, f"a condition has at most {MAX_LENGTH} characters of ASCII")
        # Numbers with a unit become names of the same length, so that every place stays where it is.
        plain = _NUMBER_WITH_UNIT.sub(self.keep_quantity, self.text.replace("\n", " ").replace("\t", " "))
        blanks = len(plain) - len(plain.lstrip())
        try:
            with catch_warnings():
                simplefilter("ignore")
                tree = ast.parse(plain[blanks:], mode="eval")
        except SyntaxError as error:
            at = min(blanks + max(0, (error.offset or 1) - 1), max(0, len(self.text) - 1))
            place = Place(self.option, 1, at + 1, self.text)
            raise UsageError(f"{self.option}: '{self.text}' is no condition", place, _syntax_hint(self.text)) from None
        except (ValueError, RecursionError, MemoryError):
            raise self.fault(None, f"'{self.text}' is no condition") from None
        self.blanks = blanks
        part = self.compile(tree.body)
        if part.holds != "condition":
            raise self.fault(tree.body, "a condition compares", "as in params < 5M, or known(top1)")
        return Condition(self.text, frozenset(self.asked), part.value, tuple(self.limits))

    def keep_quantity(self, match: re.Match[str]) -> str:
        number, unit = float(match[1].replace("_", "")), match[2]
        quantity, factor = next((each, size) for each in _QUANTITIES if (size := factor_of(unit, each)) is not None)
        holds: Holds = "number" if quantity == "count" else quantity
        self.quantities[match.start()] = (number * factor * (1e3 if quantity == "time" else 1), holds)
        return "_" * len(match[0])

    def fault(self, node: ast.expr | None, message: str, hint: str | None = None) -> UsageError:
        """An error that points at the node."""
        if node is None:
            return UsageError(f"{self.option}: {message}", hint=hint)
        length = (node.end_col_offset or node.col_offset + 1) - node.col_offset
        return UsageError(
            f"{self.option}: {message}", Place(self.option, 1, self.blanks + node.col_offset + 1, self.text, length), hint
        )

    def compile(self, node: ast.expr) -> _Part:
        if self.depth == MAX_DEPTH:
            raise self.fault(node, f"a condition nests at most {MAX_DEPTH} deep")
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise self.fault(node, "this is not part of a condition", "it has comparisons, and, or, not, + - * / and known()")
        self.depth += 1
        part: _Part = method(node)
        self.depth -= 1
        return part

    def _constant(self, node: ast.Constant) -> _Part:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.fault(node, "a condition has numbers and texts in quotes")
        return _Part("text" if isinstance(value, str) else "number", lambda _: value)

    def _name(self, node: ast.Name) -> _Part:
        quantity = self.quantities.get(self.blanks + node.col_offset)
        if quantity:
            return _Part(quantity[1], lambda _: quantity[0])
        name = node.id
        if name not in self.columns:
            near = did_you_mean(name, self.columns)
            raise self.fault(node, f"there is no column '{name}'", near or f"the columns are {', '.join(self.columns)}")
        self.asked.add(name)
        holds = self.columns[name]
        unknown = None if holds == "text" else NAN

        def look_up(row: TableRow) -> Any:
            value = row.get(name)
            return unknown if value is None else value

        return _Part(holds, look_up)

    def _call(self, node: ast.Call) -> _Part:
        asks = isinstance(node.func, ast.Name) and node.func.id == "known" and len(node.args) == 1 and not node.keywords
        if not asks or not isinstance(node.args[0], ast.Name):
            raise self.fault(node, "the one function is known(column)", "as in known(top1) and top1 > 70")
        part = self.compile(node.args[0])

        def known(row: TableRow) -> Truth:
            found = there(part.value(row), part.holds)
            return found, opposite(found)

        return _Part("condition", known)

    def _unaryop(self, node: ast.UnaryOp) -> _Part:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            self.check_condition(node.operand, operand)
            return _Part("condition", lambda row: operand.value(row)[::-1])
        self.check_number(node, operand)
        if not isinstance(node.op, ast.USub):
            raise self.fault(node, "this is not part of a condition")
        return _Part(operand.holds, lambda row: -operand.value(row))

    def _binop(self, node: ast.BinOp) -> _Part:
        function = OPERATORS.get(type(node.op))
        if function is None:
            raise self.fault(node, "the operators are + - * and /", _MEANT.get(type(node.op)))
        left, right = self.compile(node.left), self.compile(node.right)
        for side, part in ((node.left, left), (node.right, right)):
            self.check_number(side, part)
        return _Part("number", lambda row: function(left.value(row), right.value(row)))

    def _boolop(self, node: ast.BoolOp) -> _Part:
        parts = [self.compile(item) for item in node.values]
        for item, part in zip(node.values, parts, strict=True):
            self.check_condition(item, part)
        every = isinstance(node.op, ast.And)

        def decide(row: TableRow) -> Truth:
            yes, no = parts[0].value(row)
            for part in parts[1:]:
                also, against = part.value(row)
                yes, no = (yes & also, no | against) if every else (yes | also, no & against)
            return yes, no

        return _Part("condition", decide)

    def _compare(self, node: ast.Compare) -> _Part:
        sides = [node.left, *node.comparators]
        pairs = []
        left = self.compile(node.left)
        for op, before, side in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(op, (ast.In, ast.NotIn)):
                pairs.append(self.membership(before, left, side, isinstance(op, ast.NotIn)))
                continue
            right = self.compile(side)
            test = TESTS.get(type(op))
            if test is None:
                raise self.fault(node, "this is not part of a condition", "compare with ==")
            self.check_alike(node, left, right, ordered=type(op) not in (ast.Eq, ast.NotEq))
            pairs.append((left, right, test))
            self.keep_limit(before, side, left, right)
            left = right

        def hold(row: TableRow) -> Truth:
            yes, no = True, False
            for a, b, test in pairs:
                also, against = compare(a.value(row), b.value(row), a.holds == "text", test)
                yes, no = yes & also, no | against
            return yes, no

        return _Part("condition", hold)

    def keep_limit(self, before: ast.expr, side: ast.expr, left: _Part, right: _Part) -> None:
        """Note a comparison of a column with a number, on whichever side that stands."""
        columns = [isinstance(node, ast.Name) and node.id in self.asked for node in (before, side)]
        number = right if columns[0] else left
        is_number = isinstance(side if columns[0] else before, (ast.Constant, ast.Name)) and number.holds != "text"
        if columns.count(True) == 1 and is_number:
            column = before if columns[0] else side
            text = self.text[self.blanks + before.col_offset : self.blanks + (side.end_col_offset or 0)]
            self.limits.append(Limit(getattr(column, "id", ""), float(number.value({})), text))

    def membership(self, before: ast.expr, left: _Part, side: ast.expr, negated: bool) -> Any:
        """`family in ("resnet", "vgg")`, as a comparison with each."""
        if not isinstance(side, (ast.Tuple, ast.List)) or not side.elts:
            raise self.fault(side, "'in' looks into a list", "as in family in ['ResNet', 'VGG']")
        items = [self.compile(item) for item in side.elts]
        for item in items:
            self.check_alike(before, left, item, ordered=False)

        def test(value: Any, choices: Any) -> Truth:
            yes, no = False, True
            for choice in choices:
                also, against = compare(value, choice, left.holds == "text", equal)
                yes, no = yes | also, no & against
            return (no, yes) if negated else (yes, no)

        return left, _Part(left.holds, lambda row: [item.value(row) for item in items]), InList(test)

    def check_condition(self, node: ast.expr, part: _Part) -> None:
        if part.holds != "condition":
            raise self.fault(node, "a condition stands here, not a value", "compare it, as in top1 > 70, or ask known(top1)")

    def check_number(self, node: ast.expr, part: _Part) -> None:
        if part.holds in ("text", "condition"):
            raise self.fault(node, f"a number stands here, not a {part.holds}")

    def check_alike(self, node: ast.expr, left: _Part, right: _Part, ordered: bool) -> None:
        kinds = {left.holds, right.holds}
        if "condition" in kinds:
            raise self.fault(node, "a comparison is between values")
        if "text" in kinds and (len(kinds) > 1 or ordered):
            raise self.fault(node, "text is compared with text by == and !=, and never with a number")
        if ("bytes" in kinds and kinds & {"count", "time"}) or {"count", "time"} <= kinds:
            named = {"count": "a count", "bytes": "bytes", "time": "a time"}
            shown = " with ".join(named[part.holds] for part in (left, right))
            raise self.fault(node, f"this compares {shown}")


def _syntax_hint(text: str) -> str:
    if "&&" in text or "||" in text or "!" in text.replace("!=", ""):
        return "write 'and', 'or' and 'not'"
    if re.search(r"(?<![<>=!])=(?!=)", text):
        return "compare with =="
    return "as in params < 5M and top1 >= 70"


def unknown_columns(rows: Iterable[TableRow], condition: Condition) -> dict[str, list[int]]:
    """The columns that a condition asks for and some rows lack: the numbers of those rows, by column."""
    lacking: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in sorted(condition.columns):
            if row.get(name) is None:
                lacking.setdefault(name, []).append(number)
    return lacking
