"""`cnnprof plot`: the commands whose reports can be drawn."""

from __future__ import annotations

import typer

from cnnprof.cli.commands.memory import show_memory_of
from cnnprof.cli.options import reported
from cnnprof.reports import PICTURES

PANEL = "Costs"

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
app.command("memory", no_args_is_help=True, short_help="What a network holds in memory, layer by layer.")(
    reported(PICTURES)(show_memory_of)
)


@app.callback()
def callback() -> None:
    """Draw what a command reports: as SVG into a pipe, or as .svg, .png or .pdf by the suffix of -o.

    Examples:

      cnnprof plot memory resnet50 --train -o step.png

      cnnprof plot memory vgg16 --batch 8 > inference.svg
    """
