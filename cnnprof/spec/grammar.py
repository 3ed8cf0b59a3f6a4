"""The parts of a spec beside its layers: keys of the file, steps that are no layers, and names, each with an example."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cnnprof.spec.functions import FUNCTIONS


class Part(NamedTuple):
    """A part of the language; `example` is a piece of a spec: lines of the file for a key, steps for anything else."""

    name: str
    kind: Literal["key", "step", "name"]
    help: str
    example: str


PARTS = (
    Part("input", "key", "Channels and size, without the batch; an expression may stand for a size.", "input: 3 x 224 x 224"),
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
        "settings: {width: 32, depths: [2, 2]}\nlayers:\n  - {for: n in depths, do: {repeat: n, do: conv 3x3 width bn relu}}",
    ),
    Part(
        "tables",
        "key",
        "Tables under |, as a paper has them, for each; - is an empty cell, a column called id names the stages.",
        "tables:\n  stages: |\n    w   n  s\n    16  1  1\n    32  2  2\nlayers:\n  - each: stages\n"
        "    do: {repeat: n, do: conv 3x3 w s=(s if first else 1) bn relu}",
    ),
    Part(
        "blocks",
        "key",
        "Steps with a name and arguments, called by it; a block sees its arguments and the settings.",
        "blocks:\n  unit(w, s=1):\n    - add:\n        - conv 3x3 w s=s bn relu | conv 3x3 w bn\n"
        "        - conv 1x1 w s=s bn if s != 1 or C != w\n    - relu\nlayers:\n  - unit 64\n  - unit 128 s=2",
    ),
    Part(
        "shared",
        "key",
        "Blocks whose calls use the same weights; `mlp(w) in gate` those within each call of gate only.",
        "shared:\n  head(): conv 3x3 8 relu | conv 1x1 4\nlayers:\n  - -> x\n  - head -> a\n  - x | maxpool 2x2 | head -> b\n"
        "outputs: [a, b]",
    ),
    Part("layers", "key", "The steps of the network, one a line.", "layers:\n  - conv 3x3 64 bn relu\n  - gap | fc 10"),
    Part(
        "outputs",
        "key",
        "What the network returns, where that is more than what its layers end with.",
        "layers:\n  - conv 3x3 8 s2 -> c1\n  - conv 3x3 8 s2 -> c2\noutputs: {fine: c1, coarse: c2}",
    ),
    Part(
        "variants",
        "key",
        "Networks of one family by their settings; default says which one the file stands for.",
        "settings: {width: 16}\ndefault: narrow\nvariants:\n  narrow: {}\n  wide: {width: 64}\nlayers: conv 3x3 width",
    ),
    Part(
        "published",
        "key",
        "A paper's figures: params, macs, ops, activations, and top1, top5, top1_error, top5_error in percent.",
        "published: {params: 1.2M, top1: 76.1, where: Table 2}",
    ),
    Part(
        "batch", "key", "N, the batch's name in expressions, or the one number of samples that the layers hold for.", "batch: N"
    ),
    Part(
        "held",
        "key",
        "Layers whose outputs the network's own code holds until another layer has run, longer than they are read.",
        "layers:\n  - conv 3x3 8 -> c1\n  - conv 3x3 8 -> c2\n  - conv 3x3 8\nheld: {c1: c2}",
    ),
    Part("inplace", "key", "true: activations on lines of their own work in place, too.", "inplace: true"),
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
    ),
    Part("let", "step", "A value for the steps below.", "- let half = C//2\n- conv 3x3 half"),
    Part(
        "repeat",
        "step",
        "Steps some times over; as names the number of the round, from 0 on.",
        "- {repeat: 3, do: conv 3x3 8 bn relu}",
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
        "- each: rows\n  do: conv 3x3 w",
    ),
    Part(
        "use",
        "step",
        "Calls the block that a setting, an argument or a cell names.",
        "- use kind 16",
    ),
    Part("give", "step", "What a block gives back, where that is several outputs; -> [a, b] names them.", "- give [a, b]"),
    Part("none", "step", "A branch that is left out of its join.", "- add: [conv 3x3 16, identity if C == 16 else none]"),
    Part("aux", "step", "A head that only training runs; the network goes on from before it.", "- aux: gap | fc 10"),
    Part(
        "op",
        "step",
        "A layer type by torch's name with its fields, where there is no word; of says what it reads.",
        "- op Reshape size=(N,16,1024) | op Permute dims=(0,2,1)",
    ),
    Part(
        "opaque",
        "step",
        "An operation of which only the size of its result is known.",
        "- {opaque: erfinv, size: [N, 16, 32, 32]}",
    ),
    Part("C", "name", "The shape here: C H W, D of a volume, L of a sequence.", "- conv 3x3 2*C"),
    Part(
        "first", "name", "In a loop: first, last, i from 0 on, and row.", "- {repeat: 2, do: conv 3x3 8 s=(2 if first else 1)}"
    ),
    Part(
        "functions",
        "name",
        f"Of expressions: {', '.join(function.signature for function in FUNCTIONS.values())}.",
        "- conv 3x3 make_divisible(0.33*64)",
    ),
)
"""In the order in which one writes them."""
