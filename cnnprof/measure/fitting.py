"""Which networks fit into memory together. Those that do not are timed apart, rather than until the system ends the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psutil

from cnnprof.footprint.execution import as_written, device_kind
from cnnprof.footprint.liveness import inference
from cnnprof.measure.devices import processor_set
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph

SHARE = 0.6
"""Of the free memory that networks may take: kernels need workspace, and other programs live, too."""


def free_memory(device: str) -> int:
    """Bytes that a new process can have on the device."""
    kind, _, index = device.partition(":")
    if kind == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(int(index or 0))[0])
    return psutil.virtual_memory().available


def group(sizes: Sequence[tuple[int, int]], room: int | None) -> list[list[int]]:
    """Consecutive indices in as few groups as fit, each network by (bytes it holds, bytes that a run of it adds).

    All of a group's networks are held at once, and one of them runs. A network that fits nowhere is a group of its own.
    """
    groups: list[list[int]] = [[]]
    held = most = 0
    for index, (own, run) in enumerate(sizes):
        held, most = held + own, max(most, run)
        if groups[-1] and room is not None and held + most > SHARE * room:
            groups.append([])
            held, most = own, run
        groups[-1].append(index)
    return groups


def estimate(graph: Graph, batch: int, training: bool, device: str = "cpu") -> tuple[int, int]:
    """Bytes that a network holds between runs (weights), and that one run adds (activations; in training gradients, too)."""
    analysis = analyze(graph)
    totals = analysis.totals
    weights = int(totals.param_bytes) + 4 * int(totals.aux_params)
    images = max(1, batch // int(graph.input_shape[0]))
    if training:
        return weights, weights + images * int(totals.activation_bytes)
    run = replace(as_written(graph), device=device_kind(device) or "cpu", isa=processor_set())
    return weights, images * (int(inference(graph, analysis.costs, run).peak_bytes) - int(totals.param_bytes))
