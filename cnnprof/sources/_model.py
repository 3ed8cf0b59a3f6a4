"""A network as a value: where it comes from, its settings, and the graphs that were read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

from cnnprof.errors import SpecWarning
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.sources._files import SOURCES, is_path
from cnnprof.sources._shared import without_way

if TYPE_CHECKING:
    from cnnprof.network.inputs import Inputs


_IMAGE = "CHW"
"""The axes of an image."""


@record
class Model:
    """A network: the source that has it, its name there, and settings; `reference` is what the user calls it.

    `size` is the input that the reference names, `3x160x160` or `160`, which goes before any other. `module` is a torch module
    that is taken as it is. `real` says that a module runs on the processor with random numbers, not on tensors without data.
    Graphs are kept, one for each input and batch.
    """

    reference: str
    source: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    title: str | None = None
    size: str | None = None
    module: Any = field(default=None, repr=False)
    real: bool = False
    _graphs: dict[tuple[Any, ...], Graph] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, module: Any) -> Model:
        """A torch module as a network.

        Args:
            module: it, with the weights that it has.

        Returns:
            A Model under the name of the module's class.
        """
        name = type(module).__name__
        return cls(name, "module", name, module=module)

    def graph(self, input_shape: Any = None, batch: int = 1) -> Graph:
        """The network's layers.

        Args:
            input_shape: (C, H, W), where the network's own is not wanted; for a torch module whatever
                `cnnprof.network.inputs.read_inputs` takes.
            batch: images in one run.

        Returns:
            A Graph, which is kept.

        Raises:
            CnnprofError: the name, spec or setting is wrong.
            UnavailableError: a package that the source needs is missing.
        """
        from cnnprof.network.inputs import read_inputs

        asked = (read_inputs(self._shape(input_shape)), batch)
        if asked not in self._graphs:
            graph = self._load(*asked)
            for text in graph.warnings:
                warn(text, SpecWarning, stacklevel=2)
            self._graphs[asked] = replace(graph, name=self.title) if self.title else graph
        return self._graphs[asked]

    def _load(self, inputs: Inputs, batch: int) -> Graph:
        from cnnprof.network.inputs import any_size, by_name, image_size

        if self.module is not None:
            from cnnprof.sources._live import capture_live

            return capture_live(self.module, inputs, self.name, batch, self.real)
        module = import_module(f"{__package__}.{self.source}")
        fed: Any = inputs or None
        if self.source in ("specs", "inline"):
            fed = by_name(inputs)
            is_single = len(inputs) == 1 and not inputs[0].name
            if self.source == "specs" and is_single and len(fed) != len(_IMAGE):
                own = module.load(self.name, self.settings, None, batch)
                if len(own.input_shape) - 1 == len(_IMAGE):  # the command line's mistake is said as such
                    image_size(inputs, self.reference)
        elif self.source == "onnx":
            # The file says what numbers it takes.
            fed = by_name(tuple(replace(each, dtype="") for each in inputs))
        elif self.source not in ("python", "exported"):
            fed = (any_size if self.source == "keras" else image_size)(inputs, self.reference)
        how = {"real": True} if self.real and self.runs_code else {}
        graph: Graph = module.load(self.name, self.settings, fed, batch, **how)
        return graph

    def _shape(self, input_shape: Any) -> Any:
        if self.size is None:
            return input_shape
        from cnnprof.sources._variations import read_input

        channels = 3 if "x" in self.size else int(replace(self, size=None, _graphs={}).graph().input_shape[1])
        return read_input(self.size, channels)

    def having(self, settings: Mapping[str, Any]) -> Model:
        """The same network with other settings.

        Args:
            settings: values by name, besides those that it has, or in their place.

        Returns:
            A Model of its own.
        """
        return replace(self, settings={**self.settings, **settings}, _graphs={})

    @property
    def called(self) -> str:
        """The reference as it may be shared, without a way to a file on this machine."""
        return without_way(self.reference)

    @property
    def runs_code(self) -> bool:
        """Whether code that is no part of an installed package has to run to know the network."""
        return self.source in ("python", "exported")

    @property
    def file(self) -> Path | None:
        """The file that the reference names as such."""
        if self.source == "specs" and is_path(self.name):
            return Path(self.name.partition("#")[0])
        if self.source in SOURCES.values():
            return Path(self.name)
        where = self.name.rpartition(":")[0]
        return Path(where) if self.source == "python" and where.endswith(".py") else None

    def spec_text(self) -> str:
        """The text of the spec that the network is written as; empty where there is none."""
        from cnnprof.sources import specs

        return specs.read_text(self.name) if self.source == "specs" else ""
