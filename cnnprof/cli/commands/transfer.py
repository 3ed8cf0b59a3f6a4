"""`cnnprof transfer`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.commands.memory import Optimizer
from cnnprof.cli.measured import MemoryDevice, RunOptions, measured
from cnnprof.cli.options import Fit, Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting

PANEL = "Costs"


@reported()
@measured("quick", "device", "dtype", "threads", "isa", device=MemoryDevice)
@of_network("input", "set")
def command(
    name: Name,
    classes: Annotated[int, typer.Option(help="Outputs of the new classifier.", min=1)],
    batch: Annotated[int, typer.Option(help="Images in one step.", min=1)] = 32,
    optimizer: Optimizer = "sgd",
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="Add a row that does not train these layers; may be given several times.", metavar="PATTERN"),
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="The layer to replace.", show_default="the last one with weights")
    ] = None,
    fit: Fit = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure the time of a step.")] = False,
    *,
    run: RunOptions,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """What it costs to train a network for other classes, by which of its layers are trained.

    Examples:

      cnnprof transfer resnet50 --classes 102 --fit 8GB

      cnnprof transfer vgg16 --classes 10 --optimizer adam --freeze 'stage[1-3]*'

      cnnprof transfer torchvision:mobilenet_v3_small --classes 5 --batch 8 --bench --quick
    """
    from cnnprof.api.memory import read_optimizer
    from cnnprof.api.transfer import transfer

    chosen = read_optimizer(optimizer)
    execution = run.execution(bench)
    how = run.options(mode="train", optimizer=chosen) if bench else None
    if not bench:
        run.refuse("--bench", "quick")
    with waiting(f"reading {name}"):
        found = transfer(
            network.model(name),
            classes,
            network.input_shape,
            batch,
            run=execution,
            optimizer=chosen,
            classifier=classifier,
            freeze=freeze or (),
            fit=fit,
        )
    code = 0
    if how:
        from cnnprof.cli.measuring import measure

        timed = measure(found.jobs(batch), how)
        found, code = found.measured(timed.measurements), timed.exit_code
    out.emit(found.report())
    raise typer.Exit(code)
