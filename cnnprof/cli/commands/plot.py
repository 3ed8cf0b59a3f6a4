"""`cnnprof plot`: a picture of what another command reports."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import typer

from cnnprof.cli import plots
from cnnprof.cli.commands.memory import show_memory_of
from cnnprof.cli.once import Once
from cnnprof.cli.options import drawn

PANEL = "Costs"

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
for _name in sorted(module.name for module in iter_modules(plots.__path__)):
    app.command(_name, cls=Once, no_args_is_help=True)(import_module(f"{plots.__name__}.{_name}").command)
app.command("memory", cls=Once, no_args_is_help=True, short_help="What a network holds in memory, layer by layer.")(
    drawn()(show_memory_of)
)


@app.callback()
def callback() -> None:
    """Draw what a command reports: as SVG into a pipe, or as .svg, .png or .pdf by the suffix of -o.

    Examples:

      cnnprof plot compare 'resnet*' 'vgg*' 'mobilenet*' -o front.svg

      cnnprof plot memory resnet50 --train -o step.png

      cnnprof plot compare resnet18 vgg16 mobilenet_v2 --format braille
    """
