"""`cnnprof bench`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnprof.cli.options import (
    NAMES_HELP,
    Device,
    Dtype,
    Format,
    Json,
    Output,
    Quick,
    Set,
    Threads,
    complete_name,
    parse_inputs,
    parse_settings,
)
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.cli.quantities import parse_part, parse_seconds
from cnnprof.errors import GATE_FAILED, INTERRUPTED, UsageError
from cnnprof.report import plural
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import Ratio, relate

if TYPE_CHECKING:
    from cnnprof.measure.journal import Journal
    from cnnprof.measure.options import Job, Options

PANEL = "Measurements"

SUITE = (
    "resnet18",
    "lenet5",
    "alexnet",
    "vgg11",
    "googlenet",
    "resnet50",
    "densenet121",
    "squeezenet1_1",
    "mobilenet_v1",
    "mobilenet_v2",
)
"""What is timed without a name: the lectures' networks from 1998 to 2018; the others are compared with the first."""


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default="a suite from LeNet-5 to MobileNet v2"),
    ] = None,
    device: Device = "cpu",
    batch: Annotated[str, typer.Option(help="Batch sizes, with commas between them.", metavar="1,8,32")] = "1",
    dtype: Dtype = "fp32",
    mode: Annotated[
        Literal["infer", "train"], typer.Option(help="A forward pass, or a training step (forward, backward, SGD).")
    ] = "infer",
    threads: Threads = 1,
    layout: Annotated[Literal["nchw", "channels_last"], typer.Option(help="How tensors lie in memory.")] = "nchw",
    quick: Quick = False,
    processes: Annotated[
        int | None,
        typer.Option(help="Fresh worker processes; intervals are across them.", min=1, show_default="5, quick: 3"),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Runs of every network in each process, at least.", min=1, show_default="20, quick: 5")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Go on with further processes until the intervals' half-widths are below this.",
            metavar="1%",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Time for all of it.", metavar="60s", show_default="20s a network")] = None,
    mallopt: Annotated[bool, typer.Option(help="Let glibc keep freed memory between runs, which is steadier.")] = True,
    noise_floor: Annotated[
        bool, typer.Option(help="Time the first network twice, to see what noise alone does to a ratio.")
    ] = True,
    compare: Annotated[
        bool, typer.Option("--compare", help="Begin with the ratios to the first network, and verdicts.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="An earlier run's -o FILE.json: has it become slower since?", show_default=False),
    ] = None,
    fail_on: Annotated[
        Literal["slower"] | None, typer.Option(help="Exit code 1 on this verdict; with --compare or --against.")
    ] = None,
    compile: Annotated[  # noqa: A002 - the option's name
        bool, typer.Option("--compile", help="Each network through torch.compile as well, as a row of its own.")
    ] = False,
    cuda_graph: Annotated[
        bool, typer.Option("--cuda-graph", help="Each network replayed as a CUDA graph as well, as a row of its own.")
    ] = False,
    energy: Annotated[
        bool, typer.Option("--energy", help="Measure energy as well, 20 seconds a network (NVML, or RAPL as root).")
    ] = False,
    layers: Annotated[bool, typer.Option("--layers", help="Time every layer of one network, in place.")] = False,
    by: Annotated[Literal["layer", "stage", "type"], typer.Option(help="With --layers: what a row is.")] = "layer",
    trace: Annotated[
        Path | None,
        typer.Option(help="With --layers: write a Chrome trace (ui.perfetto.dev shows it).", show_default=False),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Append each result to this new file (JSON lines) as it comes.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="As --journal; if the file holds results, go on from there.", show_default=False)
    ] = None,
    input: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(help="Input sizes instead of the networks' own.", metavar="3x160x160,...", show_default=False),
    ] = None,
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """Time networks on this machine, with random weights: median, spread, 95% interval, throughput and peak memory.

    Several fresh processes time all networks in turns, so that what disturbs one disturbs all, and intervals are across
    processes. The first network is timed twice: what makes the two copies differ is noise, and a ratio within it is not called
    faster or slower. Ctrl-C ends it and shows what was measured.

    Examples:

      cnnprof bench --quick

      cnnprof bench resnet18 mobilenet_v2 --compare --precision 1% --budget 60s

      cnnprof bench resnet18 --input 3x160x160,3x224x224 --batch 1,8 --resume sweep.jsonl

      cnnprof bench resnet50 -o old.json; cnnprof bench resnet50 --against old.json --fail-on slower

      cnnprof bench mobilenet_v2 --layers --by type --trace mobilenet.json

      cnnprof bench resnet50 --device cuda --dtype amp --batch 32 --mode train
    """
    from cnnprof import api
    from cnnprof.cli.measuring import measure, options
    from cnnprof.measure.energy import measure_energies
    from cnnprof.measure.options import add_twin, add_ways
    from cnnprof.views.benchmark import show_measurements

    chosen = choose_format(format, json, output)
    if fail_on and not (compare or against):
        raise UsageError("--fail-on needs something to compare with", hint="--compare, or --against FILE")
    how = options(
        quick,
        device=device,
        dtype=dtype,
        mode=mode,
        threads=threads,
        layout=layout,
        processes=processes,
        rounds=rounds,
        precision=parse_part(precision),
        budget_seconds=parse_seconds(budget),
        mallopt=mallopt,
    )
    batches, inputs, settings = parse_batches(batch), parse_inputs(input), parse_settings(set)
    with waiting("reading the networks") as say:
        jobs = api.jobs_of(names or SUITE, batches, settings, inputs, say)
        repeated = [name for number, name in enumerate(names or ()) if name in (names or ())[:number]]
        if repeated:
            copies = api.jobs_of(repeated, batches, settings, inputs, say)
            jobs += [replace(copy, name=f"{copy.name} (again)") for copy in copies]
    if layers or trace or by != "layer":
        from cnnprof.cli.layering import check_layers, show_layer_times

        others = {
            "--compare": compare,
            "--compile": compile,
            "--cuda-graph": cuda_graph,
            "--against": against,
            "--journal": journal,
            "--resume": resume,
            "--energy": energy,
            "--precision": precision,
        }
        check_layers(layers, jobs, others, trace)
        complete = show_layer_times(jobs[0], how, by, trace, lambda report: emit(report, chosen, output))
        raise typer.Exit(0 if complete else INTERRUPTED)
    jobs = add_ways(jobs, _ways(compile, cuda_graph, how))
    if compare and len(jobs) < 2:
        raise UsageError("--compare needs two networks", hint="cnnprof bench resnet18 mobilenet_v2 --compare")
    twinned = add_twin(jobs) if noise_floor else jobs
    earlier = _earlier(against, jobs, how)
    kept = _journal(journal, resume, twinned, how)
    measured = measure(twinned, how, kept)
    since, remarks = earlier([each for each in measured.measurements if not each.twin])
    code, energies = measured.exit_code, None
    if energy and not measured.interrupted:
        try:
            energies = measure_energies(jobs, how)
        except KeyboardInterrupt:
            print("interrupted before the energy was known; the latencies:", file=sys.stderr)
            code = INTERRUPTED
    emit(show_measurements(measured.measurements, compare, since, remarks, energies), chosen, output)
    if kept and kept.problem:
        raise UsageError(kept.problem, hint="the results above are complete")
    slower = any(ratio.verdict == "slower" for ratio in (since if against else relate(measured.measurements)))
    raise typer.Exit(code or (GATE_FAILED if fail_on and slower else 0))


def _ways(compiled: bool, cuda_graph: bool, how: Options) -> list[str]:
    """How each network is run besides the usual way."""
    if cuda_graph and not (how.device.startswith("cuda") and how.mode == "infer"):
        raise UsageError("--cuda-graph replays an inference on CUDA", hint="--device cuda --mode infer")
    return ["compiled"] * compiled + ["CUDA graph"] * cuda_graph


def _earlier(
    path: Path | None, jobs: Sequence[Job], how: Options
) -> Callable[[Sequence[Measurement]], tuple[tuple[Ratio, ...], tuple[str, ...]]]:
    """Holds new measurements against those in the file, which is read at once; without a file there is nothing to say."""
    if path is None:
        return lambda _: ((), ())
    from cnnprof.measure.earlier import compare_with_earlier, find_earlier, read_measurements

    before = find_earlier(read_measurements(path), jobs, how, path)
    return lambda now: compare_with_earlier(now, before)


def _journal(new: Path | None, resumed: Path | None, jobs: Sequence[Job], how: Options) -> Journal | None:
    """The journal that was asked for, open, and what is to be said of it."""
    from cnnprof.measure.journal import resume_journal, start_journal

    if new and resumed:
        raise UsageError("--journal and --resume exclude each other", hint="--resume makes the file if it is not there")
    if new:
        return start_journal(new, jobs, how)
    if not resumed:
        return None
    journal = resume_journal(resumed, jobs, how)
    for number in journal.skipped:
        print(f"warning: {resumed}, line {number} is damaged and was skipped", file=sys.stderr)
    if journal.kept:
        processes = len({series.process for _, series in journal.kept})
        print(f"{resumed} holds the results of {plural(processes, 'process', 'processes')}, which count", file=sys.stderr)
    return journal


def parse_batches(text: str) -> list[int]:
    """`1,8,32` as numbers. Raises UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"'{text}' is not a list of batch sizes", hint="whole numbers above 0, such as --batch 1,8,32")
    return list(dict.fromkeys(int(part) for part in parts))
