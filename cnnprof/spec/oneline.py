"""The short form: a step written as one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import NamedTuple

from cnnprof.errors import did_you_mean
from cnnprof.spec import mistakes
from cnnprof.spec.arguments import Given
from cnnprof.spec.blocks import BlockCall
from cnnprof.spec.located import Expression, Token, read_expression
from cnnprof.spec.onelayer import GIVEN, SYMBOLS, read_layer, read_size
from cnnprof.spec.operations import read_operation
from cnnprof.spec.reader import Scalar
from cnnprof.spec.signs import of_bullet, of_sign
from cnnprof.spec.steps import Choice, Give, Let, Named, Nothing, Reference, Sequence, Step, Unpack
from cnnprof.spec.tables import check_name
from cnnprof.spec.tokens import MAX_STEP, NAME, span, split_commas, split_words
from cnnprof.spec.words import JOINS, WORDS

_LET = re.compile(r"\s*let\s+(?P<name>\w+)\s*=(?!=)\s*(?P<value>\S.*?)\s*\Z", re.DOTALL)
_NAMES_TOO = ("sum", "abs", "exp", "log", "sqrt", "split", "chunk", "unbind")
"""Words that outputs had as names before they were words."""

_ENTRY = re.compile(r"[A-Za-z_]\w*\[.*\]\Z", re.ASCII)


class LineReader(NamedTuple):
    """Reads one-line steps of a file whose blocks have these names."""

    blocks: Collection[str]
    named: set[str]
    """The outputs that the steps read so far name, for hints; filled as they are read."""

    def read(self, scalar: Scalar) -> Step:
        """The step that a text is. Raises SpecError where it is none."""
        if len(scalar.value) > MAX_STEP:
            raise scalar.error(f"a step has at most {MAX_STEP} characters")
        if re.match(r"\s*let\b", scalar.value):
            return _read_let(scalar)
        tokens = split_words(scalar, operators=("->", "|"))
        if not scalar.value.isascii():
            _refuse_signs(tokens)
        if not tokens:
            raise scalar.error("this step is empty", "a step that does nothing is 'identity', a branch to leave out is 'none'")
        return self._choice(tokens)

    def _choice(self, tokens: list[Token]) -> Step:
        """`STEP if COND else STEP`: the condition holds for all that stands before it on the line."""
        words = [token.text for token in tokens]
        if "if" not in words:
            if "else" in words:
                raise tokens[words.index("else")].error("an 'else' without an 'if'")
            return self._chain(tokens)
        at = words.index("if")
        stop = words.index("else") if "else" in words else len(words)
        if stop < at:
            raise tokens[stop].error("an 'else' before its 'if'")
        if at == 0 or stop == at + 1 or stop == len(words) - 1:
            hint = "a condition stands behind its step, as in 'relu if C > 8'" if at == 0 else None
            raise tokens[at].error("this is not 'STEP if CONDITION' or 'STEP if CONDITION else STEP'", hint)
        for token, after in zip_longest(tokens[at + 1 : stop], words[at + 2 : stop]):
            if token.text in ("|", "->"):
                hint = (
                    "the condition holds for the whole line; put what follows on a line of its own, or use {if: ..., then: ...}"
                )
                raise token.error(f"'{token.text}' in a condition", "write 'or'" if after == token.text else hint)
        condition = read_expression(span(tokens[at + 1 : stop]))
        if stop == len(words) - 2 and re.match(r"[\d.]+\Z", words[-1]):
            hint = f"numbers are chosen in parentheses: ({words[at - 1].rpartition('=')[2]} if ... else {words[-1]})"
            raise tokens[-1].error(f"'{words[-1]}' is no step", hint)
        otherwise = self._choice(tokens[stop + 1 :]) if stop < len(words) else None
        return Choice(condition, self._chain(tokens[:at]), otherwise, span(tokens).place)

    def _chain(self, tokens: list[Token]) -> Step:
        """`A | B -> x | C`; a name belongs to all that stands before it, back to the name before."""
        done: list[Step] = []
        since: list[Step] = []
        for number, piece in enumerate(_split_at_bars(tokens)):
            at = next((i for i, token in enumerate(piece) if token.text == "->"), len(piece))
            if at:
                since.append(self._piece(piece[:at], first=number == 0))
            for name in self._names(piece[at:]):
                if isinstance(name, Unpack):
                    done += [*since, name]
                else:
                    done.append(Named(_sequence(since, tokens) if since else None, name))
                since = []
        return _sequence(done + since, tokens)

    def _names(self, tokens: list[Token]) -> Iterator[Token | Unpack]:
        """The names in `-> x -> y`, or the names for several outputs in `-> [x, y]`."""
        for arrow, name in zip_longest(tokens[::2], tokens[1::2]):
            if arrow.text != "->":
                raise arrow.error("'-> name' stands at the end of a step", "'|' separates steps")
            if name is None:
                raise arrow.error("'->' is followed by a name")
            if name.text.startswith("["):
                names = split_commas(Token(name.text[1:-1], name.scalar, name.start + 1))
                if not names:
                    raise name.error("'-> [...]' has no names", "as in '-> [a, b]'")
                yield Unpack(tuple(self.output_name(each) for each in names), name.place)
            else:
                yield self.output_name(name)

    def output_name(self, token: Token) -> Token:
        """The word, if it can name an output. Raises SpecError if layers or blocks have the name."""
        check_name(token, "an output")
        if (token.text in WORDS and not _may_be_a_name(token.text)) or token.text in self.blocks:
            what = "a layer" if token.text in WORDS else "a block"
            raise token.error(
                f"'{token.text}' cannot name an output: it is {what}", f"use another name, such as {token.text}_1"
            )
        self.named.add(token.text)
        return token

    def _piece(self, tokens: list[Token], first: bool) -> Step:
        """A layer, a block call, or a name; behind a bar, a word that may be a name is a layer."""
        word = tokens[0]
        may_be_named = _may_be_a_name(word.text) and (first or word.text not in _NAMES_TOO)
        if may_be_named and len(tokens) == 1 and word.text in self.named:
            return Reference(word, self.named)
        if word.text in JOINS and len(tokens) > 1 and tokens[1].text.startswith("["):
            raise word.error(f"'{word.text}' joins branches as a step with a colon", f"write '- {word.text}: [a, b]'")
        if word.text in WORDS:
            return read_layer(word, tokens[1:])
        if word.text == "op":
            return read_operation(tokens)
        if word.text == "use":
            if len(tokens) == 1:
                raise word.error("'use' is followed by an expression that names a block")
            return _read_call(read_expression(tokens[1]), tokens, tokens[2:])
        if word.text in self.blocks:
            return _read_call(word.text, tokens, tokens[1:])
        if word.text == "let":
            raise word.error("a 'let' is a step of its own, on its own line")
        if word.text == "give":
            if len(tokens) == 1:
                raise word.error("'give' is followed by what the block gives back", "as in 'give [a, b]'")
            return Give(read_expression(span(tokens[1:])))
        if len(tokens) == 1:
            if word.text == "none":
                return Nothing(word.place)
            if NAME.match(word.text):
                return Reference(word, self.named)
            if _ENTRY.match(word.text):
                return Give(read_expression(word))
        known = [*WORDS, *self.blocks, "use", "let", "give", "none", "op"]
        what = "layer or block" if NAME.match(word.text) else "step"
        hint = (
            of_bullet(word.text)
            or mistakes.of_first(word.text, [token.text for token in tokens[1:]])
            or mistakes.of_step(word.text, self.blocks)
            or did_you_mean(word.text, known, mistakes.NEAR)
            or (None if NAME.match(word.text) else "a step begins with a layer or a block")
        )
        raise word.error(f"unknown {what} '{word.text}'", hint)


def _refuse_signs(tokens: list[Token]) -> None:
    """Raise SpecError for a sign that looks like one of the language; texts in quotes may have any."""
    for token in tokens:
        if "'" not in token.text and '"' not in token.text and (told := of_sign(token.text)):
            message, hint = told
            raise token.error(message, of_bullet(token.text) or hint if token is tokens[0] else hint)


def _may_be_a_name(text: str) -> bool:
    """Whether the word may name an output, too, and alone then means it: `add` is a layer with a number behind it only."""
    return (text in JOINS and text in WORDS and bool(WORDS[text].required)) or text in _NAMES_TOO


def _split_at_bars(tokens: list[Token]) -> list[list[Token]]:
    pieces: list[list[Token]] = [[]]
    for token in tokens:
        if token.text != "|":
            pieces[-1].append(token)
        elif not pieces[-1]:
            raise token.error("there is no step before this '|'", "one '|' stands between two steps")
        else:
            pieces.append([])
    if not pieces[-1]:
        raise tokens[-1].error("there is no step behind this '|'")
    return pieces


def _read_call(target: str | Expression, whole: list[Token], tokens: list[Token]) -> Step:
    arguments: list[Given] = []
    named: dict[str, Given] = {}
    for token in tokens:
        found = GIVEN.match(token.text)
        if token.text.endswith(","):
            raise token.error("a comma between arguments", f"blanks separate arguments: write {token.text[:-1]}")
        if token.text == "-":
            raise token.error("this '-' stands within a step", "the next step is indented too far")
        if token.text in SYMBOLS:
            raise token.error("an expression with blanks stands in parentheses", "write (4 * w) or 4*w")
        if found:
            if found[1] in named:
                raise token.error(f"the argument '{found[1]}' is given twice")
            value = token.cut(found.end())
            named[found[1]] = read_size(value) or read_expression(value)
        elif named:
            raise token.error("an argument without a name stands before those with one", f"write {token.text} in front of them")
        else:
            arguments.append(read_size(token) or read_expression(token))
    return BlockCall(target, tuple(arguments), named, span(whole).place)


def _read_let(scalar: Scalar) -> Step:
    found = _LET.match(scalar.value)
    if not found:
        raise scalar.error("this is not 'let name = value'", "as in 'let w = 8'")
    name = Token(found["name"], scalar, found.start("name"))
    check_name(name, "a value")
    if told := mistakes.of_value(found["value"], name.text):
        raise scalar.fault(f"'{found['value']}' is not one value", *found.span("value"), told)
    split_words(scalar, found.start("value"), found.end("value"))
    return Let(name, read_expression(Token(found["value"], scalar, found.start("value"))))


def _sequence(steps: list[Step], tokens: list[Token]) -> Step:
    return steps[0] if len(steps) == 1 else Sequence(tuple(steps), span(tokens).place)
