"""How far `cnnprof bench` can be trusted: `make bench-quality` runs every part and says which bars hold.

    python benchmarks/quality.py [verdicts] [reference] [spread] [layers] [roof]

The machine should have nothing else to do. `verdicts` brings its own load: a process that never rests.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnprof import api
from cnnprof.measure.bench import Job, Options, run
from cnnprof.measure.calibration import calibrate
from cnnprof.measure.layers import time_layers
from cnnprof.timing.intervals import relative_half_width
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import Ratio, compare, noise_of
from cnnprof.views.reasons import look_into

RUNS, REPETITIONS = 20, 8
NETWORK, INPUT, LARGER = "mobilenet_v2", (3, 224, 224), (3, 244, 224)
"""What is compared with itself, and with itself on an input 8.9% larger, which takes about 5% longer."""

CATALOGUE = ("alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "densenet121", "squeezenet1_1", "mobilenet_v2")

SEQUENTIAL = """
import json, sys, torch
from torch.utils.benchmark import Timer
from cnnprof import api
from cnnprof.measure.workload import prepare
torch.set_num_threads(1)
for name in sys.argv[1:]:
    run = prepare(api.load(name), 1, "cpu", "fp32", "infer", "nchw").run
    print(Timer("run()", globals={"run": run}).blocked_autorange(min_run_time=1).median)
"""
SIDE_BY_SIDE = """
import random, sys, torch
from statistics import median
from torch.utils.benchmark import Timer
from cnnprof import api
from cnnprof.measure.devices import CpuDevice
from cnnprof.measure.workload import prepare
torch.set_num_threads(1)
run, device = prepare(api.load(sys.argv[1]), 1, "cpu", "fp32", "infer", "nchw").run, CpuDevice()
timer = Timer("run()", globals={"run": run})
ways = {"ours": lambda: device.time(run).seconds, "theirs": lambda: timer.timeit(1).median}
times = {way: [] for way in ways}
for _ in range(200):
    for way in random.sample([*ways], 2):
        times[way].append(ways[way]())
print(median(times["ours"]) / median(times["theirs"]))
"""


def main() -> None:
    """Run the parts that are asked for, or all; exit code 1 if a bar does not hold."""
    parts: dict[str, Callable[[], Iterator[tuple[str, bool]]]] = {
        "verdicts": verdicts,
        "reference": reference,
        "spread": spread,
        "layers": layers,
        "roof": roof,
    }
    asked = sys.argv[1:] or [*parts]
    held = [say(part, text, holds) for part in asked for text, holds in parts[part]()]
    sys.exit(not all(held))


def say(part: str, text: str, holds: bool) -> bool:
    """Print one bar."""
    print(f"{'holds' if holds else 'FAILS'}  {part}: {text}", flush=True)
    return holds


def verdicts() -> Iterator[tuple[str, bool]]:
    """A network against itself and against itself on a larger input, beside a process that never rests."""
    alarms, found, widths, ratios = 0, 0, [], []
    with busy():
        for number in range(RUNS):
            same, larger, noise = judge(number)
            alarms += same.verdict in ("faster", "slower")
            found += larger.verdict == "slower"
            widths += [relative_half_width(each.ci95) for each in (same, larger) if each.ci95]
            ratios.append(larger.ratio)
            print(
                f"       {number + 1}: itself {same.ratio:.3f} {same.verdict}, larger {larger.ratio:.3f} {larger.verdict}, "
                f"noise {noise:.1%}",
                flush=True,
            )
    yield f"{alarms} false alarms in {RUNS} comparisons of {NETWORK} with itself under load (at most 1)", alarms <= 1
    slowdown = statistics.median(ratios) - 1
    yield f"{found} of {RUNS} true slowdowns of {slowdown:.1%} found under load (at least 19)", found >= RUNS - 1
    worst = max(widths)
    yield f"half-width of the ratio within 60 s: median {statistics.median(widths):.1%}, worst {worst:.1%} (2%)", worst <= 0.02


def judge(number: int) -> tuple[Ratio, Ratio, float]:
    """One run of at most a minute: the network, its twin, itself once more, and itself on the larger input."""
    small, large = (api.load(NETWORK, input_shape=shape) for shape in (INPUT, LARGER))
    jobs = [Job("net", small, 1), Job("net", small, 1, twin=True), Job("same", small, 1), Job("larger", large, 1)]
    measured = run(jobs, Options(precision=0.02, budget_seconds=60, seed=1000 * number), lambda _: None)
    noise = noise_of(measured)
    same, larger = (compare(each, measured[0], noise) for each in measured[2:])
    assert same is not None
    assert larger is not None
    return same, larger, noise


def reference() -> Iterator[tuple[str, bool]]:
    """Our timer and torch.utils.benchmark's in one process, in turns."""
    for name in ("resnet18", "mobilenet_v2"):
        ratio = float(python(SIDE_BY_SIDE, name)[0])
        yield f"{name}: {ratio:.3f} of torch.utils.benchmark's median, in turns (0.97 to 1.03)", 0.97 <= ratio <= 1.03


def spread() -> Iterator[tuple[str, bool]]:
    """The same ratio again and again: by interleaved runs, and by one network after the other."""
    names = ("resnet18", "mobilenet_v2")
    jobs = [Job(name, api.load(name), 1) for name in names]
    ours, theirs = [], []
    for number in range(REPETITIONS):
        ours.append(ratio_of(run(jobs, Options(processes=3, budget_seconds=25, seed=number), lambda _: None)))
        first, second = map(float, python(SEQUENTIAL, *names))
        theirs.append(first / second)
    mine, sequential = width(ours), width(theirs)
    text = f"{names[0]} / {names[1]} over {REPETITIONS} repetitions: {mine:.1%}, blocked_autorange {sequential:.1%} (a quarter)"
    yield text, mine <= sequential / 4


def ratio_of(measured: list[Measurement]) -> float:
    """The first network's latency over the second's."""
    ratio = compare(measured[0], measured[1])
    assert ratio is not None
    return ratio.ratio


def width(values: list[float]) -> float:
    """From the lowest to the highest, over the median."""
    return (max(values) - min(values)) / statistics.median(values)


def layers() -> Iterator[tuple[str, bool]]:
    """The sum of single layers' times, as they were timed, over that of plain runs."""
    jobs = [Job(name, api.load(name), 1) for name in ("resnet50", "mobilenet_v2")]
    for times in time_layers(jobs, Options(budget_seconds=90)):
        text = f"{times.model}: layers sum up to {times.coverage:.3f} of a plain run (0.97 to 1.03)"
        yield f"{text}, inflation {times.inflation:.3f}", 0.97 <= times.coverage <= 1.03


def roof() -> Iterator[tuple[str, bool]]:
    """No layer is faster than its ceiling."""
    ceilings = calibrate(Options())
    for name in CATALOGUE:
        profile = api.profile(name)
        (times,) = time_layers([Job(name, profile.graph, 1)], Options(processes=2, budget_seconds=20))
        best = max(look_into(profile, times, ceilings).layers, key=lambda layer: layer.efficiency)
        text = f"{name}: {best.cost.node.name} at {best.efficiency:.0%} of its ceiling ({best.bound.name}; at most 105%)"
        yield text, best.efficiency <= 1.05


@contextmanager
def busy() -> Iterator[None]:
    """A process that never rests, for as long as the block runs."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def python(code: str, *arguments: str) -> list[str]:
    """The lines that a fresh process prints."""
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return result.stdout.split()


if __name__ == "__main__":
    main()
