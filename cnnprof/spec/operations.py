"""`op`: any layer by its type and its fields, for what has no word; `opaque`: an operation of which only the size is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, NamedTuple, TypeAlias

from cnnprof.errors import CnnprofError, Place, SpecError, did_you_mean
from cnnprof.network.layers import LAYERS, Layer
from cnnprof.network.layers.activation import Activation, PReLU
from cnnprof.network.layers.arrangement import Unknown, shows_all
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.regularization import Dropout
from cnnprof.record import choices
from cnnprof.spec.batches import BATCH
from cnnprof.spec.builder import GraphBuilder
from cnnprof.spec.fields import misfit
from cnnprof.spec.located import Expression, Token, read_expression
from cnnprof.spec.reader import Scalar
from cnnprof.spec.scope import Scope
from cnnprof.spec.steps import Step, must_continue
from cnnprof.spec.tokens import span
from cnnprof.spec.values import Tensor, Value, describe_kind, is_integer, is_number

OPERATIONS: Mapping[str, type[Layer]] = {name: LAYERS[name] for name in sorted(LAYERS) if LAYERS[name] is not Unknown}
"""The layer types that `op` names."""

OWN_KEYS = ("of", "name", "weights", "tokens")
"""Keys of `op` that are no field of a layer."""

WEIGHTS = ("given", "frozen", "given frozen")
"""Weights that are not those of the layer, but shared or computed, or that are not trained."""

_INFINITE = {"inf": float("inf"), "-inf": float("-inf")}

Field: TypeAlias = "Expression | Scalar | Token"


def field_names(kind: type[Layer]) -> dict[str, bool]:
    """The keys of a layer type's fields, each with whether it has to be said."""
    return {key_of(each.name): each.default is MISSING and each.default_factory is MISSING for each in fields(kind)}


def key_of(field: str) -> str:
    """The key of a field: its name, but for torch's own name of an operation."""
    return "function" if field == "op" else field


def is_text(kind: type[Layer], key: str) -> bool:
    """Whether the field is a word, and no expression."""
    return any(_words_of(kind, str(each.type)) is not None for each in fields(kind) if key_of(each.name) == key)


class OpStep(NamedTuple):
    """A layer by its type: `given` has its fields, `branches` what it reads, if that is not what is here.

    With `tokens` the channels of what it gives stand last.
    """

    kind: type[Layer]
    given: Mapping[str, Field]
    branches: tuple[Step, ...] | None
    place: Place
    weights: str = ""
    tokens: bool = False

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Append the layer."""
        values = self._values(network, scope)
        try:
            layer = self.kind(**values)
        except (TypeError, ValueError, CnnprofError) as error:
            raise SpecError(f"op {self.kind.__name__}: {error}", self.place) from None
        start, inputs = scope.here, self._inputs(network, scope)
        if (found := misfit(layer, values, tuple([network.shapes[index] for index in inputs]))) is not None:
            key = key_of(found[0])
            at = self.given[key]
            raise (at.token if isinstance(at, Expression) else at).error(f"op {self.kind.__name__}: '{key}' {found[1]}")
        if inputs and shows_all(layer, network.shapes[inputs[0]]):
            scope.here = Tensor(inputs[0], network.shapes[inputs[0]], tokens=self.tokens)
            return
        try:
            said = "copy" in self.given
            scope.here = network.add(self.kind.__name__.lower(), layer, inputs, self.place, copies_as_said=said)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            raise SpecError(f"op {self.kind.__name__}: its fields do not fit what it reads", self.place) from None
        if any(isinstance(size, int) and size < 0 for size in scope.here.shape):
            raise SpecError(f"op {self.kind.__name__}: its output would be {describe(scope.here.shape)}", self.place)
        if isinstance(start, Tensor) and start.tokens and self.branches is None and is_elementwise(layer):
            scope.here = replace(scope.here, tokens=True, grid=start.grid)
        if self.tokens:
            if len(scope.here.shape) < len("NLC"):
                message = f"tokens have a length and channels, and this op gives the shape {describe(scope.here.shape)}"
                raise SpecError(message, self.place)
            scope.here = replace(scope.here, tokens=True)
        if self.weights:
            own, trained = "given" not in self.weights, "frozen" not in self.weights
            network.change(scope.here.index, lambda node: replace(node, owns_params=own, trainable=trained))
        if self.kind is Unknown:
            network.opaque.append(scope.here.index)

    def _inputs(self, network: GraphBuilder, scope: Scope) -> tuple[int, ...]:
        if self.kind.arity == 0:
            return ()
        if self.branches is None:
            return (must_continue(scope, self.place).index,)
        start, found = scope.here, []
        for branch in self.branches:
            scope.here = start
            branch.run(network, scope)
            found.append(must_continue(scope, self.place).index)
        return tuple(found)

    def _values(self, network: GraphBuilder, scope: Scope) -> dict[str, Any]:
        inner = Scope({**scope.outer, BATCH: network.shapes[0][0]}, scope.here, scope.budget)
        inner.update(scope)
        values: dict[str, Any] = {}
        for each in fields(self.kind):
            if (key := key_of(each.name)) in self.given:
                values[each.name] = _value(self.kind, key, str(each.type), self.given[key], inner)
        return values


def is_elementwise(layer: Layer) -> bool:
    """Whether the layer does the same to every element, wherever channels stand."""
    return isinstance(layer, (Activation, Dropout)) and not hasattr(layer, "dim") and not isinstance(layer, PReLU)


def operation(name: Token) -> type[Layer]:
    """The layer type of that name. Raises SpecError if there is none."""
    kind = OPERATIONS.get(name.text)
    if kind is None:
        raise name.error(f"there is no layer type '{name.text}'", did_you_mean(name.text, OPERATIONS))
    return kind


def read_operation(tokens: list[Token]) -> OpStep:
    """`op Permute dims=(0,2,1)`, on one line."""
    whole = span(tokens)
    if len(tokens) == 1:
        raise whole.error("'op' is followed by a layer type", "as in 'op Permute dims=(0,2,1)'")
    kind = operation(tokens[1])
    given: dict[str, Field] = {}
    last = tokens[-1].text == "tokens" and "tokens" not in field_names(kind)
    for token in tokens[2 : len(tokens) - last]:
        key, equals, text = token.text.partition("=")
        if not equals or not text:
            raise token.error("a field is written name=value", f"op {kind.__name__} takes {' '.join(field_names(kind))}")
        if key not in field_names(kind):
            raise token.error(*unknown_field(kind, key))
        if key in given:
            raise token.error(f"'{key}' is given twice")
        value = token.cut(len(key) + 1)
        given[key] = value if is_text(kind, key) or text.lstrip("-") == "inf" else read_expression(value)
    check_complete(kind, given, whole)
    return OpStep(kind, given, None, whole.place, tokens=last)


def check_complete(kind: type[Layer], given: Mapping[str, Field], at: Token | Scalar) -> None:
    """Raise SpecError where a field that has to be said is not."""
    for name, needed in field_names(kind).items():
        if needed and name not in given:
            word = "opaque" if kind is Unknown else f"op {kind.__name__}"
            raise at.error(f"{word}: there is no '{name}'")


def unknown_field(kind: type[Layer], name: str) -> tuple[str, str]:
    """A message and a hint for a field that a layer type does not have."""
    known = [*field_names(kind), *OWN_KEYS]
    return f"op {kind.__name__} has no '{name}'", did_you_mean(name, known) or f"it takes {' '.join(known)}"


def _words_of(kind: type[Layer], annotation: str) -> tuple[str, ...] | None:
    """The words that a field may be, () for any; None for a field that is no word."""
    return () if annotation == "str" else choices(annotation, kind)


def _value(kind: type[Layer], name: str, annotation: str, given: Field, scope: Scope) -> Any:
    """The value of a field, of the type that its class says."""
    if isinstance(given, (Scalar, Token)):
        text = given.value if isinstance(given, Scalar) else given.text
        if annotation.startswith("float") and text in _INFINITE:
            return _INFINITE[text]
        words = _words_of(kind, annotation)
        if words and text not in words:
            raise given.error(f"'{name}' is one of {', '.join(map(repr, words))}, not '{text}'", did_you_mean(text, words))
        return text
    value = given.evaluate(scope)
    for start, (said, holds) in _CHECKS.items():
        if annotation.startswith(start):
            if not holds(value):
                raise given.token.error(f"'{name}' is {said}, not {describe_kind(value)}")
            return float(value) if start == "float" and value is not None else value
    return value


def _is_size(value: Value) -> bool:
    return isinstance(value, tuple) and all(_is_whole(each) for each in value)


def _is_whole(value: Value) -> bool:
    return is_integer(value) or not isinstance(value, (bool, float, str, tuple, Tensor, type(None)))


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "float": ("a number", lambda value: value is None or is_number(value)),
    "tuple[tuple": ("a list of lists of whole numbers", lambda value: isinstance(value, tuple) and all(map(_is_size, value))),
    **dict.fromkeys(("tuple[int", "Size", "Shape"), ("a list of whole numbers", _is_size)),
    **dict.fromkeys(("int", "Dim"), ("a whole number", _is_whole)),
}
"""For each beginning of a field's annotation, what its value is called, and whether one is that."""
