"""ONNX files that are measured: by onnxruntime where it is, as rows of their own, and by torch where it is not."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from shell import cnnprof

from cnnprof.errors import CnnprofError
from cnnprof.measure.onnx_runtime import prepare_file
from cnnprof.measure.options import Options
from cnnprof.network.pruning import prune
from cnnprof.sources import resolve

pytestmark = pytest.mark.torch


def write(path, batch="n", channels=3, filters=5):
    """A convolution and a ReLU; returns the kernel."""
    kernel = np.random.default_rng(1).standard_normal((filters, channels, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["a"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, channels, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return kernel


@pytest.fixture
def small(tmp_path):
    write(tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def prepare(path, batch=1, device="cpu", way="eager", **options):
    return prepare_file(resolve(str(path)).graph(None, 1), batch, device, Options(**options), way)


def test_what_runs_is_the_file(tmp_path):
    """Its outputs are those of torch with the file's weights, on the batch that was asked for."""
    import torch

    kernel = write(tmp_path / "net.onnx")
    workload = prepare(tmp_path / "net.onnx", batch=4)
    assert workload.runtime.startswith("onnxruntime ")
    (found,) = workload.run()
    (x,) = workload.run.args[1].values()
    assert x.shape == (4, 3, 8, 8)
    expected = torch.relu(torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(kernel), padding=1)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "how", [{"dtype": "bf16"}, {"mode": "train"}, {"layout": "channels_last"}, {"device": "cuda"}, {"way": "compiled"}]
)
def test_other_ways_to_run_have_one_message(small, how):
    (asked,) = how.values()
    with pytest.raises(CnnprofError, match=f"on cpu, in fp32 and for inference, and not with {asked}"):
        prepare(small, **how)


def test_a_batch_that_the_file_does_not_take(tmp_path):
    write(tmp_path / "one.onnx", batch=1)
    assert prepare(tmp_path / "one.onnx") is not None
    with pytest.raises(CnnprofError, match="fixes its input x at 1x3x8x8, and 8x3x8x8 is asked for"):
        prepare(tmp_path / "one.onnx", batch=8)


def test_a_file_that_changed_or_vanished_meanwhile(small):
    graph = resolve(str(small)).graph()
    write(small, filters=7)
    with pytest.raises(CnnprofError, match="has changed since it was read"):
        prepare_file(graph, 1, "cpu", Options(), "eager")
    small.unlink()
    with pytest.raises(CnnprofError, match="is no longer there"):
        prepare_file(graph, 1, "cpu", Options(), "eager")


def test_without_onnxruntime_the_network_is_built(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert prepare(small) is None


def test_what_no_file_has_is_not_run_from_one(small):
    graph = resolve(str(small)).graph()
    for other in (replace(graph, origin=None), prune(graph, 0.5)):
        assert prepare_file(other, 1, "cpu", Options(), "eager") is None


@pytest.mark.usefixtures("brisk")
def test_bench_and_compare_show_the_runtime(small):
    done = cnnprof("bench", small, "lenet5", "--quick", "--json")
    results = {entry["model"]: entry for entry in json.loads(done.out)["results"]}
    assert {name: entry["runtime"] for name, entry in results.items()} == {"small": "onnxruntime", "lenet5": "torch"}
    assert results["small"]["latency_ms"]["median"] > 0
    assert "runtime" in {column[0] for column in json.loads(done.out)["report"]["sections"][0]["columns"]}


@pytest.mark.usefixtures("brisk")
def test_a_file_that_cannot_be_run_is_one_failed_row(tmp_path):
    write(tmp_path / "one.onnx", batch=1)
    done = cnnprof("compare", tmp_path / "one.onnx", "lenet5", "--bench", "--quick", "--batch", "2", "--json")
    by_name = {entry["model"]["name"]: entry for entry in json.loads(done.out)["models"]}
    assert done.code == 5
    assert by_name["one"]["measurement"]["status"] == "failed"
    assert "and 2x3x8x8 is asked for" in by_name["one"]["measurement"]["error"]
    assert by_name["lenet5"]["measurement"]["status"] == "ok"
    assert by_name["lenet5"]["measurement"]["runtime"] == "torch"
