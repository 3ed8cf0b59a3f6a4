"""Expressions and words at their place in a spec."""

from __future__ import annotations

from typing import NamedTuple

from cnnprof.errors import Place, SpecError
from cnnprof.record import record
from cnnprof.spec.expressions import Code, compile_expression
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.reader import Scalar
from cnnprof.spec.scope import RUNAWAY, TOO_MUCH, Scope
from cnnprof.spec.values import Value, describe_kind, is_condition

_FREE = 16
"""The length of an expression that costs no steps of its own."""


class Token(NamedTuple):
    """A word of a scalar, from index `start` of its value."""

    text: str
    scalar: Scalar
    start: int

    @property
    def end(self) -> int:
        """The index behind the last character."""
        return self.start + len(self.text)

    @property
    def place(self) -> Place:
        """Where the word stands in the file."""
        return self.scalar.at(self.start, self.end)

    def error(self, message: str, hint: str | None = None) -> SpecError:
        """An error that points at the word."""
        return self.scalar.fault(message, self.start, self.end, hint)

    def cut(self, start: int) -> Token:
        """The word without its first characters."""
        return Token(self.text[start:], self.scalar, self.start + start)


class OfToken:
    """A part of a spec that stands where its token does."""

    token: Token

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.token.place


class OfValue:
    """A part of a spec that stands where its expression does."""

    value: Expression

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.value.place


@record
class Expression(OfToken):
    """An expression with its place; compiled when it is read, so that every mistake in a file is found at once."""

    token: Token
    code: Code

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return self.token.text

    def evaluate(self, scope: Scope) -> Value:
        """Its value. Raises SpecError with the place of the part that is at fault."""
        # A long expression takes longer than the step that it stands in.
        cost = len(self.token.text) - _FREE
        if cost > 0 and not scope.budget.spend(cost // 2):
            raise self.token.error(TOO_MUCH, RUNAWAY)
        try:
            return self.code(scope)
        except ExpressionError as error:
            raise _at(self.token, error) from None

    def hold(self, scope: Scope) -> bool:
        """Its value as a condition."""
        value = self.evaluate(scope)
        if value is None or isinstance(value, bool) or is_condition(value):
            return bool(value)  # of design points: of all, or they split
        raise self.token.error(f"a condition is true or false, not {describe_kind(value)}", "compare it, as in n > 0")


def read_expression(token: Token) -> Expression:
    """Compile the word. Raises SpecError if it is not an expression."""
    try:
        return Expression(token, compile_expression(token.text))
    except ExpressionError as error:
        raise _at(token, error) from None


def whole_token(scalar: Scalar) -> Token:
    """A scalar's text without the blanks around it, as one word."""
    text = scalar.value
    start = len(text) - len(text.lstrip())
    return Token(text.strip(), scalar, start)


def _at(token: Token, error: ExpressionError) -> SpecError:
    return token.scalar.fault(error.message, token.start + error.start, token.start + error.end, error.hint)
