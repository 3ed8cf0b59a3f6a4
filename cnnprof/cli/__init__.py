"""The command line: one module a command, each with a function `command`, or an `app` of several; its name is the module's.

Only the module of the command that is called is imported, unless all are asked for by `--help` or completion.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from cnnprof.environment import __version__
from cnnprof.errors import UsageError

COMMANDS = (
    "summary",
    "explain",
    "memory",
    "transfer",
    "plot",
    "compare",
    "bench",
    "why",
    "calibrate",
    "diff",
    "check",
    "verify",
    "list",
    "show",
    "import",
    "init",
    "doctor",
    "schema",
)
"""In the order of `--help`."""


def run() -> None:
    """Parse the command line and do what it says."""
    word = sys.argv[1] if sys.argv[1:] else ""
    if word and word not in COMMANDS and not word.startswith("-"):
        _check_command(word)
    build_app(word if word in COMMANDS else None)(prog_name="cnnprof")


def _check_command(word: str) -> None:
    """Raise UsageError if the word is a network and no command; the parser knows what is close to a command."""
    from cnnprof.sources import spec_names

    if word in spec_names():
        raise UsageError(f"'{word}' is a network, and no command", hint=f"cnnprof summary {word}")


def build_app(only: str | None = None) -> typer.Typer:
    """The application with all its commands, or with the one that is called."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    app.callback()(callback)
    for name in COMMANDS if only is None else (only,):
        module = import_module(f"{__name__}.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
            continue
        app.command(
            name,
            no_args_is_help=name in ("summary", "explain", "memory", "transfer", "compare", "why", "diff", "show", "import"),
        )(module.command)
    return app


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
