"""Expressions of a spec: Python's syntax, checked against a short list of what is allowed, and never given to `eval`.

A text is compiled once into nested functions of the scope. Every bound (numbers, list lengths, powers) is checked before
the value is built, so that no text takes long or much memory.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias
from warnings import catch_warnings, simplefilter

from cnnprof.network.dims import Split, is_array, known, one
from cnnprof.spec import operators
from cnnprof.spec.entrywise import where
from cnnprof.spec.functions import FUNCTIONS, FunctionError
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import AXES, FURTHER_AXES, RUNAWAY, TOO_MUCH, Scope
from cnnprof.spec.values import MAX_ENTRIES, MAX_INT, Tensor, Value, describe_kind, is_condition, is_integer, is_number, leaves

MAX_LENGTH = 300
MAX_POWER = 64
MAX_DEPTH = 50
_ENTRIES_A_STEP = 8

Code: TypeAlias = Callable[[Scope], Value]
CONSTANTS = {"true": True, "false": False, "none": None}


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Code:
    """The expression as a function of a scope. Raises ExpressionError if the text is none."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters, and this one has {len(text)}", 0, len(text))
    blanks = len(text) - len(text.lstrip())
    if (at := operators.comment_in(text)) >= 0:
        raise ExpressionError("'#' within a word begins no comment", at, len(text), "a comment stands behind a blank")
    try:
        with catch_warnings():
            simplefilter("ignore")
            tree = ast.parse(text.strip().replace("\n", " ").replace("\r", " "), mode="eval")
        return _Compiler(text, blanks).compile(tree.body)
    except SyntaxError as error:
        offset = operators.odd_sign(text.lstrip()) or error.offset or 1
        at = min(blanks + max(0, offset - 1), max(0, len(text) - 1))
        raise ExpressionError(f"'{text.strip()}' is not an expression", at, at + 1, operators.syntax_hint(text)) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("this cannot be read as an expression", 0, len(text)) from None


class _Compiler:
    """Turns the nodes of one expression into functions."""

    def __init__(self, text: str, blanks: int) -> None:
        self.text = text
        self.blanks = blanks
        self.depth = 0

    def compile(self, node: ast.expr) -> Code:
        """The function of one node."""
        if self.depth == MAX_DEPTH:
            raise self.fault(node, f"an expression nests at most {MAX_DEPTH} deep")
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise self.fault(node, *operators.not_allowed(node))
        self.depth += 1
        code: Code = method(node)
        self.depth -= 1
        return code

    def fault(self, node: ast.expr, message: str, hint: str | None = None) -> ExpressionError:
        """An error that points at the node."""
        return ExpressionError(message, *self.span(node), hint)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """First and last index of the node in the text; ast counts bytes."""
        line = self.text.strip().encode()
        start, end = (len(line[:column].decode(errors="replace")) for column in (node.col_offset, node.end_col_offset or 0))
        return self.blanks + start, self.blanks + end

    def _constant(self, node: ast.Constant) -> Code:
        value = node.value
        if not isinstance(value, (int, float, str, bool, type(None))):
            raise self.fault(node, *operators.not_allowed(value))
        if is_number(value):
            self.bound(node, value)
        elif isinstance(value, str) and (two := operators.texts_in_a_row(self.text[slice(*self.span(node))])):
            raise self.fault(node, "two texts stand without a sign between them", f"a comma parts the entries of a list: {two}")
        return lambda _: value

    def _name(self, node: ast.Name) -> Code:
        name = node.id
        if name in CONSTANTS:
            constant = CONSTANTS[name]
            return lambda _: constant

        def look_up(scope: Scope) -> Value:
            try:
                return scope[name]
            except KeyError:
                from cnnprof.spec.mistakes import unknown_name

                raise self.fault(node, *unknown_name(name, scope)) from None

        return look_up

    def _attribute(self, node: ast.Attribute) -> Code:
        owner = self.compile(node.value)
        axis = node.attr
        if axis not in (*AXES, *FURTHER_AXES):
            raise self.fault(node, f"'.{axis}' is not part of the language", "an output x has x.C, x.H and x.W")

        def measure(scope: Scope) -> Value:
            tensor = owner(scope)
            if not isinstance(tensor, Tensor):
                raise self.fault(node, f"only an output has .{axis}, and this is {describe_kind(tensor)}")
            size = tensor.axis(axis)
            if size is None:
                raise self.fault(node, f"{describe_kind(tensor)} has no {axis}")
            return size

        return measure

    def _tuple(self, node: ast.Tuple | ast.List) -> Code:
        items = [self.compile(item) for item in node.elts]

        def build(scope: Scope) -> Value:
            return self.checked_list(node, scope, tuple([item(scope) for item in items]))

        return build

    _list = _tuple

    def _unaryop(self, node: ast.UnaryOp) -> Code:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            if isinstance(node.operand, ast.UnaryOp) and isinstance(node.operand.op, ast.Not):
                raise self.fault(node, "a 'not' stands before a 'not'", "leave both out")
            return lambda scope: not self.truth(node.operand, operand(scope))
        if isinstance(node.op, ast.Invert):
            raise self.fault(node, "'~' is not part of the language")
        negative = isinstance(node.op, ast.USub)

        def sign(scope: Scope) -> Value:
            value = operand(scope)
            if not is_number(value):
                raise self.fault(node, f"a sign belongs to a number, not to {describe_kind(value)}")
            return -value if negative else value

        return sign

    def _binop(self, node: ast.BinOp) -> Code:
        if type(node.op) not in operators.OPERATORS:
            hint = "a power is written **" if isinstance(node.op, ast.BitXor) else None
            raise self.fault(node, "the operators are + - * / // % and **", hint)
        symbol, function = operators.OPERATORS[type(node.op)]
        left, right = self.compile(node.left), self.compile(node.right)

        def combine(scope: Scope) -> Value:
            a, b = left(scope), right(scope)
            if is_number(a) and is_number(b):
                if symbol == "**" and not (abs(b) <= MAX_POWER):
                    raise self.fault(node, f"a power is at most {MAX_POWER}, and this one is {describe_kind(b)}")
                try:
                    return self.bound(node, function(a, b))
                except ZeroDivisionError:
                    raise self.fault(node, "this divides by zero") from None
                except OverflowError:
                    raise self.fault(node, "this number is too large") from None
            return self.join_lists(node, scope, symbol, a, b)

        return combine

    def join_lists(self, node: ast.BinOp, scope: Scope, symbol: str, a: Value, b: Value) -> Value:
        """A list and a list, or a list some times over; any other pair is an error."""
        if symbol == "+" and isinstance(a, tuple) and isinstance(b, tuple):
            return self.checked_list(node, scope, a + b)
        if symbol == "*" and isinstance(b, tuple) and not isinstance(a, tuple):
            a, b = b, a
        b = one(b)
        if symbol == "*" and isinstance(a, tuple) and is_integer(b):
            if leaves(a) * b > MAX_ENTRIES:
                raise self.fault(node, f"a list has at most {MAX_ENTRIES:,} entries")
            return self.checked_list(node, scope, a * b)
        hint = operators.joined_by(symbol) if isinstance(a, Tensor) and isinstance(b, Tensor) else None
        raise self.fault(node, f"'{symbol}' does not go with {describe_kind(a)} and {describe_kind(b)}", hint)

    def _boolop(self, node: ast.BoolOp) -> Code:
        parts = [(item, self.compile(item)) for item in node.values]
        wanted = isinstance(node.op, ast.Or)

        def decide(scope: Scope) -> Value:
            return any(self.truth(item, part(scope)) is wanted for item, part in parts) is wanted

        return decide

    def _compare(self, node: ast.Compare) -> Code:
        operands = [self.compile(item) for item in (node.left, *node.comparators)]
        tests = []
        for op in node.ops:
            if type(op) not in operators.COMPARISONS:
                raise self.fault(node, "'is' is not part of the language", "compare with ==")
            tests.append(operators.COMPARISONS[type(op)])

        def hold(scope: Scope) -> Value:
            a = operands[0](scope)
            result: Value = True
            for (symbol, test), operand in zip(tests, operands[1:], strict=True):
                b = operand(scope)
                self.spend(node, scope, a, b)
                if told := operators.never_equal(symbol, a, b):
                    raise self.fault(node, *told)
                if symbol in operators.ORDERED and not (is_number(a) and is_number(b)):
                    raise self.fault(node, f"'{symbol}' compares numbers, not {describe_kind(a)} and {describe_kind(b)}")
                if symbol.endswith("in") and not isinstance(b, tuple):
                    raise self.fault(node, f"'{symbol}' looks into a list, not into {describe_kind(b)}")
                holds = test(a, b)
                if not is_array(holds) and not holds:
                    return False
                result = result & holds
                a = b
            return result

        return hold

    def _ifexp(self, node: ast.IfExp) -> Code:
        condition, then, other = (self.compile(part) for part in (node.test, node.body, node.orelse))

        def pick(scope: Scope) -> Value:
            chosen = condition(scope)
            if is_condition(chosen) and chosen.any() and not chosen.all():
                return self.either(scope, chosen, then, other)
            return then(scope) if self.truth(node.test, chosen) else other(scope)

        return pick

    def either(self, scope: Scope, condition: Value, then: Code, other: Code) -> Value:
        """Of two values one for each entry of the condition; they are built apart if that is not possible here."""
        try:
            a, b = then(scope), other(scope)
        except ExpressionError:
            raise Split(condition) from None
        if not (is_number(a) and is_number(b)):
            raise Split(condition)
        return where(condition, a, b)

    def _subscript(self, node: ast.Subscript) -> Code:
        entries = self.compile(node.value)
        if isinstance(node.slice, ast.Slice):
            return self.slice(node, entries, node.slice)
        position = self.compile(node.slice)

        def pick(scope: Scope) -> Value:
            values, place = self.entries(node, entries(scope)), self.position(node, position(scope))
            if not -len(values) <= place < len(values):
                raise self.fault(node, f"there is no entry {place} in a list of {len(values)}", "the first entry is 0")
            return values[place]

        return pick

    def slice(self, node: ast.Subscript, entries: Code, ends: ast.Slice) -> Code:
        """`list[a:b]`."""
        if ends.step is not None:
            raise self.fault(node, "a slice has a start and an end, and no step")
        start, stop = (None if end is None else self.compile(end) for end in (ends.lower, ends.upper))

        def cut(scope: Scope) -> Value:
            values = self.entries(node, entries(scope))
            first = None if start is None else self.position(node, start(scope))
            self.spend(node, scope, values)
            return values[first : None if stop is None else self.position(node, stop(scope))]

        return cut

    def entries(self, node: ast.expr, value: Value) -> tuple[Value, ...]:
        """The value, if it is a list."""
        if not isinstance(value, tuple):
            raise self.fault(node, f"only a list has entries, and this is {describe_kind(value)}")
        return value

    def position(self, node: ast.expr, value: Value) -> int:
        """The value, if it can name an entry of a list."""
        value = one(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(node, f"an entry is named by a whole number, not by {describe_kind(value)}")
        return value

    def _call(self, node: ast.Call) -> Code:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in FUNCTIONS:
            raise self.fault(node, *operators.not_callable(node.func, name, FUNCTIONS))
        function = FUNCTIONS[name]
        if node.keywords:
            raise self.fault(node, f"{name} takes its arguments in order: {function.signature}")
        if not function.fewest <= len(node.args) <= function.most:
            raise self.fault(node, f"{name} does not take {len(node.args)} arguments: {function.signature}")
        arguments = [self.compile(item) for item in node.args]

        def call(scope: Scope) -> Value:
            values = [argument(scope) for argument in arguments]
            self.spend(node, scope, *values)
            try:
                result = function.call(*values)
            except FunctionError as error:
                raise self.fault(node, f"{name} {error}") from None
            except (OverflowError, ZeroDivisionError, TypeError, ValueError):
                shown = " and ".join(describe_kind(value) for value in values)
                raise self.fault(node, f"{name} cannot work with {shown}") from None
            return self.checked_list(node, scope, result) if isinstance(result, tuple) else self.bound(node, result)

        return call

    def truth(self, node: ast.expr, value: Value) -> bool:
        """The value as a condition; an empty table cell is false."""
        if value is None or isinstance(value, bool):
            return bool(value)
        if is_condition(value):
            return bool(value)
        raise self.fault(node, f"a condition is true or false, not {describe_kind(value)}", "compare it, as in n > 0")

    def bound(self, node: ast.expr, value: Value) -> Value:
        """The number, if it is one that a network can have."""
        if is_array(value) and value.dtype.kind == "f":
            if not (abs(value) < math.inf):
                raise self.fault(node, "this is not a finite number")
        elif known(value):
            if abs(value) > MAX_INT:
                raise self.fault(node, f"this number is too large; whole numbers go up to {MAX_INT:,}")
        elif isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
            raise self.fault(node, "this is not a finite number")
        return value

    def checked_list(self, node: ast.expr, scope: Scope, values: tuple[Value, ...]) -> Value:
        """The list, if it is short enough."""
        size = leaves(values)
        if size > MAX_ENTRIES:
            raise self.fault(node, f"a list has at most {MAX_ENTRIES:,} entries, and this one has {size:,}")
        self.spend(node, scope, values)
        return values

    def spend(self, node: ast.expr, scope: Scope, *values: Value) -> None:
        """Take what it costs to go through the lists among the values."""
        cost = sum(leaves(value) for value in values if isinstance(value, tuple)) // _ENTRIES_A_STEP
        if cost and not scope.budget.spend(cost):
            raise self.fault(node, TOO_MUCH, RUNAWAY)
