"""Names that other libraries and formats have for the words of the language and for their options."""

from __future__ import annotations

import re

from cnnprof.spec.words import JOINS, WORDS, Word

FOREIGN = {
    "fc": ("dense", "linear", "fullyconnected", "innerproduct", "connected", "fullconnected"),
    "conv": ("convolution", "convolutional", "convbn"),
    "dw": ("depthwise", "dwconv", "depthwiseconv", "dconv"),
    "sepconv": ("separableconv", "depthwiseseparable", "depthwiseseparableconv", "dsconv", "dwsconv", "dwsepconv"),
    "deconv": (
        "convtranspose",
        "transposedconv",
        "transposeconv",
        "conv1dtranspose",
        "conv2dtranspose",
        "conv3dtranspose",
        "deconvolution",
        "upconv",
        "convt",
        "transconv",
    ),
    "bn": ("batchnorm", "batchnormalization", "norm", "syncbn", "syncbatchnorm", "frozenbn", "frozenbatchnorm"),
    "ln": ("layernorm", "layernormalization"),
    "gn": ("groupnorm", "groupnormalization"),
    "in": ("instancenorm", "instancenormalization"),
    "lrn": ("localresponsenorm", "localresponsenormalization"),
    "grn": ("globalresponsenorm", "globalresponsenormalization"),
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
    "upsample": ("interpolate", "upsampling", "resize", "up"),
    "pixelshuffle": ("depthtospace", "depth2space", "subpixel"),
    "space2depth": ("pixelunshuffle", "spacetodepth", "focus", "reorg", "passthrough"),
    "shuffle": ("channelshuffle",),
    "pad": ("zeropad", "padding", "zeropadding"),
    "dropout": ("drop",),
    "droppath": ("stochasticdepth", "dropconnect"),
    "identity": ("skip", "noop", "pass"),
    "hardswish": ("hswish",),
    "hardsigmoid": ("hsigmoid",),
    "leakyrelu": ("lrelu", "leaky"),
    "sigmoid": ("logistic",),
    "attention": ("mha", "multiheadattention", "selfattention"),
    "posembed": ("positionembedding", "positionalembedding", "positionalencoding", "posemb", "posenc", "positional"),
    "clstoken": ("classtoken", "cls"),
    "unpool": ("maxunpool", "unpooling", "maxunpooling"),
    "crop": ("cropping",),
    "reshape": ("view", "unflatten", "squeeze", "unsqueeze", "rearrange", "expanddims"),
    "take": ("slice", "narrow"),
    "chunk": ("tensorsplit", "arraysplit"),
    "concat": ("cat", "concatenate", "concatenation", "route"),
    "add": ("residual", "shortcut", "sum", "eltwise", "elementwise"),
    "mul": ("multiply", "gate"),
}
"""The words of the language, each with what other libraries and formats call it, small letters and no underscores."""

FOREIGN_WORDS = {other: word for word, others in FOREIGN.items() for other in others}

_OPTIONS = {
    "out": (
        *("filters", "channels", "features", "units", "planes", "out_channels", "out_features", "outputs", "n", "c", "ch"),
        *("oc", "cout", "c2", "filter", "num_filter", "num_filters", "num_output", "num_outputs", "nb_filter", "num_hidden"),
    ),
    "kernel": ("kernel_size", "size", "ksize", "pool_size"),
    "stride": ("strides", "step"),
    "pad": ("padding", "pads"),
    "dilation": ("dilation_rate", "dilations"),
    "groups": ("num_groups", "group"),
    "factor": ("scale", "scale_factor", "upscale_factor", "block_size"),
    "size": ("output_size", "target_size", "shape", "local_size", "nsize", "n"),
    "p": ("rate", "prob", "drop", "drop_prob", "drop_rate"),
    "heads": ("num_heads", "n_heads", "head"),
    "window": ("window_size", "ws"),
    "shift": ("shift_size",),
    "eps": ("epsilon",),
    "axis": ("dim", "axes", "dims"),
    "head_dim": ("dim_head", "key_dim"),
    "keys": ("key", "kv", "memory", "context", "of", "cross"),
    "values": ("value",),
    "momentum": ("decay", "rho"),
    "negative_slope": ("slope", "alpha"),
    "low": ("min", "min_val", "min_value"),
    "high": ("max", "max_val", "max_value"),
    "output_pad": ("output_padding", "out_pad", "op", "adj"),
}
"""Options, each with what other libraries call it."""

TAKEN_FOR: dict[str, tuple[str, ...]] = {}
for _option, _others in _OPTIONS.items():
    for _other in _others:
        TAKEN_FOR[_other] = (*TAKEN_FOR.get(_other, ()), _option)


def folded(name: str) -> str:
    """The name as it is compared: in small letters, without the signs in it and the number of axes behind it."""
    return re.sub(r"(?<=\D)[123]d$", "", name.lower()).replace("_", "").replace("-", "")


def word_of(name: str) -> str | None:
    """The word that a name stands for elsewhere, or as another would spell it; None for any other name."""
    plain = folded(name)
    if plain in FOREIGN_WORDS:
        return FOREIGN_WORDS[plain]
    known = {folded(word): word for word in (*WORDS, *JOINS)}
    return known.get(plain)


def option_of(name: str, row: Word) -> str | None:
    """The option of a word that other libraries give this name; None where it has none, or is the option itself."""
    if name in row.known:
        return None
    return next((option for option in TAKEN_FOR.get(name, ()) if option in row.known), None)
