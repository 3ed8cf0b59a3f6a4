"""Options of how much is measured, as a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cnnprof.cli.quantities import parse_part, parse_seconds


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    processes: Annotated[
        int | None,
        typer.Option(help="Fresh worker processes; intervals are across them.", min=1, max=1000, show_default="5, quick: 3"),
    ] = None
    rounds: Annotated[
        int | None, typer.Option(help="Runs of every network in each process, at least.", min=1, show_default="20, quick: 5")
    ] = None
    precision: Annotated[
        str | None,
        typer.Option(help="Go on with further processes until the intervals' half-widths are below this.", metavar="1%"),
    ] = None
    budget: Annotated[str | None, typer.Option(help="Time for all of it.", metavar="60s", show_default="20s a network")] = None
    mallopt: Annotated[bool, typer.Option(help="Let glibc keep freed memory between runs, which is steadier.")] = True
    noise_floor: Annotated[
        bool, typer.Option(help="Time the first network twice, to see what noise alone does to a ratio.")
    ] = True

    def options(self) -> dict[str, Any]:
        """As options of a measurement. Raises UsageError for a precision or a budget that is none."""
        return {
            "processes": self.processes,
            "rounds": self.rounds,
            "precision": parse_part(self.precision),
            "budget_seconds": parse_seconds(self.budget),
            "mallopt": self.mallopt,
        }
