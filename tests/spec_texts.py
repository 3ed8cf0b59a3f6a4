"""Specs written in tests: a text in place of a file, and what its network looks like."""

from collections.abc import Mapping

import pytest

from cnnprof.errors import CnnprofError
from cnnprof.network.graph import Graph
from cnnprof.spec import Family, elaborate
from cnnprof.spec.family import parse_family
from cnnprof.spec.reader import Source

FILE = "net.yaml"


def read(text: str) -> Family:
    """The family that the text describes, as if it were the file net.yaml."""
    return parse_family(Source(FILE, text), "net")


def build(text: str, variant: str | None = None, settings: Mapping[str, object] | None = None, **options: object) -> Graph:
    """The network that the text describes."""
    return elaborate(read(text), variant, settings, **options)


def layers(*steps: str, shape: str = "3x32x32") -> Graph:
    """The network of one-line steps."""
    return build("\n".join([f"input: {shape}", "layers:", *(f"  - {step}" for step in steps)]))


def names(graph: Graph) -> list[str]:
    """The nodes' names in order."""
    return [node.name for node in graph]


def wiring(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The names of the inputs of each node."""
    return {node.name: node.inputs for node in graph}


def fault(text: str, **options: object) -> CnnprofError:
    """The error that reading the text raises."""
    with pytest.raises(CnnprofError) as caught:
        build(text, **options)
    return caught.value
