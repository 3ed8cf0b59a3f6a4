"""Predicted memory beside a device's allocator, for many networks: the largest error of each, and of all.

    python benchmarks/crosscheck_memory.py [--device cuda] [NAME ...]

Inference and training steps with SGD, momentum and Adam, built from specs and taken from torchvision: on the processor at
batch 1 and 8, on CUDA at batch 1, 16 and 32, where `requested_bytes.all.peak` is the record.
"""

from __future__ import annotations

import argparse
import sys
import warnings

import torch

import cnnprof
from cnnprof.errors import CnnprofError
from cnnprof.footprint.execution import Execution
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.measure.devices import check_device, cublas_bytes, open_device
from cnnprof.measure.memory import record, record_memory
from cnnprof.measure.options import Options
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph

SPECS = """
    alexnet alexnet_paper convnext_tiny densenet121 dpn68 efficientnet_b0 fractalnet20 googlenet inception_resnet_v1
    inception_v2 inception_v3 inception_v4 lenet5 lenet5_paper mnasnet1_0 mobilenet_v1 mobilenet_v2 mobilenet_v3_large
    nasnet_a_mobile nin preact_resnet50 regnet_y_400mf resnet18 resnet50 resnet20 resnext50_32x4d shake_shake_26_2x32d
    shufflenet_v1_g3 shufflenet_v2_x1_0 squeezenet1_0 vgg16 wrn_16_8 xception zfnet
"""
TORCHVISION = """
    alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 googlenet inception_v3 squeezenet1_0 squeezenet1_1
    densenet121 densenet169 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large shufflenet_v2_x0_5 shufflenet_v2_x1_0 mnasnet0_5
    mnasnet1_0 efficientnet_b0 efficientnet_b3 efficientnet_v2_s regnet_x_400mf regnet_y_400mf regnet_y_3_2gf convnext_tiny
    swin_t swin_v2_t maxvit_t vit_b_16
"""
WAYS = (("infer", "none"), ("train", "sgd"), ("train", "momentum"), ("train", "adam"))
BATCHES = {"cpu": (1, 8), "cuda": (1, 16, 32)}


def error(graph: Graph, device: str, mode: str, optimizer: str) -> float:
    """How far the prediction is from the record, as a part of the record."""
    costs, run = analyze(graph).costs, Execution(device, cublas_bytes=cublas_bytes(device))
    footprint = inference(graph, costs, run) if mode == "infer" else training(graph, costs, run, optimizer)
    return footprint.peak_bytes / recorded_bytes(graph, device, mode, optimizer) - 1


def recorded_bytes(graph: Graph, device: str, mode: str, optimizer: str) -> int:
    """What the allocator says. CUDA's is asked in a process of its own, in which nothing else was allocated."""
    if device == "cpu":
        return record(graph, open_device(device), "fp32", mode, "nchw", optimizer)["peak_bytes"]
    recorded = record_memory(graph, Options(device=device, mode=mode, optimizer=optimizer))
    if recorded.comparable_bytes is None:
        raise RuntimeError(recorded.error)
    return recorded.comparable_bytes


def main() -> None:
    """Print one line a network and batch; exit with 1 if one is off by more than 1%."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--device", choices=BATCHES, default="cpu")
    given = parser.parse_args()
    check_device(given.device)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = given.names or [*SPECS.split(), *(f"torchvision:{name}" for name in TORCHVISION.split())]
    print(f"{'error in %':36}" + "".join(f"{optimizer if mode == 'train' else mode:>10}" for mode, optimizer in WAYS))
    worst = 0.0
    for name in names:
        for batch in BATCHES[given.device]:
            graph = cnnprof.load(name, batch=batch)
            cells = []
            for mode, optimizer in WAYS:
                try:
                    off = error(graph, given.device, mode, optimizer)
                except (CnnprofError, RuntimeError, ValueError) as reason:
                    # Batch normalization over one value does not train.
                    cells.append(f"{type(reason).__name__:>10}")
                    continue
                worst = max(worst, abs(off))
                cells.append(f"{100 * off:+10.3f}")
            print(f"{name:30}{batch:6}" + "".join(cells), flush=True)
    print(f"largest: {100 * worst:.3f}%")
    sys.exit(worst > 0.01)


if __name__ == "__main__":
    main()
