"""Holds predictions against measurements: `make predict-quality` (about 12 minutes on an idle machine).

The networks and sizes here take no part in the calibration, and most families have none in it. Printed are the errors of the
grid alone and with each layer's own measurement (table), beside the best line in MACs, activations and parameters, and MACs.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

import cnnprof
from cnnprof.api.bench import time_jobs
from cnnprof.api.predict import anchors
from cnnprof.footprint.execution import RUN_BYTES
from cnnprof.measure.options import Job, Options
from cnnprof.measure.predicting import calibrate_operations, measure_missing_operations
from cnnprof.network.results import Analysis
from cnnprof.timing.prediction import Calibration, Predictor

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


def main() -> None:
    """Calibrate, predict, measure, and print how far they are apart."""
    options = Options()
    profiles = [cnnprof.profile(name, (3, size, size)) for name, size in NETWORKS]
    print("calibrating", flush=True)
    grid = calibrate_operations(options, anchors())
    size = RUN_BYTES[options.dtype]
    missing = {key: cost for each in profiles for key, cost in Predictor(grid, size).missing(each).items()}
    print(f"timing {len(missing)} layers of the networks themselves", flush=True)
    table = measure_missing_operations(grid, missing, options)
    print("measuring the networks", flush=True)
    jobs = [Job(f"{name} {size}", each.graph, 1) for (name, size), each in zip(NETWORKS, profiles, strict=True)]
    measurements, _ = time_jobs(jobs, Options(processes=3, rounds=8, budget_seconds=200), lambda _: None)
    truth = [each.latency().median / 1e3 for each in measurements]
    for name, calibration in (("grid", grid), ("table", table)):
        _judge(name, calibration, profiles, truth)
    lines = _lines(grid, profiles)
    for name, predicted in lines.items():
        _errors(name, predicted, truth)


def _judge(name: str, calibration: Calibration, profiles: list[Analysis], truth: list[float]) -> None:
    predictions = [Predictor(calibration).predict(each) for each in profiles]
    print(f"\n{name}: {len(calibration.operations):,} operations, cold {calibration.cold:.2f}, factor {calibration.factor:.3f}")
    for (network, size), predicted, seconds in zip(NETWORKS, predictions, truth, strict=True):
        low, high = predicted.interval90
        error = predicted.seconds / seconds - 1
        inside = "" if low <= seconds <= high else "  outside its interval"
        print(
            f"  {network:32} {size:4} {seconds * 1e3:8.2f} ms, predicted {predicted.seconds * 1e3:8.2f} ({error:+.1%}){inside}"
        )
    _errors(name, [each.seconds for each in predictions], truth)
    held = sum(each.interval90[0] <= seconds <= each.interval90[1] for each, seconds in zip(predictions, truth, strict=True))
    print(f"  {held} of {len(truth)} within the 90% interval")


def _errors(name: str, predicted: list[float], truth: list[float]) -> None:
    errors = sorted(abs(a / b - 1) for a, b in zip(predicted, truth, strict=True))
    close = [(i, j) for i, j in combinations(range(len(truth)), 2) if abs(math.log(truth[i] / truth[j])) < math.log(1.5)]
    right = sum((predicted[i] < predicted[j]) == (truth[i] < truth[j]) for i, j in close)
    ranks = [np.argsort(np.argsort(values)) for values in (predicted, truth)]
    spearman = float(np.corrcoef(*ranks)[0, 1])
    within = {limit: sum(error <= limit for error in errors) for limit in (0.1, 0.2)}
    print(
        f"  {name}: mean error {sum(errors) / len(errors):.1%}, worst {errors[-1]:.1%}, within 10% {within[0.1]} and within "
        f"20% {within[0.2]} of {len(errors)}, Spearman {spearman:.3f}, close pairs in order {right} of {len(close)}"
    )


def _lines(calibration: Calibration, profiles: list[Analysis]) -> dict[str, list[float]]:
    """What totals alone predict, fitted to the calibration's own networks: non-negative, relative errors."""
    own = anchors()
    times = [
        Predictor(calibration).predict(each).seconds * ratio
        for each, ratio in zip(own, calibration.networks.values(), strict=True)
    ]

    def totals(each: Analysis) -> list[float]:
        return [float(each.totals.macs), float(each.totals.activations), float(each.totals.params), 1e6]

    scale = sum(math.log(seconds / each.totals.macs) for each, seconds in zip(own, times, strict=True)) / len(own)
    weights = _non_negative(np.array([totals(each) for each in own]), np.array(times))
    return {
        "line in MACs, activations, parameters": [float(np.dot(weights, totals(each))) for each in profiles],
        "MACs alone": [math.exp(scale) * each.totals.macs for each in profiles],
    }


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
