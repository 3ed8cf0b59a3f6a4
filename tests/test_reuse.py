"""Inputs that a cache no longer holds: which they are, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_prediction import calibration, conv, timed
from test_sweep_predicted import uneven

from cnnprof import load
from cnnprof.api.predict import predict
from cnnprof.api.sweep import sweep
from cnnprof.design_space.predicting import PREDICTED
from cnnprof.network.analysis import analyze
from cnnprof.timing.operations import Timed, operation_of
from cnnprof.timing.prediction import Predictor
from cnnprof.timing.reuse import Flow, cold_shares
from cnnprof.timing.roofline import MEMORY, Rate

GIGA = 1e9


def cached(known, size):
    """A machine with a cache of so many bytes, five times as fast as its main memory."""
    rates = [rate for rate in known.ceilings.rates if rate.kind != MEMORY]
    rates += [Rate(MEMORY, "test", 50 * GIGA, size), Rate(MEMORY, "test", 10 * GIGA, 2**28)]
    return replace(known, ceilings=replace(known.ceilings, rates=tuple(rates)))


def test_what_was_just_written_is_hot_and_the_rest_if_it_fits():
    flows = [
        Flow("a", ("input",), (100,), 200),
        Flow("b", ("a",), (100,), 200),
        Flow("c", ("b",), (100,), 200),
        # `a` was read 200 bytes before, when it was 100 bytes: it fits 300. `c` was just written.
        Flow("d", ("c", "a"), (100, 100), 300),
        Flow("e", ("b",), (100,), 200),
    ]
    assert list(cold_shares(flows, 300)) == [0, 0, 0, 0, 1]
    assert list(cold_shares(flows, 299)) == [0, 0, 0, 0.5, 1]
    assert list(cold_shares(flows, float("inf"))) == [0, 0, 0, 0, 0]


def test_a_view_is_as_old_as_what_it_shows_and_no_input_is_no_share():
    flows = [
        Flow("a", ("input",), (100,), 200),
        Flow("b", ("input",), (100,), 1000),
        Flow("view", ("a",), (100,), 0, view=True),
        Flow("c", ("view",), (100,), 200),
        Flow("again", ("view",), (100,), 200),
        Flow("weights", (), (), 0, view=True),
    ]
    assert list(cold_shares(flows, 1099)) == [0, 0, 1, 1, 0, 0]
    assert list(cold_shares(flows, 1100)) == [0, 0, 0, 0, 0, 0]


def test_arrays_are_as_their_entries():
    sizes = np.array([10.0, 100.0, 400.0])
    flows = [
        Flow("a", ("i",), (sizes,), 2 * sizes),
        Flow("b", ("a",), (sizes,), 2 * sizes),
        Flow("c", ("b", "i"), (sizes, sizes), 0),
    ]
    together = [np.broadcast_to(share, 3).tolist() for share in cold_shares(flows, 500)]
    for number, size in enumerate(sizes.tolist()):
        alone = [Flow(f.name, f.inputs, (size,) * len(f.sizes), 2 * size if f.name != "c" else 0) for f in flows]
        assert [share[number] for share in together] == list(cold_shares(alone, 500))


BLOCK = """
input: 8x16x16
layers:
  - conv 3x3 8 nobias
  - add: [conv 3x3 8 nobias | conv 3x3 8 nobias | conv 3x3 8 nobias, identity]
"""


def test_a_skip_connection_around_more_than_the_cache_is_read_from_memory(tmp_path):
    """An addition of two tensors of 8 KiB, one just written, the other before three convolutions: half of it is cold."""
    shape = (1, 8, 16, 16)
    path = tmp_path / "block.yaml"
    path.write_text(BLOCK)
    body = analyze(load(str(path)))
    (add,) = [cost for cost in body.costs if cost.node.layer.type == "Add"]
    known = calibration(timed(conv(8), shape, 1e-4, 2e-4))
    joined = Timed(operation_of(add, 4), 1e-5, 5e-5)
    known = replace(known, operations={**known.operations, joined.operation.key: joined})
    for size, cold, seconds in ((2**20, 0.0, 1e-5), (2**14, 0.5, 3e-5)):
        *convolutions, last = Predictor(cached(known, size)).predict(body).layers
        assert [layer.cold for layer in convolutions] == [0, 0, 0, 0]
        assert (last.cold, last.seconds) == pytest.approx((cold, seconds))


@pytest.mark.parametrize("size", [2**14, 2**18, 2**21])
@pytest.mark.parametrize("name", ["mobilenet_v2", "densenet121", "unet"])
def test_a_sweep_has_the_same_cold_layers(name, size):
    known = cached(uneven(), size)
    inputs = (188, 572, 220) if name == "unet" else (64, 128, 200)
    channels = 1 if name == "unet" else 3
    axes = {"input": [(channels, side, side) for side in inputs], "batch": [1, 4]}
    columns = sweep(name, axes, predict=True, calibration=known, figures=PREDICTED).to_dict()
    some_cold = False
    for at in range(len(columns["predicted_ms"])):
        shape = tuple(map(int, columns["input"][at].split("x")))
        (alone,) = predict(name, shape, int(columns["batch"][at]), calibration=known).predictions
        some_cold |= any(layer.cold for layer in alone.layers)
        assert columns["predicted_ms"][at] == pytest.approx(alone.milliseconds, rel=1e-9)
    assert some_cold
