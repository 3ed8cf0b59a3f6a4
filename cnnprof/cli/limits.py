"""Options of what a network may cost, as a group."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Limits:
    """The most that a network may cost, as texts with units."""

    max_params: Annotated[str | None, typer.Option(help="Parameters, at most.", metavar="5M")] = None
    max_macs: Annotated[str | None, typer.Option(help="Multiply-accumulates, at most.", metavar="600M")] = None
    max_activations: Annotated[str | None, typer.Option(help="Elements written, at most.", metavar="10M")] = None
    max_weights: Annotated[str | None, typer.Option(help="Bytes of weights, at most.", metavar="20MB")] = None
    max_peak: Annotated[str | None, typer.Option(help="Peak memory of inference, at most.", metavar="64MB")] = None
    max_training_peak: Annotated[
        str | None, typer.Option(help="Peak memory of a training step with SGD, at most.", metavar="2GB")
    ] = None
    max_latency: Annotated[str | None, typer.Option(help="Median latency, at most; measures it.", metavar="8ms")] = None
    max_predicted_latency: Annotated[
        str | None, typer.Option(help="Predicted latency, at most; runs nothing.", metavar="20ms")
    ] = None

    min_top1: Annotated[str | None, typer.Option(help="Reported top-1 accuracy in percent, at least.", metavar="72")] = None

    def given(self) -> dict[str, str]:
        """Those that are given, by the names that budgets have for them."""
        return {name.replace("_", "-"): text for name, text in asdict(self).items() if text is not None}
