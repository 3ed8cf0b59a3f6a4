"""`cnnprof bench`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnprof.cli.effort import Effort
from cnnprof.cli.groups import takes
from cnnprof.cli.layering import Layering
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import NetworkOptions, names_argument, of_network, parse_sweep, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import GATE_FAILED, INTERRUPTED, UsageError, did_you_mean
from cnnprof.report import plural
from cnnprof.reports import FORMATS, GATES, OVERLAYS, PICTURES
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import VERDICTS, Ratio, relate

if TYPE_CHECKING:
    from cnnprof.measure.journal import Journal
    from cnnprof.measure.options import Job, Options, Way

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
"""The networks that are timed where none is named, the lectures' from 1998 to 2018; the others are compared with the first."""


@dataclass(frozen=True)
class Rows:
    """Further measurements besides the usual run of each network."""

    compile: Annotated[
        bool, typer.Option("--compile", help="Each network through torch.compile as well, as a row of its own.")
    ] = False
    cuda_graph: Annotated[
        bool, typer.Option("--cuda-graph", help="Each network replayed as a CUDA graph as well, as a row of its own.")
    ] = False
    energy: Annotated[
        bool, typer.Option("--energy", help="Measure energy as well, 20 seconds a network (NVML, or RAPL as root).")
    ] = False

    def ways(self, how: Options) -> list[Way]:
        """How each network is run besides the usual way. Raises UsageError for a CUDA graph of anything else."""
        if self.cuda_graph and not (how.device.startswith("cuda") and how.mode == "infer"):
            raise UsageError("--cuda-graph replays an inference on CUDA", hint="--device cuda --mode infer")
        ways: dict[Way, bool] = {"compiled": self.compile, "CUDA graph": self.cuda_graph}
        return [way for way, asked in ways.items() if asked]


@dataclass(frozen=True)
class Gate:
    """The results that measurements are held against, and verdicts that fail the run."""

    compare: Annotated[bool, typer.Option("--compare", help="Begin with the ratios to the first network, and verdicts.")] = (
        False
    )
    against: Annotated[
        Path | None,
        typer.Option(help="An earlier run's -o FILE.json: has it become slower since?"),
    ] = None
    fail_on: Annotated[
        str | None,
        typer.Option(help="Exit code 1 on one of these verdicts; with --compare or --against.", metavar="slower,undecided"),
    ] = None

    @property
    def verdicts(self) -> list[str]:
        """The verdicts to fail on."""
        return [verdict.strip() for verdict in (self.fail_on or "").split(",")] if self.fail_on is not None else []

    def __post_init__(self) -> None:
        for verdict in self.verdicts:
            if verdict not in VERDICTS:
                hint = did_you_mean(verdict, VERDICTS) or f"one or more of {', '.join(VERDICTS)}"
                raise UsageError(f"--fail-on: there is no verdict '{verdict}'", hint=hint)
        if self.fail_on and not (self.compare or self.against):
            raise UsageError("--fail-on needs something to compare with", hint="--compare, or --against FILE")

    def failed(self, measurements: Sequence[Measurement], since: Sequence[Ratio]) -> bool:
        """Whether a verdict is the one to fail on."""
        ratios = since if self.against else relate(measurements)
        return any(ratio.verdict in self.verdicts for ratio in ratios)


@dataclass(frozen=True)
class Keeping:
    """Where results are kept as they come."""

    journal: Annotated[Path | None, typer.Option(help="Append each result to this new file (JSON lines) as it comes.")] = None
    resume: Annotated[Path | None, typer.Option(help="As --journal; if the file holds results, go on from there.")] = None

    def open(self, jobs: Sequence[Job], how: Options) -> Journal | None:
        """The journal that was asked for; what is to be said of it goes to stderr."""
        from cnnprof.measure.journal import resume_journal, start_journal

        if self.journal and self.resume:
            raise UsageError("--journal and --resume exclude each other", hint="--resume makes the file if it is not there")
        if self.journal:
            return start_journal(self.journal, jobs, how)
        if not self.resume:
            return None
        journal = resume_journal(self.resume, jobs, how)
        for number in journal.skipped:
            print(f"warning: {self.resume}, line {number} is damaged and was skipped", file=sys.stderr)
        if journal.kept:
            processes = len({series.process for _, series in journal.kept})
            print(
                f"{self.resume} holds the results of {plural(processes, 'process', 'processes')}, which count", file=sys.stderr
            )
        return journal


@reported((*FORMATS, *PICTURES, *GATES, *OVERLAYS))
@takes(Layering)
@takes(Keeping)
@takes(Gate)
@takes(Rows)
@takes(Effort)
@measured("device", "dtype", "threads", "layout", "quick", dtype=AutocastDtype)
@of_network("set")
def command(
    names: Annotated[list[str] | None, names_argument("a suite from LeNet-5 to MobileNet v2")] = None,
    batch: Annotated[str, typer.Option(help="Batch sizes, with commas between them.", metavar="1,8,32")] = "1",
    mode: Annotated[
        Literal["infer", "train"], typer.Option(help="A forward pass, or a training step (forward, backward, SGD).")
    ] = "infer",
    input: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(help="Input sizes instead of the networks' own.", metavar="3x160x160,..."),
    ] = None,
    *,
    network: NetworkOptions,
    run: RunOptions,
    effort: Effort,
    rows: Rows,
    gate: Gate,
    keeping: Keeping,
    layering: Layering,
    out: Destination,
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
    how = run.options(mode=mode, **effort.options())
    jobs = _read(names or [], parse_batches(batch), network.settings, parse_sweep(input))
    if layering.asked:
        others = {
            "--compare": gate.compare,
            "--compile": rows.compile,
            "--cuda-graph": rows.cuda_graph,
            "--against": gate.against,
            "--journal": keeping.journal,
            "--resume": keeping.resume,
            "--energy": rows.energy,
            "--precision": effort.precision,
        }
        layering.check(jobs, others)
        raise typer.Exit(0 if layering.show_times(jobs[0], how, out) else INTERRUPTED)
    raise typer.Exit(_time(jobs, how, effort, rows, gate, keeping, out))


def _read(
    names: Sequence[str], batches: Sequence[int], settings: dict[str, str], inputs: Sequence[tuple[int, ...] | None]
) -> list[Job]:
    """The networks at every batch and input size; one that is named again is a copy of its own."""
    from cnnprof.api.bench import jobs_of
    from cnnprof.sources import expand

    with waiting("reading the networks") as say:
        jobs = jobs_of(expand(names or SUITE, settings), batches, inputs, say)
        repeated = [name for number, name in enumerate(names) if name in names[:number]]
        if repeated:
            copies = jobs_of(expand(repeated, settings), batches, inputs, say)
            jobs += [replace(copy, name=f"{copy.name} (again)") for copy in copies]
    return jobs


def _time(jobs: Sequence[Job], how: Options, effort: Effort, rows: Rows, gate: Gate, keeping: Keeping, out: Destination) -> int:
    """Time whole networks and print what was found; returns the exit code."""
    from cnnprof.api.bench import held_against
    from cnnprof.api.places import place_of
    from cnnprof.cli.measuring import measure
    from cnnprof.measure.energy import measure_energies
    from cnnprof.measure.options import add_twin, add_ways
    from cnnprof.views.benchmark import chart_runs, show_measurements

    jobs = add_ways(jobs, rows.ways(how))
    if gate.compare and len(jobs) < 2:
        raise UsageError("--compare needs two networks", hint="cnnprof bench resnet18 mobilenet_v2 --compare")
    twinned = add_twin(jobs) if effort.noise_floor else jobs
    earlier = held_against(gate.against, jobs, how)
    kept = keeping.open(twinned, how)
    measured = measure(twinned, how, kept)
    since, remarks = earlier([each for each in measured.measurements if not each.twin])
    code, energies = measured.exit_code, None
    if rows.energy and not measured.interrupted:
        try:
            energies = measure_energies(jobs, how)
        except KeyboardInterrupt:
            print("interrupted before the energy was known; the latencies:", file=sys.stderr)
            code = INTERRUPTED
    places = {job.name: place_of(job.graph) for job in jobs}
    report = show_measurements(measured.measurements, gate.compare, since, remarks, energies, gate.verdicts, places)
    timed = any(each.times for each in measured.measurements)
    out.finish(replace(report, chart=chart_runs(measured.measurements)) if out.draws and timed else report)
    if kept and kept.problem:
        raise UsageError(kept.problem, hint="the results above are complete")
    return code or (GATE_FAILED if gate.failed(measured.measurements, since) else 0)


def parse_batches(text: str) -> list[int]:
    """`1,8,32` as numbers. Raises UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"'{text}' is not a list of batch sizes", hint="whole numbers above 0, such as --batch 1,8,32")
    return list(dict.fromkeys(int(part) for part in parts))
