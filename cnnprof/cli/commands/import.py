# ruff: noqa: N999 - the module has the name of its command
"""`cnnprof import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.options import Force, Name, NetworkOptions, of_network
from cnnprof.cli.output import check_spec_path, print_out, refuse_input, write_whole
from cnnprof.cli.progress import waiting
from cnnprof.errors import UsageError

PANEL = "Networks"


@of_network("input", "set")
def command(
    context: typer.Context,
    name: Name,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this .yaml file.", show_default="the terminal")
    ] = None,
    flat: Annotated[bool, typer.Option("--flat", help="One step after the other, without blocks and loops.")] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Write what is not counted as 'opaque', with the size of its result."),
    ] = False,
    force: Force = False,
    *,
    network: NetworkOptions,
) -> None:
    """Write a network as a spec that reproduces it: a torchvision or timm model, or your own PyTorch code.

    Modules that come again become blocks, with arguments for what differs, and equal calls in a row loops. The spec has the
    same layers in the same order, with the same shapes, parameters, operations and activations, at every batch; where a size
    holds for one batch only, it says so by 'batch: 1'. In inference a spec holds a tensor until it has been read; 'held' has
    those that the module's own code holds longer, where it takes the most memory. What is not counted is listed; then no file
    is written, and the exit code is 3.

    Examples:

      cnnprof import torchvision:regnet_y_400mf -o regnet.yaml

      cnnprof import net.py:make_net --input 3x32x32

      cnnprof import timm:hrnet_w18 --flat
    """
    from cnnprof import api

    if flat and partial:
        raise UsageError("--flat and --partial exclude each other")
    if output:
        refuse_input(output, context.params)
        check_spec_path(output, force)
    with waiting(f"reading {name}"):
        model = network.model(name)
        profile = api.profile(model, network.input_shape)
        text = api.to_spec(model, flat=flat, partial=partial, input_shape=network.input_shape)
    if output:
        write_whole(output, text)
        totals = profile.totals
        print(f"wrote {output}: {totals.params:,} params and {totals.macs:,} MACs, as {name} has", file=sys.stderr)
    else:
        print_out(text)
