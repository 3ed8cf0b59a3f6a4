"""Arithmetic of every element: with a number, or a function of it."""

from __future__ import annotations

from cnnprof.network.dims import Shape
from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, word
from cnnprof.spec.words.windows import number

_KINDS: dict[str, OpKind] = {"mul": "mul", "add": "add", "sub": "add", "rsub": "add", "div": "div", "pow": "exp"}
"""torch's operations, and what one of them costs an element."""

_FUNCTIONS: dict[str, OpKind] = {"abs": "cmp", "exp": "exp", "log": "exp", "sqrt": "exp"}
"""torch's functions of each element that are words, and what one of them costs an element."""

_JOINED = ("mul", "add", "sub", "div")
"""The words that are joins, too."""

_WRITTEN_AS = {"mul": "scale"}


def _line(layer: Arithmetic, x: Shape) -> str:
    if layer.op in _FUNCTIONS and layer == Arithmetic(layer.op, _FUNCTIONS[layer.op]):
        return layer.op
    if layer.value is None or layer.op not in _KINDS or layer != Arithmetic(layer.op, _KINDS[layer.op], layer.value):
        raise UnsayableError("there is no word for it")
    return f"{_WRITTEN_AS.get(layer.op, layer.op)} {number(layer.value)}"


def _word(name: str, op: str, help: str, value: str) -> None:  # noqa: A002 - as the field is called
    step = f"{name} {value}"

    @word(
        f"{name} <factor>",
        Example(step, "16x32x32"),
        writes={Arithmetic: _line} if name == "scale" else {},
        help=help,
        form=f"as in '{step}'; branches are joined by '- {name}: [a, b]'" if name in _JOINED else "",
        on_tokens=True,
    )
    def build(o: Arguments) -> Layers:
        factor = o.number("factor", 1.0, least=float("-inf"))
        if op == "div" and factor == 0:
            raise o.error("divides by 0", "factor")
        return [(name, Arithmetic(op, _KINDS[op], factor))]


_word("scale", "mul", "Every element times a number.", "0.17")
_word("mul", "mul", "Every element times a number; of branches it is a join.", "0.5")
_word("add", "add", "Every element plus a number; of branches it is a join.", "1")
_word("sub", "sub", "Every element minus a number; of branches it is a join.", "0.5")
_word("rsub", "rsub", "A number minus every element.", "1")
_word("div", "div", "Every element over a number; of branches it is a join.", "255")
_word("pow", "pow", "Every element to a power.", "2")


def _function(name: str, help: str) -> None:  # noqa: A002 - as the field is called
    @word(name, Example(name, "16x32x32"), help=help, on_tokens=True)
    def build(_: Arguments) -> Layers:
        return [(name, Arithmetic(name, _FUNCTIONS[name]))]


_function("abs", "Every element without its sign.")
_function("exp", "The exponential of every element.")
_function("log", "The natural logarithm of every element.")
_function("sqrt", "The square root of every element.")
