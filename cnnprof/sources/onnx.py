"""Networks in ONNX files: read operator by operator, without running them; kept until the file changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.network.graph import Graph, Origin
from cnnprof.network.strides import settled
from cnnprof.sources._files import no_names, no_settings, recall_file
from cnnprof.sources._shared import shown
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.onnx_bridge.inputs import Wanted

names = no_names


def load(path: str, settings: Settings = None, input_shape: Wanted = None, batch: int = 1) -> Graph:
    """The graph of an ONNX file.

    Args:
        path: the file.
        settings: none; the file has the network as it is.
        input_shape: sizes of its first input without the batch, where the file leaves them open or others are wanted; or a pair
            of name and sizes for each of several.
        batch: samples in one run.

    Raises CnnprofError for a file that is no model or does not fit the input, UnavailableError without onnx.
    """
    no_settings(path, settings)

    def make() -> Graph:
        from cnnprof.onnx_bridge.load import import_onnx

        import_onnx()
        from cnnprof.onnx_bridge.read import read

        return settled(read(Path(path), input_shape, batch))

    graph, seen = recall_file(path, ("onnx",), input_shape, batch, make)
    facts = replace(graph.facts, family="ONNX", source=shown(path))
    return replace(graph, facts=facts, origin=Origin("onnx", path, seen))
