"""The command line: what it is called with, and which module of `commands` that concerns.

Only the module of the command that is called is imported, unless all are asked for by `--help` or completion.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature
from pathlib import Path
from shutil import get_terminal_size
from types import ModuleType
from typing import Annotated, Literal

import typer

from cnnprof.cli.once import Once
from cnnprof.environment import __version__
from cnnprof.errors import UsageError

_NAMED_INPUT = re.compile(r"[A-Za-z_][\w.]*=(\d+(x\d+)*(:\w+)?|.*\.(pt|pth|npy))\Z")

PANELS = ("Costs", "Comparisons", "Measurements", "Gates", "Networks", "Installation")
"""The panels of `--help` in their order; a command's module says which is its own."""


PANEL_COLUMNS = 72
"""In fewer, the columns of a panel leave too little for what an option does."""


def run() -> None:
    """Parse the command line and do what it says."""
    sys.argv[1:] = join_inputs(sys.argv[1:])
    word = sys.argv[1] if sys.argv[1:] else ""
    called = word if _is_command(word) else None
    if word and not called and not word.startswith("-"):
        _check_command(word)
    app = build_app(called)
    if not {"--json", "json", "--format=json"} & {*sys.argv}:
        app(prog_name="cnnprof")
        return
    # What the parser finds wrong is said as JSON, too, by whoever called this.
    try:
        code = typer.main.get_command(app).main(prog_name="cnnprof", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise UsageError(error.format_message()) from None
    sys.exit(code or 0)


def join_inputs(words: Sequence[str]) -> list[str]:
    """Several inputs, `--input image=3x224x224 depth=1x224x224` or one option each, as one value of the option."""
    joined: list[str] = []
    at = 0  # where the value of --input stands
    behind = follows = False  # whether the word is a value of --input, or may be one more
    for word in words:
        named = bool(_NAMED_INPUT.match(word))
        if behind and at and named:
            joined[at] += f" {word}"
        elif behind:
            joined += ["--input", word]
            at = len(joined) - 1
        elif follows and named:
            joined[at] += f" {word}"
        elif word != "--input":
            joined.append(word)
        follows = behind or (follows and named)
        behind = word == "--input"
    return [*joined, *(["--input"] if behind else [])]


def command_names() -> list[str]:
    """Every command, in the order of `--help`."""
    from pkgutil import iter_modules

    from cnnprof.cli import commands

    names = [module.name for module in iter_modules(commands.__path__)]
    return sorted(names, key=lambda name: PANELS.index(_module_of(name).PANEL))


def _module_of(name: str) -> ModuleType:
    return import_module(f"{__name__}.commands.{name}")


def _is_command(word: str) -> bool:
    return word.isidentifier() and find_spec(f"{__name__}.commands.{word}") is not None


def _check_command(word: str) -> None:
    """Raise UsageError if the word is a network and no command; the parser knows what is close to a command."""
    from cnnprof.sources import spec_names
    from cnnprof.sources._files import SPECS

    path = Path(word.partition("@")[0].partition("#")[0])
    if word in spec_names() or (path.suffix in SPECS and path.is_file()):
        raise UsageError(f"'{word}' is a network, and no command", hint=f"cnnprof summary {word}")


def build_app(only: str | None = None) -> typer.Typer:
    """The application with all its commands, or with the one that is called."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=help_markup(),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(callback)
    for name in command_names() if only is None else (only,):
        module = _module_of(name)
        if hasattr(module, "command"):
            parser = getattr(module, "Parser", Once)
            app.command(name, cls=parser, no_args_is_help=_needs_argument(module), rich_help_panel=module.PANEL)(module.command)
        else:
            app.add_typer(module.app, name=name, rich_help_panel=module.PANEL)
    return app


def help_markup() -> Literal["markdown"] | None:
    """Panels for `--help`, or plain text where the terminal is too narrow for their columns."""
    return "markdown" if get_terminal_size().columns >= PANEL_COLUMNS else None


def _needs_argument(module: ModuleType) -> bool:
    """Whether the command can do nothing without a word."""
    own = signature(module.command).parameters.values()
    return any(parameter.default is Parameter.empty and parameter.name != "context" for parameter in own)


def callback(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=lambda asked: _print_version(asked), is_eager=True
        ),
    ] = False,
) -> None:
    """Profile CNN architectures: what every layer costs, on paper and on this machine.

    Start with `cnnprof list`, `cnnprof summary vgg16` or `cnnprof compare resnet50 mobilenet_v2`.
    """


def _print_version(asked: bool) -> None:
    if asked:
        print(f"cnnprof {__version__}")
        raise typer.Exit
