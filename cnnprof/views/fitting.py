"""The largest batches that fit into a memory, and what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.footprint.capacity import Fit
from cnnprof.record import pick
from cnnprof.report import Column, Table
from cnnprof.views import columns as col

MODES = {"infer": "inference", "train": "training"}


def fit_dict(fit: Fit) -> dict[str, Any]:
    """An entry of `fits` of the JSON reports."""
    capacity = {"room": fit.capacity.name, "room_bytes": fit.capacity.bytes}
    return capacity | {"mode": MODES[fit.mode]} | pick(fit, "batch", "peak_bytes")


def fit_notes(name: str, fits: Sequence[Fit]) -> Iterator[str]:
    """A remark for each memory that a network does not fit into: the least that it takes."""
    for fit in fits:
        if not fit.weights_fit:
            flash = f"{fit.flash_bytes / 1e6:,.2f} MB, and the flash has {fit.capacity.flash_bytes / 1e6:,.2f} MB"
            yield f"{name} does not fit into {fit.capacity.name}: its weights take {flash}"
        elif not fit.batch:
            yield (
                f"{name} does not fit into {fit.capacity.name}: "
                f"one image takes {fit.peak_bytes / 1e6:,.1f} MB in {MODES[fit.mode]}"
            )


def fit_table(fits: Sequence[Fit]) -> Table:
    """The largest batch of each mode."""
    columns = (
        Column("room", "room", of=lambda fit: fit.capacity.name),
        replace(col.PASS, of=lambda fit: MODES[fit.mode]),
        replace(col.LARGEST_BATCH, of=lambda fit: fit.batch),
        replace(col.PEAK_MEMORY_BYTES, of=lambda fit: fit.peak_bytes),
    )
    return Table.of(columns, fits, "Largest batch that fits")


def notes_of_several(fits: Sequence[tuple[str, Sequence[Fit]]]) -> Iterator[str]:
    """As `fit_notes` for several networks: where more than two do not fit into a room for one reason, one remark for all."""
    for name, mode in dict.fromkeys((fit.capacity.name, fit.mode) for _, each in fits for fit in each):
        here = [(model, fit) for model, each in fits for fit in each if (fit.capacity.name, fit.mode) == (name, mode)]
        heavy = [(model, fit) for model, fit in here if not fit.weights_fit]
        large = [(model, fit) for model, fit in here if fit.weights_fit and not fit.batch]
        for apart, what in ((heavy, "weights take"), (large, f"one image takes, in {MODES[mode]},")):
            if len(apart) <= 2:
                for model, fit in apart:
                    yield from fit_notes(model, [fit])
                continue
            sizes = [fit.flash_bytes if apart is heavy else fit.peak_bytes for _, fit in apart]
            rooms = f", and the flash has {apart[0][1].capacity.flash_bytes / 1e6:,.2f} MB" if apart is heavy else ""
            who = "no network fits" if len(apart) == len(here) else f"{len(apart)} of {len(here)} networks do not fit"
            yield f"{who} into {name}: {what} {min(sizes) / 1e6:,.2f} to {max(sizes) / 1e6:,.2f} MB{rooms}"
