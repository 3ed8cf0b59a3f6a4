"""Networks in N, H and W: the formulas give the profile's figures at other sizes, and a network without formulas says why."""

import json
from functools import cache

import pytest
from shell import cnnprof as run
from sympy import Symbol
from sympy.parsing.sympy_parser import implicit_multiplication, parse_expr, standard_transformations

import cnnprof
from cnnprof.errors import CnnprofError
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS as L
from cnnprof.symbolic.network import formulate

NAMES = {name: Symbol(name, integer=True, positive=True) for name in "NHW"}


@cache
def formulas_of(name, **options):
    graph = cnnprof.load(name, **options)
    return formulate(graph, lambda size: cnnprof.load(name, input_shape=size), lambda profile: profile.rows())


@cache
def parsed(text):
    return parse_expr(text, local_dict=dict(NAMES), transformations=(*standard_transformations, implicit_multiplication))


def value(text, n, h, w):
    return parsed(text).subs({NAMES["N"]: n, NAMES["H"]: h, NAMES["W"]: w})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet50", None),
        ("inception_v3", None),
        ("mobilenet_v2", None),
        ("squeezenet1_1", None),
        ("densenet121", None),
        ("alexnet", None),
        ("vgg16", (3, 230, 224)),
        ("googlenet_paper", (3, 229, 240)),
    ],
)
def test_formulas_hold_at_other_sizes(name, shape):
    formulas = formulas_of(name, input_shape=shape)
    (h, w), (over, beside) = formulas.steps, formulas.remainders
    for n, height, width in ((1, 10 * h + over, 10 * w + beside), (3, 11 * h + over, 12 * w + beside)):
        profile = cnnprof.profile(name, input_shape=(3, height, width), batch=n)
        assert value(formulas.macs, n, height, width) == profile.totals.macs
        assert value(formulas.activations, n, height, width) == profile.totals.activations
        assert formulas.params == profile.totals.params
        for row, cost in zip(formulas.rows[:30], profile.costs, strict=False):
            assert tuple(value(size, n, height, width) for size in row.output) == cost.output[1:]
            assert value(row.macs, n, height, width) == cost.macs


def test_resnet50_in_letters():
    # At H = W = 32 h this is 16384 N (5091 h^2 + 125).
    formulas = formulas_of("resnet50")
    assert formulas.macs == "16 N (5091 H W + 128000)"
    assert formulas.condition == "H and W multiples of 32"
    assert formulas.rows[0].output == ("64", "H/2", "W/2")
    assert formulas.rows[0].macs == "2352 N H W"
    assert formulas.unread[0] == "stage2.bottleneck1.conv4: the floor leaves the last of 56 rows and columns unread"


@pytest.mark.parametrize(("name", "side"), [("alexnet", 63), ("vgg16", 32), ("densenet121", 29), ("inception_v3", 75)])
def test_the_smallest_input_is_the_smallest(name, side):
    assert formulas_of(name).smallest_input == (3, side, side)
    cnnprof.profile(name, input_shape=(3, side, side))
    with pytest.raises(CnnprofError, match="does not fit"):
        cnnprof.profile(name, input_shape=(3, side - 1, side - 1))


def test_the_condition_names_both_axes_where_they_differ():
    assert formulas_of("vgg16", input_shape=(3, 230, 224)).condition == "H = 32 k + 6, W = 32 k"


def sized(make):
    """A network whose last layer depends on the input's size."""

    def load(size):
        shape = (1, *size)
        nodes = (Node("pool", L["MaxPool"]((2, 2), (2, 2)), (INPUT,)), Node("last", make(*shape), ("pool",)))
        return Graph("odd", shape, nodes, ("last",))

    return load


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda n, c, h, w: L["Reshape"]((n, c * h * w // 4)), r"at last \(Reshape\) size is \(1, 192\) for 16x16 and"),
        (lambda n, c, h, w: L["Pad"](((h, 0), (0, 0))), r"at last \(Pad\) amounts is"),
        (lambda n, c, h, w: L["Identity"]() if h == 16 else L["ReLU"](), r"at last \(Identity\) its type is Identity"),
        (lambda n, c, h, w: L["Conv"](4, (h // 2, 3)), r"at last \(Conv2d\) kernel_size is \(8, 3\) for 16x16 and \(9, 3\)"),
        (lambda n, c, h, w: L["Reshape"]((1, 192)), r"it does not take an input of 18x18: last \(Reshape\): cannot view"),
    ],
)
def test_a_layer_that_depends_on_the_size_is_named(make, message):
    load = sized(make)
    with pytest.raises(CnnprofError, match=rf"odd cannot be written in H and W: {message}"):
        formulate(load((3, 16, 16)), load, lambda profile: profile.rows())


def test_weights_that_fit_one_size_only_are_an_error_of_the_command():
    done = run("summary", "lenet5", "--symbolic")
    assert done.code == 3
    assert "F6.fc1 (Linear) has 10,164 parameters for 32x32 and 40,404 for 36x36" in done.err
    assert done.out == ""


def test_the_command_shows_formulas_in_every_format(tmp_path):
    data = json.loads(run("summary", "resnet18", "--symbolic", "--json").out)
    formulas = data["formulas"]
    assert formulas["totals"]["params"] == 11_689_512
    assert value(formulas["totals"]["macs"], 1, 224, 224) == 1_814_073_344
    assert formulas["smallest_input"] == [3, 1, 1]
    assert [row["name"] for row in formulas["layers"]][-2:] == ["flatten1", "fc1"]
    for name in ("table", "wide", "csv", "markdown", "html"):
        assert "2352 N H W" in run("summary", "resnet18", "--symbolic", "--format", name).out
    narrow = run("summary", "resnet18", "--symbolic", COLUMNS="80").out
    assert max(map(len, narrow.splitlines())) <= 80
    assert "H and W multiples of 32" in narrow


@pytest.mark.parametrize("option", [["--sort", "params"], ["--top", "3"], ["--check"], ["--batch", "2"]])
def test_options_that_do_not_go_with_formulas_are_refused(option):
    done = run("summary", "resnet18", "--symbolic", *option)
    assert done.code == 2
    assert "--symbolic does not go with" in done.err


def test_sums_stand_in_brackets_and_heads_have_their_weights():
    out = run("summary", "conv 3x3 8 p0 | conv 3x3 4 p0", "--input", "3x16x16", "--symbolic").out
    assert "8 x (H - 2) x (W - 2)" in out
    # A head's linear layer behind 4x4 positions: 3,188,840 weights whatever the formulas say.
    assert "3,188,840" in run("summary", "googlenet_paper", "--symbolic", "--depth", "1").out


@pytest.mark.parametrize(
    "steps", ["conv 3x3 8 | take 0 4 | op Flatten start_dim=0", "conv 3x3 8 | ln | op Flatten start_dim=0"]
)
def test_copies_are_those_of_several_images(steps, tmp_path):
    """Four of eight channels lie together for one image, and for two they do not."""
    (tmp_path / "net.yaml").write_text(f"input: 3x12x12\nlayers:\n  - {steps}\n")
    name = str(tmp_path / "net.yaml")
    formulas = formulas_of(name)
    for n in (2, 3):
        profile = cnnprof.profile(name, input_shape=(3, 16, 14), batch=n)
        assert value(formulas.activations, n, 16, 14) == profile.totals.activations
    one = cnnprof.profile(name, input_shape=(3, 16, 14)).totals.activations
    differs = value(formulas.activations, 1, 16, 14) != one
    assert [note.partition(":")[0] for note in formulas.of_one_image] == ["flatten1"] * differs
    assert ("for N = 1 it does not copy its input" in run("summary", name, "--symbolic").out) == differs == ("take" in steps)
