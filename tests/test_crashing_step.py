"""A training step that brings torch down, as a kernel with a fault does: its row says so, and the others go on."""

import json
from dataclasses import replace

import pytest
from shell import cnnprof

import cnnprof as api
from cnnprof.timing.measurements import Measurement

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brisk")]

CODE = """
import os
import torch
from torch import nn

class Abort(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        os.abort()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(144, 3)

    def forward(self, x):
        x = self.conv(x)
        if self.training and not x.is_meta:
            x = Abort.apply(x)
        return self.fc(x.flatten(1))
"""

# A transposed 1x1 convolution with a stride, whose step in channels_last has corrupted torch's heap on some processors.
DECONV = "input: 8x24x13\nlayers:\n  - conv 1x3 12 ln\n  - deconv 1x1 4 s2 p0 output_pad=1\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text(CODE)
    (tmp_path / "deconv.yaml").write_text(DECONV)
    (tmp_path / "sound.yaml").write_text("input: 3x8x8\nlayers: [conv 3x3 4, flatten, fc 3]\n")
    return tmp_path


def test_the_allocators_record_of_an_inference_stays(folder):
    done = cnnprof("memory", "net.py:Net", "--input", "3x8x8", "--measure", "--json", cwd=folder)
    infer, train = json.loads(done.out)["measured"]
    assert (infer["error"], train["peak_bytes"]) == (None, None)
    assert infer["peak_bytes"] > 0
    assert train["error"].startswith("the process was killed by SIGABRT")
    assert done.code == 5


def test_the_other_network_is_timed(folder):
    asked = ("--mode", "train", "--quick", "--processes", "2", "--no-noise-floor", "--input", "3x8x8", "--json")
    done = cnnprof("bench", "net.py:Net", "sound.yaml", *asked, cwd=folder)
    crashed, sound = json.loads(done.out)["results"]
    assert (crashed["status"], sound["status"]) == ("failed", "ok")
    assert "SIGABRT" in crashed["error"]
    assert len(sound["times_ms"]) == 2
    assert done.code == 5


def test_a_strategy_that_crashes_is_said_and_the_others_have_their_times():
    report = api.transfer("lenet5", classes=5)
    names = [job.name for job in report.jobs(8)]
    sound = Measurement(names[0], "cpu", "fp32", 8, "train", ((0.002, 0.003),), (0,))
    crashed = replace(sound, model=names[1], times=(), processes=(), status="failed", error="the process was killed by SIGABRT")
    others = [replace(sound, model=name) for name in names[2:]]
    shown = report.measured([sound, crashed, *others]).report()
    assert any("not measured: the process was killed by SIGABRT" in note for note in shown.notes)
    rows = [row for section in shown.sections for row in getattr(section, "rows", ()) if "latency_ms" in row]
    assert [row["latency_ms"] is not None for row in rows][:2] == [True, False]


def test_a_step_that_torch_cannot_take_everywhere_is_a_row(folder):
    done = cnnprof("memory", "deconv.yaml", "--layout", "channels_last", "--measure", "--json", cwd=folder)
    infer, train = json.loads(done.out)["measured"]
    assert infer["peak_bytes"] > 0
    assert (train["peak_bytes"] is None) == (train["error"] is not None)
    assert done.code == (5 if train["error"] else 0)
