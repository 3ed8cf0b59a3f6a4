"""Sums of products by index (Einstein's notation), as the permutations and matrix products that they amount to."""

from __future__ import annotations

import math
from string import ascii_letters

from cnnprof.network.layers.arrangement import Permute
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import MatMul
from cnnprof.onnx_bridge.rows.arrangement import reshaped
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.values import Value

Term = tuple[Value, str]
"""A tensor with a letter for each of its axes."""


@row("Einsum")
def _einsum(call: Call) -> Value:
    letters, wanted = _letters(call)
    if len(letters) != len(call.given) or any(len(set(term)) < len(term) for term in letters):
        raise UnknownFormError("a diagonal")
    terms = list(zip(call.given, letters, strict=True))
    while len(terms) > 1:
        (a, first), (b, second), *rest = terms
        needed = set(wanted).union(*(letters for _, letters in rest))
        terms = [_contract(call, (a, first), (b, second), needed), *rest]
    value, letters_left = _summed(call, terms[0], set(wanted))
    return _ordered(call, value, letters_left, wanted)


def _letters(call: Call) -> tuple[list[str], str]:
    """The letters of each input and of the result: those of an ellipsis, and of a result that is not written, are filled in."""
    left, arrow, wanted = call.attribute("equation", "").replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:
        # Letters that stand once, by the alphabet, behind those of the ellipsis (numpy's rule).
        once = sorted(letter for letter in set(left) - {",", "."} if left.count(letter) == 1)
        wanted = "..." * ("..." in left) + "".join(once)
    free = [letter for letter in ascii_letters if letter not in left]
    widths = [len(value.shape) - len(term.replace("...", "")) for value, term in zip(call.given, terms, strict=False)]
    most = max((width for width, term in zip(widths, terms, strict=False) if "..." in term), default=0)
    # An ellipsis stands for the last of the axes that the widest one stands for.
    filled = [term.replace("...", "".join(free[most - width : most])) for width, term in zip(widths, terms, strict=False)]
    return filled, wanted.replace("...", "".join(free[:most]))


def _contract(call: Call, a: Term, b: Term, needed: set[str]) -> Term:
    """Two terms as one: a batch of matrix products over the axes that both have and nobody needs any more."""
    a, b = _summed(call, a, needed | set(b[1])), _summed(call, b, needed | set(a[1]))
    both = [letter for letter in a[1] if letter in b[1]]
    batch = "".join(letter for letter in both if letter in needed)
    summed = "".join(letter for letter in both if letter not in needed)
    rows = "".join(letter for letter in a[1] if letter not in both)
    columns = "".join(letter for letter in b[1] if letter not in both)
    sizes = dict(zip(a[1] + b[1], (*a[0].shape, *b[0].shape), strict=True))

    def matrix(term: Term, *groups: str) -> Value:
        value = _ordered(call, *term, "".join(groups))
        return reshaped(call, value, tuple(math.prod(sizes[letter] for letter in group) for group in groups))

    product = call.layer(MatMul(), matrix(a, batch, rows, summed), matrix(b, batch, summed, columns))
    letters = batch + rows + columns
    return reshaped(call, product, tuple(sizes[letter] for letter in letters)), letters


def _summed(call: Call, term: Term, needed: set[str]) -> Term:
    """The term without the axes that nobody needs."""
    value, letters = term
    gone = tuple(axis for axis, letter in enumerate(letters) if letter not in needed)
    if not gone:
        return term
    return call.layer(Reduce("sum", gone), value), "".join(letter for letter in letters if letter in needed)


def _ordered(call: Call, value: Value, letters: str, wanted: str) -> Value:
    order = tuple(letters.index(letter) for letter in wanted)
    return value if order == tuple(range(len(order))) else call.layer(Permute(order), value)
