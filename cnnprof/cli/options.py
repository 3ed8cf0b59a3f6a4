"""Options that several commands share, each written once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnprof.errors import UsageError


def complete_name(incomplete: str) -> list[str]:
    """Names for the shell's completion."""
    from cnnprof.sources import every_name

    return [name for name in every_name() if name.startswith(incomplete)]


NAME_HELP = (
    "A network: a bundled or own spec (resnet50), a file (net.yaml, net.yaml#variant, net.py:factory) or a source's name "
    "(torchvision:swin_t, python:pkg.module:factory). Settings may follow: mobilenet_v1@width=0.5,res=160. "
    "Or a block, written in place: 'conv 1x1 96 | conv 3x3 128', which needs --input."
)
NAMES_HELP = NAME_HELP.replace("A network:", "Networks, or globs such as 'resnet*':")

Name = Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)]
Names = Annotated[list[str], typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default=False)]
Input = Annotated[
    str | None,
    typer.Option("--input", help="Input size as CHANNELSxHEIGHTxWIDTH instead of the network's own.", metavar="3x160x160"),
]
Batch = Annotated[int, typer.Option(help="Images in one run.", min=1)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting of the network; may be given several times.", metavar="NAME=VALUE"),
]
Format = Annotated[
    str | None,
    typer.Option(
        help="table, wide (every column), json, csv, markdown, html or github (a CI log).",
        show_default="table, or by the suffix of -o",
        autocompletion=lambda incomplete: [f for f in _formats() if f.startswith(incomplete)],
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write to this file; its suffix picks the format.", show_default=False),
]

Fit = Annotated[
    str | None,
    typer.Option("--fit", help="Find the largest batch for a size, a device or a card.", metavar="8GB|cuda:0|T4"),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")]
MemoryDevice = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1.")]
Dtype = Annotated[Literal["fp32", "fp16", "bf16", "amp"], typer.Option(help="Number format; amp is torch.autocast.")]
Threads = Annotated[int, typer.Option(help="Processor threads an operation may use.", min=1)]
Quick = Annotated[bool, typer.Option("--quick", help="Three short worker processes instead of five: wider intervals.")]


def only_measured(context: typer.Context, by: str, *options: str) -> None:
    """Raises UsageError if one of the options was given: each says how to measure, and nothing is measured without `by`."""
    for option in options:
        source = context.get_parameter_source(option)
        if source and source.name == "COMMANDLINE":
            raise UsageError(f"--{option} says how to measure, and nothing is measured without {by}", hint=f"add {by}")


def memory_kind(device: str) -> str:
    """`cuda` of `cuda:1`. Raises UsageError for a device whose kernels' memory is not known."""
    from cnnprof.footprint.execution import device_kind

    kind = device_kind(device)
    if kind is None:
        raise UsageError(f"nothing is known of memory on '{device}'", hint="devices are cpu, cuda and cuda:1, ...")
    return kind


def parse_input(text: str | None) -> tuple[int, ...] | None:
    """`3x160x160` as (3, 160, 160). Raises UsageError for anything else."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8}){2}", text):
        raise UsageError(f"'{text}' is not an input size", hint="write channels, height and width, such as --input 3x160x160")
    return tuple(int(size) for size in text.split("x"))


def parse_inputs(text: str | None) -> tuple[tuple[int, ...] | None, ...]:
    """`3x160x160,3x224x224` as several sizes; None alone for the network's own. Raises UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")] if text is not None else [None]
    return tuple(dict.fromkeys(parse_input(part) for part in parts))


def parse_settings(items: list[str] | None) -> dict[str, str]:
    """`["width=0.5"]` as a mapping. Raises UsageError for an item without a name or a value."""
    settings = {}
    for item in items or []:
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals and value):
            raise UsageError(f"'{item}' is not a setting", hint="write --set name=value, such as --set width=0.5")
        settings[name] = value
    return settings


def _formats() -> tuple[str, ...]:
    from cnnprof.reports import FORMATS

    return FORMATS
