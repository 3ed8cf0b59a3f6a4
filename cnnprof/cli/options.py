"""Options that several commands share, each written once, and their groups: `@of_network` and `@reported`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnprof.cli.completion import complete_name, complete_setting
from cnnprof.cli.groups import Command, takes
from cnnprof.cli.output import Destination, choose_format, refuse_input
from cnnprof.errors import UsageError
from cnnprof.record import record
from cnnprof.reports import FORMATS, GATES, PICTURES

if TYPE_CHECKING:
    from cnnprof.sources import Model


NAME_HELP = (
    "A network: a bundled or own spec (resnet50), a file (net.yaml, net.yaml#variant, net.py:factory) or a source's name "
    "(torchvision:swin_t, python:pkg.module:factory). Settings may follow: mobilenet_v1@width=0.5,res=160. "
    "Or a block, written in place: 'conv 1x1 96 | conv 3x3 128', which needs --input."
)
NAMES_HELP = NAME_HELP.replace("A network:", "Networks, or globs such as 'resnet*':")

Name = Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)]
Names = Annotated[list[str], typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a spec that is there.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Short for --format json.")]


def names_argument(default: str) -> Any:
    """The argument of a command that takes networks, and without any what `default` says."""
    return typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default=default)


def format_option(text: str, default: str, names: Sequence[str] = ()) -> Any:
    """The option that names a format, with its help, what is taken without it, and the names to complete."""
    return typer.Option(
        help=text,
        show_default=default,
        autocompletion=(lambda incomplete: [name for name in names if name.startswith(incomplete)]) if names else None,
    )


Fit = Annotated[
    str | None,
    typer.Option("--fit", help="Find the largest batch for a size, a device, a card or a board.", metavar="8GB|cuda:0|T4"),
]
Fits = Annotated[
    list[str] | None,
    typer.Option(
        "--fit",
        help="Find the largest batch for a size, a device, a card, an edge board or a microcontroller; may be repeated.",
        metavar="8GB|cuda:0|T4|STM32H743",
    ),
]


@record
class NetworkOptions:
    """The settings, input size (C, H, W) and batch of every network of a call."""

    settings: dict[str, str]
    input_shape: Any = None
    batch: int = 1
    real: bool = False

    def model(self, name: str) -> Model:
        """The network of that name, with the settings."""
        from cnnprof.sources import resolve

        return self._run_so([resolve(name, self.settings)])[0]

    def models(self, names: Sequence[str]) -> list[Model]:
        """The networks that names and globs stand for, with the settings, each of them once."""
        from cnnprof.sources import expand

        return self._run_so(expand(names, self.settings))

    def read(self, models: Iterable[Model], say: Callable[[str], None]) -> None:
        """Read the networks beforehand, and say which, so that a run of them shows its own progress alone."""
        for model in models:
            say(f"reading {model.reference}")
            model.graph(self.input_shape, self.batch)

    def _run_so(self, models: list[Model]) -> list[Model]:
        """The networks, those of your own code on real data if that is asked for. Raises UsageError if there is none."""
        if self.real and not any(model.runs_code for model in models):
            raise UsageError("--real runs your own code, and no network here is of any: net.py:Net, net.pt2")
        return [replace(model, real=True, _graphs={}) for model in models] if self.real else models


def network(
    input: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            help="Input size as CHANNELSxHEIGHTxWIDTH instead of the network's own. Your own code may take other ranks (300, "
            "12x300), several (image=3x224x224 depth=1x224x224), other numbers (tokens=128:int64) and files (x=batch.pt).",
            metavar="3x160x160",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Images in one run.", min=1)] = 1,
    set: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option(
            help="Override a setting of the network; may be given several times.",
            metavar="NAME=VALUE",
            autocompletion=complete_setting,
        ),
    ] = None,
    real: Annotated[
        bool,
        typer.Option("--real", help="Run your own code on the processor with random numbers, not on tensors without data."),
    ] = False,
) -> NetworkOptions:
    """The group behind `of_network`."""
    return NetworkOptions(parse_settings(set), parse_input(input), batch, real)


def of_network(*only: str) -> Callable[[Command], Command]:
    """The command takes `--input`, `--batch` and `--set`, or these of them, and gets `network`."""
    return takes(network, *only)


def reported(formats: Sequence[str] = FORMATS) -> Callable[[Command], Command]:
    """The command takes `--format`, `--json` and `--output`, and gets `out`, a Destination for its report."""

    def out(
        context: typer.Context,
        format: Annotated[  # noqa: A002 - the option's name
            str | None,
            format_option(
                "table, wide (every column), json, csv, markdown, html, latex or github (a CI log); gates: junit, sarif.",
                "table, or by the suffix of -o",
                (*FORMATS, *GATES),
            ),
        ] = None,
        json: JsonFlag = False,
        pager: Annotated[
            bool, typer.Option("--pager/--no-pager", help="Show what is longer than the terminal with $PAGER, or less.")
        ] = True,
        output: Annotated[
            list[Path] | None,
            typer.Option("-o", "--output", help="Write to this file; its suffix picks the format. May be repeated."),
        ] = None,
    ) -> Destination:
        for file in output or ():
            refuse_input(file, context.params)
        if len(output or ()) > 1 and (format or json):
            raise UsageError("several files have the formats of their suffixes", hint="leave --format out")
        files: list[Path | None] = [*output] if output else [None]
        first, *others = (Destination(choose_format(format, json, file, formats), file) for file in files)
        return replace(first, others=tuple(others), pager=pager)

    return takes(out)


def drawn() -> Callable[[Command], Command]:
    """The command takes `--format`, `--output` and how a picture looks, and gets `out`, a Destination for a chart."""

    def out(
        format: Annotated[  # noqa: A002 - the option's name
            str | None,
            format_option(
                "svg, png, pdf, braille (a sketch for the terminal), or of a diagram mermaid.",
                "svg, or by the suffix of -o",
                PICTURES,
            ),
        ] = None,
        json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
        output: Annotated[
            Path | None,
            typer.Option("-o", "--output", help="Write to this file: .svg, .png or .pdf."),
        ] = None,
        theme: Annotated[
            Literal["paper", "slides"], typer.Option(help="Small letters to print, or large ones to show.")
        ] = "paper",
        cm: Annotated[
            str | None,
            typer.Option("--cm", help="Width and height in centimetres.", metavar="17x11", show_default="as the chart needs"),
        ] = None,
    ) -> Destination:
        return Destination(choose_format(format, json, output, PICTURES), output, theme, _parse_cm(cm))

    return takes(out)


def _parse_cm(text: str | None) -> tuple[float, float] | None:
    """`17x11` as inches. Raises UsageError for anything else, or what is no size of a picture."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)x(\d{1,3}(?:\.\d+)?)", text)
    sizes = tuple(float(part) for part in found.groups()) if found else ()
    if len(sizes) != 2 or not all(4 <= size <= 200 for size in sizes):
        raise UsageError(f"'{text}' is not a picture's size", hint="write width and height in cm, 4 to 200, such as --cm 17x11")
    return sizes[0] / 2.54, sizes[1] / 2.54


def parse_input(text: str | None) -> Any:
    """`3x160x160` as (3, 160, 160); several inputs, or one with a name or number format, as `Inputs`.

    Raises UsageError for anything else.
    """
    if text is None:
        return None
    from cnnprof.network.inputs import Input, parse_inputs

    inputs = parse_inputs(text)
    return inputs[0].size if inputs == (Input(size=inputs[0].size),) else inputs


def parse_sweep(text: str | None) -> tuple[Any, ...]:
    """`3x160x160,3x224x224` as several sizes; None alone for the network's own. Raises UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")] if text is not None else [None]
    return tuple(dict.fromkeys(parse_input(part) for part in parts))


def parse_names(text: str | None, option: str, of: str = "names", example: str = "params,macs") -> tuple[str, ...]:
    """`params,macs` as names; none where the option is not given. Raises UsageError for an empty name."""
    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    if not all(names):
        raise UsageError(f"{option} is a list of {of}", hint=f"as in {example}")
    return names


def parse_settings(items: list[str] | None) -> dict[str, str]:
    """`["width=0.5"]` as a mapping. Raises UsageError for an item without a name or a value."""
    settings: dict[str, str] = {}
    for item in items or []:
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals and value):
            raise UsageError(f"'{item}' is not a setting", hint="write --set name=value, such as --set width=0.5")
        if re.fullmatch(r"[^\[({'\"]*,\s*[A-Za-z_]\w*\s*=.*", value):
            raise UsageError(f"'{item}' is more than one setting", hint="write --set once for each")
        if settings.get(name, value) != value:
            raise UsageError(f"'{name}' is set twice, to {settings[name]} and to {value}", hint="--set once for each name")
        settings[name] = value
    return settings
