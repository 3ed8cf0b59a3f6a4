"""The parts of a spec beside its layers: keys of the file, steps that are no layers, and names, each with an example."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cnnprof.spec.functions import FUNCTIONS


class Part(NamedTuple):
    """A part of the language; `example` is a whole file, or steps on an input of 16x32x32, and `others` go with its name."""

    name: str
    kind: Literal["key", "step", "name"]
    help: str
    example: str
    others: tuple[str, ...] = ()


PARTS = (
    Part(
        "name",
        "key",
        "Texts about the network, all of which may be left out; dataset says what it is for, where that is not ImageNet.",
        "name: Tiny\nyear: 2026\npaper: A. Author - A Title, arXiv:0000.00000\nabout: a small network\n"
        "notes: nobody has trained it\n"
        "dataset: CIFAR-10\ninput: 3x32x32\nlayers: conv 3x3 8 relu | gap | fc 10",
        ("year", "paper", "about", "notes", "dataset"),
    ),
    Part(
        "input",
        "key",
        "Channels and size, without the batch; an expression may stand for a size.",
        "input: 3 x res x res\nsettings: {res: 224}\nlayers: conv 7x7 64 s2",
    ),
    Part(
        "inputs",
        "key",
        "Several inputs by name, in place of input; a step begins with a name.",
        "inputs: {left: 3x32x32, right: 3x32x32}\nlayers:\n  - left | conv 3x3 8 s2 -> a\n"
        "  - right | conv 3x3 8 s2 -> b\n  - add: [a, b]",
    ),
    Part(
        "settings",
        "key",
        "Names with their usual values, which --set and variants override.",
        "input: 3x32x32\nsettings: {width: 32, depths: [2, 2]}\nlayers:\n"
        "  - {for: n in depths, do: {repeat: n, do: conv 3x3 width bn relu}}",
    ),
    Part(
        "tables",
        "key",
        "Tables under |, as a paper has them, for each; - is an empty cell, a column called id names the stages. "
        "One of X and . says which maps a convolution sees, as in conv 5x5 16 connect=c3.",
        "input: 3x32x32\ntables:\n  stages: |\n    w   n  s\n    16  1  1\n    32  2  2\nlayers:\n  - each: stages\n"
        "    do: {repeat: n, do: conv 3x3 w s=(s if first else 1) bn relu}",
    ),
    Part(
        "blocks",
        "key",
        "Steps with a name and arguments, called by it; a block sees its arguments and the settings.",
        "input: 3x32x32\nblocks:\n  unit(w, s=1):\n    - add:\n        - conv 3x3 w s=s bn relu | conv 3x3 w bn\n"
        "        - conv 1x1 w s=s bn if s != 1 or C != w\n    - relu\nlayers:\n  - unit 64\n  - unit 128 s=2",
    ),
    Part(
        "shared",
        "key",
        "Blocks whose calls use the same weights; `mlp(w) in gate` those within each call of gate only.",
        "input: 16x32x32\nshared:\n  head(): conv 3x3 8 relu | conv 1x1 4\nlayers:\n  - -> x\n  - head -> a\n"
        "  - x | maxpool 2x2 | head -> b\n"
        "outputs: [a, b]",
    ),
    Part(
        "layers",
        "key",
        "The steps of the network, one a line.",
        "input: 3x32x32\nlayers:\n  - conv 3x3 64 bn relu\n  - gap | fc 10",
    ),
    Part(
        "outputs",
        "key",
        "What the network returns, where that is more than what its layers end with.",
        "input: 3x32x32\nlayers:\n  - conv 3x3 8 s2 -> c1\n  - conv 3x3 8 s2 -> c2\noutputs: {fine: c1, coarse: c2}",
    ),
    Part(
        "variants",
        "key",
        "Networks of one family by their settings; default says which one the file stands for.",
        "input: 3x32x32\nsettings: {width: 16}\ndefault: narrow\nvariants:\n  narrow: {}\n"
        "  wide: {width: 64}\nlayers: conv 3x3 width",
        ("default",),
    ),
    Part(
        "published",
        "key",
        "A paper's figures: params, macs, ops, activations, and top1, top5, top1_error, top5_error in percent.",
        "input: 3x32x32\nlayers: conv 3x3 64 | gap | fc 10\n"
        "published: {params: 2_442, macs: {value: 1.7M, tolerance: 0.1M, why: rounded}, top1: 76.1, where: Table 2}",
        ("where", "tolerance", "why", "top1", "top5", "top1_error", "top5_error"),
    ),
    Part(
        "batch",
        "key",
        "N, the batch's name in expressions, or the one number of samples that the layers hold for.",
        "input: 16x32x32\nbatch: N\nlayers: op Reshape size=(N,16,1024)",
        ("N",),
    ),
    Part(
        "held",
        "key",
        "Layers whose outputs the network's own code holds until another layer has run, longer than they are read.",
        "input: 3x32x32\nlayers:\n  - conv 3x3 8 -> c1\n  - conv 3x3 8 -> c2\n  - conv 3x3 8\nheld: {c1: c2}",
    ),
    Part(
        "inplace",
        "key",
        "true: activations on lines of their own work in place, too.",
        "input: 3x32x32\ninplace: true\nlayers:\n  - conv 3x3 8\n  - relu",
    ),
    Part("|", "step", "One step behind the other on a line.", "- conv 3x3 8 | maxpool 2x2 | relu"),
    Part(
        "->",
        "step",
        "Names an output; its name as a step goes on from there, and x.C, x.H, x.W are its shape.",
        "- conv 3x3 8 -> x\n- conv 3x3 8 relu -> y\n- x | conv 1x1 y.C\n- add: [y, identity]",
    ),
    Part(
        "if",
        "step",
        "A step under a condition; without else, what comes in goes on.",
        "- conv 1x1 8 bn if C != 8 else identity",
    ),
    Part(
        "then",
        "step",
        "Steps under a condition.",
        "- if: C > 8\n  then:\n    - conv 1x1 8\n    - relu\n  else: identity",
        ("else",),
    ),
    Part("let", "step", "A value for the steps below.", "- let half = C//2\n- conv 3x3 half"),
    Part(
        "repeat",
        "step",
        "Steps some times over; as names the number of the round, from 0 on.",
        "- {repeat: 3, as: i, do: conv 3x3 8*(i+1) bn relu}",
        ("as", "do"),
    ),
    Part(
        "for",
        "step",
        "Steps for each entry of a list.",
        "- for: w, s in zip([16, 32], [1, 2])\n  do: conv 3x3 w s=s bn relu",
    ),
    Part(
        "each",
        "step",
        "Steps for each row of a table, whose columns are names there; see tables.",
        "input: 3x32x32\ntables:\n  rows: |\n    w   s\n    16  2\n    32  1\nlayers:\n  - each: rows\n    do: conv 3x3 w s=s",
    ),
    Part(
        "use",
        "step",
        "Calls the block that a setting, an argument or a cell names.",
        "input: 3x32x32\nsettings: {kind: plain}\nblocks:\n  plain(w): conv 3x3 w bn relu\n"
        "  deep(w): conv 3x3 w bn relu | conv 3x3 w bn relu\n"
        "layers:\n  - deep 8\n  - use kind 16",
    ),
    Part(
        "give",
        "step",
        "What a block gives back, where that is several outputs; -> [a, b] names them.",
        "input: 3x32x32\nblocks:\n  two(w):\n    - conv 3x3 w relu -> a\n    - conv 3x3 w s2 -> b\n    - give [a, b]\n"
        "layers:\n  - two 8 -> [fine, coarse]\n  - fine | conv 3x3 8 s2\n  - add: [identity, coarse]",
    ),
    Part("none", "step", "A branch that is left out of its join.", "- add: [conv 3x3 16, identity if C == 16 else none]"),
    Part(
        "aux",
        "step",
        "A head that only training runs; the network goes on from before it.",
        "- conv 3x3 8\n- aux: gap | fc 10\n- relu",
    ),
    Part(
        "op",
        "step",
        "A layer type by torch's name with its fields, where there is no word; of says what it reads.",
        "input: 16x32x32\nbatch: N\nlayers:\n  - op Reshape size=(N,16,1024) | op Permute dims=(0,2,1)",
        ("of",),
    ),
    Part(
        "opaque",
        "step",
        "An operation of which only the size of its result is known.",
        "- {opaque: erfinv, size: [N, 16, 32, 32]}",
    ),
    Part("C", "name", "The shape here: C H W, D of a volume, L of a sequence.", "- conv 3x3 2*C", ("H", "W", "D", "L")),
    Part(
        "first",
        "name",
        "In a loop: first, last, i from 0 on, and row.",
        "- {repeat: 2, do: conv 3x3 8 s=(2 if first else 1)}",
        ("last", "i", "row"),
    ),
    Part(
        "functions",
        "name",
        f"Of expressions: {', '.join(function.signature for function in FUNCTIONS.values())}.",
        "- conv 3x3 make_divisible(0.33*64)",
        tuple(FUNCTIONS),
    ),
)
"""In the order in which one writes them."""
