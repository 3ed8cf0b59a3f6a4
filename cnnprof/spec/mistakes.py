"""Hints for what people write who come from elsewhere: other names for the words, other signs, other shapes of a step."""

from __future__ import annotations

import re
from collections.abc import Collection

from cnnprof.spec.words import JOINS, LETTERS, WORDS, Word

FOREIGN = {
    "fc": ("dense", "linear", "fullyconnected", "innerproduct"),
    "conv": ("convolution", "convolutional", "convbn"),
    "dw": ("depthwise", "dwconv", "depthwiseconv", "dconv"),
    "sepconv": ("separableconv", "depthwiseseparable", "dsconv"),
    "deconv": ("convtranspose", "transposedconv", "upconv", "convt", "transconv"),
    "bn": ("batchnorm", "batchnormalization", "norm"),
    "ln": ("layernorm", "layernormalization"),
    "gn": ("groupnorm", "groupnormalization"),
    "in": ("instancenorm", "instancenormalization"),
    "lrn": ("localresponsenorm", "localresponsenormalization"),
    "l2norm": ("normalize", "l2normalize"),
    "gap": ("globalavgpool", "globalaveragepool", "globalavgpooling", "globalaveragepooling", "avgpoolglobal"),
    "gmp": ("globalmaxpool", "globalmaxpooling"),
    "maxpool": ("pool", "maxpooling", "pooling"),
    "avgpool": ("averagepool", "averagepooling", "avgpooling", "meanpool"),
    "adaptive_avgpool": ("adaptiveavgpool", "adaptiveaveragepool"),
    "adaptive_maxpool": ("adaptivemaxpool",),
    "upsample": ("interpolate", "upsampling", "resize"),
    "pixelshuffle": ("depthtospace", "depth2space", "subpixel"),
    "space2depth": ("pixelunshuffle", "spacetodepth", "focus"),
    "shuffle": ("channelshuffle",),
    "pad": ("zeropad", "padding", "zeropadding"),
    "droppath": ("stochasticdepth",),
    "identity": ("skip", "noop", "pass"),
    "attention": ("mha", "multiheadattention", "selfattention"),
    "posembed": ("positionembedding", "positionalembedding", "posemb"),
    "clstoken": ("classtoken",),
    "concat": ("cat", "concatenate", "route"),
    "add": ("residual", "shortcut", "sum"),
    "mul": ("multiply", "gate"),
}
"""The words of the language, each with what other libraries and formats call it, small letters and no underscores."""

_WORDS = {other: word for word, others in FOREIGN.items() for other in others}
_NONE = {
    **dict.fromkeys(("lstm", "gru", "rnn"), "recurrent layers are no part of the language"),
    "embedding": "embeddings of indices are no part of the language; a learned tensor is 'parameter'",
    "sequential": "steps stand one below the other, each with its own '-', or on one line with '|'",
}
_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\((?P<inside>.*)\)\Z", re.DOTALL)
_NAMED_SIZE = re.compile(r"([A-Za-z_]\w*)x\1\Z", re.ASCII)
_DECIMAL = re.compile(r"\d+,\d+\Z")
_TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false", "TRUE": "true", "FALSE": "false"}


def of_step(text: str, blocks: Collection[str]) -> str | None:
    """A hint at what to write in place of a step that begins with this word; None where nothing is known of it."""
    called = _CALL.match(text)
    name = called["name"] if called else text
    plain = re.sub(r"^(torch\.)?(nn|F|layers)\.", "", name)
    if called and plain in blocks:
        arguments = re.sub(r",\s*", " ", called["inside"])
        return f"a block is called without parentheses and commas: write {plain} {arguments}".rstrip()
    if plain in JOINS and plain not in WORDS:
        return f"branches are joined by '- {plain}: [a, b]'"
    word = _word(plain)
    if word in JOINS and word not in WORDS:
        return f"the word is '{word}', as in '- {word}: [a, b]'"
    if word:
        return f"the word is '{word}'" + (f", {form}" if (form := WORDS[word].form) else "")
    return _NONE.get(_folded(plain))


def _folded(name: str) -> str:
    return re.sub(r"(?<=\D)[123]d$", "", name.lower()).replace("_", "").replace("-", "")


def _word(name: str) -> str | None:
    folded = _folded(name)
    if folded in _WORDS:
        return _WORDS[folded]
    known = {_folded(word): word for word in (*WORDS, *JOINS)}
    return known.get(folded)


def of_key(text: str) -> str | None:
    """A hint at what to write in place of an unknown key of a step."""
    word = "add" if _folded(text) == "skip" else _word(text)
    if word in JOINS:
        return f"the word is '{word}'"
    return _NONE.get(_folded(text))


def of_option(text: str, word: str, row: Word) -> str | None:
    """A hint at what to write in place of a word that the layer does not take; None where nothing is known of it."""
    name, equals, value = text.partition("=")
    if text.endswith(","):
        return f"blanks separate what a layer takes: write {text[:-1]}"
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
    if text == "-":
        return f"the next step is indented too far: its '-' stands under that of '{word}'"
    return None


def of_rest(text: str, row: Word) -> str | None:
    """A hint at what to write in place of a word behind all that the layer takes without a name."""
    if text in LETTERS.values() and text in row.known:
        letter = next(short for short, long in LETTERS.items() if long == text)
        return f"write {letter}2 or {text}=2, without a blank"
    return "without padding is p0" if text == "valid" else None


def of_name(name: str) -> str | None:
    """A hint at what to write in place of a name that an expression does not know."""
    return f"write {_TRUTHS[name]}" if name in _TRUTHS else None


def of_size(text: str) -> str | None:
    """A hint at what to write in place of an input that is no sizes with 'x' between them."""
    sizes = re.findall(r"\d+", text)
    plain = 1 < len(sizes) < 5 and not re.search(r"[A-Za-z]{2,}", text)
    return f"write {'x'.join(sizes)}" if plain else None
