"""`op` and `opaque`: layers by their types and fields."""

from contextlib import suppress

import pytest
from spec_texts import build, layers

from cnnprof.errors import CnnprofError, SpecError
from cnnprof.network.analysis import analyze
from cnnprof.network.layers import LAYERS
from cnnprof.network.layers.arrangement import Pad, Permute, Reshape, Unknown
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import Constant, Linear, ScaledDotProductAttention
from cnnprof.record import changed
from cnnprof.sources._writing import _layers, write_text
from cnnprof.spec.operations import OPERATIONS, key_of


def test_every_layer_type_but_the_unknown_has_a_name():
    assert {*OPERATIONS} == {*LAYERS} - {"Unknown"}


def test_fields_are_numbers_words_and_lists():
    graph = layers(
        "op Reshape size=(N,8,16)",
        "{op: Permute, dims: [0, 2, 1]}",
        "op Linear out_features=2*6 bias=false",
        "op Reduce function=mean dims=[1] keepdim=true",
        "op Pad amounts=[(0,1)] value=-inf",
        shape="8x4x4",
    )
    found = [node.layer for node in graph]
    assert found == [
        Reshape((1, 8, 16)),
        Permute((0, 2, 1)),
        Linear(12, bias=False),
        Reduce("mean", (1,), True),
        Pad(((0, 1),), value=float("-inf")),
    ]
    assert analyze(graph).totals.params == 8 * 12
    assert _layers(build(write_text(graph, compact=True))) == _layers(graph)


TEXT = """
input: 8x4x4
blocks:
  mixed(w):
    - op Reshape size=(N,8,16) -> q
    - op Linear out_features=w -> k
    - {op: ScaledDotProductAttention, of: [q, "q | op Linear out_features=16", identity], name: seen}
layers:
  - mixed 16 -> mixed_of
  - op Constant size=(16,4) stored=false -> table
  - {op: MatMul, of: [mixed_of, table]}
"""


def test_layers_of_several_inputs_have_branches():
    graph = build(TEXT)
    kinds = [type(node.layer) for node in graph]
    assert kinds == [Reshape, Linear, Linear, ScaledDotProductAttention, Constant, LAYERS["MatMul"]]
    assert graph.nodes[3].inputs == tuple(f"mixed_of.mixed1.{name}" for name in ("q", "seen.linear1", "k"))
    assert _layers(build(write_text(graph, compact=True))) == _layers(graph)


def test_the_batch_is_a_size():
    from cnnprof.spec import elaborate
    from cnnprof.spec.family import parse_family
    from cnnprof.spec.reader import Source

    family = parse_family(Source("net", "input: 8x4x4\nlayers: ['op Reshape size=(4*N,2,4,4)', conv 1x1 3]\n"), "net")
    assert analyze(elaborate(family, batch=5)).costs[-1].output == (20, 3, 4, 4)


def test_weights_of_others_and_frozen_ones_are_said():
    graph = layers("{op: Linear, out_features: 4, weights: given}", "{op: Linear, out_features: 4, weights: frozen}", shape="8")
    given, frozen = graph.nodes
    assert (given.owns_params, given.trainable, frozen.owns_params, frozen.trainable) == (False, True, True, False)
    assert analyze(graph).totals.params == 4 * 5
    assert _layers(build(write_text(graph, compact=True))) == _layers(graph)


def test_an_opaque_operation_makes_totals_a_lower_bound():
    graph = layers("conv 3x3 4", "{opaque: erfinv, size: [N, 4, 8, 8]}", shape="3x8x8")
    assert graph.nodes[1].layer == Unknown("erfinv", (1, 4, 8, 8))
    assert graph.uncounted == ("unknown1: erfinv",)
    assert build(write_text(graph, compact=True, partial=True)).uncounted == ("unknown1: erfinv",)


@pytest.mark.parametrize(
    ("step", "message", "hint"),
    [
        ("op Permutte dims=(0,1)", "there is no layer type 'Permutte'", "did you mean 'Permute'?"),
        ("op", "'op' is followed by a layer type", "as in 'op Permute dims=(0,2,1)'"),
        ("op Permute", "op Permute: there is no 'dims'", None),
        ("op Permute dim=(0,1)", "op Permute has no 'dim'", "did you mean 'dims'?"),
        ("op Permute 0", "a field is written name=value", "op Permute takes dims copy"),
        ("op Permute dims=(0,2,1) dims=(0,1,2)", "'dims' is given twice", None),
        ("op Permute dims=4", "'dims' is a list of whole numbers, not 4", None),
        ("op Linear out_features=1.5", "'out_features' is a whole number, not 1.5", None),
        ("op Linear out_features=4 bias=1", "'bias' is true or false, not 1", None),
        ("{op: Copy, order: upside_down}", "'order' is one of '', 'nchw', 'channels_last'", None),
        ("op Arithmetic function=div kind=dib", "'kind' is one of 'mac', 'add', 'mul', 'div', 'cmp', 'exp', not 'dib'", None),
        ("{op: Linear, out_features: 4, weights: lost}", "'weights' is one of given, frozen, given frozen, not 'lost'", None),
        ("{opaque: thing}", "opaque: there is no 'size'", None),
        ("{op: MatMul, of: []}", "'op' has no branches", None),
    ],
)
def test_mistakes_are_told_at_their_place(step, message, hint):
    with pytest.raises(SpecError) as caught:
        layers(step, shape="8x4x4")
    assert message in caught.value.message
    assert caught.value.place is not None
    if hint:
        assert caught.value.hint == hint


def test_inputs_that_do_not_fit_name_the_layer():
    with pytest.raises(Exception, match=r"permute1 \(Permute\): orders 3 axes, and its input has the shape 8x4x4"):
        layers("op Permute dims=(0,2,1)", shape="8x4x4")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("op Permute dims=(0,1,3,3)", "op Permute: 'dims' has the axes 0 to 3, each once"),
        ("op Select dim=5 index=0", "op Select: 'dim' names an axis from 0 to 3, the batch being 0, not 5"),
        ("op Select dim=1 index=8", "op Select: 'index' is one of 8 entries, not 8"),
        ("op Slice dim=1 start=-2 length=2", "op Slice: 'start' is at least 0, not -2"),
        ("op Expand size=(N,8,4,9)", "op Expand: 'size' repeats axes of size 1, and 8x4x4 has others than 8x4x9"),
        ("op Expand size=(4,4)", "op Expand: 'size' repeats axes of size 1, and 8x4x4 has others than 4"),
        ("op Reduce function=mean dims=[-5]", "op Reduce: 'dims' names an axis from 0 to 3, the batch being 0, not -5"),
        ("op Reduce function=median dims=[1]", "op Reduce: 'function' is one of sum, mean, "),
        ("op Linear out_features=0", "op Linear: 'out_features' is at least 1, not 0"),
        ("op Conv out_channels=8 kernel_size=(3,3) stride=(1,0)", "op Conv: 'stride' is at least 1, not 0"),
        ("op Conv out_channels=8 kernel_size=(3,3,3)", "op Conv: 'kernel_size' has 3 numbers, and 8x4x4 2 spatial axes"),
        ("op AdaptiveAvgPool output_size=(0,1)", "op AdaptiveAvgPool: 'output_size' is at least 1, not 0"),
        ("op Dropout p=1.5", "op Dropout: 'p' is a probability, from 0 to 1, not 1.5"),
        ("op Softmax dim=4", "op Softmax: 'dim' names an axis from 0 to 3, the batch being 0, not 4"),
    ],
)
def test_fields_have_bounds(step, message):
    with pytest.raises(SpecError) as caught:
        layers(step, shape="8x4x4")
    assert caught.value.message.startswith(message)
    assert caught.value.place.text.strip().startswith(f"- {step}")
    assert caught.value.place.column > len("  - op ")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("number", [0, -1, 9])
def test_no_number_of_a_field_ends_in_a_traceback(name, number):
    layer, shapes = OPERATIONS[name].example(4)
    if not all(2 <= len(shape) <= 5 for shape in shapes):
        return
    said = {key_of(key): value for key, value in changed(layer).items()}
    order = {2: "C", 3: "CL", 4: "CHW", 5: "CDHW"}
    sizes = [f"in{at}: {'x'.join(map(str, shape[1:]))} {order[len(shape)]}" for at, shape in enumerate(shapes)] or ["in0: 3"]
    of = {"of": f"[{', '.join(f'in{at}' for at in range(len(shapes)))}]"} if len(shapes) > 1 else {}
    for key, value in said.items():
        if isinstance(value, (bool, str)) or value is None:
            continue
        for other in _varied(value, number):
            fields = {"op": name, **said, key: other, **of}
            step = ", ".join(f"{key}: {_shown(value)}" for key, value in fields.items())
            with suppress(CnnprofError):
                graph = build(f"inputs: {{{', '.join(sizes)}}}\nlayers:\n  - {{{step}}}\n", batch=shapes[0][0] if shapes else 1)
                assert all(size >= 0 for cost in analyze(graph).costs for size in cost.output)


def _varied(value, number):
    if not isinstance(value, tuple):
        return [number]
    inner = ((*value[:at], each, *value[at + 1 :]) for at in range(len(value)) for each in _varied(value[at], number))
    return [(), (*value, *value[:1]), *inner]


def _shown(value):
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, tuple) else str(value).lower()


def test_a_learned_matrix_is_one_for_all_samples():
    graph = build('input: 12\nlayers:\n  - matmul: [identity, "parameter (12,5)"]\n', batch=3)
    assert analyze(graph).costs[-1].output == (3, 5)
    assert analyze(graph).totals.params == 60
