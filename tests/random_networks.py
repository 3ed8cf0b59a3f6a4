"""Random networks of the language, each the same for its seed: towers with shared weights, joins, tokens, several outputs."""

from __future__ import annotations

import random
import re

SIZES = {1: (24,), 2: (12, 10), 3: (6, 8, 6)}

PARTED = ("lrn", "l2norm", "grn", "pad 1 | subsample k=3 s1")
"""Words that torch runs in several steps: those write and compute more than the one layer that the word is."""

ACTIVATIONS = (
    *("relu", "relu6", "leakyrelu 0.2", "elu", "selu", "celu 0.5", "sigmoid", "tanh", "silu", "gelu", "softplus", "mish"),
    *("hardsigmoid", "hardswish", "hardtanh", "hardtanh -2 3", "prelu", "prelu single"),
)
BEHIND = tuple(word for word in ACTIVATIONS if " " not in word)


class Writer:
    """Writes one network; every step keeps 8 or 16 channels and a grid that no window is too large for."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.axes = self.chance.choice([1, 1, 2, 2, 2, 3])
        self.channels = self.chance.choice([8, 16])
        self.even = True
        self.named = 0
        self.parted = self.chance.random() < 0.2

    def pick(self, *options: str) -> str:
        """One of the texts."""
        return self.chance.choice(options)

    def name(self) -> str:
        """A name for an output that is new."""
        self.named += 1
        return f"x{self.named}"

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
            f"conv k=4 {c} same",
            f"dw k=3 bn {self.pick(*BEHIND)}",
            f"sepconv k=3 {c}",
            f"deconv k=3 {c} s1 p1",
            self.norm(),
            self.pick(*ACTIVATIONS),
            f"{self.pick(*ACTIVATIONS[:9])} inplace",
            self.pick("dropout 0.3", "droppath 0.1", "identity", "dropout 0.1 channels"),
            self.pick("maxpool k=3 s1 p1", "maxpool k=3 s1 same", "maxpool k=2 s1 same", "maxpool k=3 s1 d2 p1 | pad 1"),
            self.pick("avgpool k=3 s1 p1", "avgpool k=3 s1 p1 exclude_pad", "avgpool k=3 s1 same", "avgpool k=2 s1 same"),
            self.pick("scale 0.5", "add 1", "sub 0.25", "rsub 1", "div 3", "pow 2", "mul -1"),
            self.pick("pad 1 | crop 1", "pad 1 reflect | crop 1", "pad 1 replicate | crop 1", "crop 1 | pad 1"),
            self.pick(f"conv k=1 {2 * c} | glu", f"conv k=1 {2 * c} | take 0 {c}", "shuffle 2", "softmax", "logsoftmax"),
            *(PARTED[3:] if self.parted else ()),
            *(["conv k=1 32 | pixelshuffle 2 | avgpool 2x2 | conv k=1 " + str(c)] if self.axes == 2 else []),
        )

    def branch(self) -> str:
        """A step that may stand as a branch of a join, one or two layers long."""
        step = self.plain()
        return step if "|" not in step and self.chance.random() < 0.6 else f"{step} | {self.pick('relu', 'tanh')}"

    def join(self) -> list[str]:
        """A join of two to four branches, by list, loop or names."""
        kind = self.pick("add", "mean", "mul", "max", "concat", "sub", "div", "softmax", "gate", "loop", "listed", "inplace")
        c = self.channels
        if kind == "gate":
            gates = ", ".join(["identity", *[f"gap | conv k=1 {c} sigmoid"] * int(self.pick("1", "2"))])
            return [f"- {self.pick('mul', 'add', 'mean', 'max')}: [{gates}]"]
        if kind == "softmax":
            a, b = self.name(), self.name()
            shares = f"- {{softmax: [{self.branch()}, {self.branch()}], name: [{a}, {b}]}}"
            return [shares, f"- {self.pick('add', 'mul')}: [{a}, {b}]"]
        if kind == "loop":
            word = self.pick("add", "mean", "max", "mul")
            return [f"- {word}: {{for: 'k in [1, 3, 5]', do: conv k=k {c} {self.pick(*BEHIND)}}}"]
        if kind == "listed":
            names = [self.name() for _ in range(3)]
            lines = [f"- {self.branch()} -> {name}" for name in names]
            return [*lines, f"- {self.pick('add', 'mean', 'max', 'mul')}: [{names[0]}, {names[1]}] + [{names[2]}]"]
        if kind == "inplace":
            first = f"conv k=3 {c}"
            return [f"- {{{self.pick('add', 'mul', 'mean', 'max')}: [{first}, identity, {self.branch()}], inplace: true}}"]
        count = 2 if kind in ("sub", "div") else int(self.pick("2", "3", "4"))
        lines = [f"- {kind}: [{', '.join(self.branch() for _ in range(count))}]"]
        return [*lines, f"- conv k=1 {c}"] if kind == "concat" else lines

    def attention(self) -> str:
        """Tokens and back."""
        words = ["attention 2", "attention 4 nobias", "attention 2 relpos", "fc 2*C gelu | fc C/2", "ln | fc C relu"]
        words += ["attention 2 window=4", "attention 4 window=4 shift=2 relpos", "attention 1 window=3 shift=1", "posembed"]
        words += ["attention 2 dilation=2 relpos", "attention 2 reduce=2"] if self.even else ["softmax"]
        joined = f"{{add: [identity, ln | {self.pick('attention 2', 'attention 2 window=4 shift=1')}]}}"
        return f"tokens | {self.pick(*words)} | {self.pick(*words)} | image" if self.chance.random() < 0.7 else joined

    def steps(self, *counts: int, calls: tuple[str, ...] = ("tower", "unit", "unit | tower")) -> list[str]:
        """Lines of a list of so many steps, one of the numbers."""
        lines: list[str] = []
        for _ in range(self.chance.choice(counts)):
            what = self.chance.random()
            if what < 0.5:
                lines.append(f"- {self.plain()}")
            elif what < 0.8:
                lines += self.join()
            elif what < 0.9 and self.axes < 3:
                step = self.attention()
                lines += [f"- {step}"] if not step.startswith("{") else ["- tokens", f"- {step[1:-1]}", "- image"]
            else:
                lines.append(f"- {self.pick(*calls)}")
        return lines

    def coarser(self) -> str:
        """A step that leaves half of the grid."""
        c = self.channels
        pools = ("maxpool k=2", "avgpool k=2", "maxpool k=3 s2 p1 ceil", "avgpool k=2 s2 ceil")
        return self.pick(*pools, f"conv k=3 {c} s2", "conv k=3 16 s2 same")

    def finer(self) -> str:
        """A step that makes the grid larger."""
        smooth = "upsample 2 bilinear" if self.axes > 1 else "upsample 2"
        return self.pick("upsample 2", "upsample 1.5", smooth, f"deconv k=2 {self.channels} s2 p0")

    def write(self) -> str:
        """The spec."""
        c = self.channels
        size = "x".join(map(str, SIZES[self.axes]))
        two = self.chance.random() < 0.5
        begin = ["- stem -> a"]
        if two:
            begin = ["- left | stem -> a", "- right | stem -> b", f"- {self.pick('add', 'mul', 'max')}: [a, b]"]
        middle = self.steps(2, 3, 4, 5)
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
        heads = ["gap | fc 5", "gmp | fc 4 | softmax", "tokens | gap | fc 2"]
        # Behind a normalization over channels, or tokens, the image lies pixel by pixel, and to flatten it takes a copy.
        text = " ".join([*layers, *unit])
        heads += [] if re.search(r"\b(ln|image)\b", text) else ["fc 3", "adaptive_avgpool size=2 | fc 3"]
        layers.append(f"- {self.pick(*heads)} -> last")
        outputs = self.pick("", "[middle, last]", "{first: middle, second: last}", "{first: a, last: last}")
        lines = [
            f"inputs: {{left: 3x{size}, right: 3x{size}}}" if two else f"input: 3x{size}",
            f"inplace: {self.pick('true', 'false')}",
            "shared:",
            f"  tower(): conv k=3 {c} {self.pick('bn', '')} {self.pick(*BEHIND)} | conv k=1 {c}",
            f"  stem(): conv k=3 {c}",
            "blocks:",
            "  unit():",
            *(f"    {line}" for line in unit),
            "layers:",
            *(f"  {line}" for line in layers),
            *([f"outputs: {outputs}"] if outputs else []),
        ]
        return "\n".join(lines) + "\n"


def write_network(seed: int) -> str:
    """The spec of a random network."""
    return Writer(seed).write()


def is_parted(text: str) -> bool:
    """Whether the network uses words that torch runs in several steps."""
    return bool(re.search(r"\b(lrn|l2norm|grn|subsample)\b", text))
