"""Hints for signs of other languages behind a word: commas, brackets, arrows, units and calls."""

from __future__ import annotations

import re

from cnnprof.spec.foreign import option_of
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.mistakes import CALL
from cnnprof.spec.words import LETTERS, WORDS, Word

_SIGNED = re.compile(r"[(\[](\d+x\d+)[)\]]|(\d+x\d+)([@:;,/(-])(s?\d+)\)?\Z", re.ASCII)
_TIMES = re.compile(r"\(?[x*×](\d+)\)?\Z|(\d+)[x×]\Z")
_COMMENTS = ("//", "/*", "--", "%", "<!--")
NUMBER = re.compile(r"\d+(\.\d*)?\Z")


def of_commas(text: str, row: Word, after: str = "") -> str | None:
    """A hint at commas, which stand in lists in brackets only."""
    if text == ",":
        return "blanks separate what a layer takes: take out the comma"
    if text.endswith(","):
        return f"blanks separate what a layer takes: write {text[:-1]}"
    if re.fullmatch(r"\d{1,3}(,\d{3})+", text):
        return f"a number has no commas: write {text.replace(',', '')}"
    if numbers := re.fullmatch(r"(?:(\w+)=)?(\d+(?:,\d+)+)", text):
        name, sizes = numbers[1], numbers[2].split(",")
        if row.positional[:1] in (("size",), ("order",), ("start",)) and not name:
            return f"write {' '.join(sizes)}" if row.positional[0] == "start" else f"write ({numbers[2]})"
        if not name and "out" in row.positional and not re.match(r"[\w(]", after):
            return "a layer has one number of outputs"  # `conv 3x3 8,16`; of `conv 3,3 8` it is the kernel
        if name or row.shorthand:
            return f"write {name + '=' if name else ''}{'x'.join(sizes)}"
        if len(sizes) == 2:
            return f"a decimal has a point: write {numbers[2].replace(',', '.')}"
    if re.fullmatch(r"[\w=.+-]*[A-Za-z][\w=.+-]*(,[\w=.+-]+)+", text):
        return f"blanks separate what a layer takes: write {text.replace(',', ' ')}"
    return None


def of_signs(text: str, after: str, row: Word) -> str | None:
    """A hint at signs of other languages."""
    if text.startswith("#"):
        return "'#' begins a comment outside of quotes only"
    if (slashed := re.fullmatch(r"/s?(\d+)", text)) and "stride" in row.known:
        return f"a stride is written s{slashed[1]}"
    if (colon := re.fullmatch(r"([A-Za-z_]\w*):(\w+)", text)) and (
        name := option_of(colon[1], row) or LETTERS.get(colon[1], colon[1])
    ) in row.known:
        return f"write {name}={colon[2]}"
    if row.shorthand == "kernel" and (signed := _SIGNED.match(text)):
        number = f"s{signed[4].lstrip('s')}" if signed[3] == "/" or "out" not in row.positional else signed[4]
        return f"write {signed[1] or f'{signed[2]} {number}'}"
    if row.shorthand == "kernel" and text in ("x", "×", "X") and NUMBER.match(after):
        return "a size has no blanks in it, as in 3x3; the filters stand behind it without a sign"
    if row.shorthand == "kernel" and (upper := re.fullmatch(r"([SPGD])(\d+(x\d+)*)", text)):
        return f"write {upper[1].lower()}{upper[2]}"
    if row.positional[:1] != ("factor",) and (times := _TIMES.match(text)):
        return f"steps are repeated by '- {{repeat: {times[1] or times[2]}, do: ...}}'"
    if counted := re.fullmatch(r"(\d+)-?(way|classes|class|dim|d|px)", text):
        return f"a number stands alone: write {counted[1]}"
    if (signed := re.fullmatch(r"[&+](\w+)", text)) and signed[1] in WORDS:
        return f"words behind a layer stand without signs: write {signed[1]}"
    if text in (">", "=>", ">>") or (text == "-" and not after):  # of `-->` the rest is the arrow
        return "'->' names the output, '|' leads to the next step"
    if text.startswith(_COMMENTS) and not (text in ("//", "%") and re.match(r"[\d(]", after)):
        return "a comment begins with '#'"
    if row.shorthand == "kernel" and re.fullmatch(r"([spgd]\d+){2,}", text):
        return f"write {' '.join(re.findall(r'[spgd][0-9]+', text))}"
    if row.shorthand == "kernel" and (signed := re.fullmatch(r"([spgd])[-_:(](\d+)\)?", text)):
        return f"write {signed[1]}{signed[2]}"
    if text in ("<-", ":=", "="):
        return "'->' names the output"
    if text.endswith(";") or text in ("&", "&&"):
        return "'|' leads from a step to the next on one line"
    if text == "-" and after.startswith(">"):
        return "write '->' without a blank, to name the output"
    if text == "+" and after in WORDS:
        return f"words behind a layer stand without signs: write {after}"
    if (called := CALL.match(text)) and (name := called["name"]) in WORDS and name not in FUNCTIONS:
        given = with_value(name, text[len(name) :]) if called["inside"] else ""
        return given if " " in given[6:] or "=" in given else f"write '{name}', without parentheses"
    if text.startswith(("$", "{")) and (braced := re.fullmatch(r"(?:\$\{?|\{)\s*([A-Za-z_]\w*)\s*\}?", text)):
        return f"a name stands without signs: write {braced[1]}"
    return None


def with_value(word: str, call: str) -> str:
    """A hint at a word behind a layer, with the number that a call of another library gives it."""
    inside = (call or "")[1:-1].strip()
    if WORDS[word].positional and re.fullmatch(r"-?[\d.]+", inside):
        return f"write {word}={inside}"
    named = re.fullmatch(r"(\w+)=([\w.-]+)", inside)
    if named and (option := option_of(named[1], WORDS[word]) or named[1]) in WORDS[word].known and named[2] != "True":
        return f"write {word} {option}={named[2]}"
    return f"write {word}"
