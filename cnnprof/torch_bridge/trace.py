"""Records every aten operation that a module runs, as layers with their inputs.

Under `torch.inference_mode` torch hands composite operations (linear, batch_norm, softmax, ...) to a dispatch mode whole, so a
row describes what the user wrote; one without a row is broken down, and its parts are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import finalize

import torch
from torch import Tensor, nn
from torch._C import DispatchKey
from torch._decomp import decomposition_table
from torch._ops import HigherOrderOperator

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Rearrange, Unknown
from cnnprof.network.layers.linear import Constant, Parameter
from cnnprof.torch_bridge import at_once, matching
from cnnprof.torch_bridge.decompositions import DECOMPOSITIONS, HIGHER
from cnnprof.torch_bridge.failures import explain_misfit, one_line
from cnnprof.torch_bridge.feeding import tensors_of
from cnnprof.torch_bridge.rows import find_capture
from cnnprof.torch_bridge.rows.base import (
    Call,
    Match,
    View,
    is_same_view,
    memory_of,
    shares_memory,
    storage,
    tensors_in,
    view_of,
)
from cnnprof.torch_bridge.steps import NETWORK_INPUT, RecordedStep, Scope, Trace


class Recorder(at_once.Mode):  # type: ignore[no-untyped-call]
    """The dispatch mode that records.

    `failure` says where and why an operation failed, if one did, and `misfit` whether its inputs did not fit the layer.

    Args:
        module: the module that runs.
        parameters: its parameters by the identity of the tensor; those that it makes while it runs are found by themselves.
        buffers: its buffers.
        inputs: the tensors that it is given.
        everywhere: the device on which all tensors are made, whatever the module's code asks for; None for where it says.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        module: nn.Module,
        parameters: Mapping[int, str],
        buffers: Mapping[int, str],
        inputs: Sequence[Tensor],
        everywhere: torch.device | None = None,
    ) -> None:
        super().__init__()
        self.failure: str | None = None
        self.misfit = False
        self._trace = Trace()
        self._module = module
        self._everywhere = everywhere
        self._input_shapes = [tuple(x.shape) for x in inputs]
        self._parameters = dict(parameters)
        self._buffers = buffers
        self._counted: set[str] = set()
        self._scopes = [Scope("")]
        self._word: str | None = None
        # Steps by the identity of the tensor they made, for as long as it lives; what is kept here keeps its identity.
        self._step_of: dict[int, int] = {id(x): NETWORK_INPUT - number for number, x in enumerate(inputs)}
        self._constants: dict[int, int] = {}
        self._made_of_constants: set[int] = set()
        self._alive: list[object] = [*inputs]
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
        self._trace.outputs = tuple(dict.fromkeys(self._read(tensor) for tensor in tensors_of(result)))
        if self._trace.outputs and all(map(self._is_foreign, self._trace.outputs)):
            self._trace.uncounted += [(number, "a value that left torch on its way") for number in self._trace.outputs]
        for name, tensor in self._module.named_parameters():
            self._parameters.setdefault(id(tensor), name)
        self._trace.untouched = tuple(dict.fromkeys(name for name in self._parameters.values() if name not in self._counted))
        return self._trace

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Runs the operation and records it under the name of the outermost one that is being broken down."""
        if isinstance(func, HigherOrderOperator):
            return self._run_higher(func, args, kwargs or {})
        outermost = self._word is None
        if outermost:
            self._word = func._schema.name.rpartition("::")[2].strip("_")
        kwargs = kwargs or {}
        if self._everywhere is not None:
            args, kwargs = matching.on_device(self._everywhere, func, args, kwargs)
        try:
            return self._run(func, args, kwargs)
        except Exception as error:
            if self.failure is None:
                path = self._scopes[-1].path
                misfit = explain_misfit(path, func, args, kwargs)
                self.failure, self.misfit = misfit or one_line(error, path), misfit is not None
            raise
        finally:
            if outermost:
                self._word = None

    def _run_higher(self, func: HigherOrderOperator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs an operator that takes functions (torch.cond, ...) as Python would; `cond` takes its first branch."""
        if str(func) == "cond":
            _, first, second, operands = args
            self._trace.branches = True
            with self:
                result = first(*operands)
            for tensor in matching.touched(second, operands):
                if self._is_new(tensor):
                    # A weight of the branch that was not taken: no less a parameter.
                    self._read(tensor)
            return result
        plain = HIGHER.get(str(func)) or func.py_kernels.get(DispatchKey.CompositeExplicitAutograd)
        if plain is None:
            raise NotImplementedError(f"torch's operator {func} cannot be run step by step")
        with self:
            return plain(*args, **kwargs)

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        capture = find_capture(func)
        product = func._schema.name.rpartition("::")[2].strip("_") in matching.PRODUCTS
        varies = product or any(map(self._varies, tensors_in((args, tuple(kwargs.values())))))
        own = DECOMPOSITIONS.get(func._schema.name) if varies else None
        if own is not None:
            with self:
                result = own(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if capture is None:
            result = self._break_down(func, args, kwargs, varies)
            if result is not NotImplemented:
                return result
        result = at_once.run(func, args, kwargs)
        call = Call(func, args, kwargs, result)
        if varies and not call.outputs and call.written:
            self._record(call, [matching.rewritten(call, tensor) for tensor in call.written])
            return result
        if not varies or not call.outputs or call.op in matching.SHAPE_ONLY:
            fresh = (out for out in call.outputs if not any(shares_memory(out, tensor) for tensor in call.tensors))
            self._made_of_constants.update(map(storage, fresh))
            return result
        if not call.inplace and call.op not in matching.HANDS_ON and is_same_view(call.output, call.first):
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
        self._record(call, matching.unknown(call) if matches is None else matches)
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
        named = len(self._trace.uncounted)
        for match in matches:
            output = call.output if match.output is None else match.output
            inputs = tuple(self._read(tensor) for tensor in match.inputs)
            shapes = tuple(self._shape(number) for number in inputs)
            layer = match.layer
            if not matching.explains(layer, shapes, tuple(output.shape)):
                layer = Unknown(call.name, tuple(output.shape), call.inplace)
            owns, trainable = self._own(match, layer, shapes)
            held = [weight for weight in match.weights if weight is not None] if owns else []
            number = self._add(layer, inputs, owns_params=owns, trainable=trainable, bytes=matching.weight_bytes(held))
            self._trace.note_weights(number, tuple(id(weight) for weight in match.weights if weight is not None))
            if isinstance(layer, Unknown) and len(self._trace.uncounted) == named:
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
        if match.packed is not None:
            return self._is_new_object(match.packed), False
        for tensor in weights:
            if isinstance(tensor, nn.Parameter) and not self._is_parameter(tensor):
                # Of a layer that lives as long as one run.
                self._take_for_parameter(tensor, f"{self._scopes[-1].path}.parameter{len(self._parameters)}".lstrip("."))
        fresh = all(map(self._is_new, weights))
        trainable = {tensor.requires_grad for tensor in weights}
        if fresh and len(trainable) == 1 and sum(tensor.numel() for tensor in weights) == layer.params(*shapes):
            self._counted.update(self._parameters[id(tensor)] for tensor in weights)
            return True, trainable.pop()
        for tensor in weights:
            if self._is_new(tensor):
                self._read(tensor)
        return False, any(map(self._learned, weights))

    def _is_new_object(self, packed: Any) -> bool:
        """Whether the object that holds weights is one that no step has yet; each call has a wrapper of its own around it."""
        key = f"packed {hash(packed)}"
        is_new = key not in self._counted
        self._counted.add(key)
        self._alive.append(packed)
        return is_new

    def _is_new(self, tensor: Tensor) -> bool:
        """Whether the tensor is a parameter that no step has yet."""
        return self._is_parameter(tensor) and self._parameters[id(tensor)] not in self._counted

    def _is_parameter(self, tensor: Tensor) -> bool:
        """Whether the tensor is a parameter, one that the module has made while it ran included."""
        if id(tensor) in self._parameters:
            return True
        if not isinstance(tensor, nn.Parameter):
            return False
        found = next((name for name, one in self._module.named_parameters() if one is tensor), None)
        if found:
            self._take_for_parameter(tensor, found)
        return found is not None

    def _take_for_parameter(self, tensor: Tensor, name: str) -> None:
        """A parameter that the module made while it ran."""
        self._parameters[id(tensor)] = name
        self._alive.append(tensor)

    def _learned(self, weight: Tensor) -> bool:
        """Whether the weight is a parameter that learns, or made of what does."""
        if self._is_parameter(weight):
            return weight.requires_grad
        front, seen = [self._step_of.get(id(weight), NETWORK_INPUT)], {NETWORK_INPUT}
        while front:
            number = front.pop()
            if number in seen or number < 0:
                continue
            seen.add(number)
            step = self._trace.steps[number]
            if step.trainable and (not step.owns_params or step.layer.params(*map(self._shape, step.inputs))):
                return True
            front += step.inputs
        return False

    def _add(self, layer: Layer, inputs: tuple[int, ...] = (), word: str | None = None, **more: Any) -> int:
        shapes = tuple(self._shape(number) for number in inputs)
        step = RecordedStep(layer, inputs, layer.shape(*shapes), self._scopes[-1], word or self._word or "", **more)
        self._trace.steps.append(step)
        if step.stored is None:
            for scope in self._scopes:
                scope.operations += 1
        return len(self._trace.steps) - 1

    def _made(self, tensor: Tensor, number: int) -> None:
        """The tensor is now what that step made."""
        self._step_of[id(tensor)] = number
        self._known_writes[id(tensor)] = len(self._writes.get(storage(tensor), ()))
        self._alive.append(memory_of(tensor))
        finalize(tensor, self._released, id(tensor), number).atexit = False

    def _released(self, key: int, number: int) -> None:
        """The module's code has let go of a tensor that the step made: the newest step is the last that it saw."""
        self._step_of.pop(key, None)
        self._known_writes.pop(key, None)
        self._trace.held[number] = len(self._trace.steps) - 1

    def _varies(self, tensor: Tensor) -> bool:
        """Whether the tensor depends on the network's input or on a parameter; all else is a constant."""
        return id(tensor) in self._step_of or self._is_parameter(tensor) or storage(tensor) in self._writes

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
        if self._is_parameter(tensor):
            owns = self._is_new(tensor)
            self._counted.add(self._parameters[key])
            weight = {"owns_params": owns, "trainable": tensor.requires_grad, "bytes": matching.weight_bytes([tensor])}
            number = self._add(Parameter(size), (), stored=self._parameters[key], word=None, **weight)
            self._step_of[key] = number
            return number
        if key not in self._constants:
            self._alive.append(tensor)
            whole = 0 if tensor.is_floating_point() else tensor.element_size()
            constant = Constant(size, storage(tensor) not in self._made_of_constants, whole)
            name = self._buffers.get(key, f"{self._scopes[-1].path}.constant".lstrip("."))
            self._constants[key] = self._add(constant, stored=name)
        return self._constants[key]

    def _is_foreign(self, number: int) -> bool:
        """Whether nobody knows where the step's result comes from."""
        step = self._trace.steps[number] if number >= 0 else None
        return step is not None and isinstance(step.layer, Constant) and step.stored not in self._buffers.values()

    def _shape(self, number: int) -> Shape:
        return self._input_shapes[NETWORK_INPUT - number] if number < 0 else self._trace.steps[number].output
