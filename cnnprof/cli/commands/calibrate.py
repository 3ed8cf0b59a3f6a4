"""`cnnprof calibrate`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from cnnprof.cli.options import Device, Format, Json, Output, Threads
from cnnprof.cli.output import choose_format, emit

PANEL = "Measurements"

Kept = Annotated[Literal["fp32", "fp16", "bf16"], Option(help="Number format.")]


def command(
    device: Device = "cpu",
    dtype: Kept = "fp32",
    threads: Threads = 1,
    layout: Annotated[Literal["nchw", "channels_last"], Option(help="How tensors lie in memory.")] = "nchw",
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """Measure what this machine can do at the most, and keep it for `cnnprof why`: less than 90 seconds.

    Matrix products, convolutions of many shapes, memory at several working sets, and the time of the smallest operation. Leave
    the machine alone meanwhile.

    Examples:

      cnnprof calibrate

      cnnprof calibrate --threads 4 --layout channels_last
    """
    from cnnprof.cli.measuring import Bar, options
    from cnnprof.measure.calibration import calibrate, keep
    from cnnprof.views.ceilings import show_ceilings

    chosen = choose_format(format, json, output)
    how = options(device=device, dtype=dtype, threads=threads, layout=layout)
    with Bar() as bar:
        ceilings = calibrate(how, bar.update)
    kept = keep(ceilings, how)
    emit(show_ceilings(ceilings, _short(kept) if kept else None), chosen, output)


def _short(path: Path) -> str:
    """The path from the home folder, if it lies there."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)
