"""A layer on one line: its word, its options, and the norm and activation words behind it."""

from __future__ import annotations

import re
from itertools import zip_longest

from cnnprof.errors import SpecError, did_you_mean
from cnnprof.spec import mistaken_options, mistakes
from cnnprof.spec.arguments import Bare, Fixed, Given
from cnnprof.spec.located import Expression, Token, read_expression
from cnnprof.spec.steps import LayerStep, Sequence, Step
from cnnprof.spec.tokens import NAME, span
from cnnprof.spec.words import BEHIND, LETTERS, WORDS, Word

GIVEN = re.compile(r"([A-Za-z_]\w*)=(?!=)")
"""A value behind its name: `s=2`."""

SYMBOLS = ("*", "/", "//", "+", "-", "%", "**", "==", "=")
"""Signs of expressions, which stand alone where one has blanks in it."""

_LETTERED = re.compile(r"([spgd])(\d+)(?:x(\d+))?(?:x(\d+))?\Z", re.ASCII)
_SIZE = re.compile(r"(\d+)x(\d+)(?:x(\d+))?\Z", re.ASCII)
_PLAIN = re.compile(r"(?:\d+|[a-wyz]|[skgd]=[\w.*]+|[spgd]\d+(?:x\d+)*|\d+(?:x\d+)+|\w+\*\w+)\Z", re.ASCII)
"""Most options look like this: nobody means anything else by them, and no mistake has to be looked for."""

_NUMBERS = re.compile(r"\d{1,9}\Z", re.ASCII)


def read_layer(word: Token, tokens: list[Token]) -> Step:
    """A layer word with its options, and the norm and activation words behind it, as one step."""
    rule = WORDS[word.text]
    given: dict[str, Given] = {}
    behind: list[tuple[str, Token, dict[str, Given]]] = []
    for token, after in zip_longest(tokens, tokens[1:]):
        found = GIVEN.match(token.text)
        if token.text in BEHIND:
            if (behind[-1][0] if behind else word.text) == token.text:
                raise token.error(f"'{token.text}' stands twice", f"a second one is a step of its own: '| {token.text}'")
            behind.append((token.text, token, {}))
        elif found and found[1] in BEHIND and WORDS[found[1]].positional and found[1] not in rule.known:
            parameter = read_expression(token.cut(found.end()))
            behind.append((found[1], token, {WORDS[found[1]].positional[0]: parameter}))
        elif (
            behind and (named := found[1] if found else token.text) not in rule.known and named in _takes(behind[-1][0], found)
        ):
            # An option behind a norm or an activation on the line of a layer: `conv 3x3 8 bn eps=0.001 relu`.
            if named in behind[-1][2]:
                raise token.error(f"{behind[-1][0]}: '{named}' is given twice")
            behind[-1][2][named] = read_expression(token.cut(found.end())) if found else Fixed(True, token)
        elif behind and (told := mistaken_options.of_behind(token.text, behind[-1][0], rule)):
            raise token.error(f"{behind[-1][0]} does not take '{token.text}'", told)
        elif found and after and found[1] not in rule.known and found[1] in getattr(WORDS.get(after.text), "options", ()):
            raise token.error(f"'{found[1]}' stands behind '{after.text}'", f"write {after.text} {token.text}")
        else:
            option, value = _read_option(word, rule, token, given, after.text if after else "")
            if option in given:
                raise _given_twice(word, option, given[option], token)
            given[option] = value
    if word.text == "dw" and "kernel" not in given and isinstance(only := given.get("multiplier"), Expression):
        mistake = SpecError("dw: there is no kernel such as 3x3 or k=3", span([word, *tokens]).place, rule.form)
        given = {"kernel": Bare(only.token, only.code, mistake)} | {
            name: value for name, value in given.items() if name != "multiplier"
        }
    return layer_steps(word, span([word, *tokens]), given, behind)


def _takes(word: str, with_value: object) -> tuple[str, ...]:
    """The options of a word that stand behind it with a value, or the flags, which stand alone."""
    row = WORDS[word]
    return (*row.positional, *row.options) if with_value else row.flags


def _given_twice(word: Token, option: str, first: Given, token: Token) -> SpecError:
    if isinstance(first, Bare):
        return first.mistake  # `conv 64 filters 3x3`: what was taken for a kernel was none
    return token.error(f"{word.text}: '{option}' is given twice", f"it stands already as '{first.token.text}'")


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
    plain = named or text in rule.flags or _PLAIN.match(text)
    if not plain and (hint := mistaken_options.of_option(text, word.text, rule, after)):
        raise token.error(f"{word.text} does not take '{text}'", hint)
    if text in rule.flags:
        return text, Fixed(True, token)
    if found := GIVEN.match(text):
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
    if rule.shorthand != "kernel" or "kernel" in given or text in WORDS or text in SYMBOLS:
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
        listed = token.scalar.in_flow and not token.scalar.style
        branch = f", or a comma before '{text}' for another entry of the list" if listed else ""
        return token.error(f"'{text}' is a layer of its own", f"write '| {text}'{branch}")
    if text in SYMBOLS:
        return token.error("an expression with blanks stands in parentheses", "write (4 * w) or 4*w")
    kernel = given.get("kernel")
    if told := mistaken_options.of_rest(text, rule, word.text, after, kernel is not None and not isinstance(kernel, Bare)):
        return token.error(f"{word.text} does not take '{text}'", told)
    takes = " ".join([*rule.positional, *rule.options, *rule.flags]) or "no options"
    hint = did_you_mean(text, [*rule.flags, *BEHIND], mistakes.NEAR) or rule.form or f"it takes {takes}"
    if "kernel" in rule.required and "kernel" not in given:
        first = next((option.token.text for option in given.values() if not isinstance(option, Bare)), text)
        if lettered := re.fullmatch(r"k(\d+)", first):
            hint = f"a kernel is written k={lettered[1]} or {lettered[1]}x{lettered[1]}"
        elif not NAME.match(first):
            hint = f"a kernel is written {first}x{first} or k={first}"
        else:
            hint = f"a kernel that has a name is written k={first}"
    return token.error(f"{word.text} does not take '{text}'", hint)


_OPTION_NAMES = {
    "out": "number of outputs",
    "kernel": "kernel such as 3x3 or k=3",
    "of": "name of a max pooling's output",
    "groups": "number of groups",
    "factor": "number",
}
