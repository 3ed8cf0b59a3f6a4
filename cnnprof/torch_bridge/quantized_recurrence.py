"""Recurrent layers that torch.ao.quantization makes (dynamic int8, fp16), as the products that they run.

A layer multiplies its whole sequence with its weights at once, and then, step by step, the state with the others
(ATen/native/quantized/cpu and ATen/native/RNN.cpp, `FullLayer`). Biases lie packed with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Cell = Callable[[Tensor, Tensor, State], State]
"""(products of the input, products of the state, state) -> the next state."""


def _lstm(given: Tensor, held: Tensor, state: State) -> State:
    i, f, g, o = (given + held).chunk(4, -1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(given: Tensor, held: Tensor, state: State) -> State:
    first, second = given.chunk(3, -1), held.chunk(3, -1)
    reset, update = (first[0] + second[0]).sigmoid(), (first[1] + second[1]).sigmoid()
    new = (first[2] + second[2] * reset).tanh()
    return ((state[0] - new) * update + new,)


def _rnn_tanh(given: Tensor, held: Tensor, _: State) -> State:
    return ((given + held).tanh(),)


def _rnn_relu(given: Tensor, held: Tensor, _: State) -> State:
    return ((given + held).relu(),)


def _product(x: Tensor, weights: Any, half: bool) -> Tensor:
    ops: Any = torch.ops.quantized
    result: Tensor = (ops.linear_dynamic_fp16 if half else ops.linear_dynamic)(x, weights)
    return result


def _layer(cell: Cell, x: Tensor, state: State, weights: Any, backwards: bool) -> tuple[Tensor, State]:
    """One direction of one layer over (time, batch, features): what it gives at each step, and its last state."""
    kind, *_, (of_input, of_state) = weights._get_method("__getstate__")()
    half = kind == "quantized_fp16"
    given = _product(x, of_input, half).unbind(0)
    outputs = []
    for step in reversed(given) if backwards else given:
        state = cell(step, _product(state[0], of_state, half), state)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if backwards else outputs), state


def _recurrent(cell: Cell, parts: int) -> Callable[..., Any]:
    def run(x: Tensor, hx: Any, params: Any, has_biases: bool, num_layers: int = 1, *more: Any, **_: Any) -> Any:
        _dropout, _train, bidirectional, batch_first = more
        if not isinstance(has_biases, bool):
            # A packed sequence, whose steps have different numbers of samples.
            return NotImplemented
        x = x.transpose(0, 1) if batch_first else x
        states, directions = [hx] if parts == 1 else [*hx], 2 if bidirectional else 1
        ends: list[State] = []
        for layer in range(num_layers):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                output, end = _layer(cell, x, tuple(each[number] for each in states), params[number], direction == 1)
                outputs.append(output)
                ends.append(end)
            x = torch.cat(outputs, -1) if directions == 2 else outputs[0]
        return x.transpose(0, 1) if batch_first else x, *(torch.stack(parts) for parts in zip(*ends, strict=True))

    return run


def _single(cell: Cell, parts: int) -> Callable[..., Any]:
    def run(x: Tensor, hx: Tensor | Sequence[Tensor], of_input: Any, of_state: Any, *_: Any) -> Any:
        state = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        half = of_input.unpack()[0].dtype == torch.float32
        found = cell(_product(x, of_input, half), _product(state[0], of_state, half), state)
        return found if parts > 1 else found[0]

    return run


DECOMPOSITIONS: dict[str, Callable[..., Any]] = {
    "aten::quantized_lstm": _recurrent(_lstm, 2),
    "aten::quantized_gru": _recurrent(_gru, 1),
    "quantized::quantized_lstm_cell_dynamic": _single(_lstm, 2),
    "quantized::quantized_gru_cell_dynamic": _single(_gru, 1),
    "quantized::quantized_rnn_tanh_cell_dynamic": _single(_rnn_tanh, 1),
    "quantized::quantized_rnn_relu_cell_dynamic": _single(_rnn_relu, 1),
}
"""By the operation's name."""
