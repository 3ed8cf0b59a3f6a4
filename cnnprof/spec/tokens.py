"""A text cut into words, brackets and quotes kept whole."""

from __future__ import annotations

import re
from functools import cache

from cnnprof.errors import SpecError
from cnnprof.spec.located import Token
from cnnprof.spec.reader import Scalar

MAX_STEP = 2000
NAME = re.compile(r"[A-Za-z_]\w{0,63}\Z", re.ASCII)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
CUT_AT_COMMA = "a comma inside [...] or {...} ends an item in YAML: quote the step, or write it on a line of its own"


def split_words(scalar: Scalar, start: int = 0, end: int | None = None, operators: tuple[str, ...] = ()) -> list[Token]:
    """The words between two indices of a scalar, cut at blanks outside of brackets and quotes, and around the operators.

    Raises SpecError where a bracket or a quote has no partner.
    """
    text = scalar.value
    stop = len(text) if end is None else end
    ordinary = _ordinary(operators)
    tokens: list[Token] = []
    first = at = start
    while at < stop:
        char = text[at]
        if char.isspace():
            _add(tokens, scalar, first, at)
            at = first = at + 1
        elif operator := next((symbol for symbol in operators if text.startswith(symbol, at)), None):
            _add(tokens, scalar, first, at)
            at = first = at + len(operator)
            tokens.append(Token(operator, scalar, at - len(operator)))
        elif char in _CLOSING.values():
            raise _unbalanced(scalar, at)
        elif char in _CLOSING or char in "'\"":
            at = _skip(scalar, at, stop)
        else:
            at = ordinary.match(text, at + 1, stop).end()  # type: ignore[union-attr]
    _add(tokens, scalar, first, stop)
    return tokens


@cache
def _ordinary(operators: tuple[str, ...]) -> re.Pattern[str]:
    """As many characters as do not end a word: a letter at a time takes long."""
    begin = "".join(re.escape(operator[0]) for operator in operators)
    return re.compile(rf"""[^\s()\[\]{{}}'"{begin}]*""")


def split_commas(token: Token) -> list[Token]:
    """The parts of a word between its commas, those inside brackets and quotes left alone; none for an empty word."""
    cut = split_words(token.scalar, token.start, token.end, (",",))
    parts: list[Token] = []
    pending: list[Token] = []
    for part in [*cut, Token(",", token.scalar, token.end)] if cut else []:
        if part.text != ",":
            pending.append(part)
        elif pending:
            parts.append(span(pending))
            pending = []
        else:
            raise part.error("a name is missing at this comma")
    return parts


def span(tokens: list[Token]) -> Token:
    """Neighbouring words as one."""
    first, last = tokens[0], tokens[-1]
    return Token(first.scalar.value[first.start : last.end], first.scalar, first.start)


def _add(tokens: list[Token], scalar: Scalar, first: int, end: int) -> None:
    if end > first:
        tokens.append(Token(scalar.value[first:end], scalar, first))


def _skip(scalar: Scalar, at: int, stop: int) -> int:
    """The index behind the partner of the bracket or quote at `at`."""
    text = scalar.value
    opened: list[int] = []
    while at < stop:
        char = text[at]
        if char in "'\"":
            partner = text.find(char, at + 1, stop)
            if partner < 0:
                raise scalar.fault(f"the quote {char} is not closed", at, at + 1)
            at = partner
        elif char in _CLOSING:
            opened.append(at)
        elif char in _CLOSING.values() and char != _CLOSING[text[opened.pop()]]:
            raise _unbalanced(scalar, at)
        at += 1
        if not opened:
            return at
    raise _unbalanced(scalar, opened[-1])


def _unbalanced(scalar: Scalar, at: int) -> SpecError:
    hint = CUT_AT_COMMA if scalar.in_flow and not scalar.style else None
    return scalar.fault(f"unbalanced '{scalar.value[at]}'", at, at + 1, hint)
