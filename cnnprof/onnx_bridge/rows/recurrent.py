"""Recurrent layers, step by step: one product for all inputs, one for the state in each step, and the gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cnnprof.network.layers import activation as layers
from cnnprof.network.layers.arrangement import Rearrange, Slice
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add, Concat, Mul
from cnnprof.onnx_bridge.rows.arrangement import reshaped
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.values import Value

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}

_MOST_STEPS = 2048


@row(*GATES)
def _recurrent(call: Call) -> Sequence[Value]:
    """X (steps, batch, size) to Y (steps, directions, batch, hidden), the last state and, of an LSTM, the last cell."""
    steps, batch, _ = call.x.shape
    lengths = call.numbers(4)
    if call.attribute("layout", 0) or call.get(7) is not None or call.attribute("clip"):
        raise UnknownFormError("the batch first, peepholes or clipping")
    if lengths is not None and any(length != steps for length in lengths):
        raise UnknownFormError("sequences of different lengths")
    if steps > _MOST_STEPS:
        raise UnknownFormError("too many steps to write out")
    directions, hidden = call[1].shape[0], call[2].shape[2]
    runs = [_direction(call, number, GATES[call.op] * hidden, hidden) for number in range(directions)]
    outputs = (
        [call.layer(Concat(1), *(reshaped(call, run[0], (steps, 1, batch, hidden)) for run in runs))] if directions > 1 else []
    )
    outputs = outputs or [reshaped(call, runs[0][0], (steps, 1, batch, hidden))]
    for position in range(1, len(runs[0])):
        states = [run[position] for run in runs]
        outputs.append(call.layer(Concat(0), *states) if directions > 1 else states[0])
    return outputs


def _direction(call: Call, number: int, width: int, hidden: int) -> list[Value]:
    """All states one after the other, the last one, and an LSTM's last cell."""
    steps = call.x.shape[0]
    weight, again = _part(call[1], number), _part(call[2], number)
    bias = None if (both := call.get(3)) is None else _part(both, number)
    x = call.x
    if number == 1 or call.attribute("direction", "forward") == "reverse":
        x = call.layer(Rearrange("flip", x.shape), x)
    inward = call.layer(Linear(width, bias is not None), x, weights=(weight, _half(bias, 0)))
    state = _initial(call, 5, number)
    cell = _initial(call, 6, number)
    states = []
    for step in range(steps):
        given = call.layer(Slice(0, step, 1), inward) if steps > 1 else inward
        if state is None:
            # The state is zero: it adds nothing, but the product is computed all the same.
            state = call.layer(Slice(2, 0, hidden), given)
        fed = call.layer(Linear(width, bias is not None), state, weights=(again, _half(bias, 1)))
        state, cell = _GATED[call.op](call, given, fed, state, cell, hidden)
        states.append(state)
    whole = call.layer(Concat(0), *states) if len(states) > 1 else states[0]
    return [each for each in (whole, state, cell) if each is not None]


def _part(value: Value, number: int) -> Value:
    """The weights of one direction, as stored tensors of their own."""
    return replace(value, shape=value.shape[1:], weight=f"{value.weight}#{number}", data=None, tensor=None)


def _half(bias: Value | None, number: int) -> Value | None:
    """The bias of the input's product, or of the state's."""
    return None if bias is None else replace(bias, shape=(bias.shape[0] // 2,), weight=f"{bias.weight}#{number}")


def _initial(call: Call, position: int, number: int) -> Value | None:
    value = call.get(position)
    if value is None or (value.numbers is not None and not value.numbers.any()):
        return None
    return call.layer(Slice(0, number, 1), value) if value.shape[0] > 1 else value


def _lstm(call: Call, given: Value, fed: Value, _: Value, cell: Value | None, hidden: int) -> tuple[Value, Value | None]:
    gates = call.layer(Add(), given, fed)
    i, o, f = (call.layer(layers.Sigmoid(), call.layer(Slice(2, part * hidden, hidden), gates)) for part in range(3))
    c = call.layer(layers.Tanh(), call.layer(Slice(2, 3 * hidden, hidden), gates))
    new = call.layer(Mul(), i, c)
    if cell is not None:
        new = call.layer(Add(), call.layer(Mul(), f, cell), new)
    return call.layer(Mul(), o, call.layer(layers.Tanh(), new)), new


def _gru(call: Call, given: Value, fed: Value, state: Value, _: Value | None, hidden: int) -> tuple[Value, Value | None]:
    def part(value: Value, number: int) -> Value:
        return call.layer(Slice(2, number * hidden, hidden), value)

    z, r = (call.layer(layers.Sigmoid(), call.layer(Add(), part(given, gate), part(fed, gate))) for gate in range(2))
    new = call.layer(layers.Tanh(), call.layer(Add(), part(given, 2), call.layer(Mul(), r, part(fed, 2))))
    kept = call.layer(Mul(), z, call.layer(Add(), state, new))
    return call.layer(Add(), new, kept), None


def _rnn(call: Call, given: Value, fed: Value, *_: object) -> tuple[Value, Value | None]:
    return call.layer(layers.Tanh(), call.layer(Add(), given, fed)), None


_GATED: dict[str, Callable[..., tuple[Value, Value | None]]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
