"""Networks in ONNX files: read operator by operator, without running them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnprof.network.graph import Graph, Origin
from cnnprof.sources._asked import Settings, Size
from cnnprof.sources._files import no_names, no_settings, shown

names = no_names


def load(path: str, settings: Settings = None, input_shape: Size = None, batch: int = 1) -> Graph:
    """The graph of an ONNX file.

    Args:
        path: the file.
        settings: none; the file has the network as it is.
        input_shape: sizes of its (first) input without the batch, where the file leaves them open or others are wanted.
        batch: samples in one run.

    Raises CnnprofError for a file that is no model or does not fit the input, UnavailableError without onnx.
    """
    no_settings(path, settings)
    from cnnprof.onnx_bridge.load import import_onnx

    import_onnx()
    from cnnprof.onnx_bridge.read import read

    found = Path(path).stat() if Path(path).is_file() else None
    graph = read(Path(path), input_shape, batch)
    facts = replace(graph.facts, family="ONNX", source=shown(path))
    seen = {"bytes": found.st_size, "modified_ns": found.st_mtime_ns} if found else {}
    return replace(graph, facts=facts, origin=Origin("onnx", path, seen))
