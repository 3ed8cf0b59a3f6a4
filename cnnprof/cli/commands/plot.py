"""`cnnprof plot`: a picture of what another command reports."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import typer

from cnnprof.cli import help_markup, plots
from cnnprof.cli.once import Once

PANEL = "Costs"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=help_markup())
for _name in sorted(module.name for module in iter_modules(plots.__path__)):
    app.command(_name, cls=Once, no_args_is_help=True)(import_module(f"{plots.__name__}.{_name}").command)


@app.callback()
def callback() -> None:
    """Draw what a command reports: as SVG into a pipe, or as .svg, .png or .pdf by the suffix of -o.

    Examples:

      cnnprof plot compare 'resnet*' 'vgg*' 'mobilenet*' -o front.svg

      cnnprof plot memory resnet50 --train -o step.png

      cnnprof plot compare resnet18 vgg16 mobilenet_v2 --format braille
    """
