"""Hints for what people write who come from elsewhere: other names for the words, other signs, other shapes of a step."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from cnnprof.errors import did_you_mean
from cnnprof.spec.foreign import FOREIGN_WORDS, folded, word_of
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.scope import AXES, FURTHER_AXES, SEVERAL_HINT, Scope
from cnnprof.spec.signs import plain
from cnnprof.spec.values import Tensor
from cnnprof.spec.words import JOINS, WORDS

_NONE = {
    **dict.fromkeys(("lstm", "gru", "rnn"), "recurrent layers are no part of the language"),
    "embedding": "embeddings of indices are no part of the language; a learned tensor is 'parameter'",
    **dict.fromkeys(
        ("se", "selayer", "seblock", "semodule", "squeezeexcite", "squeezeexcitation", "squeezeandexcitation"),
        "squeeze and excitation is a join: '- mul: [identity, gap | conv 1x1 C/16 relu | conv 1x1 16*C sigmoid]'",
    ),
    **dict.fromkeys(("patchembed", "patchembedding"), "patches are a convolution: 'conv 16x16 768 s16 p0 | tokens'"),
    **dict.fromkeys(("swiglu", "geglu"), "it is a product of two layers: '- mul: [fc 4*C silu, fc 4*C]'"),
    **dict.fromkeys(("mlp", "feedforward", "ffn"), "it is two layers: 'fc 4*C gelu | fc C/4'"),
    **dict.fromkeys(("transpose", "swapaxes"), "axes change places with 'permute (2,1)'; the convolution is 'deconv'"),
    **dict.fromkeys(
        ("null", "~", "nothing", "continue", "none"), "a branch to leave out is 'none', a step that does nothing 'identity'"
    ),
    **dict.fromkeys(
        ("downsample", "downsampling", "reduce"), "a stride makes a smaller grid, as in 'conv 3x3 64 s2' or 'maxpool 2x2'"
    ),
    "centercrop": "'crop 2' cuts off 2 at each side: half of what is too much",
    "square": "write pow 2",
    "aux": "a head that only training runs has a colon, as in 'aux: gap | fc 10'",
    **dict.fromkeys(("repeat", "loop", "times", "each", "for"), "a loop is a step in braces: '- {repeat: 3, do: relu}'"),
    **dict.fromkeys(("pointwise", "pwconv", "pointwiseconv"), "it is a convolution of 1x1, as in 'conv 1x1 64'"),
    **dict.fromkeys(("groupconv", "groupedconv"), "groups are an option, as in 'conv 3x3 64 g4'"),
    **dict.fromkeys(("dilatedconv", "atrousconv"), "dilation is an option, as in 'conv 3x3 64 d2'"),
    **dict.fromkeys(("deformconv", "deformableconv", "dcn"), "deformable convolutions are no part of the language"),
    **dict.fromkeys(("weightnorm", "spectralnorm"), "it works on weights and is no layer: leave it out"),
    **dict.fromkeys(("rmsnorm", "softsign"), "there is no word for it; '{op: ...}' names a layer type of torch's"),
    "quickgelu": "it is a join: '- mul: [identity, scale 1.702 | sigmoid]'",
    "bilinear": "write upsample 2 bilinear",
    **dict.fromkeys(
        ("convblock", "basicconv", "convbnact", "convnormact", "convnormactivation", "cbs", "cbr", "cbl"),
        "it is one line: 'conv 3x3 64 bn relu'",
    ),
    "crelu": "it is a join: '- concat: [relu, scale -1 | relu]'",
    "maxout": "it is a join: '- max: [conv 3x3 64, conv 3x3 64]'",
    "layerscale": "it is a join: '- mul: [identity, \"parameter (C,1,1)\"]'",
    **dict.fromkeys(
        ("crossattention", "crossattn", "encoderdecoderattention"), "other tokens are options: 'attention 8 keys=memory'"
    ),
    **dict.fromkeys(("query", "queries", "objectqueries"), "learned tokens are 'parameter (100,256) tokens'"),
    **dict.fromkeys(("dot", "bmm", "einsum", "dotproduct"), "the join 'matmul' multiplies two branches as matrices"),
    "stack": "branches stand along an axis that they have, by 'concat'; 'reshape' makes them a new one before",
    **dict.fromkeys(("reflectionpad", "reflectpad"), "write pad 1 reflect"),
    **dict.fromkeys(("replicationpad", "replicatepad"), "write pad 1 replicate"),
    **dict.fromkeys(("spatialdropout", "dropout2d", "dropout3d", "channeldropout"), "write dropout 0.5 channels"),
    **dict.fromkeys(
        ("dropblock", "alphadropout", "gaussiandropout", "gaussiannoise", "noise"),
        "only training runs it, and it holds no weights: leave it out, or write dropout 0.5",
    ),
    **dict.fromkeys(
        ("loss", "crossentropy", "sgd", "adam", "optimizer"), "a spec says what a network is, not how it is trained"
    ),
    **dict.fromkeys(
        ("return", "output", "outputs", "yield"), "a block gives back 'give [a, b]', a network what stands under 'outputs:'"
    ),
    **dict.fromkeys(("global",), "over the whole image the words are 'gap' and 'gmp'"),
    **dict.fromkeys(("aspp", "ppm"), "it is a join: '- concat: [conv 1x1 256, conv 3x3 256 d6, conv 3x3 256 d12]'"),
    **dict.fromkeys(("spp", "sppf"), "it is a join: '- concat: [identity, maxpool 5x5 s1 p2, maxpool 9x9 s1 p4]'"),
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
            **dict.fromkeys(("denseblock", "denselayer", "transition", "transitionlayer"), "densenet121"),
            "convnextblock": "convnext_tiny",
            **dict.fromkeys(("transformer", "transformerblock", "encoder", "encoderblock", "transformerencoder"), "vit_b16"),
            **dict.fromkeys(("csp", "c2f", "c3", "bottleneckcsp", "cspblock"), "yolov8n"),
            **dict.fromkeys(("fpn", "pyramid"), "retinanet_resnet50_fpn"),
            **dict.fromkeys(("ghost", "ghostmodule", "ghostbottleneck"), "ghostnet_100"),
            "swinblock": "swin_tiny",
            "repvggblock": "repvgg_a0_train",
            "shuffleunit": "shufflenet_v2_x1_0",
        }.items()
    },
    "sequential": "steps stand one below the other, each with its own '-', or on one line with '|'",
}
CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\((?P<inside>.*)\)\Z", re.DOTALL)
TIMES = re.compile(r"x\d+\Z", re.ASCII)
"""A name where there is one, and else how others write that a step comes so many times."""

OF_LIST = {
    "sum": "branches are added by 'add'",
    "attention": "queries, keys and values made by other steps: {op: ScaledDotProductAttention, of: [q, k, v]}",
}
"""Words of one output, each with how a list of branches is joined so."""

NEAR = 0.7
"""How much alike two words are of which one is taken for a misspelling; less leads from one word to another."""

_AXES = {2: "C", 3: "C L", 4: "C H W", 5: "C D H W"}
"""The names of an output's axes behind the batch, by how many it has with the batch."""

_CHANNELS = ("in_channels", "in_ch", "inplanes", "in_planes", "cin", "nin", "num_channels", "channels_in")
_TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false", "TRUE": "true", "FALSE": "false"}


def of_step(text: str, blocks: Collection[str]) -> str | None:
    """A hint at what to write in place of a step that begins with this word; None where nothing is known of it."""
    called = CALL.match(text)
    name = called["name"] if called else text
    plain = re.sub(r"^(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", name)
    if text[-1] in ",;.":
        bare = word_of(text[:-1])
        return (
            f"blanks separate what a layer takes: write {bare}" if bare else of_step(text[:-1], blocks) if text[:-1] else None
        )
    if called and plain in blocks:
        arguments = re.sub(r",\s*", " ", called["inside"])
        return f"a block is called without parentheses and commas: write {plain} {arguments}".rstrip()
    if (colon := re.match(r"(\w+):([^\s:].*)", text)) and word_of(colon[1]):
        return f"a ':' is followed by a blank: write {colon[1]}: {colon[2]}"
    if (counted := re.fullmatch(r"(fc|linear|dense)[-_]?(\d{2,})(?:-?way)?", plain, re.IGNORECASE | re.ASCII)) or (
        counted := re.fullmatch(r"(dropout|drop|leakyrelu|elu)[-_]?(\d*\.\d+)", plain, re.IGNORECASE | re.ASCII)
    ):
        return f"write {word_of(counted[1])} {counted[2]}"
    if called and (word := word_of(plain)) in WORDS and re.fullmatch(r"(\w+=)?\d*\.?\d+", inside := called["inside"].strip()):
        number = inside.rpartition("=")[2]
        if word == "relu" and number == "6":
            return "the word is 'relu6'"
        if (WORDS[word].kind == "act" and WORDS[word].positional) or WORDS[word].positional[:1] == ("p",):
            return f"write {word} {number}"
    if called and plain.lower() in ("activation", "act") and (word := word_of(called["inside"].strip("'\" "))):
        return f"write {word}"
    if (told := _NONE.get(plain.lower())) is not None:
        return told
    if (old := re.fullmatch(r"([A-Za-z]+)(\d+)(?:x\2)?-(\d+)", plain, re.ASCII)) and (word := word_of(old[1])):
        return f"write {word} {old[2]}x{old[2]} {old[3]}"
    if (sized := re.match(r"([A-Za-z]+?)_?(\d+x\d+)\Z", plain, re.ASCII)) and (word := word_of(sized[1])):
        return f"write {word} {sized[2]}"
    if "=" in text and (word := text.partition("=")[0]) in WORDS:
        return f"write {text.replace('=', ' ')}"
    parts = re.split(r"[-+_]", plain)
    if len(parts) > 1 and all(word_of(part) for part in parts) and not word_of(plain):
        return f"write {word_of(parts[0])} ... {' '.join(str(word_of(part)) for part in parts[1:])}"
    if plain in JOINS and plain not in WORDS:
        return f"branches are joined by '- {plain}: [a, b]'"
    word = word_of(plain)
    if word in JOINS and (word not in WORDS or WORDS[word].required):
        return f"the word is '{word}', as in '- {word}: [a, b]'"
    if word:
        return f"the word is '{word}'" + (f", {form}" if (form := WORDS[word].form) else "")
    return _NONE.get(folded(plain)) or _NONE.get(re.sub(r"(?<=[A-Za-z])\d$", "", plain).lower()) or _of_run(folded(plain))


def _of_run(name: str) -> str | None:
    """A hint at a name such as `convbnrelu`, which is several words in a row."""
    words = [part for part in (*WORDS, *FOREIGN_WORDS) if len(part) > 1]
    pattern = "|".join(sorted(words, key=len, reverse=True))
    found = re.fullmatch(rf"((?:de|sep)?conv|dw|fc|linear)((?:{pattern})+)", name)
    if not found:
        return None
    return f"write {word_of(found[1])} ... {' '.join(str(word_of(part)) for part in re.findall(pattern, found[2]))}"


def of_key(text: str) -> str | None:
    """A hint at what to write in place of an unknown key of a step."""
    word = "add" if folded(text) == "skip" else word_of(text)
    if word in JOINS:
        return f"the word is '{word}'"
    if text in ("then", "else", "do", "as"):
        of = "'if'" if text in ("then", "else") else "loop"
        return f"'{text}' stands under the '-' of its {of}, aligned with it"
    if text in ("loop", "times"):
        return "the word is 'repeat', as in '- {repeat: 3, do: relu}'"
    head, _, rest = text.partition(" ")
    if head in ("if", "for", "repeat", "each") and rest:
        return f"write '- {head}: {rest}' and, below '{head}', '{'then' if head == 'if' else 'do'}: ...'"
    if text in ("elif", "elseif", "else if"):
        return "another condition stands in the last: 'else: {if: ..., then: ...}'"
    if text in ("give", "use"):
        return f"it stands on one line without a colon, as in '- {'give [a, b]' if text == 'give' else 'use kind 64'}'"
    if text in ("let", "set", "var"):
        return "a value is a step on one line: '- let w = 8'"
    if text in ("layers", "steps", "body", "forward", "seq"):
        return "steps stand one below the other, each with its own '-'"
    if text in ("from", "input", "inputs"):
        return "a step goes on from another output by its name in front: '- x | conv 3x3 64'"
    if word in WORDS:
        return f"the word is '{word}'"
    if text in ("type", "layer", "name"):
        return "the layer's word is the key: '- conv: {kernel: 3x3, out: 8}'"
    if text.startswith("let "):
        return f"write '- {text} = ...', in place of the colon"
    return _NONE.get(folded(text))


AXIS = ("axis", "dim", "dims")
"""Names of other libraries for the axis of a join."""


def of_key_beside(step: str, key: str) -> str | None:
    """A hint at what to write in place of a key that does not stand beside a step."""
    if key in AXIS and step in JOINS and JOINS[step].along:
        return f"'axis' stands beside '{step}', aligned with it"
    if key in AXIS and step in JOINS:
        return f"branches are joined element by element: leave '{key}' out"
    if step in WORDS and key in (*WORDS[step].known, "norm", "act"):
        return f"the options of '{step}' stand below it, indented further"
    if step in ("repeat", "for", "each") and key in ("then", "steps", "body", "layers", "block"):
        return "the key is 'do'"
    return "the key is 'then'" if step == "if" and key in ("steps", "body", "layers") else None


def unknown_name(name: str, scope: Scope) -> tuple[str, str | None]:
    """Why an expression cannot see a name, and a hint at what to write in its place."""
    if name in (*AXES, *FURTHER_AXES) and isinstance(scope.here, Tensor):
        axes = _AXES[len(scope.here.shape)] if len(scope.here.shape) in _AXES and not scope.here.tokens else ""
        hint = f"its axes are {axes}" if axes else None
        return f"there is no {name} here: the output is {len(scope.here.shape) - 1}-dimensional", hint
    if name in (*AXES, *FURTHER_AXES) and isinstance(scope.here, tuple):
        return f"here are {len(scope.here)} outputs, and {name} is the shape of one", SEVERAL_HINT
    if name in FUNCTIONS:
        return f"'{name}' is a function", f"call it: {FUNCTIONS[name].signature}"
    said = f"unknown name '{name}'"
    if name == "identity":
        return said, "name what is here, '-> x', and write x"
    if name in WORDS:
        return said, f"write '| {name}' for a layer behind this one"
    if name in ("first", "last", "i", "row"):
        return said, f"'{name}' is there in a loop"
    if name in _CHANNELS:
        return said, "the channels that come in are C, those of an output x are x.C"
    if name in ("N", "B", "batch", "batch_size"):
        return said, "the batch is no part of a network; with 'batch: N' at the head expressions know it as N"
    if lettered := re.fullmatch(r"([sgdk])(\d+)", name):
        return said, f"an argument by name has its sign: write {lettered[1]}={lettered[2]}"
    if any(name == value for value in (*scope.values(), *scope.outer.values()) if isinstance(value, str)):
        return said, f"a text stands in quotes: '{name}'"
    if name == "same":
        return said, "'same' stands behind a layer with a window, as in 'conv 3x3 8 same'"
    if name in _TRUTHS:
        return said, f"write {_TRUTHS[name]}"
    times = f"steps are repeated by '- {{repeat: {name[1:]}, do: ...}}'" if TIMES.match(name) else None
    return said, did_you_mean(name, scope.known()) or times


def of_size(text: str) -> str | None:
    """A hint at what to write in place of an input that is no sizes with 'x' between them."""
    text = plain(text) or text
    batch = re.match(r"[\[(]?\s*(?:None|none|null|batch|batch_size|bs|N|B|\?|-1)\s*[x,*]\s*", text)
    text = text[batch.end() :] if batch else text
    order = re.search(r"\s+(N?)([A-Za-z]{2,4})$", text)
    letters = order[2].upper() if order and sorted(order[2].upper()) == sorted("CHW") else ""
    sizes = re.findall(r"\d+", text[: order.start()] if letters and order else text)
    if not 1 < len(sizes) < 5 or re.search(r"\d\.\d|-\d", text) or (re.search(r"[A-Za-z]{2,}", text) and not letters):
        return "sizes are numbers; --input gives others" if re.search(r"none|\?|[xX][HW]\b", text, re.IGNORECASE) else None
    return f"write {'x'.join(sizes)}{f' {letters}' if letters not in ('', 'CHW') else ''}"


def of_value(text: str, name: str) -> str | None:
    """A hint at what stands behind the sign of a `let` and is no value."""
    if (step := re.match(r"([A-Za-z]\w*) +(?! |-[^>]|[+*/%<>=!]|(if|and|or|not|in)\b)", text)) and word_of(step[1]):
        return f"an output is named behind its step: write {text} -> {name}"
    if re.search(r"(?<!\|)\|(?!\|)", text):
        return "a 'let' is a step of its own, on its own line"
    if re.search(r",\s*[A-Za-z_]\w*\s*=(?!=)", text) and "(" not in text:
        return "each value has a 'let' of its own, on its own line"
    return None


def of_first(text: str, rest: Sequence[str] = ()) -> str | None:
    """A hint at a step that does not begin with its word; `rest` are the words behind it."""
    after, *further = rest or ("",)
    named = re.match(r"([A-Za-z_]\w*)=([^=].*)", text)
    if after in ("=", "<-", ":=") or (named and named[1] not in WORDS and word_of(re.split(r"[\s(]", named[2])[0])):
        name = named[1] if named else text
        if not named and len(further) == 1 and re.fullmatch(r"[\d.]+|[\d.]*[*/+-].*", further[0]):
            return f"a value is named by 'let': write let {name} = {further[0]}"
        return f"an output is named behind its step: write ... -> {name.rpartition('.')[2]}"
    if text in ("set", "var", "val", "const", "define", "def") and after:
        return "a value is named by 'let', as in 'let w = 8'"
    if (
        after
        and text[:1].isalpha()
        and text not in WORDS
        and (joined := word_of(text + after.rstrip(",")))
        and joined != word_of(text)
    ):
        return f"the word is '{joined}'"
    if after in ("+", "-", "*") and text.isidentifier():
        join = {"+": "add", "-": "sub", "*": "mul"}[after]
        return f"outputs are joined by '- {join}: [a, b]'"
    if re.fullmatch(r"\d+[x×*]|\d(?=\Z)", text) and (word_of(after.rstrip(",")) or after == "x"):
        return f"steps are repeated by '- {{repeat: {text.rstrip('x×*')}, do: ...}}'"
    if text.lower() in ("activation", "act", "nonlinearity"):
        return f"write {word_of(after) or 'relu'} alone"
    if text.lower() == "global" and after:
        return f"the word is '{'gmp' if after.lower().startswith('max') else 'gap'}'"
    if (old := re.fullmatch(r"([A-Za-z]+)(\d+)", text, re.ASCII)) and text not in WORDS and re.match(r"\d", after):
        return f"write {word} {old[2]}x{old[2]} {after}" if (word := word_of(old[1])) else None
    if counted := re.fullmatch(r"(\d+)-?d", text.lower()):
        return f"write fc {counted[1]}" if word_of(after.rstrip(",")) == "fc" else None
    if sized := re.match(r"(\d+x\d+)(?:/(\d+))?,?\Z", text):
        behind = [word.rstrip(",") for word in rest]
        names = ("".join(behind[:count]) for count in (2, 1))
        word = next(
            (known for name in names if (known := word_of(name)) in WORDS and WORDS[known].shorthand == "kernel"), "conv"
        )
        return f"the word comes first, as in '{word} {sized[1]}{f' s{sized[2]}' if sized[2] else ''}'"
    return None
