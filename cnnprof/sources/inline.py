"""Blocks written on the command line, `conv 1x1 96 | conv 3x3 128`: one line of the spec language, on a given input."""

from __future__ import annotations

from cnnprof.errors import SpecError
from cnnprof.network.graph import INPUT, Graph
from cnnprof.sources._types import InputSize, Settings
from cnnprof.spec import Family, elaborate
from cnnprof.spec.inputs import DeclaredInput
from cnnprof.spec.located import Token, read_expression
from cnnprof.spec.oneline import LineReader
from cnnprof.spec.reader import Scalar, Source

FILE = "<inline>"
"""The file's name in messages."""


def names() -> list[str]:
    """None: what a user writes is not known before."""
    return []


def load(text: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph of a line of steps, named by its text.

    Args:
        text: steps with `|` between them.
        settings: refused, as a line has none.
        input_shape: (C, H, W); a line has no input of its own.
        batch: images in one run.

    Raises SpecError for a mistake in the line or a missing input.
    """
    source = Source(FILE, text)
    scalar = Scalar(source, 0, len(text), text)
    steps = LineReader((), set()).read(scalar)
    if input_shape is None:
        raise SpecError(f"'{text}' has no input size of its own", hint="give it one, such as --input 192x28x28")
    sizes = tuple(read_expression(Token(str(size), scalar, 0)) for size in input_shape)
    family = Family(
        name="", stem=text, path=FILE, inputs=(DeclaredInput(INPUT, sizes, False, scalar.place),), layers=steps, source=source
    )
    return elaborate(family, None, settings, input_shape, batch)
