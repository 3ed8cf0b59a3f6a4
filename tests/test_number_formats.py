"""Bytes of networks in the formats that they are written in, and in those that are asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from shell import cnnprof as run
from torch import nn

import cnnprof
from cnnprof.footprint.execution import USUAL

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

SIZES = [(torch.float32, 4), (torch.float16, 2), (torch.bfloat16, 2), (torch.float64, 8)]
WEIGHTS = 64 * 27 + 64 + 2 * 64
"""Of the convolution below and its normalization: 1,920."""

FILE = """
from torch import nn
def Net():
    return nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU()).half()
"""


def net(dtype):
    return nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU()).to(dtype)


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_memory_is_in_the_network_s_own_format(dtype, size):
    found = cnnprof.memory(net(dtype), (3, 16, 16))
    assert (found.inference.parameter_bytes, found.training.parameter_bytes) == (WEIGHTS * size,) * 2
    assert found.inference.input_bytes == 3 * 256 * size
    # 64 maps of 14x14, of the convolution and of the normalization.
    tensors = [tensor.bytes for tensor in found.inference.tensors if tensor.bytes]
    assert set(tensors) == {64 * 196 * size}
    assert found.inference.peak_bytes == cnnprof.profile(net(dtype), (3, 16, 16)).totals.peak_inference_bytes


@pytest.mark.parametrize(("asked", "size"), [("fp32", 4), ("fp16", 2), ("bf16", 2)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_format_that_is_asked_for_goes_before(dtype, asked, size):
    found = cnnprof.memory(net(dtype), (3, 16, 16), run=replace(USUAL, dtype=asked))
    assert (found.inference.parameter_bytes, found.inference.input_bytes) == (WEIGHTS * size, 768 * size)


def test_weights_of_several_formats():
    """160 weights of a byte, 5 biases of four, and a convolution in fp32 of 12."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.AdaptiveAvgPool2d((2, 4)), nn.Flatten(), nn.Linear(32, 5))
    quantized = torch.ao.quantization.quantize_dynamic(layers.eval(), {nn.Linear}, dtype=torch.qint8)
    found = cnnprof.memory(quantized, (3, 16, 16))
    assert found.inference.parameter_bytes == 160 + 20 + 12 * 4
    single = cnnprof.memory(quantized, (3, 16, 16), run=USUAL)
    assert single.inference.parameter_bytes == (160 + 5 + 12) * 4


@pytest.mark.parametrize(("options", "size"), [((), 2), (("--dtype", "fp32"), 4), (("--dtype", "bf16"), 2)])
def test_the_command_line(tmp_path, monkeypatch, options, size):
    (tmp_path / "half.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    where = ("half.py:Net", "--input", "3x16x16", *options, "--json")
    memory = json.loads(run("memory", *where).out)
    assert memory["memory"]["inference"]["parameter_bytes"] == WEIGHTS * size
    summary = json.loads(run("summary", *where).out)
    assert summary["totals"]["param_bytes"] == WEIGHTS * size


def test_batches_that_fit_are_those_of_the_own_format(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    fits = [
        json.loads(run("summary", "half.py:Net", "--input", "3x64x64", *more, "--fit", "100MB", "--json").out)["fits"]
        for more in ((), ("--dtype", "fp16"), ("--dtype", "fp32"))
    ]
    assert fits[0] == fits[1]
    assert fits[0][0]["batch"] > fits[2][0]["batch"]
