"""What of a layer decides its time: layers that share a kernel share a kind, and others do not."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from made_up_machine import made_up, write

from cnnprof import load
from cnnprof.errors import UnavailableError
from cnnprof.measure.calibration_files import recall_operations
from cnnprof.measure.grid import designed
from cnnprof.measure.options import Options
from cnnprof.network.analysis import analyze
from cnnprof.network.layers.activation import SiLU, Softmax
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, MaxPool
from cnnprof.timing.limits import limit_of
from cnnprof.timing.operations import operation_alone
from cnnprof.timing.prediction import Predictor
from cnnprof.timing.roofline import MEMORY, Rate


def kind_and_sizes(layer, *shapes):
    operation = operation_alone(layer, shapes, 4)
    return operation.kind, tuple(round(2**size, 6) for size in operation.sizes)


@pytest.mark.parametrize(
    ("layer", "shapes", "kind", "sizes"),
    [
        # Channels, pixels, stride: a window of one position is a matrix product a channel, where others are one kernel.
        (Conv(44, (1, 1), groups=44), [(1, 44, 9, 9)], "depthwise convolution 1x1", (44, 81, 1)),
        # Channels, pixels, window, stride, dilation, and whether vectors of 16 leave a rest.
        (Conv(48, (3, 3), groups=48), [(1, 48, 9, 9)], "depthwise convolution", (48, 49, 9, 1, 1, 1)),
        (Conv(44, (3, 3), groups=44), [(1, 44, 9, 9)], "depthwise convolution", (44, 49, 9, 1, 1, 2)),
        # In and out a group, groups, pixels, window, stride; 4 divides 16, 32 is a multiple of it, 6 is neither.
        (Conv(32, (3, 3), groups=8), [(2, 32, 5, 5)], "grouped convolution", (4, 4, 8, 18, 9, 1, 1)),
        (Conv(64, (3, 3), groups=2), [(1, 64, 5, 5)], "grouped convolution", (32, 32, 2, 9, 9, 1, 1)),
        (Conv(48, (3, 3), groups=8), [(1, 48, 5, 5)], "grouped convolution", (6, 6, 8, 9, 9, 1, 2)),
        # In, out, pixels, window, stride, dilation, and whether an image has 16 positions; or else of other kinds.
        (Conv(20, (5,), (2,), (2,), (1,)), [(3, 10, 50)], "1-D convolution", (10, 20, 75, 5, 2, 1, 2)),
        (Conv(6, (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)), [(1, 4, 2, 3, 5)], "3-D convolution 1x1", (4, 6, 30, 1, 2)),
        (Conv(20, (3, 3), (1, 1), (1, 1)), [(4, 10, 3, 5)], "convolution", (10, 20, 60, 9, 1, 1, 1)),
        (Conv(20, (3, 3), (1, 1), (1, 1)), [(1, 10, 4, 4)], "convolution", (10, 20, 16, 9, 1, 1, 2)),
        # In, out, positions, stride, and whether a vector has room for more: of fewer, one image comes after the other.
        (Conv(20, (1, 1)), [(8, 30, 3, 3)], "convolution 1x1", (30, 20, 9, 1, 1)),
        (Conv(20, (1, 1)), [(8, 30, 4, 4)], "convolution 1x1", (30, 20, 128, 1, 2)),
        (Conv(20, (1, 1), (2, 2)), [(8, 30, 5, 5)], "convolution 1x1", (30, 20, 72, 4, 1)),
        (MaxPool((2, 2), (2, 2)), [(1, 96, 8, 8)], "MaxPool2d", (1536, 4, 4, 1)),
        (MaxPool((2, 2), (2, 2)), [(1, 97, 8, 8)], "MaxPool2d", (1552, 4, 4, 2)),
        (AdaptiveAvgPool((1, 1)), [(2, 10, 6, 6)], "AdaptiveAvgPool2d to 1x1", (720, 36)),
        (AdaptiveAvgPool((3, 1)), [(2, 10, 6, 6)], "AdaptiveAvgPool2d", (720, 36)),
        # The same numbers, however many axes they have; a channel's are those that are normalized together.
        (LayerNorm(), [(1, 30, 40)], "LayerNorm", (1200, 40)),
        (LayerNorm(), [(1, 5, 6, 40)], "LayerNorm", (1200, 40)),
        (LayerNorm(channels_first=True), [(1, 40, 5, 6)], "LayerNorm of channels first", (1200, 40)),
        (Softmax(1), [(4, 25)], "Softmax", (100, 25)),
        (Softmax(3), [(1, 2, 3, 25)], "Softmax", (150, 25)),
        # Element by element, how they lie is nothing to it.
        (SiLU(), [(1, 6, 10, 10)], "SiLU", (600,)),
        (SiLU(), [(1, 10, 60)], "SiLU", (600,)),
        (Add(), [(1, 6, 10, 10)] * 2, "Add", (600,)),
        (Add(), [(1, 6, 10, 10), (1, 6, 1, 1)], "Add of two sizes", (600, 6)),
        (Reduce("mean", (2, 3)), [(1, 6, 10, 5)], "mean", (300, 50)),
        (Reduce("mean", (-1,)), [(1, 6, 10, 5)], "mean", (300, 5)),
        (Reduce("mean", (1,)), [(1, 30, 10)], "mean across rows", (300, 30)),
    ],
)
def test_the_kind_and_the_sizes_of_a_layer(layer, shapes, kind, sizes):
    assert kind_and_sizes(layer, *shapes) == (kind, sizes)


def test_a_depthwise_window_of_one_position_says_nothing_of_larger_ones():
    """On this machine each takes 50 times what three positions a side do."""
    slow = {
        key: each._replace(hot=50 * each.hot, cold=50 * each.cold)
        for key, each in made_up().operations.items()
        if each.operation.kind == "depthwise convolution 1x1"
    }
    known = Predictor(replace(made_up(), operations={**made_up().operations, **slow}))
    networks = [analyze(load(f"dw {window} nobias", (90, 20, 20))) for window in ("3x3", "1x1")]
    several, one = (known.predict(network).layers[0].efficiency for network in networks)
    assert several == pytest.approx(1 / 3, rel=1e-6)
    assert one < 1 / 100


def test_the_grid_reaches_the_smallest_maps_and_a_batch_of_eight():
    """The last maps of images of 64 to 192 pixels, and eight times those of 224."""
    pixels = {}
    for layer, shapes in designed():
        operation = operation_alone(layer, shapes, 4)
        if operation and operation.kind in ("convolution 1x1", "convolution", "depthwise convolution"):
            place = {"convolution": 2, "convolution 1x1": 2, "depthwise convolution": 1}[operation.kind]
            pixels.setdefault(operation.kind, set()).add(round(2 ** operation.sizes[place]))
    assert {4, 9, 16, 25, 36, 49} <= pixels["convolution 1x1"]
    assert {4, 9, 16, 25, 49} <= pixels["convolution"]
    assert max(pixels["depthwise convolution"]) >= 8 * 112**2
    rows = {shapes[0][0] for layer, shapes in designed() if isinstance(layer, Linear) and len(shapes[0]) == 2}
    assert {1, 2, 8, 32} <= rows


def test_a_layers_bytes_are_held_by_no_step_between_two_working_sets():
    """4 KB at 64 GB/s and 64 KB at 16 GB/s: half way in octaves 16 KB, at 32 GB/s; nothing is known beyond either end."""
    rates = [rate for rate in made_up().ceilings.rates if rate.kind != MEMORY]
    sets = [Rate(MEMORY, "test", 64e9, 2**12), Rate(MEMORY, "test", 16e9, 2**16)]
    ceilings = replace(made_up().ceilings, rates=(*rates, *sets), overhead=1e-12)
    found = [ceilings.usual_bandwidth(2**power) / 1e9 for power in (3, 12, 14, 16, 40)]
    assert found == pytest.approx([64, 64, 32, 16, 16])
    below, above = (operation_alone(SiLU(), ((1, 1, 1, count),), 4) for count in (1000, 1001))
    one, other = (limit_of(each, ceilings, softly=True)[1] for each in (below, above))
    assert math.log(other / one) == pytest.approx(1.5 * math.log(1.001), rel=1e-2)


def test_a_file_of_another_version_is_refused_as_such(tmp_path):
    path = tmp_path / "edge.json"
    write(path)
    data = json.loads(path.read_text())
    for other in (None, 1, 99, "2"):
        path.write_text(json.dumps({**data, "format": other}))
        with pytest.raises(UnavailableError, match="another version of cnnprof") as refused:
            recall_operations(Options(), path, elsewhere=True)
        assert "calibrate --grid" in refused.value.hint
