"""Networks in Keras files, by their configuration; neither Keras nor TensorFlow is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnprof.network.graph import Graph
from cnnprof.network.strides import settled
from cnnprof.sources._files import no_names, no_settings, recall_file
from cnnprof.sources._shared import shown
from cnnprof.sources._types import InputSize, Settings

names = no_names


def load(path: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph of a `.keras` file or of what `model.to_json()` wrote.

    Args:
        path: the file.
        settings: none; the file has the network as it is.
        input_shape: (C, H, W), where the file leaves sizes open or others are wanted.
        batch: images in one run.

    Raises CnnprofError for a file that holds no configuration or does not fit the input.
    """
    no_settings(path, settings)

    def make() -> Graph:
        from cnnprof.keras_bridge.read import read

        return settled(read(Path(path), input_shape, batch))

    graph, _ = recall_file(path, (), input_shape, batch, make)
    return replace(graph, facts=replace(graph.facts, family="Keras", source=shown(path)))
