"""Options of which networks and columns a table has, and in which order, and their group: `@choosing`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from cnnprof.cli.groups import Command, takes
from cnnprof.cli.options import parse_names

if TYPE_CHECKING:
    from cnnprof.views.choice import Choice


@dataclass(frozen=True)
class ChoiceOptions:
    """The columns, rows and order that a table is to show, and whose accuracies."""

    argument: ClassVar[str] = "choice"

    sort: Annotated[str | None, typer.Option(help="Best first, by any column.", metavar="COLUMN", show_default="as given")] = (
        None
    )
    where: Annotated[
        str | None,
        typer.Option(
            help="Only networks that meet it: 'params < 5M and top1 >= 70'. known(top1) asks for a figure.", metavar="CONDITION"
        ),
    ] = None
    columns: Annotated[
        str | None,
        typer.Option(help="These columns, in this order.", metavar="model,params,top1", show_default="what there is room for"),
    ] = None
    exact: Annotated[bool, typer.Option("--exact", help="Whole numbers in place of millions and MB.")] = False
    pareto: Annotated[
        str | None,
        typer.Option(
            help="What decides which network dominates another.", metavar="top1,latency", show_default="top1,macs,params"
        ),
    ] = None
    pareto_only: Annotated[bool, typer.Option("--pareto-only", help="Only networks that no other dominates.")] = False
    accuracy_from: Annotated[
        str | None,
        typer.Option(
            help="One source of accuracies for all: torchvision-v1, torchvision-v2, paper, timm, or a file.",
            metavar="SOURCE|FILE.csv",
            show_default="each network's own",
        ),
    ] = None
    accuracy: Annotated[
        Path | None,
        typer.Option(
            help="Accuracies of your own: CSV with model, top1, top5, and if need be dataset, input and source.",
            metavar="FILE.csv",
        ),
    ] = None

    def choice(self) -> Choice:
        """As views take it. Raises UsageError for an empty list of columns."""
        from cnnprof.views.choice import Choice

        names = parse_names(self.columns, "--columns", "columns", "--columns model,params,macs")
        return Choice(self.where, names, self.exact, self.pareto, self.pareto_only)


def choosing(*only: str) -> Callable[[Command], Command]:
    """The command takes these options of what its table shows, all without any, and gets `choice`."""
    return takes(ChoiceOptions, *only)
