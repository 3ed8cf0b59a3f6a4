"""`cnnprof summary`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from cnnprof.cli.options import Fits, Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import UsageError
from cnnprof.reports import FORMATS, OVERLAYS, PICTURES

if TYPE_CHECKING:
    from cnnprof.api import Profile
    from cnnprof.footprint.capacity import Fit as RoomFit
    from cnnprof.footprint.formats import NumberFormat
    from cnnprof.sources import Model

PANEL = "Costs"

By = Annotated[
    Literal["layer", "stage", "type", "kind"] | None,
    typer.Option(
        help="One row a layer, stage or type, or a kind: 1x1 and depthwise apart.",
        show_default="layer; stage for a long network",
    ),
]


Depth = Annotated[int | None, typer.Option(help="Show blocks down to this depth of their path.", min=1)]

Dtype = Annotated[
    Literal["fp32", "fp16", "bf16", "int8"] | None,
    typer.Option(help="Number format that bytes of weights and activations are of.", show_default="the network's own"),
]


@reported((*FORMATS, *PICTURES, *OVERLAYS))
@of_network()
def command(
    name: Name,
    by: By = None,
    depth: Depth = None,
    sort: Annotated[
        Literal["params", "macs", "ops", "activations", "name"] | None,
        typer.Option(help="Largest first (names from A to Z).", show_default="order of execution"),
    ] = None,
    top: Annotated[int | None, typer.Option(help="Show this many rows.", min=1, show_default="all")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Cross-check with fvcore and torch's own counter (runs the network).")
    ] = False,
    symbolic: Annotated[
        bool, typer.Option("--symbolic", help="Shapes, MACs and activations as formulas of N images of H x W.")
    ] = False,
    fit: Fits = None,
    legend: Annotated[bool, typer.Option("--legend", help="Say how each figure is defined.")] = False,
    dtype: Dtype = None,
    watched: Annotated[bool, typer.Option("--watch", help="Show it again as the spec is saved, with what changed.")] = False,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Shapes, parameters, operations and memory of one network, layer by layer.

    Examples:

      cnnprof summary vgg16

      cnnprof summary resnet50 --depth 2 --input 3x160x160

      cnnprof summary mobilenet_v1 --set width=0.5 --by kind

      cnnprof summary torchvision:swin_t --sort macs --top 10

      cnnprof summary resnet50 --check

      cnnprof summary resnet50 --symbolic

      cnnprof summary net.yaml --watch
    """
    if depth is not None and by in ("layer", "type", "kind"):
        raise typer.BadParameter(f"--depth shows stages and does not go with --by {by}")
    if symbolic and (sort or top or check or fit or legend or dtype or by == "kind" or network.batch != 1):
        raise UsageError("--symbolic does not go with --sort, --top, --check, --fit, --legend, --dtype, --by kind or --batch")
    if watched and (symbolic or out.output):
        raise UsageError("--watch shows tables in the terminal, and does not go with --symbolic or -o")
    how = _How(by or ("stage" if depth else None), depth, sort, top, check, fit, legend, dtype)
    if watched:
        from cnnprof.cli.watching import watch

        plain = replace(out, pager=False)
        watch(lambda: network.model(name), lambda model: _show(model, network, plain, how), plain.emit)
    elif symbolic:
        _show_in_letters(network.model(name), network, out, how)
    else:
        _show(network.model(name), network, out, how)


class _How(NamedTuple):
    """How a summary is to look; the options of the command."""

    by: By
    depth: int | None
    sort: Literal["params", "macs", "ops", "activations", "name"] | None
    top: int | None
    check: bool
    fit: list[str] | None
    legend: bool
    dtype: NumberFormat | None


def _show(model: Model, network: NetworkOptions, out: Destination, how: _How) -> Profile:
    """Profile the network and emit its summary."""
    from cnnprof import api

    name = model.called
    with waiting(f"reading {name}") as say:
        profile = api.profile(model, network.input_shape, network.batch)
        if how.check:
            say(f"counting {name} with fvcore and torch")
        fits = _fits(model, how.fit, how.dtype, network.input_shape)
        report = profile.report(how.by, how.depth, how.sort, how.top, how.check, fits, how.legend, how.dtype)
    out.emit(replace(report, chart=profile.chart(how.by, how.depth)) if out.draws else report)
    return profile


def _show_in_letters(model: Model, network: NetworkOptions, out: Destination, how: _How) -> None:
    """Emit the summary as formulas."""
    from cnnprof.api.explain import summarize_in_letters

    with waiting(f"reading {model.called}"):
        report = summarize_in_letters(model, how.by, how.depth, network.input_shape)
    out.emit(report)


def _fits(
    model: Model, sizes: Sequence[str] | None, dtype: NumberFormat | None, input_shape: tuple[int, ...] | None
) -> Sequence[RoomFit]:
    """The largest batches for the size, if one is given."""
    if not sizes:
        return ()
    from cnnprof.api.fitting import fit_each

    return fit_each([model], sizes, input_shape, dtypes=[dtype])[0]
