"""Hints for what people write behind a word who come from elsewhere: other names for options, other signs, other orders."""

from __future__ import annotations

import re

from cnnprof.spec.foreign import TAKEN_FOR, option_of, word_of
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.mistaken_signs import NUMBER, of_commas, of_signs, with_value
from cnnprof.spec.words import BEHIND, JOINS, LETTERS, WORDS, Word

_COUNTED = (
    *("filters", "filter", "channels", "features", "units", "planes", "kernels", "maps", "classes", "outputs", "neurons"),
    *("nodes", "groups", "heads", "times", "px", "pixels", "way"),
)
"""Words behind a number that say what it counts."""
_CONDITIONS = ("when", "unless", "where", "?")
_NAMED_SIZE = re.compile(r"([A-Za-z_]\w*)x\1\Z", re.ASCII)
_DECIMAL = re.compile(r"\d+,\d+\Z")
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
    "causal",
    "data_format",
    "device",
    "dtype",
    "is_causal",
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
    ("qkv_bias", False): "nobias",
    ("qkv_bias", True): "bias",
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
    if (told := of_signs(text, after, row) or _of_names(text, word, row, after)) is not None:
        return told
    if "," in text and (told := of_commas(text, row, after)):
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


def _of_names(text: str, word: str, row: Word, after: str) -> str | None:
    """A hint at options and words of other libraries."""
    name, equals, value = text.partition("=")
    truth = _TRUTH.get(value.strip("'\"").lower()) if equals else None
    if equals and (flag := _FLAGS.get((name, truth if truth is not None else True))) in row.flags and name not in row.flags:
        return f"write {flag}"
    if equals and truth is not None and (name, not truth) in _FLAGS and name not in row.known:
        return f"leave '{name}' out"
    several = name in ("dim", "axes", "dims", "keepdim") and not NUMBER.match(value.lstrip("-"))
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
    if word == "sum" and text.startswith("["):
        return "'sum' is over the channels; outputs are added by '- add: [a, b]'"
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
        return f"the word is '{other}'" if former and former[1] == text else with_value(other, former[2] if former else "")
    if other in WORDS and other != text:
        return f"it is a layer of its own: write '| {other}'"
    return None


def of_behind(text: str, word: str, first: Word) -> str | None:
    """A hint at a number or an option behind a norm or an activation that stands behind a layer, whose row is `first`."""
    row = WORDS[word]
    name, equals, _ = text.partition("=")
    if equals and LETTERS.get(name, name) not in first.known and not option_of(name, first):
        return of_option(text, word, row)
    if _DECIMAL.match(text):
        return f"a decimal has a point: write {text.replace(',', '.')}"
    if not NUMBER.match(text) and not re.fullmatch(r"\d*\.?\d+(e-?\d+)?", text):
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
    if row.options == ("axis",) and re.fullmatch(r"-?\d", text):
        return f"write axis={text}"
    if text in row.options and text not in LETTERS.values():
        return f"write {text}=..., without a blank"
    if "keys" in row.options and text.isidentifier() and text not in WORDS and not text.startswith(("qkv", "mask", "causal")):
        return f"keys and values of other tokens have names: keys={text}"
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
