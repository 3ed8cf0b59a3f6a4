"""The layer words of the language: which options each takes, in short form and in long form.

To add a word, write its builder in `layer_words.py` and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as act
from cnnprof.spec import layer_words as build
from cnnprof.spec.arguments import Arguments

Builder: TypeAlias = Callable[[Arguments], list[tuple[str, Layer]]]
"""Makes the layers of one step in a row, each with the kind that its node is named by."""

LETTERS = {"s": "stride", "p": "pad", "g": "groups", "d": "dilation", "k": "kernel"}
"""Short names of options: `s2`, `p=pad1`."""


class Word(NamedTuple):
    """A layer word.

    Args:
        build: makes the layers from the evaluated options.
        positional: options that the short form writes without a name, in order.
        options: further options, written `name=value` or by their letter.
        flags: words that stand alone, such as `ceil`; in the long form `ceil: true`.
        required: options that have no default.
        shorthand: the option that a token such as `3x3` gives.
    """

    build: Builder
    positional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    shorthand: str | None = None

    @property
    def known(self) -> tuple[str, ...]:
        """Every option and flag, in the order in which a message names them."""
        first = (self.shorthand,) if self.shorthand else ()
        return tuple(dict.fromkeys((*first, *self.positional, *self.options, *self.flags)))


_SLIDE = ("stride", "pad", "dilation")
_CONV = ("same", "bias", "nobias")
_KERNEL = ("kernel",)
_FILTERS = ("kernel", "out")

LAYER_WORDS: Mapping[str, Word] = {
    "conv": Word(build.conv, ("out",), (*_SLIDE, "groups", "connect"), _CONV, _FILTERS, "kernel"),
    "dw": Word(build.depthwise, ("multiplier",), _SLIDE, _CONV, _KERNEL, "kernel"),
    "sepconv": Word(build.separable, ("out",), _SLIDE, _CONV, _FILTERS, "kernel"),
    "deconv": Word(build.transposed, ("out",), (*_SLIDE, "groups", "output_pad"), _CONV, _FILTERS, "kernel"),
    "fc": Word(build.linear, ("out",), (), ("bias", "nobias"), ("out",)),
    "rbf": Word(build.radial_basis, ("out",), required=("out",)),
    "maxpool": Word(build.max_pool, (), _SLIDE, ("same", "ceil"), _KERNEL, "kernel"),
    "avgpool": Word(build.average_pool, (), ("stride", "pad"), ("same", "ceil", "exclude_pad"), _KERNEL, "kernel"),
    "subsample": Word(build.subsample, (), ("stride",), (), _KERNEL, "kernel"),
    "gap": Word(build.global_average),
    "gmp": Word(build.global_max),
    "adaptive_avgpool": Word(build.adaptive_average, required=("size",), shorthand="size"),
    "adaptive_maxpool": Word(build.adaptive_max, required=("size",), shorthand="size"),
    "bn": Word(build.batch_norm, options=("eps",), flags=("noaffine",)),
    "ln": Word(build.layer_norm, options=("eps",), flags=("noaffine",)),
    "lrn": Word(build.local_response_norm, ("size",), ("alpha", "beta", "k")),
    "dropout": Word(build.dropout, ("p",), flags=("channels",)),
    "droppath": Word(build.drop_path, ("p",), required=("p",)),
    "scale": Word(build.scale, ("factor",), required=("factor",)),
    "flatten": Word(build.flatten),
    "identity": Word(build.identity),
    "parameter": Word(build.parameter, ("size",), required=("size",)),
    "shuffle": Word(build.shuffle, ("groups",), required=("groups",)),
    "take": Word(build.take, ("start", "end"), required=("start", "end")),
    "pad": Word(build.pad, ("height", "width"), ("channels", "value"), shorthand="sides"),
    "crop": Word(build.crop, ("height", "width"), ("channels",), shorthand="sides"),
    "upsample": Word(build.upsample, ("factor",), flags=("bilinear",), required=("factor",), shorthand="factor"),
    "softmax": Word(build.softmax),
}


def _activation(layer: type[act.Activation], kind: str, parameter: str | None = None) -> Word:
    return Word(build.activate(layer, kind, parameter), (parameter,) if parameter else (), flags=("inplace",))


ACTIVATIONS: Mapping[str, Word] = {
    "relu": _activation(act.ReLU, "relu"),
    "relu6": _activation(act.ReLU6, "relu"),
    "leakyrelu": _activation(act.LeakyReLU, "leakyrelu", "negative_slope"),
    "prelu": _activation(act.PReLU, "prelu"),
    "elu": _activation(act.ELU, "elu", "alpha"),
    "sigmoid": _activation(act.Sigmoid, "sigmoid"),
    "tanh": _activation(act.Tanh, "tanh"),
    "silu": _activation(act.SiLU, "silu"),
    "swish": _activation(act.SiLU, "silu"),
    "gelu": _activation(act.GELU, "gelu"),
    "softplus": _activation(act.Softplus, "softplus"),
    "mish": _activation(act.Mish, "mish"),
    "hardsigmoid": _activation(act.Hardsigmoid, "hardsigmoid"),
    "hardswish": _activation(act.Hardswish, "hardswish"),
}

WORDS: Mapping[str, Word] = {**LAYER_WORDS, **ACTIVATIONS}
NORMS = ("bn", "ln")
BEHIND = (*NORMS, *ACTIVATIONS)
"""The words that may follow a layer on its line."""
