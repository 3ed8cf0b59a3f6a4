"""From a family, a variant and settings to a graph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import process_time
from typing import TypeAlias

from cnnprof.collector import without_collections
from cnnprof.errors import CnnprofError, Place, SpecError, did_you_mean
from cnnprof.network.dims import Dim, Shape, at_least, is_array, known, same
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.spec.batches import BATCH
from cnnprof.spec.builder import GraphBuilder
from cnnprof.spec.family import Family
from cnnprof.spec.inputs import DeclaredInput, find_outputs, misread
from cnnprof.spec.naming import IN_FRONT_OF_WORDS
from cnnprof.spec.published import Published
from cnnprof.spec.scope import RUNAWAY, Budget, Scope
from cnnprof.spec.settings import read_overrides
from cnnprof.spec.sharing import give_to_inference
from cnnprof.spec.steps import BLOCKS, last_step, must_be_there
from cnnprof.spec.values import Tensor, Value, show
from cnnprof.spec.variants import Variant
from cnnprof.spec.words import WORDS

InputShape: TypeAlias = "tuple[Dim, ...] | Mapping[str, Shape] | tuple[tuple[str, Shape], ...]"
"""(C, H, W) of the one input, or shapes by the inputs' names."""

_SHOWN_CALLS = 3
_LARGEST_TRIAL = 1024
_TRIAL_STEPS = 20_000
_TRIAL_SECONDS = 0.15


@without_collections()
def elaborate(
    family: Family,
    variant: str | None = None,
    settings: Mapping[str, object] | None = None,
    input_shape: InputShape | None = None,
    batch: Dim = 1,
) -> Graph:
    """The network of a variant as a graph.

    Args:
        variant: its name; None for the default one, or for the one network of a family without variants.
        settings: values that override the variant's, as text (`"0.5"`, `"[2, 2]"`) or as values.
        input_shape: (C, H, W) in place of the spec's own, or (name, shape) pairs for some of several inputs; a setting that the
            spec takes it from follows.
        batch: images in one run.

    Raises SpecError for a wrong variant or setting, and CnnprofError where the layers do not fit together.
    """
    chosen = family.variant(variant)
    defaults = {**family.settings, **(chosen.settings if chosen else {})}
    given = read_overrides(settings or {}, defaults)
    _check_texts(family, given)
    values = defaults | given
    if known(batch) and batch < 1:
        raise SpecError(f"the batch is at least 1, not {batch}")
    if isinstance(family.batch, int) and not (known(batch) and same(batch, family.batch)):
        message = f"{family.path} is written for a batch of {family.batch}, and for no other"
        raise SpecError(message, hint=f"a size of it holds the batch; --batch {family.batch} is what it describes")
    wanted = _wanted(family, input_shape)
    values |= _follow(family, wanted, given, values)
    outer = _names(family, values)
    shapes = {name: (batch, *shape) for name, shape in _input_shapes(family, outer, wanted).items()}
    network = GraphBuilder(shapes, bool(wanted) or bool(given), family.inplace)
    try:
        outputs = _run(family, network, outer, Budget())
    except CnnprofError as error:
        error.hint = error.hint or _size_hint(family, given, values, shapes)
        raise
    nodes = give_to_inference(network.finished([*outputs.values()]))
    if family.held:
        from cnnprof.spec.held import hold

        nodes = hold(nodes, family.held)
    first, *further = shapes
    return Graph(
        name=chosen.name if chosen else family.stem,
        input_shape=shapes[first],
        nodes=nodes,
        outputs=tuple(network.names[output.index] for output in outputs.values()),
        facts=_facts(family, chosen, values, _namesake(family, chosen, values, shapes), shapes[first][1:]),
        uncounted=tuple(f"{network.names[index]}: {network.node_at(index).layer.type}" for index in network.opaque),
        left_out=tuple(network.left_out),
        input_name=first,
        further_inputs={name: shapes[name] for name in further},
        output_names=tuple(outputs) if family.outputs else (),
        warnings=(*family.warnings, *_unread(network, nodes, outputs, family.inputs)),
    )


def _check_texts(family: Family, given: Mapping[str, Value]) -> None:
    """Raise SpecError for a text that stands nowhere in a spec that compares the setting with texts."""
    text = family.source.text
    for name, value in given.items():
        compared = rf"\b{name} *[!=]= *(['\"])(.*?)\1"
        if isinstance(value, str) and value not in text and (texts := [found[1] for found in re.findall(compared, text)]):
            hint = did_you_mean(value, texts) or f"it is compared with {', '.join(map(show, dict.fromkeys(texts)))}"
            raise SpecError(f"nothing in {family.path} is called '{value}', and {name}={value} changes nothing", hint=hint)


def _unread(
    network: GraphBuilder, nodes: Sequence[Node], outputs: Mapping[str, Tensor], inputs: Sequence[DeclaredInput]
) -> Iterator[str]:
    """Inputs and outputs that nothing reads, in words, those of a place once, and joins of nothing.

    A layer of given weights reads all before it.
    """
    read = {name for node in nodes for name in node.inputs} | {network.names[output.index] for output in outputs.values()}
    idle: dict[Place | None, Node] = {}
    for node in nodes:
        if not (node.owns_params or node.shared):
            idle.clear()
        if node.name not in read and not node.aux:
            idle.setdefault(node.place, node)
    for place, node in idle.items():
        yield f"{place}: nothing reads what {node.name} ({node.layer.type}) gives; a second output stands in 'outputs'"
    for at, kind in network.lone_joins.items():
        yield f"{at}: this '{kind}' has one branch, and joins nothing; a comma or a line of its own begins another"
    for each in inputs:
        if each.name not in read:
            yield f"{each.place}: nothing reads the input '{each.name}'"


def _namesake(
    family: Family, chosen: Variant | None, values: Mapping[str, Value], shapes: Mapping[str, Shape]
) -> Variant | None:
    """The variant that has exactly these settings and this input, so that what is published of it holds for this network.

    The chosen one comes first; None if there is none.
    """
    try:
        sizes = _input_shapes(family, _names(family, values), {})  # those of every variant with these settings
    except CnnprofError:
        return None
    if not all(len(shapes[name]) == len(size) + 1 and all(map(_equal, shapes[name][1:], size)) for name, size in sizes.items()):
        return None
    own = chosen or Variant(family.stem)
    others = family.variants.values() if chosen else ()
    for variant in (own, *(other for other in others if other is not own)):
        if all(_equal(values[name], value) for name, value in {**family.settings, **variant.settings}.items()):
            return variant
    return None


def _equal(value: Value, other: Value) -> bool:
    if isinstance(value, tuple) and isinstance(other, tuple):
        return len(value) == len(other) and all(map(_equal, value, other))
    return not is_array(value) and bool(value == other)


def _names(family: Family, values: Mapping[str, Value]) -> dict[str, Value]:
    """The names that every block of the family sees, with their values."""
    return {**{name: name for name in family.blocks}, **family.tables, **values, BLOCKS: family.blocks}


def _run(family: Family, network: GraphBuilder, outer: Mapping[str, Value], budget: Budget) -> dict[str, Tensor]:
    """Build the network; its outputs by name."""
    entries = network.entries
    outer = outer if family.batch != BATCH else {**outer, BATCH: entries[0].shape[0]}
    scope = Scope(outer, entries[0] if len(entries) == 1 else entries, budget, outermost=True)
    if network.names[0] != INPUT:
        scope.update(zip(network.names, entries, strict=True))
    try:
        family.layers.run(network, scope)
    except CnnprofError as error:
        error.trace = _shortened(error.trace)
        raise
    except RecursionError:
        raise SpecError(f"{family.path}: blocks and loops nest too deeply", hint=RUNAWAY) from None
    place = last_step(family.layers).place
    outputs = (
        find_outputs(family.outputs, scope, network.first, network.heads)
        if family.outputs
        else {"": must_be_there(scope, place)}
    )
    for output in outputs.values():
        if not isinstance(output, Tensor):
            hint = "name them, as in outputs: [a, b]"
            raise SpecError(f"the network ends with {len(output)} outputs", place, hint)
        if output.index < network.first:
            raise SpecError("the network ends with its input: it has no layers", place)
    return outputs  # type: ignore[return-value]


def _size_hint(
    family: Family, given: Mapping[str, Value], values: Mapping[str, Value], shapes: Mapping[str, Shape]
) -> str | None:
    """The smallest square input that the network can be built for, where a larger one is all it takes.

    The trials take no more time than a hint is worth: where they do not end by then, there is none.
    """
    (name, shape), *others = shapes.items()
    if others:
        return None
    budget, deadline = Budget(_TRIAL_STEPS), process_time() + _TRIAL_SECONDS

    def fits(size: int) -> bool:
        if process_time() > deadline:
            budget.left = 0
        wanted = {name: (shape[1], *[size] * (len(shape) - 2))}
        try:
            names = _names(family, {**values, **_follow(family, wanted, given, values)})
            _run(family, GraphBuilder({name: (shape[0], *wanted[name])}, leaves_heads_out=True), names, budget)
        except CnnprofError:
            return False
        return True

    if len(shape) < 3 or any(map(is_array, (*shape, *values.values()))):
        return None
    low = high = max(shape[2:]) if all(known(size) for size in shape) else _LARGEST_TRIAL
    while high < _LARGEST_TRIAL:
        low, high = high, 2 * high
        if fits(high):
            break
    else:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    if budget.left < 0:
        return None
    return f"an input of {'x'.join(map(str, (shape[1], *[high] * (len(shape) - 2))))} fits"


def _shortened(trace: tuple[str, ...]) -> tuple[str, ...]:
    """The innermost and the outermost calls of a long chain."""
    left_out = len(trace) - 2 * _SHOWN_CALLS
    if left_out < 2:
        return trace
    return (*trace[:_SHOWN_CALLS], f"... {left_out} more calls ...", *trace[-_SHOWN_CALLS:])


def _wanted(family: Family, input_shape: InputShape | None) -> dict[str, Shape]:
    """The sizes that are wanted in place of the spec's own, by the inputs' names."""
    if input_shape is None:
        return {}
    names = [each.name for each in family.inputs]
    pairs = tuple(input_shape.items()) if isinstance(input_shape, Mapping) else tuple(input_shape)
    if not any(isinstance(entry, tuple) for entry in pairs):
        if len(names) > 1:
            raise SpecError(f"{family.path} takes the inputs {' '.join(names)}", hint=f"as in --input {names[0]}=3x224x224")
        pairs = ((names[0], pairs),)
    wanted: dict[str, Shape] = {}
    for name, shape in pairs:
        if name not in names and name in WORDS and IN_FRONT_OF_WORDS + name in names:
            name = IN_FRONT_OF_WORDS + name
        if name not in names:
            raise SpecError(
                f"there is no input '{name}'", hint=did_you_mean(name, names) or f"the inputs are {' '.join(names)}"
            )
        if name in wanted:
            raise SpecError(f"the input '{name}' is given twice")
        wanted[name] = tuple(shape)
    return wanted


def _follow(
    family: Family, wanted: Mapping[str, Shape], given: Mapping[str, Value], values: Mapping[str, Value]
) -> dict[str, Value]:
    """The settings that the spec's inputs consist of, as the wanted inputs have them."""
    followed: dict[str, Value] = {}
    for each in family.inputs:
        if each.name not in wanted:
            continue
        shape = wanted[each.name]
        shown = "x".join(map(str, shape))
        if len(shape) != len(each.sizes) or not all(at_least(size, 1) for size in shape):
            form = "x".join(["3", *["224"] * (len(each.sizes) - 1)])
            sizes = {1: "one number", 2: "channels and length", 3: "channels, height and width"}
            what = sizes.get(len(each.sizes), "channels, depth, height and width")
            raise SpecError(f"an input is {what}, each at least 1, not {shown}", hint=f"as in {form}")
        if not each.lettered and (hint := misread(shape)) and not same(shape[0], _channels(each, family, values)):
            raise SpecError(f"{shown} is read as {shape[0]} channels", hint=hint)
        for expression, size in zip(each.sizes, shape, strict=True):
            name = expression.text
            if name not in values:
                continue
            if name in given and not same(given[name], size):
                raise SpecError(f"{name}={given[name]} and an input of {shown} exclude each other")
            followed.setdefault(name, size)
    return followed


def _channels(each: DeclaredInput, family: Family, values: Mapping[str, Value]) -> Dim:
    """The channels of an input as the spec has them."""
    return each.sizes[0].evaluate(Scope(_names(family, values), None, Budget()))


def _input_shapes(family: Family, outer: Mapping[str, Value], wanted: Mapping[str, Shape]) -> dict[str, Shape]:
    scope = Scope(outer, None, Budget())
    return {each.name: wanted.get(each.name) or each.shape(scope) for each in family.inputs}


def _facts(
    family: Family, variant: Variant | None, values: Mapping[str, Value], stated_of: Variant | None, input_shape: Shape
) -> Facts:
    """The facts about the variant, with the published figures of the one that it is `stated_of`."""
    own = variant or Variant(family.stem)
    about, stated = own.description.over(family.description), stated_of or own
    published = stated.published.over(family.published) if stated_of else Published()
    where = stated.description.over(family.description)
    accuracy = published.accuracy(where.paper, where.dataset)
    return Facts(
        family=family.name,
        source=family.path,
        year=about.year,
        paper=about.paper,
        about=about.about,
        notes=about.notes,
        settings={name: _listed(value) for name, value in values.items()},
        published=published.counts,
        accuracy=replace(accuracy, input=tuple(input_shape)) if accuracy else None,
        dataset=about.dataset,
    )


def _listed(value: Value) -> Value:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
