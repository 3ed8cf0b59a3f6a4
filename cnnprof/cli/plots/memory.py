"""`cnnprof plot memory`."""

from __future__ import annotations

from cnnprof.cli.commands.memory import show_memory_of
from cnnprof.cli.options import drawn

command = drawn()(show_memory_of)
command.__doc__ = """What a network holds in memory over time, layer by layer, as a picture.

    Weights, what is kept for the backward pass, activations and kernels' workspace stand one above the other, and the worst
    moment is marked.

    Examples:

      cnnprof plot memory resnet50 -o inference.svg

      cnnprof plot memory vgg16 --train --optimizer adam --batch 32 -o step.png

      cnnprof plot memory mobilenet_v2 --dtype int8 --format braille
    """
