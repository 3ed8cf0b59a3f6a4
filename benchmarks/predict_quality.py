"""Holds predictions against measurements: `make predict-quality` (at most 12 minutes, on an idle machine).

The networks and sizes here take no part in the calibration, and most families have none in it. Printed are the errors of the
grid alone and with each layer's own measurement (table), and of the best line in MACs, activations and parameters and of MACs
alone, which are fitted to the calibration's own networks. Other ways to run have a rough grid, and fewer networks. With --sweep
the rows that a sweep would name are measured in their place: are they in the order that was predicted?
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from predict_order import SPACES, inside, judge_sweep, line, spearman

import cnnprof
from cnnprof.api.bench import time_jobs
from cnnprof.api.predict import anchors, predictor_of
from cnnprof.measure.operation_calibration import calibrate_operations, measure_missing_operations
from cnnprof.measure.options import Job, Options
from cnnprof.network.results import Analysis
from cnnprof.timing.calibrations import Calibration

NETWORKS = (
    ("vgg11", 160),
    ("vgg16", 224),
    ("alexnet", 224),
    ("densenet121", 224),
    ("densenet121", 160),
    ("googlenet", 224),
    ("inception_v3", 299),
    ("efficientnet_b0", 224),
    ("efficientnet_b1", 192),
    ("mnasnet1_0", 224),
    ("shufflenet_v2_x1_0", 224),
    ("shufflenet_v1_g3", 192),
    ("torchvision:regnet_y_400mf", 224),
    ("torchvision:regnet_x_800mf", 192),
    ("torchvision:mobilenet_v3_large", 224),
    ("torchvision:mobilenet_v3_small", 160),
    ("mobilenet_v1", 224),
    ("mobilenet_v1", 128),
    ("xception", 299),
    ("torchvision:convnext_tiny", 224),
    ("zfnet", 224),
    ("resnext50_32x4d", 224),
    ("nasnet_a_mobile", 224),
    ("dpn92", 192),
    ("timm:ghostnet_100", 224),
    ("timm:repvgg_a0", 224),
)

SOME = (0, 3, 7, 10, 13, 14, 21)
"""The networks of ways that are judged roughly: VGG, DenseNet, EfficientNet, ShuffleNet, MobileNetV3, RegNet and others."""

FEW = (0, 1, 2, 3, 10)
"""The networks that their calibration is fitted to."""

THIN = 6
"""One operation of so many of the grid is timed for them."""

SECONDS_A_WAY = 110
SECONDS_A_NETWORK = {True: 3.0, False: 2.0}


@dataclass(frozen=True)
class Way:
    """A way to run that predictions are judged for; the first, with the whole grid, has bars."""

    name: str
    options: Options
    batch: int = 1
    whole: bool = False


WAYS = (
    Way("fp32, 1 thread, nchw, batch 1", Options(), whole=True),
    Way("batch 8", Options(), batch=8),
    Way("2 threads", Options(threads=2)),
    Way("channels_last", Options(layout="channels_last")),
    Way("bf16", Options(dtype="bf16")),
)


@dataclass(frozen=True)
class Result:
    """What was measured of a way: the networks, their seconds, and calibrations without and with their own layers."""

    way: Way
    names: list[str]
    profiles: list[Analysis]
    truth: list[float]
    grid: Calibration
    table: Calibration


def main() -> None:
    """Calibrate, predict, measure, and print how far they are apart."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--ways", type=int, default=len(WAYS), help="so many of the ways to run, in their order")
    asked.add_argument("--networks", type=int, default=len(NETWORKS), help="so many of the networks")
    asked.add_argument("--every", type=int, default=1, help="one operation of so many of the grid: a rough trial")
    asked.add_argument("--minutes", type=float, default=12, help="ways that would end later are left out")
    asked.add_argument("--sweep", action="store_true", help="measure a sweep's best rows instead of networks")
    asked.add_argument("--keep", type=Path, help="a file for what was measured")
    given = asked.parse_args()
    if given.sweep:
        known = calibrate_operations(Options(), anchors(), every=given.every)
        swept = [
            judge_sweep(name, axes, condition, known, lambda jobs: timed(jobs, WAYS[0])) for name, axes, condition in SPACES
        ]
        if given.keep:
            given.keep.write_text(json.dumps({"grid": known.to_dict(), "sweeps": swept}), encoding="utf-8")
        return
    began = time.monotonic()
    kept: list[dict[str, object]] = []
    before: Calibration | None = None
    for way in WAYS[: given.ways]:
        if not way.whole and time.monotonic() - began + SECONDS_A_WAY > 60 * given.minutes:
            print(f"\n{way.name}: left out for want of time", flush=True)
            continue
        chosen = range(len(NETWORKS)) if way.whole else SOME
        result = measure(way, [NETWORKS[i] for i in chosen if i < given.networks], before, given.every)
        before = before or result.grid
        judge(result)
        print(f"  after {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
        kept.append({"way": way.name, "names": result.names, "seconds": result.truth, "table": result.table.to_dict()})
        if given.keep:
            given.keep.write_text(json.dumps(kept), encoding="utf-8")


def measure(way: Way, networks: Sequence[tuple[str, int]], before: Calibration | None, every: int) -> Result:
    """Everything that is measured of one way; a calibration for the same options, from before, is not made again."""

    def say(text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    print(f"\n{way.name}", flush=True)
    profiles = [cnnprof.profile(name, (3, size, size), way.batch) for name, size in networks]
    if before is None or before.ceilings.options != {key: getattr(way.options, key) for key in before.ceilings.options}:
        say("calibrating")
        own = anchors()
        before = calibrate_operations(
            way.options, own if way.whole else [own[i] for i in FEW], every=every * (1 if way.whole else THIN)
        )
    predictor = predictor_of(before, way.options)
    missing = {key: cost for each in profiles for key, cost in predictor.missing(each).items()}
    say(f"timing {len(missing)} layers of the networks themselves")
    table = measure_missing_operations(before, missing, way.options)
    say("measuring the networks")
    names = [f"{name} {size}" for name, size in networks]
    found = timed([Job(name, each.graph, way.batch) for name, each in zip(names, profiles, strict=True)], way)
    kept = [number for number, name in enumerate(names) if name in found]
    return Result(way, [*found], [profiles[i] for i in kept], [*found.values()], before, table)


def timed(jobs: Sequence[Job], way: Way) -> dict[str, float]:
    """The seconds of the networks that could be measured, by name, in their order."""
    how = replace(way.options, processes=3, rounds=8, budget_seconds=SECONDS_A_NETWORK[way.whole] * len(jobs))
    measurements, _ = time_jobs(jobs, how, lambda _: None)
    found = {job.name: each.latency() for job, each in zip(jobs, measurements, strict=True)}
    lost = [name for name, latency in found.items() if latency is None]
    if lost:
        print(f"  not measured: {', '.join(lost)}")
    return {name: latency.median / 1e3 for name, latency in found.items() if latency}


def judge(result: Result) -> None:
    """Print what predictions were off by."""
    means = {}
    for name, calibration in (("grid", result.grid), ("table", result.table)):
        predictor = predictor_of(calibration, result.way.options)
        predictions = [predictor.predict(each) for each in result.profiles]
        print(
            f"\n{name}: {len(calibration.operations):,} operations, cold {calibration.cold:.2f}, "
            f"call {calibration.call * 1e6:.1f} us, factor {calibration.factor:.3f}, between {calibration.between:.3f}, "
            f"half interval {predictor.reach:.3f}, drift {calibration.drift or 0:.3f}, stretch {calibration.stretch:.2f}"
            + (f"; {calibration.busy}" if calibration.busy else "")
        )
        for network, predicted, seconds in zip(result.names, predictions, result.truth, strict=True):
            print(line(network, predicted, seconds))
        means[name] = _errors(name, [each.seconds for each in predictions], result.truth)
        held = sum(inside(each, seconds) for each, seconds in zip(predictions, result.truth, strict=True))
        print(f"  {held} of {len(result.truth)} within the 90% interval ({held / len(result.truth):.0%})")
    for name, predicted in _lines(result).items():
        mean = _errors(name, predicted, result.truth)
        ratios = ", ".join(f"{mean / own:.1f} times that of the {mode}" for mode, own in means.items())
        print(f"  its mean error is {ratios}")


def _errors(name: str, predicted: Sequence[float], truth: Sequence[float]) -> float:
    """Print the errors; returns their mean."""
    errors = sorted(abs(a / b - 1) for a, b in zip(predicted, truth, strict=True))
    close = [(i, j) for i, j in combinations(range(len(truth)), 2) if abs(math.log(truth[i] / truth[j])) < math.log(1.5)]
    right = sum((predicted[i] < predicted[j]) == (truth[i] < truth[j]) for i, j in close)
    rank = spearman(predicted, truth)
    within = {limit: sum(error <= limit for error in errors) for limit in (0.1, 0.2)}
    mean = sum(errors) / len(errors)
    print(
        f"  {name}: mean error {mean:.1%}, 90% within {_percentile(errors, 0.9):.1%}, "
        f"95% within {_percentile(errors, 0.95):.1%}, worst {errors[-1]:.1%}; "
        f"within 10% {within[0.1]} and within 20% {within[0.2]} of {len(errors)}; "
        f"Spearman {rank:.3f}; close pairs in order {right} of {len(close)}"
    )
    return mean


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _lines(result: Result) -> dict[str, list[float]]:
    """What totals alone predict, fitted to the calibration's own networks: non-negative, relative errors."""
    calibration = result.grid
    predictor = predictor_of(calibration, result.way.options)
    own = [each for each in anchors() if _called(each) in calibration.networks]
    times = [predictor.predict(each).seconds * calibration.networks[_called(each)] for each in own]

    def totals(each: Analysis) -> list[float]:
        return [float(each.totals.macs), float(each.totals.activations), float(each.totals.params), 1e6]

    scale = sum(math.log(seconds / each.totals.macs) for each, seconds in zip(own, times, strict=True)) / len(own)
    weights = _non_negative(np.array([totals(each) for each in own]), np.array(times))
    return {
        "line in MACs, activations, parameters": [float(np.dot(weights, totals(each))) for each in result.profiles],
        "MACs alone": [math.exp(scale) * each.totals.macs for each in result.profiles],
    }


def _called(analysis: Analysis) -> str:
    """A network as `Calibration.networks` names it."""
    return f"{analysis.graph.name} {'x'.join(map(str, analysis.graph.input_shape))}"


def _non_negative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares of relative errors with no weight below 0, by trying every set of columns."""
    best: tuple[float, np.ndarray] | None = None
    scaled = a / b[:, None]
    for count in range(1, a.shape[1] + 1):
        for columns in combinations(range(a.shape[1]), count):
            part, *_ = np.linalg.lstsq(scaled[:, columns], np.ones(len(b)), rcond=None)
            if (part < 0).any():
                continue
            weights = np.zeros(a.shape[1])
            weights[list(columns)] = part
            off = float(((scaled @ weights - 1) ** 2).sum())
            if best is None or off < best[0]:
                best = off, weights
    assert best is not None
    return best[1]


if __name__ == "__main__":
    main()
