"""Hints for what people write behind a word who come from elsewhere: other names for options, other signs, other orders."""

from __future__ import annotations

import re

from cnnprof.spec.foreign import TAKEN_FOR, option_of, word_of
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.mistakes import CALL
from cnnprof.spec.words import BEHIND, JOINS, LETTERS, WORDS, Word

_COUNTED = (
    *("filters", "filter", "channels", "features", "units", "planes", "kernels", "maps", "classes", "outputs", "neurons"),
    *("nodes", "groups", "heads", "times", "px", "pixels", "way"),
)
"""Words behind a number that say what it counts."""
_CONDITIONS = ("when", "unless", "where", "?")
_NAMED_SIZE = re.compile(r"([A-Za-z_]\w*)x\1\Z", re.ASCII)
_DECIMAL = re.compile(r"\d+,\d+\Z")
_NUMBER = re.compile(r"\d+(\.\d*)?\Z")
_SIGNED = re.compile(r"\((\d+x\d+)\)|(\d+x\d+)([@:;,/(-])(s?\d+)\)?\Z", re.ASCII)
_COMMENTS = ("//", "/*", "--", "%", "<!--")
_TIMES = re.compile(r"\(?[x*×](\d+)\)?\Z|(\d+)[x×]\Z")
_JOINING = ("then", "and", "with", "followed", "by", "plus")
_OF_INPUTS = (
    *("in", "in_channels", "in_features", "in_planes", "inplanes", "input_dim", "c1", "nin", "num_features"),
    *("normalized_shape", "num_channels", "num_parameters", "input_shape", "in_ch", "cin"),
)
_WITHOUT_A_FIGURE = (
    "align_corners",
    "antialias",
    "approximate",
    "bias_initializer",
    "data_format",
    "device",
    "dtype",
    "kernel_initializer",
    "kernel_regularizer",
    "recompute_scale_factor",
    "return_indices",
    "track_running_stats",
    "trainable",
)
_NEAREST = "the nearest neighbour is taken if nothing is said: leave 'nearest' out"
_WHOLE = {"mean": "gap", "max": "gmp"}
_FLAGS = {
    ("use_bias", False): "nobias",
    ("with_bias", False): "nobias",
    ("ceil_mode", True): "ceil",
    ("count_include_pad", False): "exclude_pad",
    ("affine", False): "noaffine",
    ("elementwise_affine", False): "noaffine",
}
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def of_option(text: str, word: str, row: Word, after: str = "") -> str | None:
    """A hint at what to write in place of a word that the layer does not take; None where nothing is known of it.

    `after` is the next word on the line.
    """
    name, equals, value = text.partition("=")
    value = value.strip("'\"")
    if (told := _of_signs(text, after, row) or _of_names(text, word, row, after)) is not None:
        return told
    if "," in text and (told := _of_commas(text, row)):
        return told
    if re.fullmatch(r"\d+X\d+", text):
        return f"write {text.replace('X', 'x')}, with the letter x"
    if _NAMED_SIZE.match(text) and row.shorthand:
        side = text.partition("x")[0] if text.count("x") == 1 else text[: len(text) // 2]
        return f"a size that has a name is written {'k' if row.shorthand == 'kernel' else row.shorthand}={side}"
    if name in ("pad", "p", "padding") and value == "valid":
        return "without padding is p0"
    if name in ("pad", "p", "padding") and value == "same":
        return "write 'same' alone"
    if name in ("act", "activation", "norm") and equals:
        return f"leave '{name}' out" if value.lower() in ("none", "null", "linear", "identity") else f"write '{value}' alone"
    if name in WORDS and equals and value.lower() in ("true", "false"):
        return f"write '{name}' alone" if value.lower() == "true" else f"leave '{name}' out"
    option = option_of(name, row)
    if equals and option:
        return f"write {value} alone" if option in row.positional else f"write {option}={value}"
    if equals and value in row.flags and name not in row.known:
        return f"write '{value}' alone"
    if row.positional[:1] == ("factor",) and (times := re.fullmatch(r"x(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)x", text)):
        return f"write {times[1] or times[2]}"
    if text == "-" and word in JOINS:
        return f"a join has a colon: write '- {word}:' and its branches below it"
    if text == "-":
        return f"the next step is indented too far: its '-' stands under that of '{word}'"
    return None


def _of_commas(text: str, row: Word) -> str | None:
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
        if name or row.shorthand:
            return f"write {name + '=' if name else ''}{'x'.join(sizes)}"
        if len(sizes) == 2:
            return f"a decimal has a point: write {numbers[2].replace(',', '.')}"
    if re.fullmatch(r"[\w=.+-]*[A-Za-z][\w=.+-]*(,[\w=.+-]+)+", text):
        return f"blanks separate what a layer takes: write {text.replace(',', ' ')}"
    return None


def _of_names(text: str, word: str, row: Word, after: str) -> str | None:
    """A hint at options and words of other libraries."""
    name, equals, value = text.partition("=")
    truth = _TRUTH.get(value.strip("'\"").lower()) if equals else None
    if equals and (flag := _FLAGS.get((name, truth if truth is not None else True))) in row.flags and name not in row.flags:
        return f"write {flag}"
    if equals and truth is not None and (name, not truth) in _FLAGS and name not in row.known:
        return f"leave '{name}' out"
    several = name in ("dim", "axes", "dims", "keepdim") and not _NUMBER.match(value.lstrip("-"))
    if word in _WHOLE and (several or text.startswith("(")):
        return f"'{word}' is over the channels; over the whole image it is '{_WHOLE[word]}'"
    if row.shorthand == "size" and (pair := re.fullmatch(r"[(\[](\d+),\s*(\d+)[)\]]", text)):
        return f"write {pair[1]}x{pair[2]}"
    if name == "bias" and truth is not None and "nobias" in row.flags and value in "01":
        return "write nobias" if not truth else "write bias"
    if "nobias" in row.flags and text in ("no", "without", "no_bias", "no-bias") and (after == "bias" or "bias" in text):
        return "write nobias"
    if equals and name in _OF_INPUTS and name not in row.known:
        return f"what comes in is known: leave '{name}' out"
    if name in _WITHOUT_A_FIGURE and name not in row.known:
        return f"no figure depends on it: leave '{name}' out"
    if name == "keep_prob" and "p" in row.known:
        return "the number is the part that is zeroed: write 1 less what is kept"
    if row.positional[:1] == ("p",) and (part := re.fullmatch(r"p(0?\.\d+)", text)):
        return f"write {part[1]}"
    if row.positional[:1] == ("p",) and (percent := re.fullmatch(r"(?:p=)?(\d+(?:\.\d+)?)%", text)):
        return f"write {float(percent[1]) / 100:g}"
    if name == "max_value" and value == "6" and word == "relu":
        return "the word is 'relu6'"
    if text.lower() == "global" and word in ("avgpool", "maxpool"):
        return f"over the whole image the word is '{'gap' if word == 'avgpool' else 'gmp'}'"
    if word == "pad" and text.lower() in ("zero", "zeros", "constant"):
        return f"zeros are put in if nothing is said: leave '{text}' out"
    if word == "pad" and text.lower() in ("symmetric", "circular", "wrap"):
        return "the other modes are 'reflect' and 'replicate'"
    if word == "take" and (ends := re.fullmatch(r"\[?(\d+)[:-](\d+)\]?", text)):
        return f"write {ends[1]} {ends[2]}"
    if text in FUNCTIONS and text not in row.known and re.match(r"[\d(]", after):
        return f"a function takes its arguments in parentheses: {FUNCTIONS[text].signature}"
    if name == "name" and equals:
        return f"an output is named behind its step: -> {value}"
    if row.positional[:1] == ("factor",) and value == "nearest":
        return _NEAREST
    if equals and name in WORDS and name not in (*BEHIND, *row.known, *TAKEN_FOR) and truth is None:
        return f"write '| {name} {value}'"
    if equals and name not in (*WORDS, *LETTERS, *row.known) and (other := word_of(name)) in BEHIND and WORDS[other].positional:
        return f"write {other}={value}"
    return None


def _of_word(text: str, row: Word, word: str, after: str) -> str | None:
    """A hint at a word that has no place behind the layer, nor can be a name there."""
    if row.positional[:1] == ("factor",) and text in ("nearest", "linear"):
        return _NEAREST if text == "nearest" else "of an image it is 'bilinear'"
    if text == "norm":
        return "write the word of the norm, such as bn"
    if text in ("act", "activation", "nonlinearity"):
        return "write the word of the activation, such as relu"
    if row.shorthand == "kernel" and text == "depthwise":
        return "a depthwise convolution is a word of its own, as in 'dw 3x3'"
    if row.shorthand == "kernel" and text in ("linear", "identity"):
        return "an activation that does nothing is left out"
    if text.lower() in _JOINING and after in WORDS:
        return f"words behind a layer stand without another between: write {after}"
    if word + text in WORDS:
        return f"the word is '{word}{text}'"
    if text.lower() in ("none", "null"):
        return f"what there is none of is left out: leave '{text}' out"
    if text in _COUNTED:
        return f"a number stands alone: leave '{text}' out"
    if text.lower() == "with" and (option := TAKEN_FOR.get(after, (after,))[0]) in row.known:
        return f"options stand without another word between, as in {option}=2"
    if text in ("from", "on"):
        return f"'{text}' is no word of the language; a step goes on from another output by its name in front: x | {word} ..."
    taken = (*row.known, *TAKEN_FOR, *_CONDITIONS)
    if text in (*WORDS, *taken, *LETTERS):
        return None
    former = re.fullmatch(r"[\[({'\"`]*(?:\w+\.)*([A-Za-z_]\w*)(\(.*\))?[\])}'\"`]*", text)
    other = word_of(former[1] if former else text)
    if other in BEHIND and other != text:
        return f"the word is '{other}'" if former and former[1] == text else _with_value(other, former[2] if former else "")
    if other in WORDS and other != text:
        return f"it is a layer of its own: write '| {other}'"
    return None


def _with_value(word: str, call: str) -> str:
    """A hint at a word behind a layer, with the number that a call of another library gives it."""
    inside = (call or "")[1:-1].strip()
    if WORDS[word].positional and re.fullmatch(r"-?[\d.]+", inside):
        return f"write {word}={inside}"
    named = re.fullmatch(r"(\w+)=([\w.-]+)", inside)
    if named and (option := option_of(named[1], WORDS[word]) or named[1]) in WORDS[word].known and named[2] != "True":
        return f"write {word} {option}={named[2]}"
    return f"write {word}"


def _of_signs(text: str, after: str, row: Word) -> str | None:
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
    if row.shorthand == "kernel" and text in ("x", "×", "X") and _NUMBER.match(after):
        return "a size has no blanks in it, as in 3x3; the filters stand behind it without a sign"
    if row.shorthand == "kernel" and (upper := re.fullmatch(r"([SPGD])(\d+(x\d+)*)", text)):
        return f"write {upper[1].lower()}{upper[2]}"
    if row.positional[:1] != ("factor",) and (times := _TIMES.match(text)):
        return f"steps are repeated by '- {{repeat: {times[1] or times[2]}, do: ...}}'"
    if counted := re.fullmatch(r"(\d+)-?(way|classes|class|dim|d|px)", text):
        return f"a number stands alone: write {counted[1]}"
    if (signed := re.fullmatch(r"[&+](\w+)", text)) and signed[1] in WORDS:
        return f"words behind a layer stand without signs: write {signed[1]}"
    if text.startswith(_COMMENTS) and not (text in ("//", "%") and re.match(r"[\d(]", after)):
        return "a comment begins with '#'"
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
    if text in (">", "=>", ">>", "-->", "→", "–>", "—>", "⇒"):
        return "'->' names the output, '|' leads to the next step"
    if (called := CALL.match(text)) and (name := called["name"]) in WORDS and name not in FUNCTIONS:
        given = _with_value(name, text[len(name) :]) if called["inside"] else ""
        return given if " " in given[6:] or "=" in given else f"write '{name}', without parentheses"
    if text.startswith(("$", "{")) and (braced := re.fullmatch(r"(?:\$\{?|\{)\s*([A-Za-z_]\w*)\s*\}?", text)):
        return f"a name stands without signs: write {braced[1]}"
    return None


def of_behind(text: str, word: str, first: Word) -> str | None:
    """A hint at a number or an option behind a norm or an activation that stands behind a layer, whose row is `first`."""
    row = WORDS[word]
    name, equals, _ = text.partition("=")
    if equals and LETTERS.get(name, name) not in first.known and not option_of(name, first):
        return of_option(text, word, row)
    if _DECIMAL.match(text):
        return f"a decimal has a point: write {text.replace(',', '.')}"
    if not _NUMBER.match(text) and not re.fullmatch(r"\d*\.?\d+(e-?\d+)?", text):
        return None
    if row.positional:
        return f"write {word}={text}"
    return f"its options have names: {' '.join(f'{name}=' for name in row.options)}" if row.options else None


def of_rest(text: str, row: Word, word: str = "", after: str = "", sized: bool = False) -> str | None:
    """A hint at what to write in place of a word behind all that the layer takes without a name.

    `sized` says that a kernel such as 3x3 is given.
    """
    if re.match(r"\(?\d*\.?\d+(\.\d*|x\d+|e-?\d+)?[,\d)]*\Z", text) and (told := _of_number(text, row, word, sized)):
        return told
    if row.shorthand == "kernel" and (lettered := re.fullmatch(r"([a-z])(\d+)", text)) and lettered[1] in "kfncob":
        letters = {"k": f"a kernel is written {lettered[2]}x{lettered[2]}", "b": "a bias is 'bias' or 'nobias'"}
        return letters.get(lettered[1], f"the number of filters stands alone: write {lettered[2]}")
    if text in LETTERS and LETTERS[text] in row.known:
        return f"write {text}2, without a blank"
    if row.shorthand == "size" and re.fullmatch(r"[A-Za-z_]\w*(\.[CHWDL]|\[.*\])?", text) and not word_of(text):
        return f"an expression is written size={text}" + (
            ", one for each axis size=(a,b)" if after and not word_of(after) else ""
        )
    if (long := re.fullmatch(r"([a-z]+)(\d+)", text)) and long[1] in LETTERS.values() and long[1] in row.known:
        return f"write {long[1]}={long[2]}"
    if text in row.options and text not in LETTERS.values():
        return f"write {text}=..., without a blank"
    if "output_pad" in row.known and (lettered := re.fullmatch(r"op=?(\d+)", text)):
        return f"write output_pad={lettered[1]}"
    if text == "spatial" and "channels" in row.flags:
        return "write 'channels'"
    if text.lower() in ("if", "else"):
        return f"write '{text.lower()}', in small letters"
    if text in _CONDITIONS:
        return "a condition stands behind the step: 'conv 3x3 8 if s > 1'"
    if text == "as":
        return "an output is named by '-> name'"
    if text in LETTERS.values() and text in row.known:
        letter = next(short for short, long in LETTERS.items() if long == text)
        return f"write {letter}2 or {text}=2, without a blank"
    return "without padding is p0" if text == "valid" else _of_word(text, row, word, after)


def _of_number(text: str, row: Word, word: str, sized: bool) -> str | None:
    """A hint at a number that stands without a name behind all that has its place there."""
    if word in _WHOLE and "x" in text:
        return f"'{word}' is over the channels; a window has the word '{'avgpool' if word == 'mean' else 'maxpool'}'"
    if row.shorthand == "kernel" and sized and text.isdecimal() and word != "dw":
        padded = f", p{text} a padding" if "pad" in row.known else ""
        return f"further numbers have letters: s{text} is a stride{padded}"
    if row.options and (word == "lrn" or (row.kind == "norm" and re.search(r"\.|e-", text))):
        return f"its options have names: {' '.join(f'{name}=' for name in row.options)}"
    if word in ("relu", "relu6") and "." in text:
        return f"a slope below 0 has the word 'leakyrelu': leakyrelu {text}"
    if word in ("gap", "gmp"):
        return f"'{word}' takes the whole image; a window has the word '{'avgpool' if word == 'gap' else 'maxpool'}'"
    if row.shorthand == "size":
        return f"write {text}x{text}, or size={text} for all axes"
    if row.kind == "norm" or word == "prelu":
        return "how many channels come in is known: leave the number out"
    if word == "fc":
        return f"how many numbers come in is known: write fc {text}" if text[0] != "0" else "a number has no blanks in it"
    return None


def of_layer_key(text: str, word: str) -> str | None:
    """A hint at what to write in place of an unknown key of a layer's long form."""
    row = WORDS[word]
    option = {"activation": "act", "nonlinearity": "act", "normalization": "norm"}.get(text) or option_of(text, row)
    if option:
        return f"the key is '{option}'"
    if signed := re.fullmatch(r"(\w+)\s*[:= ]\s*(\w+)", text):
        return f"a ':' and a blank stand between a key and its value: write {signed[1]}: {signed[2]}"
    if text in BEHIND:
        return f"write {'norm' if WORDS[text].kind == 'norm' else 'act'}: {text}"
    if text in _OF_INPUTS:
        return f"what comes in is known: leave '{text}' out"
    if text in _WITHOUT_A_FIGURE:
        return f"no figure depends on it: leave '{text}' out"
    if text == "name":
        return f"'name' stands beside '{word}', aligned with it"
    return "write bias: false" if text in ("use_bias", "with_bias") else None
