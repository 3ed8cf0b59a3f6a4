"""Names for the nodes of a graph, from what exporters say of where an operator comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cnnprof.network.naming import FreeNames

_LONGEST = 2000
"""Characters of a name that are looked at: no module stands deeper."""


def note(entry: Any, key: str) -> str:
    """An exporter's note on a value, by the end of its key; "" where there is none."""
    return next((str(each.value) for each in entry.metadata_props if each.key.endswith(key)), "")


class Names:
    """Unique names for nodes: the path of the module that an exporter notes, or the weight's, and the operator's word."""

    def __init__(self, graph: Any) -> None:
        self._free = FreeNames()
        self._operations: dict[str, int] = {}
        for node in graph.node:
            path = self.path(node)
            self._operations[path] = self._operations.get(path, 0) + 1

    def keep(self, names: Sequence[str]) -> None:
        """Let no node have one of these names."""
        self._free.keep(names)

    def new(self, node: Any, stored: str = "") -> str:
        """A name that no node has yet."""
        path = self.path(node)
        word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.op_type).lower()
        base = dotted(stored) or (path if path and self._operations[path] == 1 else f"{path}.{word}" if path else word)
        return self._free.new(base)

    def path(self, node: Any) -> str:
        """The path of the module that the operator came from, "" where nothing says so."""
        if said := note(node, "namespace"):
            scopes = [scope.partition(":")[0] for scope in said.split("/")[:-1]]
            return dotted(scopes[-1]) if scopes else ""
        parts: list[str] = []
        for part in node.name[:_LONGEST].strip("/").split("/")[:-1]:
            whole = ".".join(parts)
            parts = [part] if whole and part.startswith(f"{whole}.") else [*parts, part]
        path = dotted(".".join(parts))
        if path:
            return path
        weights = [name for name in node.input if name.endswith(".weight")]
        return dotted(weights[0].removesuffix(".weight")) if len(weights) == 1 else ""


def dotted(text: str) -> str:
    """A name of letters, digits, `_`, `-` and dots alone; others become `_`."""
    return ".".join(part for part in re.sub(r"[^\w.-]+", "_", text[:_LONGEST]).split(".") if part)[:200]
