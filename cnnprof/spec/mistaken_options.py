"""Hints for what people write behind a word who come from elsewhere: other names for options, other signs, other orders."""

from __future__ import annotations

import re

from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.mistakes import CALL, word_of
from cnnprof.spec.words import BEHIND, LETTERS, WORDS, Word

_OPTIONS = {
    "out": ("filters", "channels", "features", "units", "planes", "out_channels", "out_features", "outputs", "n"),
    "kernel": ("kernel_size", "size", "ksize", "pool_size"),
    "stride": ("strides", "step"),
    "pad": ("padding", "pads"),
    "dilation": ("dilation_rate", "dilations"),
    "groups": ("num_groups", "group"),
    "factor": ("scale", "scale_factor", "upscale_factor", "block_size"),
    "size": ("output_size", "target_size", "shape"),
    "p": ("rate", "prob", "drop", "drop_prob", "drop_rate"),
    "heads": ("num_heads", "n_heads", "head"),
    "window": ("window_size", "ws"),
    "shift": ("shift_size",),
    "eps": ("epsilon",),
    "axis": ("dim", "axes", "dims"),
    "head_dim": ("dim_head", "key_dim"),
    "keys": ("key", "kv", "memory", "context"),
    "values": ("value",),
    "negative_slope": ("slope", "alpha"),
}
"""Options, each with what other libraries call it."""


_TAKEN_FOR = {other: option for option, others in _OPTIONS.items() for other in others}
_CONDITIONS = ("when", "unless", "where", "?")
_NAMED_SIZE = re.compile(r"([A-Za-z_]\w*)x\1\Z", re.ASCII)
_DECIMAL = re.compile(r"\d+,\d+\Z")
_NUMBER = re.compile(r"\d+(\.\d*)?\Z")
_SIGNED = re.compile(r"\((\d+x\d+)\)|(\d+x\d+)[@:;/(-](\d+)\)?\Z", re.ASCII)
_TIMES = re.compile(r"\(?[x*×](\d+)\)?\Z|(\d+)[x×]\Z")
_JOINING = ("then", "and", "with", "followed", "by", "plus")
_OF_INPUTS = ("in", "in_channels", "in_features", "in_planes", "inplanes", "input_dim", "c1", "nin", "num_features")
_WITHOUT_A_FIGURE = (
    "align_corners",
    "antialias",
    "bias_initializer",
    "data_format",
    "device",
    "dtype",
    "kernel_initializer",
    "kernel_regularizer",
    "recompute_scale_factor",
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
    if text.endswith(","):
        return f"blanks separate what a layer takes: write {text[:-1]}"
    if "," in text and re.fullmatch(r"[\w=.]*[A-Za-z][\w=.]*(,[\w=.]+)+", text):
        return f"blanks separate what a layer takes: write {text.replace(',', ' ')}"
    if _DECIMAL.match(text):
        return f"a decimal has a point: write {text.replace(',', '.')}"
    if "×" in text or re.fullmatch(r"\d+X\d+", text):
        return f"write {text.replace('×', 'x').replace('X', 'x')}, with the letter x"
    if _NAMED_SIZE.match(text) and row.shorthand:
        side = text.partition("x")[0] if text.count("x") == 1 else text[: len(text) // 2]
        return f"a size that has a name is written {'k' if row.shorthand == 'kernel' else row.shorthand}={side}"
    if name in ("pad", "p", "padding") and value == "valid":
        return "without padding is p0"
    if name in ("pad", "p", "padding") and value == "same":
        return "write 'same' alone"
    if name in ("act", "activation", "norm") and equals:
        return f"write '{value}' alone"
    if name in WORDS and equals and value.lower() in ("true", "false"):
        return f"write '{name}' alone" if value.lower() == "true" else f"leave '{name}' out"
    option = _TAKEN_FOR.get(name)
    if equals and option in row.known and name not in row.known:
        return f"write {value} alone" if option in row.positional else f"write {option}={value}"
    if equals and value in row.flags and name not in row.known:
        return f"write '{value}' alone"
    if row.positional[:1] == ("factor",) and (times := re.fullmatch(r"x(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)x", text)):
        return f"write {times[1] or times[2]}"
    if text == "-":
        return f"the next step is indented too far: its '-' stands under that of '{word}'"
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
    if name == "name" and equals:
        return f"an output is named behind its step: -> {value}"
    if row.positional[:1] == ("factor",) and value == "nearest":
        return _NEAREST
    if equals and name in WORDS and name not in (*BEHIND, *row.known, *_TAKEN_FOR) and truth is None:
        return f"write '| {name} {value}'"
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
    taken = (*row.known, *_TAKEN_FOR, *_CONDITIONS)
    other = None if text in (*WORDS, *taken, *LETTERS) or not text.replace("_", "").isalnum() else word_of(text)
    if other in BEHIND and other != text:
        return f"the word is '{other}'"
    if other in WORDS and other != text:
        return f"it is a layer of its own: write '| {other}'"
    return None


def _of_signs(text: str, after: str, row: Word) -> str | None:
    """A hint at signs of other languages."""
    if text.startswith("#"):
        return "'#' begins a comment outside of quotes only"
    if (slashed := re.fullmatch(r"/s?(\d+)", text)) and "stride" in row.known:
        return f"a stride is written s{slashed[1]}"
    if (colon := re.fullmatch(r"([A-Za-z_]\w*):(\w+)", text)) and (name := _TAKEN_FOR.get(colon[1], colon[1])) in row.known:
        return f"write {name}={colon[2]}"
    if row.shorthand == "kernel" and (signed := _SIGNED.match(text)):
        return f"write {signed[1] or f'{signed[2]} {signed[3]}'}"
    if row.shorthand == "kernel" and text in ("x", "×", "X") and _NUMBER.match(after):
        return "a size has no blanks in it, as in 3x3; the filters stand behind it without a sign"
    if row.shorthand == "kernel" and (upper := re.fullmatch(r"([SPGD])(\d+(x\d+)*)", text)):
        return f"write {upper[1].lower()}{upper[2]}"
    if row.positional[:1] != ("factor",) and (times := _TIMES.match(text)):
        return f"steps are repeated by '- {{repeat: {times[1] or times[2]}, do: ...}}'"
    if (signed := re.fullmatch(r"[&+](\w+)", text)) and signed[1] in WORDS:
        return f"words behind a layer stand without signs: write {signed[1]}"
    if text.endswith(";") or text in ("&", "&&"):
        return "'|' leads from a step to the next on one line"
    if text == "-" and after.startswith(">"):
        return "write '->' without a blank, to name the output"
    if text == "+" and after in WORDS:
        return f"words behind a layer stand without signs: write {after}"
    if text in (">", "=>", ">>", "-->", "→", "–>", "—>", "⇒"):
        return "'->' names the output, '|' leads to the next step"
    if (called := CALL.match(text)) and called["name"] in WORDS and called["name"] not in FUNCTIONS:
        return f"write '{called['name']}', without parentheses"
    if text.startswith(("$", "{")) and (braced := re.fullmatch(r"(?:\$\{?|\{)\s*([A-Za-z_]\w*)\s*\}?", text)):
        return f"a name stands without signs: write {braced[1]}"
    return None


def of_behind(text: str, word: str) -> str | None:
    """A hint at a number behind a norm or an activation that stands behind a layer."""
    row = WORDS[word]
    if not _NUMBER.match(text) and not re.fullmatch(r"\d*\.?\d+(e-?\d+)?", text):
        return None
    if row.positional:
        return f"write {word}={text}"
    return f"its options have names: {' '.join(f'{name}=' for name in row.options)}" if row.options else None


def of_rest(text: str, row: Word, word: str = "", after: str = "") -> str | None:
    """A hint at what to write in place of a word behind all that the layer takes without a name."""
    if re.match(r"\d+(\.\d*|x\d+)?\Z", text) and (told := _of_number(text, row, word)):
        return told
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
    if text in _CONDITIONS:
        return "a condition stands behind the step: 'conv 3x3 8 if s > 1'"
    if text == "as":
        return "an output is named by '-> name'"
    if text in LETTERS.values() and text in row.known:
        letter = next(short for short, long in LETTERS.items() if long == text)
        return f"write {letter}2 or {text}=2, without a blank"
    return "without padding is p0" if text == "valid" else _of_word(text, row, word, after)


def _of_number(text: str, row: Word, word: str) -> str | None:
    """A hint at a number that stands without a name behind all that has its place there."""
    if word in ("gap", "gmp"):
        return f"'{word}' takes the whole image; a window has the word '{'avgpool' if word == 'gap' else 'maxpool'}'"
    if row.shorthand == "size":
        return f"write {text}x{text}, or size={text} for all axes"
    if row.kind == "norm" or word == "prelu":
        return "how many channels come in is known: leave the number out"
    if word == "fc":
        return f"how many numbers come in is known: write fc {text}"
    return None


def of_layer_key(text: str) -> str | None:
    """A hint at what to write in place of an unknown key of a layer's long form."""
    known = {"activation": "act", "nonlinearity": "act", "normalization": "norm", **_TAKEN_FOR}
    return f"the key is '{known[text]}'" if text in known else None
