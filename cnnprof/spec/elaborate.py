"""From a family, a variant and settings to a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnprof.errors import CnnprofError, SpecError
from cnnprof.network.dims import Dim, Shape, at_least, is_array, known, same
from cnnprof.network.graph import Facts, Graph
from cnnprof.spec.family import Family
from cnnprof.spec.located import Expression
from cnnprof.spec.network import Network
from cnnprof.spec.published import Published
from cnnprof.spec.scope import RUNAWAY, Budget, Scope
from cnnprof.spec.settings import read_overrides
from cnnprof.spec.steps import BLOCKS, NONE_HINT, last_step
from cnnprof.spec.values import MAX_INT, Tensor, Value, describe_kind, is_number
from cnnprof.spec.variants import Variant

_SHOWN_CALLS = 3
_LARGEST_TRIAL = 1024
_TRIAL_STEPS = 20_000


def elaborate(
    family: Family,
    variant: str | None = None,
    settings: Mapping[str, object] | None = None,
    input_shape: tuple[Dim, ...] | None = None,
    batch: Dim = 1,
) -> Graph:
    """The network of a variant as a graph.

    Args:
        variant: its name; None for the default one, or for the one network of a family without variants.
        settings: values that override the variant's, as text (`"0.5"`, `"[2, 2]"`) or as values.
        input_shape: (C, H, W) in place of the spec's own; a setting that the spec takes it from follows.
        batch: images in one run.

    Raises SpecError for a wrong variant or setting, and CnnprofError where the layers do not fit together.
    """
    chosen = family.variant(variant)
    defaults = {**family.settings, **(chosen.settings if chosen else {})}
    given = read_overrides(settings or {}, defaults)
    values = defaults | given
    if known(batch) and batch < 1:
        raise SpecError(f"the batch is at least 1, not {batch}")
    if input_shape is not None:
        values |= _follow(family, input_shape, given, values)
    outer = _names(family, values)
    shape = (batch, *(_input_shape(family, outer) if input_shape is None else input_shape))
    network = Network(shape, leaves_heads_out=input_shape is not None or bool(given))
    try:
        output = _run(family, network, Scope(outer, Tensor(0, shape), Budget(), outermost=True))
    except CnnprofError as error:
        error.hint = error.hint or _size_hint(family, given, values, shape)
        raise
    return Graph(
        name=chosen.name if chosen else family.stem,
        input_shape=shape,
        nodes=network.finished(output),
        outputs=(network.names[output.index],),
        facts=_facts(family, chosen, values, _namesake(family, chosen, values, shape[1:]), shape[1:]),
        left_out=tuple(network.left_out),
    )


def _namesake(family: Family, chosen: Variant | None, values: Mapping[str, Value], input_shape: Shape) -> Variant | None:
    """The variant that has exactly these settings and this input, so that what is published of it holds for this network.

    The chosen one comes first; None if there is none.
    """
    own = chosen or Variant(family.stem)
    others = family.variants.values() if chosen else ()
    for variant in (own, *(other for other in others if other is not own)):
        settings = {**family.settings, **variant.settings}
        if all(_equal(values[name], value) for name, value in settings.items()):
            sizes = _input_shape(family, _names(family, settings))
            if all(map(_equal, input_shape, sizes)):
                return variant
    return None


def _equal(value: Value, other: Value) -> bool:
    return not is_array(value) and bool(value == other)


def _names(family: Family, values: Mapping[str, Value]) -> dict[str, Value]:
    """What every block of the family sees."""
    return {**{name: name for name in family.blocks}, **family.tables, **values, BLOCKS: family.blocks}


def _run(family: Family, network: Network, scope: Scope) -> Tensor:
    try:
        family.layers.run(network, scope)
    except CnnprofError as error:
        error.trace = _shortened(error.trace)
        raise
    except RecursionError:
        raise SpecError(f"{family.path}: blocks and loops nest too deeply", hint=RUNAWAY) from None
    if scope.here is None:
        raise SpecError("'none' stands here outside of a join", last_step(family.layers).place, NONE_HINT)
    if scope.here.index == 0:
        raise SpecError("the network ends with its input: it has no layers", last_step(family.layers).place)
    return scope.here


def _size_hint(family: Family, given: Mapping[str, Value], values: Mapping[str, Value], shape: Shape) -> str | None:
    """The smallest square input that the network can be built for, where a larger one is all it takes."""

    def fits(size: int) -> bool:
        wanted = (shape[1], size, size)
        try:
            names = _names(family, {**values, **_follow(family, wanted, given, values)})
            here = Tensor(0, (shape[0], *wanted))
            _run(family, Network(here.shape, leaves_heads_out=True), Scope(names, here, Budget(_TRIAL_STEPS), outermost=True))
        except CnnprofError:
            return False
        return True

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
    return f"an input of {shape[1]}x{high}x{high} fits"


def _shortened(trace: tuple[str, ...]) -> tuple[str, ...]:
    """The innermost and the outermost calls of a long chain."""
    left_out = len(trace) - 2 * _SHOWN_CALLS
    if left_out < 2:
        return trace
    return (*trace[:_SHOWN_CALLS], f"... {left_out} more calls ...", *trace[-_SHOWN_CALLS:])


def _follow(family: Family, input_shape: Shape, given: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, Value]:
    """The settings that the spec's input consists of, as the wanted input has them."""
    followed: dict[str, Value] = {}
    if len(input_shape) != len(family.input) or not all(at_least(size, 1) for size in input_shape):
        shown = "x".join(map(str, input_shape))
        raise SpecError(f"an input is channels, height and width, each at least 1, not {shown}", hint="as in 3x224x224")
    for expression, size in zip(family.input, input_shape, strict=True):
        name = expression.text
        if name not in values:
            continue
        if name in given and not same(given[name], size):
            raise SpecError(f"{name}={given[name]} and an input of {'x'.join(map(str, input_shape))} exclude each other")
        followed.setdefault(name, size)
    return followed


def _input_shape(family: Family, outer: Mapping[str, Value]) -> Shape:
    scope = Scope(outer, None, Budget())
    return tuple(_size(expression, expression.evaluate(scope)) for expression in family.input)


def _size(expression: Expression, value: Value) -> Dim:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_number(value) or isinstance(value, float):
        raise expression.token.error(f"a size of the input is a whole number, not {describe_kind(value)}")
    if known(value) and not 1 <= value <= MAX_INT:
        raise expression.token.error(f"a size of the input is at least 1, not {value}")
    return value


def _facts(
    family: Family, variant: Variant | None, values: Mapping[str, Value], stated_of: Variant | None, input_shape: Shape
) -> Facts:
    """What is known of the variant, and what is published of the one that it is `stated_of`."""
    own = variant or Variant(family.stem)
    paper = own.paper or family.paper
    stated = stated_of or own
    published = stated.published.over(family.published) if stated_of else Published()
    accuracy = published.accuracy(stated.paper or family.paper, stated.dataset or family.dataset)
    return Facts(
        family=family.name,
        source=family.path,
        year=own.year or family.year,
        paper=paper,
        about=own.about or family.about,
        notes=own.notes or family.notes,
        settings={name: _listed(value) for name, value in values.items()},
        published=published.counts,
        accuracy=replace(accuracy, input=tuple(input_shape)) if accuracy else None,
    )


def _listed(value: Value) -> Value:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
