"""An ONNX file as a workload: run by onnxruntime, where that is installed, in place of a network built from its layers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.measure.options import Options, Way
from cnnprof.measure.session import Workload
from cnnprof.network.graph import Graph

ELEMENTS = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
"""numpy's name for each element type of an input that is filled by chance."""


def prepare_file(graph: Graph, batch: int, device: str, options: Options, way: Way) -> Workload | None:
    """The file of a graph that was read from one, to be run; None without onnxruntime, or for any other graph.

    Raises CnnprofError for a way to run that onnxruntime is not asked for here, and for a file that is not as it was read.
    """
    origin = graph.origin
    if origin is None or origin.kind != "onnx":
        return None
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return None
    asked = {"device": device, "dtype": options.dtype, "mode": options.mode, "layout": options.layout, "way": way}
    for key, only in (("device", "cpu"), ("dtype", "fp32"), ("mode", "infer"), ("layout", "nchw"), ("way", "eager")):
        if asked[key] != only:
            rule = "an ONNX file is run by onnxruntime, on cpu, in fp32 and for inference"
            raise CnnprofError(f"{rule}, and not with {asked[key]}")
    path = Path(origin.name)
    check_unchanged(path, origin.settings)
    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads, how.inter_op_num_threads = options.threads, 1
    how.log_severity_level = 3
    # Threads that go on looking for work after a run would take the core from the network that is timed next.
    how.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = onnxruntime.InferenceSession(str(path), how, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class
        raise CnnprofError(f"onnxruntime cannot run the file: {str(error).splitlines()[0]}") from None
    feeds = make_feeds(session.get_inputs(), graph, batch)
    own_bytes = path.stat().st_size + sum(array.nbytes for array in feeds.values())
    # Its memory is its own arena's, which nothing here can watch.
    return Workload(
        partial(session.run, None, feeds), own_bytes, keeps_memory=True, runtime=f"onnxruntime {onnxruntime.__version__}"
    )


def check_unchanged(path: Path, known: Any) -> None:
    """Raises CnnprofError if the file is gone, or is another than the one that was read."""
    try:
        found = path.stat()
    except OSError:
        raise CnnprofError(f"'{path}' is no longer there") from None
    if known and [found.st_size, found.st_mtime_ns] != [known.get("bytes"), known.get("modified_ns")]:
        raise CnnprofError(f"'{path}' has changed since it was read")


def make_feeds(inputs: Any, graph: Graph, batch: int) -> dict[str, Any]:
    """An array for each input of a session. Raises CnnprofError where the file fixes another size than is asked for."""
    import numpy as np

    generator = np.random.default_rng(0)
    feeds = {}
    for each, shape in zip(inputs, graph.inputs.values(), strict=True):
        sizes = (batch, *map(int, shape[1:]))
        fixed = [(have, want) for have, want in zip(each.shape, sizes, strict=True) if isinstance(have, int) and have != want]
        if fixed:
            text = "x".join(map(str, each.shape))
            raise CnnprofError(
                f"the file fixes its input {each.name} at {text}, and {'x'.join(map(str, sizes))} is asked for: export it with "
                "dynamic sizes"
            )
        if each.type not in ELEMENTS:
            raise CnnprofError(f"nothing is known to fill the input {each.name} with, of {each.type}")
        # Of whole numbers only zeros are sure to be an index of something.
        values = generator.standard_normal(sizes) if "float" in each.type or "double" in each.type else np.zeros(sizes)
        feeds[each.name] = values.astype(ELEMENTS[each.type])
    return feeds
