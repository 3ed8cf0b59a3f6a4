"""Hints for what people write who come from elsewhere: other names for the words, other signs, other shapes of a step."""

from __future__ import annotations

import re
from collections.abc import Collection

from cnnprof.errors import did_you_mean
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.scope import AXES, Scope
from cnnprof.spec.values import Tensor
from cnnprof.spec.words import JOINS, LETTERS, WORDS, Word

FOREIGN = {
    "fc": ("dense", "linear", "fullyconnected", "innerproduct"),
    "conv": ("convolution", "convolutional", "convbn"),
    "dw": ("depthwise", "dwconv", "depthwiseconv", "dconv"),
    "sepconv": ("separableconv", "depthwiseseparable", "dsconv"),
    "deconv": ("convtranspose", "transposedconv", "upconv", "convt", "transconv"),
    "bn": ("batchnorm", "batchnormalization", "norm", "syncbn", "syncbatchnorm", "frozenbn", "frozenbatchnorm"),
    "ln": ("layernorm", "layernormalization"),
    "gn": ("groupnorm", "groupnormalization"),
    "in": ("instancenorm", "instancenormalization"),
    "lrn": ("localresponsenorm", "localresponsenormalization"),
    "l2norm": ("normalize", "l2normalize"),
    "gap": (
        "globalavgpool",
        "globalaveragepool",
        "globalavgpooling",
        "globalaveragepooling",
        "avgpoolglobal",
        "globalpool",
        "globalpooling",
    ),
    "gmp": ("globalmaxpool", "globalmaxpooling", "maxpoolglobal"),
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
    "hardswish": ("hswish",),
    "hardsigmoid": ("hsigmoid",),
    "leakyrelu": ("lrelu", "leaky"),
    "sigmoid": ("logistic",),
    "attention": ("mha", "multiheadattention", "selfattention"),
    "posembed": ("positionembedding", "positionalembedding", "posemb"),
    "clstoken": ("classtoken",),
    "concat": ("cat", "concatenate", "concatenation", "route"),
    "add": ("residual", "shortcut", "sum"),
    "mul": ("multiply", "gate"),
}
"""The words of the language, each with what other libraries and formats call it, small letters and no underscores."""

_WORDS = {other: word for word, others in FOREIGN.items() for other in others}
_NONE = {
    **dict.fromkeys(("lstm", "gru", "rnn"), "recurrent layers are no part of the language"),
    "embedding": "embeddings of indices are no part of the language; a learned tensor is 'parameter'",
    **dict.fromkeys(
        ("se", "selayer", "seblock", "semodule", "squeezeexcite", "squeezeexcitation", "squeezeandexcitation"),
        "squeeze and excitation is a join: '- mul: [identity, gap | conv 1x1 C/16 relu | conv 1x1 C sigmoid]'",
    ),
    **dict.fromkeys(("patchembed", "patchembedding"), "patches are a convolution: 'conv 16x16 768 s16 p0 | tokens'"),
    **dict.fromkeys(("swiglu", "geglu"), "it is a product of two layers: '- mul: [fc 4*C silu, fc 4*C]'"),
    **dict.fromkeys(("mlp", "feedforward", "ffn"), "it is two layers: 'fc 4*C gelu | fc C/4'"),
    **dict.fromkeys(("transpose", "swapaxes"), "axes change places with 'permute (2,1)'; the convolution is 'deconv'"),
    **dict.fromkeys(("null", "~"), "a branch to leave out is 'none', a step that does nothing 'identity'"),
    **dict.fromkeys(("repeat", "loop", "times", "each", "for"), "a loop is a step in braces: '- {repeat: 3, do: relu}'"),
    "input": "a network of one input starts from it; '- -> x' as the first step names it",
    **{
        block: f"a paper's block is written under 'blocks'; cnnprof init --from {network} shows one"
        for block, network in {
            **dict.fromkeys(("mbconv", "fusedmbconv"), "efficientnet_b0"),
            **dict.fromkeys(("bottleneck", "resblock", "residualblock"), "resnet50"),
            "basicblock": "resnet18",
            "invertedresidual": "mobilenet_v2",
            "fire": "squeezenet1_0",
            "inception": "googlenet",
            "denseblock": "densenet121",
            "convnextblock": "convnext_tiny",
        }.items()
    },
    "sequential": "steps stand one below the other, each with its own '-', or on one line with '|'",
}
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
    "negative_slope": ("slope", "alpha"),
}
"""Options, each with what other libraries call it."""

_TAKEN_FOR = {other: option for option, others in _OPTIONS.items() for other in others}
_CONDITIONS = ("when", "unless", "where", "?")
_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\((?P<inside>.*)\)\Z", re.DOTALL)
_NAMED_SIZE = re.compile(r"([A-Za-z_]\w*)x\1\Z", re.ASCII)
_DECIMAL = re.compile(r"\d+,\d+\Z")
_TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false", "TRUE": "true", "FALSE": "false"}


def of_step(text: str, blocks: Collection[str]) -> str | None:
    """A hint at what to write in place of a step that begins with this word; None where nothing is known of it."""
    called = _CALL.match(text)
    name = called["name"] if called else text
    plain = re.sub(r"^((torch|tf|keras)\.)*(nn\.|F\.|layers\.)?", "", name)
    if called and plain in blocks:
        arguments = re.sub(r",\s*", " ", called["inside"])
        return f"a block is called without parentheses and commas: write {plain} {arguments}".rstrip()
    if (sized := re.match(r"([A-Za-z]+?)_?(\d+x\d+)\Z", plain, re.ASCII)) and (word := _word(sized[1])):
        return f"write {word} {sized[2]}"
    if "=" in text and (word := text.partition("=")[0]) in WORDS:
        return f"write {text.replace('=', ' ')}"
    parts = re.split(r"[-+_]", plain)
    if len(parts) > 1 and all(_word(part) for part in parts) and not _word(plain):
        return f"write {_word(parts[0])} ... {' '.join(str(_word(part)) for part in parts[1:])}"
    if plain in JOINS and plain not in WORDS:
        return f"branches are joined by '- {plain}: [a, b]'"
    word = _word(plain)
    if word in JOINS and (word not in WORDS or WORDS[word].required):
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
    if text in ("loop", "times"):
        return "the word is 'repeat', as in '- {repeat: 3, do: relu}'"
    if text in ("type", "layer", "name"):
        return "the layer's word is the key: '- conv: {kernel: 3x3, out: 8}'"
    if text.startswith("let "):
        return f"write '- {text} = ...', in place of the colon"
    return _NONE.get(_folded(text))


def of_option(text: str, word: str, row: Word, after: str = "") -> str | None:
    """A hint at what to write in place of a word that the layer does not take; None where nothing is known of it.

    `after` is the next word on the line.
    """
    name, equals, value = text.partition("=")
    if (signed := _of_signs(text, after)) is not None:
        return signed
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


def _of_signs(text: str, after: str) -> str | None:
    """A hint at signs of other languages."""
    if text.endswith(";") or text in ("&", "&&"):
        return "'|' leads from a step to the next on one line"
    if text == "-" and after.startswith(">"):
        return "write '->' without a blank, to name the output"
    if text == "+" and after in WORDS:
        return f"words behind a layer stand without signs: write {after}"
    if text in (">", "=>", ">>", "-->"):
        return "'->' names the output, '|' leads to the next step"
    if (called := _CALL.match(text)) and called["name"] in WORDS:
        return f"write '{called['name']}', without parentheses"
    if text.startswith(("$", "{")) and (braced := re.fullmatch(r"(?:\$\{?|\{)\s*([A-Za-z_]\w*)\s*\}?", text)):
        return f"a name stands without signs: write {braced[1]}"
    return None


def of_rest(text: str, row: Word, word: str = "") -> str | None:
    """A hint at what to write in place of a word behind all that the layer takes without a name."""
    if text in LETTERS and LETTERS[text] in row.known:
        return f"write {text}2, without a blank"
    if (long := re.fullmatch(r"([a-z]+)(\d+)", text)) and long[1] in LETTERS.values() and long[1] in row.known:
        return f"write {long[1]}={long[2]}"
    if text in row.options and text not in LETTERS.values():
        return f"write {text}=..., without a blank"
    if word + text in WORDS:
        return f"the word is '{word}{text}'"
    if text in _CONDITIONS:
        return "a condition stands behind the step: 'conv 3x3 8 if s > 1'"
    if text == "as":
        return "an output is named by '-> name'"
    if text in LETTERS.values() and text in row.known:
        letter = next(short for short, long in LETTERS.items() if long == text)
        return f"write {letter}2 or {text}=2, without a blank"
    return "without padding is p0" if text == "valid" else None


def unknown_name(name: str, scope: Scope) -> tuple[str, str | None]:
    """Why an expression cannot see a name, and a hint at what to write in its place."""
    if name in AXES and isinstance(scope.here, Tensor):
        return f"there is no {name} here: the output is {len(scope.here.shape) - 1}-dimensional", None
    if name in FUNCTIONS:
        return f"'{name}' is a function", f"call it: {FUNCTIONS[name].signature}"
    said = f"unknown name '{name}'"
    if name in WORDS:
        return said, f"write '| {name}' for a layer behind this one"
    if name == "same":
        return said, "'same' stands behind a layer with a window, as in 'conv 3x3 8 same'"
    return said, f"write {_TRUTHS[name]}" if name in _TRUTHS else did_you_mean(name, scope.known())


def of_size(text: str) -> str | None:
    """A hint at what to write in place of an input that is no sizes with 'x' between them."""
    sizes = re.findall(r"\d+", text)
    plain = 1 < len(sizes) < 5 and not re.search(r"[A-Za-z]{2,}", text)
    return f"write {'x'.join(sizes)}" if plain else None


def of_layer_key(text: str) -> str | None:
    """A hint at what to write in place of an unknown key of a layer's long form."""
    known = {"activation": "act", "nonlinearity": "act", "normalization": "norm", **_TAKEN_FOR}
    return f"the key is '{known[text]}'" if text in known else None


def of_first(text: str, after: str) -> str | None:
    """A hint at a step that does not begin with its word; `after` is the second."""
    if after == "=":
        return f"an output is named behind its step: write ... -> {text}"
    if re.match(r"\d+x\d", text):
        word = after if after in WORDS else "conv"
        return f"the word comes first, as in '{word} {text}'"
    return None
