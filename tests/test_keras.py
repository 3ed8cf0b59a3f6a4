"""Keras configurations: what the reader makes of layers, against sizes worked out by hand."""

from __future__ import annotations

import json
import zipfile

import pytest

from cnnprof.errors import CnnprofError
from cnnprof.keras_bridge.read import read
from cnnprof.network.analysis import analyze


def keras_layer(kind, name, inputs=(), **config):
    """As Keras 3 writes one; an input is a name, a name with its sizes, or a number."""

    def argument(each):
        if isinstance(each, (int, float)):
            return each
        name, *shape = each if isinstance(each, tuple) else (each,)
        return {"class_name": "__keras_tensor__", "config": {"shape": shape or None, "keras_history": [name, 0, 0]}}

    calls = [{"args": [argument(each) for each in inputs], "kwargs": {}}] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": calls}


def functional(*layers, output):
    config = {"name": "net", "layers": list(layers), "input_layers": ["x", 0, 0], "output_layers": [output, 0, 0]}
    return {"class_name": "Functional", "config": config}


IMAGE = keras_layer("InputLayer", "x", batch_shape=[None, 15, 16, 3])


@pytest.fixture
def load(tmp_path):
    def load(config, name="net.json", **how):
        path = tmp_path / name
        if name.endswith(".keras"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("config.json", json.dumps(config))
        else:
            path.write_text(json.dumps(config), encoding="utf-8")
        return analyze(read(path, **how))

    return load


def shapes(profile):
    return {cost.node.name: cost.output[1:] for cost in profile.costs}


@pytest.mark.parametrize("name", ["net.json", "net.keras"])
def test_a_network_by_hand(load, name):
    profile = load(
        functional(
            IMAGE,
            keras_layer("Conv2D", "c", ["x"], filters=8, kernel_size=[3, 3], strides=[2, 2], padding="same", activation="relu"),
            keras_layer("BatchNormalization", "b", ["c"], axis=[3], scale=False),
            keras_layer("SeparableConv2D", "s", ["b"], filters=4, kernel_size=[3, 3], use_bias=False),
            keras_layer("Multiply", "m", ["s", 0.5]),
            keras_layer("GlobalAveragePooling2D", "g", ["m"], keepdims=False),
            keras_layer("Dense", "d", ["g"], units=5, activation="softmax"),
            output="d",
        ),
        name,
    )
    # 8 (27 + 1); one shift a channel, its scale is fixed; 8 * 9 and 8 * 4; 5 (4 + 1).
    assert profile.totals.params == 224 + 8 + 72 + 32 + 25
    # 15x16 under stride 2 gives 8x8, a valid window of 3 then 6x6.
    assert profile.totals.macs == 64 * 8 * 27 + 36 * (72 + 32) + 20
    assert shapes(profile)["c"] == (8, 8, 8)
    assert shapes(profile)["s.pointwise"] == (4, 6, 6)
    assert profile.costs[-1].output == (1, 5)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pairs"),
    [(15, 3, 2, (1, 1)), (16, 3, 2, (0, 1)), (16, 2, 1, (0, 1)), (17, 5, 3, (1, 2)), (9, 1, 2, (0, 0))],
)
def test_same_padding_is_tensorflows(load, size, kernel, stride, pairs):
    """ceil(size / stride) positions, the odd row behind."""
    image = keras_layer("InputLayer", "x", batch_shape=[None, size, size, 3])
    conv = keras_layer("Conv2D", "c", ["x"], filters=2, kernel_size=[kernel] * 2, strides=[stride] * 2, padding="same")
    profile = load(functional(image, conv, output="c"))
    assert shapes(profile)["c"] == (2, -(-size // stride), -(-size // stride))
    first = profile.costs[0].node.layer
    padding = first.amounts[0] if pairs[0] != pairs[1] else (first.padding[0],) * 2
    assert padding == pairs


@pytest.mark.parametrize(("padding", "size"), [("same", 12), ("valid", 13)])
def test_transposed_convolutions(load, padding, size):
    image = keras_layer("InputLayer", "x", batch_shape=[None, 6, 6, 3])
    layer = keras_layer("Conv2DTranspose", "t", ["x"], filters=4, kernel_size=[3, 3], strides=[2, 2], padding=padding)
    assert shapes(load(functional(image, layer, output="t")))["t"] == (4, size, size)


def test_the_older_form_and_models_within_models(load):
    """Keras 2: calls as [[name, node, tensor, arguments]]; the inner model is called twice and counted once."""
    inner = {
        "class_name": "Sequential",
        "name": "block",
        "config": {"name": "block", "layers": [keras_layer("Conv2D", "c", filters=3, kernel_size=3, padding="same")]},
        "inbound_nodes": [[["x", 0, 0, {}]], [["block", 0, 0, {}]]],
    }
    both = {"class_name": "Add", "name": "sum", "config": {"name": "sum"}}
    both["inbound_nodes"] = [[["block", 1, 0, {}], ["x", 0, 0, {}]]]
    image = {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [None, 15, 16, 3]}}
    config = {"name": "net", "layers": [image, inner, both], "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    profile = load({"class_name": "Model", "config": config})
    assert [cost.node.name for cost in profile.costs] == ["block.c", "block.c_1", "sum"]
    assert profile.totals.params == 3 * 27 + 3
    assert profile.totals.macs == 2 * 240 * 81


def test_channels_in_front_stay_there(load):
    image = keras_layer("InputLayer", "x", batch_shape=[None, 3, 15, 16])
    pool = keras_layer("MaxPooling2D", "p", ["x"], pool_size=[2, 2], data_format="channels_first")
    joined = keras_layer("Concatenate", "j", ["p", "p"], axis=1)
    assert shapes(load(functional(image, pool, joined, output="j")))["j"] == (6, 7, 8)


def test_axes_are_moved(load):
    layers = [
        keras_layer("Permute", "p", ["x"], dims=[2, 1, 3]),
        keras_layer("Reshape", "r", ["p"], target_shape=[8, -1, 6]),
        keras_layer("ZeroPadding2D", "z", ["r"], padding=[[1, 0], [2, 3]]),
        keras_layer("Cropping2D", "c", ["z"], cropping=[[0, 2], [1, 1]]),
        keras_layer("UpSampling2D", "u", ["c"], size=[2, 3]),
    ]
    found = shapes(load(functional(IMAGE, *layers, output="u")))
    # 16x15 with 3 channels; 720 elements as 8x15x6; 9x20; 7x18; 14x54, all with the channels in front here.
    assert [found[name] for name in "przu"] == [(3, 16, 15), (6, 8, 15), (6, 9, 20), (6, 14, 54)]


def test_a_class_without_a_row_is_named(load):
    own = keras_layer("MyAttention", "own", [("x", None, 15, 16, 3)])
    behind = keras_layer("ReLU", "r", [("own", None, 15, 16, 7)])
    profile = load(functional(IMAGE, own, behind, output="r"))
    assert profile.totals.uncounted == ("own: MyAttention",)
    assert shapes(profile)["r"] == (7, 15, 16)


CIRCLE = (keras_layer("Add", "a", ["b", "x"]), keras_layer("Add", "b", ["a", "x"]))
MISFIT = (keras_layer("Concatenate", "c", ["x", "y"]), keras_layer("Flatten", "y", ["x"]))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"class_name": "MyModel", "config": {}}, "a class of its own, 'MyModel'"),
        ({"layers": []}, "holds no Keras configuration"),
        ({"class_name": "Sequential", "config": {}}, "that Keras would not write"),
        ({"class_name": "Sequential", "config": [1]}, "that Keras would not write"),
        ([1, 2], "holds no Keras configuration"),
        (
            functional(IMAGE, *CIRCLE, output="b"),
            "in a circle",
        ),
        (functional(IMAGE, keras_layer("Mine", "m", ["x"]), output="m"), "nothing says the sizes"),
        (functional(IMAGE, keras_layer("Conv2D", "c", ["x"], filters=4), output="nowhere"), "that Keras would not write"),
        (functional(keras_layer("InputLayer", "x", batch_shape=[None, None, 16, 3]), output="x"), "has the sizes 3x.x16"),
        (
            functional(IMAGE, *MISFIT, output="c"),
            "c .Conc",
        ),
    ],
)
def test_what_cannot_be_read(load, config, message):
    with pytest.raises(CnnprofError, match=message):
        load(config)


def test_the_size_of_an_open_input_can_be_said(load):
    image = keras_layer("InputLayer", "x", batch_shape=[None, None, None, 3])
    pool = keras_layer("AveragePooling2D", "p", ["x"], pool_size=[2, 2], padding="same")
    assert shapes(load(functional(image, pool, output="p"), input_shape=(3, 9, 5)))["p"] == (3, 5, 3)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"PK\x03\x04" + bytes(64)])
def test_files_that_are_none(tmp_path, content):
    path = tmp_path / "net.keras"
    path.write_bytes(content)
    with pytest.raises(CnnprofError, match="holds no Keras configuration"):
        read(path)


def test_a_file_that_unpacks_to_much_is_refused(tmp_path):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (65 * 2**20))
    with pytest.raises(CnnprofError, match="holds no Keras configuration"):
        read(path)
