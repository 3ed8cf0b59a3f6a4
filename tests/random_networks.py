"""Random networks of the language, each the same for its seed: towers with shared weights, joins, tokens, several outputs.

Some have their channels and their image from settings, `w` and `r`, so that a sweep may go over them.
"""

from __future__ import annotations

import random
import re

SIZES = {1: ("2*r",), 2: ("r", "r-2"), 3: ("r//2", "r//2+2", "r//2")}
"""Of an image of so many axes."""

RES, WIDTHS, SIDES = 12, (8, 16), (12, 16, 20)
"""The usual `r`, and what the settings `w` and `r` may be: every step fits them all."""

PARTED = ("lrn", "l2norm", "grn", "pad 1 | subsample k=3 s1")
"""Words that torch runs in several steps: those write and compute more than the one layer that the word is."""

ACTIVATIONS = (
    *("relu", "relu6", "leakyrelu 0.2", "elu", "selu", "celu 0.5", "sigmoid", "tanh", "silu", "gelu", "softplus", "mish"),
    *("hardsigmoid", "hardswish", "hardtanh", "hardtanh -2 3", "prelu", "prelu single"),
)
BEHIND = tuple(word for word in ACTIVATIONS if " " not in word)


class Writer:
    """Writes one network; every step keeps the channels and a grid that no window is too large for."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.axes = self.chance.choice([1, 1, 2, 2, 2, 3])
        self.width = self.chance.choice(WIDTHS)
        self.scaled = self.chance.random() < 0.4
        self.channels = "w" if self.scaled else str(self.width)
        self.even = True
        self.named = 0
        self.parted = self.chance.random() < 0.2
        self.held: list[tuple[str, str]] = []

    def pick(self, *options: str) -> str:
        """One of the texts."""
        return self.chance.choice(options)

    def name(self) -> str:
        """A name for an output that is new."""
        self.named += 1
        return f"x{self.named}"

    def sides(self, *by: str) -> str:
        """The sides of the image, each with what stands behind it, as an expression of a tuple."""
        return f"({','.join(side + (by[i] if by else '') for i, side in enumerate(self.axis_names()))},)".replace(",,", ",")

    def axis_names(self) -> str:
        """The names of the axes here."""
        return {1: "L", 2: "HW", 3: "DHW"}[self.axes]

    def norm(self) -> str:
        """A normalization."""
        return self.pick(
            "bn", "bn eps=0.001", "gn 4", "in", "ln", "bn noaffine", "in affine", *(PARTED[:3] if self.parted else ())
        )

    def plain(self) -> str:
        """A step that leaves grid and channels as they are."""
        c = self.channels
        return self.pick(
            f"conv k={self.pick('1', '3', '5')} {c} {self.pick('bias', 'nobias', '')} g{self.pick('1', '2', '4')}",
            f"conv k=3 {c} {self.pick('bn', 'gn=2', 'ln', 'in')} {self.pick(*BEHIND)}",
            f"conv k=3 {c} d2 {self.pick(*BEHIND)}",
            f"conv k=3 {c} | {self.norm()} | {self.pick(*ACTIVATIONS)}",
            f"conv k={self.pick('4', '3 d3', '2 g2')} {c} same",
            f"dw k=3 bn {self.pick(*BEHIND)}",
            self.pick(f"dw k=3 2 | conv k=1 {c}", "dw k=5 d2", "dw k=2 same"),
            f"sepconv k=3 {c}",
            f"deconv k={self.pick('3', '3 g2', '3 nobias')} {c} s1 p1",
            f"deconv k=3 {c} s1 p2 d2",
            self.norm(),
            self.pick(*ACTIVATIONS),
            f"{self.pick(*ACTIVATIONS[:9])} inplace",
            self.pick("dropout 0.3", "droppath 0.1", "identity", "dropout 0.1 channels"),
            self.pick("maxpool k=3 s1 p1", "maxpool k=3 s1 same", "maxpool k=2 s1 same", "maxpool k=3 s1 d2 p1 | pad 1"),
            self.pick("avgpool k=3 s1 p1", "avgpool k=3 s1 p1 exclude_pad", "avgpool k=3 s1 same", "avgpool k=2 s1 same"),
            self.pick("scale 0.5", "add 1", "sub 0.25", "rsub 1", "div 3", "pow 2", "mul -1"),
            self.pick("pad 1 | crop 1", "pad 1 reflect | crop 1", "pad 1 replicate | crop 1", "crop 1 | pad 1"),
            self.pick(f"conv k=1 2*{c} | glu", f"conv k=1 2*{c} | take 0 {c}", "shuffle 2", "softmax", "logsoftmax"),
            self.pick(
                "pad channels=(2,6) | take 4 4+C-8", f"take C//2 C | conv k=1 {c}", f"crop channels=(1,3) | conv k=1 {c}"
            ),
            *(PARTED[3:] if self.parted else ()),
            *([f"conv k=1 32 | pixelshuffle 2 | avgpool 2x2 | conv k=1 {c}"] if self.axes == 2 else []),
            *([self.rearranged()] if self.even else []),
        )

    def rearranged(self) -> str:
        """A step that moves elements to and fro, on a grid whose sides are even."""
        half, twice = {1: ("L//2", "L*2"), 2: ("H//2,W", "H*2,W"), 3: ("D//2,H,W", "D*2,H,W")}[self.axes]
        name = self.name()
        there, back = {1: ("(2,1)",) * 2, 2: ("(2,3,1)", "(3,1,2)"), 3: ("(4,1,3,2)", "(2,4,3,1)")}[self.axes]
        return self.pick(
            f"reshape (C*2,{half}) | {self.pick('relu', 'identity')} | reshape (C//2,{twice})",
            f"permute {there} | {self.pick('relu', 'silu', 'add 1')} | permute {back}",
            *([f"maxpool k=2 -> {name} | unpool {name}"] if self.axes == 2 else []),
            *(["space2depth 2 | silu | pixelshuffle 2"] if self.axes == 2 else []),
        )

    def branch(self) -> str:
        """A step that may stand as a branch of a join, one or two layers long."""
        step = self.plain()
        return step if "|" not in step and self.chance.random() < 0.6 else f"{step} | {self.pick('relu', 'tanh')}"

    def quoted(self) -> str:
        """A branch inside of brackets, where a comma would end it."""
        return f'"{step}"' if "," in (step := self.branch()) else step

    def join(self) -> list[str]:
        """A join of two to four branches, by list, loop or names."""
        kind = self.pick(
            *("add", "mean", "mul", "max", "concat", "sub", "div", "softmax", "gate", "loop", "listed", "inplace", "collected"),
            *("parted", "learned", "maps"),
        )
        c = self.channels
        if kind == "gate":
            gates = ", ".join(["identity", *[f"gap | conv k=1 {c} sigmoid"] * int(self.pick("1", "2"))])
            return [f"- {self.pick('mul', 'add', 'mean', 'max')}: [{gates}]"]
        if kind == "softmax":
            a, b = self.name(), self.name()
            shares = f"- {{softmax: [{self.quoted()}, {self.quoted()}], name: [{a}, {b}]}}"
            return [shares, f"- {self.pick('add', 'mul')}: [{a}, {b}]"]
        if kind == "loop":
            word = self.pick("add", "mean", "max", "mul")
            return [f"- {word}: {{for: 'k in [1, 3, 5]', do: conv k=k {c} {self.pick(*BEHIND)}}}"]
        if kind == "collected":
            name = self.name()
            inside = self.pick(f"conv k=3 {c}", f"conv k=1 {c} relu", "tower", "dw k=3")
            return [f"- {{repeat: 3, do: {inside} -> {name}}}", f"- {self.pick('add', 'mean', 'max')}: [{name}, identity]"]
        if kind == "parted":
            a, b = self.name(), self.name()
            return ["- pair", f"- -> [{a}, {b}]", f"- {self.pick('add', 'mul', 'max', 'sub')}: [{a}, {b}]"]
        if kind == "learned":
            ones = ",1" * self.axes
            return [f'- {self.pick("add", "mul", "max")}: [{self.quoted()}, "parameter (C{ones})"]']
        if kind == "maps":
            one = self.pick("mean", "max")
            return self.chance.choice(
                [
                    [f"- mul: [identity, {one} | conv k=3 1 sigmoid]"],
                    ["- mul:", "    - identity", "    - - concat: [mean, max]", "      - conv k=3 1 sigmoid"],
                ]
            )
        if kind == "listed":
            names = [self.name() for _ in range(3)]
            lines = [f"- {self.branch()} -> {name}" for name in names]
            return [*lines, f"- {self.pick('add', 'mean', 'max', 'mul')}: [{names[0]}, {names[1]}] + [{names[2]}]"]
        if kind == "inplace":
            first = f"conv k=3 {c}"
            return [f"- {{{self.pick('add', 'mul', 'mean', 'max')}: [{first}, identity, {self.quoted()}], inplace: true}}"]
        count = 2 if kind in ("sub", "div") else int(self.pick("2", "3", "4"))
        lines = [f"- {kind}: [{', '.join(self.quoted() for _ in range(count))}]"]
        return [*lines, f"- conv k=1 {c}"] if kind == "concat" else lines

    def attention(self) -> list[str]:
        """Tokens and back."""
        words = ["attention 2", "attention 4 nobias", "attention 2 relpos", "fc 2*C gelu | fc C/2", "ln | fc C relu"]
        words += ["attention 2 window=4", "attention 4 window=4 shift=2 relpos", "attention 1 window=3 shift=1"]
        words += ["attention 2 dilation=2 relpos", "attention 2 reduce=2", "attention 2 grid=2"] if self.even else ["softmax"]
        if self.axes > 2:
            words = ["attention 2", "ln | attention 4", "fc 2*C gelu | fc C/2", "ln | fc C relu"]
        words.append("posembed" if self.even else "dropout 0.1")
        kind = self.chance.random()
        if kind < 0.5:
            return [f"- tokens | {self.pick(*words)} | {self.pick(*words)} | image"]
        if kind < 0.8 or not self.even:
            windows = "attention 2 window=4 shift=1" if self.axes < 3 else "fc C"
            return ["- tokens", f"- add: [identity, ln | {self.pick('attention 2', windows)}]", "- image"]
        x, size = self.name(), self.sides()
        turned = f"{x} | permute (2,1) tokens"
        products = [f'- matmul: [{x}, "{turned}"]', "- scale 0.3 | softmax", f"- matmul: [identity, {x}]"]
        if self.pick("tokens", "channels") == "channels":
            products = [f'- matmul: ["{turned}", {x}]', "- softmax", f"- matmul: [{x}, identity]"]
        place = self.name()
        return [f"- identity -> {place}", f"- tokens -> {x}", *products, f"- image size={self.at(place, size)}"]

    def at(self, place: str, size: str) -> str:
        """The sides of a named output."""
        return re.sub(r"[LDHW]", rf"{place}.\g<0>", size)

    def steps(self, *counts: int, calls: tuple[str, ...] = ("tower", "unit", "unit | tower")) -> list[str]:
        """Lines of a list of so many steps, one of the numbers."""
        lines: list[str] = []
        for _ in range(self.chance.choice(counts)):
            what = self.chance.random()
            if what < 0.45:
                lines.append(f"- {self.plain()}")
            elif what < 0.75:
                lines += self.join()
            elif what < 0.88:
                lines += self.attention()
            elif what < 0.94:
                lines.append(f"- {self.pick(*calls)}")
            else:
                lines += self.loop()
        return lines

    def loop(self) -> list[str]:
        """Rounds that depend on their number."""
        c = self.channels
        return self.chance.choice(
            [
                [f"- {{repeat: 2, do: {self.pick('tower', f'conv k=3 {c} bn relu')}}}"],
                [f"- {{for: 'k in [3, 1]', do: conv k=k {c} bias}}"],
                ["- repeat: 2", "  do:", f"    - conv k=(1 if first else 3) {c}", "    - relu if last else tanh"],
                ["- each: rows", "  do:", f"    - conv k=k {c}*e relu", f"    - conv k=1 {c}"],
                [f"- if: C > {self.chance.choice([8, 9])}", f"  then: conv k=1 {c}", f"  else: dw k=3 {self.pick('bn', '')}"],
            ]
        )

    def holding(self) -> list[str]:
        """Three layers, of which the first is held until the last has run."""
        a, b, c = self.name(), self.name(), self.channels
        self.held.append((a, b))
        return [f"- conv k=1 {c} -> {a}", f"- conv k=1 {c} relu", f"- conv k=3 {c} -> {b}"]

    def coarser(self) -> str:
        """A step that leaves half of the grid."""
        c = self.channels
        pools = ("maxpool k=2", "avgpool k=2", "maxpool k=3 s2 p1 ceil", "avgpool k=2 s2 ceil", "maxpool k=3 s2 same")
        return self.pick(
            *pools, f"conv k=3 {c} s2", "conv k=3 16 s2 same", f"conv k=2 {c} s2 p0", "dw k=5 s2", "avgpool k=3 s2 same"
        )

    def finer(self) -> str:
        """A step that makes the grid larger."""
        c = self.channels
        smooth = ["upsample 2 bilinear"] if self.axes > 1 else []
        smooth += ["upsample 2 bicubic", "upsample 1.5 bilinear", "upsample size=(H+3,W*2) bilinear"] if self.axes == 2 else []
        size = self.sides(*("+1", "*2", "+2"))
        grown = (
            f"deconv k=2 {c} s2 p0",
            f"deconv k=3 {c} s2 p1 output_pad=1",
            f"deconv k=4 {c} s2 same",
            f"deconv k=3 {c} s2 p1 g2",
        )
        return self.pick("upsample 2", "upsample 1.5", f"upsample size={size}", *smooth, *grown)

    def write(self) -> str:
        """The spec."""
        c = self.channels
        sides = [side if self.scaled else str(eval(side, {"r": RES})) for side in SIZES[self.axes]]
        size = " x ".join(f"({side})" if "-" in side or "+" in side else side for side in sides)
        two = self.chance.random() < 0.5
        begin = ["- stem -> a"]
        if two:
            begin = ["- left | stem -> a", "- right | stem -> b", f"- {self.pick('add', 'mul', 'max')}: [a, b]"]
        middle = self.steps(2, 3, 4, 5)
        middle += self.holding() if self.chance.random() < 0.2 else []
        self.even = False
        unit = self.steps(1, 2, calls=("tower", "tower | relu"))
        layers = [
            *begin,
            *middle,
            "- -> middle",
            *([f"- aux: conv k=1 4 | {self.pick('gap | fc 3', 'gmp | fc 2')}"] if self.chance.random() < 0.3 else []),
            f"- {self.coarser()}",
            *([f"- {self.finer()}"] if self.chance.random() < 0.4 else []),
            f"- conv k=1 {c}",
            *self.steps(0, 1),
        ]
        heads = ["gap | fc 5", "gmp | fc 4 | softmax", "tokens | gap | fc 2", "tokens | clstoken | attention 2 | token | fc 3"]
        # Behind a normalization over channels, or tokens, the image lies pixel by pixel, and to flatten it takes a copy.
        text = " ".join([*layers, *unit])
        heads += (
            []
            if re.search(r"\b(ln|image|permute)\b", text)
            else ["fc 3", "adaptive_avgpool size=2 | fc 3", "adaptive_maxpool size=2 | fc 3"]
        )
        layers.append(f"- {self.pick(*heads)} -> last")
        outputs = self.pick("", "[middle, last]", "{first: middle, second: last}", "{first: a, last: last}")
        called = " ".join(layers)
        blocks = ["  unit():", *(f"    {line}" for line in unit)] if "unit" in called else []
        called += " ".join(unit) if blocks else ""
        if "- pair" in called:
            blocks += [
                "  pair():",
                f"    - conv k=3 {c} relu -> one",
                f"    - {self.pick('one | ', '')}tower -> two",
                "    - give [one, two]",
            ]
        lines = [
            f"inputs: {{left: 3 x {size}, right: 3 x {size}}}" if two else f"input: 3 x {size}",
            f"inplace: {self.pick('true', 'false')}",
            *([f"settings: {{w: {self.width}, r: {RES}}}"] if self.scaled else []),
            *(["tables:", "  rows: |", "    k  e", "    3  1", "    1  2"] if "each: rows" in called else []),
            "shared:",
            f"  tower(): conv k=3 {c} {self.pick('bn', '')} {self.pick(*BEHIND)} | conv k=1 {c}",
            f"  stem(): conv k=3 {c}",
            *(["blocks:", *blocks] if blocks else []),
            "layers:",
            *(f"  {line}" for line in layers),
            *([f"outputs: {outputs}"] if outputs else []),
            *([f"held: {{{', '.join(f'{a}: {b}' for a, b in self.held)}}}"] if self.held else []),
        ]
        return "\n".join(lines) + "\n"


def write_network(seed: int) -> str:
    """The spec of a random network."""
    return Writer(seed).write()


def is_parted(text: str) -> bool:
    """Whether the network uses words that torch runs in several steps."""
    return bool(re.search(r"\b(lrn|l2norm|grn|subsample)\b", text))
