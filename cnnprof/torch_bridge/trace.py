"""Records every aten operation that a module runs, as layers with their inputs.

Under `torch.inference_mode` torch hands composite operations (linear, batch_norm, softmax, ...) to a dispatch mode whole, so a
row describes what the user wrote; one without a row is broken down, and its parts are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import finalize

import torch
from torch import Tensor, nn
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer, ShapeError
from cnnprof.network.layers.arrangement import Rearrange, Unknown
from cnnprof.network.layers.linear import Constant, Parameter
from cnnprof.torch_bridge.rows import OPERATIONS
from cnnprof.torch_bridge.rows.base import (
    Call,
    Capture,
    Match,
    View,
    is_same_view,
    shares_memory,
    storage,
    tensors_in,
    view_of,
)

NETWORK_INPUT = -1
"""Stands among a step's inputs for the network's own input."""

_SHAPE_ONLY = frozenset(
    [f"{fill}_like" for fill in ("empty", "zeros", "ones", "full", "rand", "randn", "randint")]
    + [f"new_{fill}" for fill in ("empty", "empty_strided", "zeros", "ones", "full")]
)
"""Operations that read of their input the shape alone: their result is a constant."""

_PRODUCTS = frozenset(
    {"matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "linear", "convolution", "scaled_dot_product_attention"}
)
"""Operations that are counted although they read constants alone: each run computes them."""

_HANDS_ON = frozenset({"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
"""Operations that are layers although they may hand on their very input."""


@dataclass
class Scope:
    """One call of a module: its path, and how many operations ran in it and below."""

    path: str
    operations: int = 0


@dataclass
class Step:
    """One recorded layer. `inputs` are numbers of earlier steps, or `NETWORK_INPUT`; `stored` names a parameter or buffer."""

    layer: Layer
    inputs: tuple[int, ...]
    output: Shape
    scope: Scope
    word: str
    stored: str | None = None
    owns_params: bool = True
    trainable: bool = True


@dataclass
class Trace:
    """What ran: the steps in order, those that the network returns, and the operations that have no row.

    `held` has for a step the last one during which the module's code held what it made.
    """

    steps: list[Step] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    uncounted: list[tuple[int, str]] = field(default_factory=list)
    untouched: tuple[str, ...] = ()
    held: dict[int, int] = field(default_factory=dict)


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The dispatch mode that records. `failure` says where and why an operation failed, if one did."""

    def __init__(self, module: nn.Module, original: nn.Module, x: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.failure: str | None = None
        self._trace = Trace()
        self._input_shape = tuple(x.shape)
        # A closure as a copied module's `forward` goes on reading the parameters of the original.
        both = (module, original)
        self._parameters = {id(tensor): name for each in both for name, tensor in each.named_parameters()}
        self._buffers = {id(tensor): name for name, tensor in module.named_buffers()}
        self._counted: set[str] = set()
        self._scopes = [Scope("")]
        self._word: str | None = None
        # Steps by the identity of the tensor they made, for as long as it lives; what is kept here keeps its identity.
        self._step_of: dict[int, int] = {id(x): NETWORK_INPUT}
        self._constants: dict[int, int] = {}
        self._made_of_constants: set[int] = set()
        self._alive: list[object] = [x]
        # In-place writes into each storage, and how many of them the step of a tensor knows of.
        self._writes: dict[int, list[tuple[int, View]]] = {}
        self._known_writes: dict[int, int] = {}

    def enter(self, path: str) -> None:
        """A module of this path begins to run."""
        self._scopes.append(Scope(path))

    def leave(self) -> None:
        """The module that began last ends."""
        self._scopes.pop()

    def finish(self, result: Any) -> Trace:
        """The trace of a run that returned `result`."""
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self._trace.outputs = tuple(dict.fromkeys(self._read(tensor) for tensor in tensors))
        if all(map(self._is_foreign, self._trace.outputs)):
            self._trace.uncounted += [(number, "a value that left torch on its way") for number in self._trace.outputs]
        self._trace.untouched = tuple(dict.fromkeys(name for name in self._parameters.values() if name not in self._counted))
        return self._trace

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Runs the operation and records it under the name of the outermost one that is being broken down."""
        outermost = self._word is None
        if outermost:
            self._word = func._schema.name.rpartition("::")[2].strip("_")
        try:
            return self._run(func, args, kwargs or {})
        except Exception as error:
            if self.failure is None:
                path = self._scopes[-1].path
                self.failure = _misfit(path, func, args, kwargs or {}) or one_line(error, path)
            raise
        finally:
            if outermost:
                self._word = None

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        capture = find_capture(func)
        product = func._schema.name.rpartition("::")[2].strip("_") in _PRODUCTS
        varies = product or any(map(self._varies, tensors_in((args, tuple(kwargs.values())))))
        if capture is None:
            result = self._break_down(func, args, kwargs, varies)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        call = Call(func, args, kwargs, result)
        if varies and not call.outputs and call.written:
            self._record(call, [_rewritten(call, tensor) for tensor in call.written])
            return result
        if not varies or not call.outputs or call.op in _SHAPE_ONLY:
            fresh = (out for out in call.outputs if not any(shares_memory(out, tensor) for tensor in call.tensors))
            self._made_of_constants.update(map(storage, fresh))
            return result
        if not call.inplace and call.op not in _HANDS_ON and is_same_view(call.output, call.first):
            if call.output is not call.first:
                self._made(call.output, self._read(call.first))
            return result
        matches = capture(call) if capture else None
        if capture and matches is None:
            smaller = self._break_down(func, args, kwargs, varies)
            if smaller is not NotImplemented:
                return smaller
        if result is call.first and not call.inplace:
            # A layer that hands its input on: the input must not be taken for its result.
            call.result = torch.ops.aten.alias(result)
        self._record(call, _unknown(call) if matches is None else matches)
        return call.result

    def _break_down(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], varies: bool) -> Any:
        """Runs an operation as the smaller ones it is made of, if torch says of which; else NotImplemented."""
        with self:
            result = func.decompose(*args, **kwargs)
            if result is NotImplemented and varies and func in decomposition_table:
                result = decomposition_table[func](*args, **kwargs)
            return result

    def _record(self, call: Call, matches: Match | Sequence[Match]) -> None:
        matches = [matches] if isinstance(matches, Match) else matches
        for match in matches:
            output = call.output if match.output is None else match.output
            inputs = tuple(self._read(tensor) for tensor in match.inputs)
            shapes = tuple(self._shape(number) for number in inputs)
            layer = match.layer
            if not _explains(layer, shapes, tuple(output.shape)):
                layer = Unknown(call.name, tuple(output.shape), call.inplace)
            owns, trainable = self._own(match, layer, shapes)
            number = self._add(layer, inputs, owns_params=owns, trainable=trainable)
            if isinstance(layer, Unknown):
                # torch's own building blocks say nothing to a user; the operation that was broken down to them does.
                name = f"aten.{self._word}" if call.namespace == "prims" else f"{call.namespace}.{call.name}"
                self._trace.uncounted.append((number, name))
            for target in call.written:
                if call.inplace or target is output:
                    self._writes.setdefault(storage(target), []).append((number, view_of(target)))
            self._made(output, number)
        for output in call.outputs:
            # Indices and statistics that come with the result.
            if id(output) not in self._step_of and len(matches) == 1:
                self._made(output, number)

    def _own(self, match: Match, layer: Layer, shapes: tuple[Shape, ...]) -> tuple[bool, bool]:
        """Whether the layer's weights are its own, and learned. Those that are not, but parameters, get a step of their own."""
        weights = [tensor for tensor in match.weights if tensor is not None]
        if not weights:
            return True, True
        fresh = all(map(self._is_new, weights))
        trainable = {tensor.requires_grad for tensor in weights}
        if fresh and len(trainable) == 1 and sum(tensor.numel() for tensor in weights) == layer.params(*shapes):
            self._counted.update(self._parameters[id(tensor)] for tensor in weights)
            return True, trainable.pop()
        for tensor in weights:
            if self._is_new(tensor):
                self._read(tensor)
        return False, any(map(self._learned, weights))

    def _is_new(self, tensor: Tensor) -> bool:
        """Whether the tensor is a parameter that no step has yet."""
        return id(tensor) in self._parameters and self._parameters[id(tensor)] not in self._counted

    def _learned(self, weight: Tensor) -> bool:
        """Whether the weight is a parameter that learns, or made of what does."""
        if id(weight) in self._parameters:
            return weight.requires_grad
        front, seen = [self._step_of.get(id(weight), NETWORK_INPUT)], {NETWORK_INPUT}
        while front:
            number = front.pop()
            if number in seen:
                continue
            seen.add(number)
            step = self._trace.steps[number]
            if step.trainable and (not step.owns_params or step.layer.params(*map(self._shape, step.inputs))):
                return True
            front += step.inputs
        return False

    def _add(self, layer: Layer, inputs: tuple[int, ...] = (), word: str | None = None, **more: Any) -> int:
        shapes = tuple(self._shape(number) for number in inputs)
        step = Step(layer, inputs, layer.shape(*shapes), self._scopes[-1], word or self._word or "", **more)
        self._trace.steps.append(step)
        if step.stored is None:
            for scope in self._scopes:
                scope.operations += 1
        return len(self._trace.steps) - 1

    def _made(self, tensor: Tensor, number: int) -> None:
        """The tensor is now what that step made."""
        self._step_of[id(tensor)] = number
        self._known_writes[id(tensor)] = len(self._writes.get(storage(tensor), ()))
        self._alive.append(tensor.untyped_storage())
        finalize(tensor, self._released, id(tensor), number).atexit = False

    def _released(self, key: int, number: int) -> None:
        """The module's code has let go of a tensor that the step made: the newest step is the last that it saw."""
        self._step_of.pop(key, None)
        self._known_writes.pop(key, None)
        self._trace.held[number] = len(self._trace.steps) - 1

    def _varies(self, tensor: Tensor) -> bool:
        """Whether the tensor depends on the network's input or on a parameter; all else is a constant."""
        return id(tensor) in self._step_of or id(tensor) in self._parameters or storage(tensor) in self._writes

    def _read(self, tensor: Tensor) -> int:
        """The step that made the tensor; a parameter or a constant becomes one when it is first read."""
        number = self._step_of.get(id(tensor))
        if number is None:
            number = self._stored(tensor)
        known = self._known_writes.get(id(tensor), 0)
        pending = self._writes.get(storage(tensor), [])[known:]
        for write, target in pending:
            # Another view of the same memory was written to in place.
            if view_of(tensor) == target:
                number = write
            else:
                overwrite = Rearrange("overwrite", tuple(tensor.shape), inplace=True)
                number = self._add(overwrite, (number, write), word="overwrite")
        if pending:
            self._made(tensor, number)
        return number

    def _stored(self, tensor: Tensor) -> int:
        key, size = id(tensor), tuple(tensor.shape)
        if key in self._parameters:
            owns = self._is_new(tensor)
            self._counted.add(self._parameters[key])
            number = self._add(Parameter(size), stored=self._parameters[key], owns_params=owns, trainable=tensor.requires_grad)
            self._step_of[key] = number
            return number
        if key not in self._constants:
            self._alive.append(tensor)
            whole = 0 if tensor.is_floating_point() else tensor.element_size()
            constant = Constant(size, storage(tensor) not in self._made_of_constants, whole)
            self._constants[key] = self._add(constant, stored=self._buffers.get(key, self._constant_name()))
        return self._constants[key]

    def _constant_name(self) -> str:
        path = self._scopes[-1].path
        return f"{path}.constant" if path else "constant"

    def _is_foreign(self, number: int) -> bool:
        """Whether nobody knows where the step's result comes from."""
        if number == NETWORK_INPUT:
            return False
        step = self._trace.steps[number]
        return isinstance(step.layer, Constant) and step.stored not in self._buffers.values()

    def _shape(self, number: int) -> Shape:
        return self._input_shape if number == NETWORK_INPUT else self._trace.steps[number].output


def find_capture(func: Any) -> Capture | None:
    """The capture of an aten operation, in place or not; None if it has no row."""
    name = func._schema.name.removeprefix("aten::")
    return OPERATIONS.get(name) or OPERATIONS.get(name.removesuffix("_"))


def _unknown(call: Call) -> list[Match]:
    """One layer an output for an operation without a row: a view if it shares memory with an input, else not counted."""
    matches = []
    for output in call.outputs:
        view = not call.inplace and any(shares_memory(output, tensor) for tensor in call.tensors)
        kind = Rearrange if view else Unknown
        layer = kind(call.name, tuple(output.shape), inplace=view or call.inplace)
        matches.append(Match(layer, tuple(call.tensors), output=output))
    return matches


def _rewritten(call: Call, tensor: Tensor) -> Match:
    """What an operation without a result makes of a tensor: nobody knows what that takes."""
    others = [other for other in call.tensors if other is not tensor]
    return Match(Unknown(call.name, tuple(tensor.shape), inplace=True), (tensor, *others), output=tensor)


def _misfit(path: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Why the inputs do not fit the layer that the operation would have been; None if the layer's rule has nothing to say."""
    capture = find_capture(func)
    where = path
    try:
        match = capture(Call(func, args, kwargs, ())) if capture else None
        if isinstance(match, Match):
            where = f"{path} ({match.layer.type})".lstrip()
            match.layer.shape(*(tuple(tensor.shape) for tensor in match.inputs))
    except ShapeError as misfit:
        return f"{where}: {misfit.message}" if where else misfit.message
    except (LookupError, TypeError):
        # Some captures read the result, which there is none of.
        return None
    return None


def one_line(error: BaseException, path: str = "") -> str:
    """The type and the first line of an exception, and the module that it comes from."""
    text = str(error).strip().partition("\n")[0]
    return (f"in {path}: " if path else "") + type(error).__name__ + (f": {text}" if text else "")


def _explains(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> bool:
    """Whether the layer's rule makes of these inputs what torch made of them."""
    if layer.arity is not None and len(inputs) != layer.arity:
        return False
    try:
        return layer.shape(*inputs) == output
    except ShapeError:
        return False
