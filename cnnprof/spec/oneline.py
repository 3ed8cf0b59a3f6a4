"""The short form: a step written as one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import NamedTuple

from cnnprof.errors import SpecError, did_you_mean
from cnnprof.spec import mistaken_options, mistakes
from cnnprof.spec.arguments import Bare, Fixed, Given
from cnnprof.spec.blocks import BlockCall
from cnnprof.spec.located import Expression, Token, read_expression
from cnnprof.spec.operations import read_operation
from cnnprof.spec.reader import Scalar
from cnnprof.spec.steps import Choice, Give, LayerStep, Let, Named, Nothing, Reference, Sequence, Step, Unpack
from cnnprof.spec.tables import check_name
from cnnprof.spec.tokens import MAX_STEP, NAME, span, split_commas, split_words
from cnnprof.spec.words import BEHIND, JOINS, LETTERS, WORDS, Word

_LET = re.compile(r"\s*let\s+(?P<name>\w+)\s*=(?!=)\s*(?P<value>\S.*?)\s*\Z", re.DOTALL)
_GIVEN = re.compile(r"([A-Za-z_]\w*)=(?!=)")
_LETTERED = re.compile(r"([spgd])(\d+)(?:x(\d+))?(?:x(\d+))?\Z", re.ASCII)
_SIZE = re.compile(r"(\d+)x(\d+)(?:x(\d+))?\Z", re.ASCII)
_NUMBERS = re.compile(r"\d{1,9}\Z", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z_]\w*\[.*\]\Z", re.ASCII)
_SYMBOLS = ("*", "/", "//", "+", "-", "%", "**", "==", "=")


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
            raise tokens[at].error("this is not 'STEP if CONDITION' or 'STEP if CONDITION else STEP'")
        for token in tokens[at + 1 : stop]:
            if token.text in ("|", "->"):
                hint = (
                    "the condition holds for the whole line; put what follows on a line of its own, or use {if: ..., then: ...}"
                )
                raise token.error(f"'{token.text}' in a condition", hint)
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
        for piece in _split_at_bars(tokens):
            at = next((i for i, token in enumerate(piece) if token.text == "->"), len(piece))
            if at:
                since.append(self._piece(piece[:at]))
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
        if (token.text in WORDS and not _joins_only(token.text)) or token.text in self.blocks:
            what = "a layer" if token.text in WORDS else "a block"
            raise token.error(
                f"'{token.text}' cannot name an output: it is {what}", f"use another name, such as {token.text}_1"
            )
        self.named.add(token.text)
        return token

    def _piece(self, tokens: list[Token]) -> Step:
        """A layer, a block call, or a name."""
        word = tokens[0]
        if _joins_only(word.text) and len(tokens) == 1 and word.text in self.named:
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
            mistakes.of_first(word.text, tokens[1].text if len(tokens) > 1 else "")
            or mistakes.of_step(word.text, self.blocks)
            or did_you_mean(word.text, known, mistakes.NEAR)
            or (None if NAME.match(word.text) else "a step begins with a layer or a block")
        )
        raise word.error(f"unknown {what} '{word.text}'", hint)


def _joins_only(text: str) -> bool:
    """Whether the word, which alone says nothing, may name an output, too: `add` is a layer with a number behind it only."""
    return text in JOINS and text in WORDS and bool(WORDS[text].required)


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


def read_layer(word: Token, tokens: list[Token]) -> Step:
    """A layer word with its options, and the norm and activation words behind it, as one step."""
    rule = WORDS[word.text]
    given: dict[str, Given] = {}
    behind: list[tuple[str, Token, dict[str, Given]]] = []
    for token, after in zip_longest(tokens, tokens[1:]):
        found = _GIVEN.match(token.text)
        if token.text in BEHIND:
            if behind and behind[-1][0] == token.text:
                raise token.error(f"'{token.text}' stands twice", f"a second one is a step of its own: '| {token.text}'")
            behind.append((token.text, token, {}))
        elif found and found[1] in BEHIND and WORDS[found[1]].positional and found[1] not in rule.known:
            parameter = read_expression(token.cut(found.end()))
            behind.append((found[1], token, {WORDS[found[1]].positional[0]: parameter}))
        elif behind and found and found[1] not in rule.known and found[1] in WORDS[behind[-1][0]].options:
            # An option behind a norm on the line of a layer: `conv 3x3 8 bn eps=0.001 relu`.
            behind[-1][2][found[1]] = read_expression(token.cut(found.end()))
        elif behind and token.text in WORDS[behind[-1][0]].flags and token.text not in rule.flags:
            behind[-1][2][token.text] = Fixed(True, token)
        elif behind and (told := mistaken_options.of_behind(token.text, behind[-1][0])):
            raise token.error(f"{behind[-1][0]} does not take '{token.text}'", told)
        elif found and after and found[1] not in rule.known and found[1] in getattr(WORDS.get(after.text), "options", ()):
            raise token.error(f"'{found[1]}' stands behind '{after.text}'", f"write {after.text} {token.text}")
        else:
            option, value = _read_option(word, rule, token, given, after.text if after else "")
            if option in given:
                raise token.error(f"{word.text}: '{option}' is given twice")
            given[option] = value
    if word.text == "dw" and "kernel" not in given and isinstance(only := given.get("multiplier"), Expression):
        mistake = SpecError("dw: there is no kernel such as 3x3 or k=3", span([word, *tokens]).place, rule.form)
        given = {"kernel": Bare(only.token, only.code, mistake)} | {
            name: value for name, value in given.items() if name != "multiplier"
        }
    return layer_steps(word, span([word, *tokens]), given, behind)


def layer_steps(word: Token, whole: Token, given: dict[str, Given], behind: list[tuple[str, Token, dict[str, Given]]]) -> Step:
    """The layer and what stands behind it, in order. Raises SpecError if a required option is missing."""
    rule = WORDS[word.text]
    for option in rule.required:
        if option not in given:
            raise SpecError(f"{word.text}: there is no {_OPTION_NAMES.get(option, option)}", whole.place, rule.form or None)
    if word.text == "gelu" and behind and behind[0][0] == "tanh":
        hint = "GELU by way of tanh costs the same: write gelu; two steps are written gelu | tanh"
        raise behind[0][1].error("gelu does not take 'tanh'", hint)
    normed = bool(behind) and WORDS[behind[0][0]].drops_bias  # behind an activation, the norm takes no bias of the layer's away
    first = LayerStep(word.text, rule, given, whole.place, normed)
    if not behind:
        return first
    rest = [
        LayerStep(name, WORDS[name], options, token.place, behind=word.text != "identity") for name, token, options in behind
    ]
    return Sequence((first, *rest), whole.place)


def _read_option(word: Token, rule: Word, token: Token, given: dict[str, Given], after: str) -> tuple[str, Given]:
    text = token.text
    named = mistakes.TIMES.match(text) and any(option not in (*given, "factor") for option in rule.positional)
    if text not in rule.flags and not named and (hint := mistaken_options.of_option(text, word.text, rule, after)):
        raise token.error(f"{word.text} does not take '{text}'", hint)
    if text in rule.flags:
        return text, Fixed(True, token)
    if found := _GIVEN.match(text):
        value = token.cut(found.end())
        return _option_name(word, rule, token, found[1]), read_size(value) or read_expression(value)
    if (lettered := _LETTERED.match(text)) and LETTERS[lettered[1]] in rule.known:
        return LETTERS[lettered[1]], Fixed(_size(token, *lettered.groups()[1:]), token)
    if rule.shorthand and (size := read_size(token)):
        return rule.shorthand, size
    for option in rule.positional:
        if option not in given:
            return option, read_expression(token)
    mistake = _unknown_option(word, rule, token, given, after)
    if rule.shorthand != "kernel" or "kernel" in given or text in WORDS or text in _SYMBOLS:
        raise mistake
    # The kernel of an input with one spatial axis: `conv 3 64`, `maxpool 2`.
    if not rule.positional:
        only = read_expression(token)
        return "kernel", Bare(only.token, only.code, mistake)
    (option,) = rule.positional
    first = given.pop(option)
    if not isinstance(first, Expression):
        raise mistake
    given["kernel"] = Bare(first.token, first.code, mistake)
    return option, read_expression(token)


def read_size(token: Token) -> Fixed | None:
    """The pair that `3x3` is; None for any other word."""
    found = _SIZE.match(token.text)
    return Fixed(_size(token, *found.groups()), token) if found else None


def _size(token: Token, *numbers: str | None) -> int | tuple[int, ...]:
    for number in numbers:
        if number and not _NUMBERS.match(number):
            raise token.error("this number is too large")
    sizes = tuple(int(number) for number in numbers if number)
    return sizes if len(sizes) > 1 else sizes[0]


def _option_name(word: Token, rule: Word, token: Token, name: str) -> str:
    option = LETTERS.get(name, name)
    if option in rule.known and option not in rule.flags:
        return option
    if name in rule.known:
        return name
    letters = {letter: long for letter, long in LETTERS.items() if long in rule.known}
    others = [option for option in rule.known if option not in (*letters.values(), *rule.flags)]
    known = [*(f"{letter}=" for letter in letters), *(f"{option}=" for option in others), *rule.flags]
    hint = did_you_mean(name, rule.known, mistakes.NEAR) or (f"it takes {' '.join(known)}" if known else "it takes no options")
    raise token.error(f"{word.text} has no option '{name}'", hint)


def _unknown_option(word: Token, rule: Word, token: Token, given: dict[str, Given], after: str) -> SpecError:
    text = token.text
    if text in WORDS:
        return token.error(f"'{text}' is a layer of its own", f"write '| {text}'")
    if text in _SYMBOLS:
        return token.error("an expression with blanks stands in parentheses", "write (4 * w) or 4*w")
    if told := mistaken_options.of_rest(text, rule, word.text, after):
        return token.error(f"{word.text} does not take '{text}'", told)
    takes = " ".join([*rule.positional, *rule.options, *rule.flags]) or "no options"
    hint = did_you_mean(text, [*rule.flags, *BEHIND], mistakes.NEAR) or rule.form or f"it takes {takes}"
    if "kernel" in rule.required and "kernel" not in given:
        first = next((option.token.text for option in given.values() if not isinstance(option, Bare)), text)
        hint = f"a kernel is written {first}x{first} or k={first}"
    return token.error(f"{word.text} does not take '{text}'", hint)


_OPTION_NAMES = {
    "out": "number of outputs",
    "kernel": "kernel such as 3x3 or k=3",
    "of": "name of a max pooling's output",
    "groups": "number of groups",
    "factor": "number",
}


def _read_call(target: str | Expression, whole: list[Token], tokens: list[Token]) -> Step:
    arguments: list[Given] = []
    named: dict[str, Given] = {}
    for token in tokens:
        found = _GIVEN.match(token.text)
        if token.text.endswith(","):
            raise token.error("a comma between arguments", f"blanks separate arguments: write {token.text[:-1]}")
        if token.text == "-":
            raise token.error("this '-' stands within a step", "the next step is indented too far")
        if token.text in _SYMBOLS:
            raise token.error("an expression with blanks stands in parentheses", "write (4 * w) or 4*w")
        if found:
            if found[1] in named:
                raise token.error(f"the argument '{found[1]}' is given twice")
            value = token.cut(found.end())
            named[found[1]] = read_size(value) or read_expression(value)
        elif named:
            raise token.error("an argument without a name stands before those with one")
        else:
            arguments.append(read_size(token) or read_expression(token))
    return BlockCall(target, tuple(arguments), named, span(whole).place)


def _read_let(scalar: Scalar) -> Step:
    found = _LET.match(scalar.value)
    if not found:
        raise scalar.error("this is not 'let name = value'")
    name = Token(found["name"], scalar, found.start("name"))
    check_name(name, "a value")
    split_words(scalar, found.start("value"), found.end("value"))
    return Let(name, read_expression(Token(found["value"], scalar, found.start("value"))))


def _sequence(steps: list[Step], tokens: list[Token]) -> Step:
    return steps[0] if len(steps) == 1 else Sequence(tuple(steps), span(tokens).place)
