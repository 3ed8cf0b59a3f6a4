"""Operators that run graphs within them: branches, and loops written out round by round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.network.layers.arrangement import Select
from cnnprof.network.layers.merging import Concat
from cnnprof.onnx_bridge.graphs import size_of
from cnnprof.onnx_bridge.rows.arrangement import reshaped
from cnnprof.onnx_bridge.rows.base import RUNS_GRAPHS, Call, UnknownFormError, row
from cnnprof.onnx_bridge.values import Value, known

BRANCHES = "an If takes its first branch here: other data may take the other"

Results = Sequence[Value | None]


@row("If")
def _if(call: Call) -> Results:
    """The branch that the file decides for; else the first, as for torch.cond, and the weights of the other."""
    condition, branches = call.get(0), (call.attribute("then_branch"), call.attribute("else_branch"))
    if condition is not None and condition.numbers is not None:
        return call.writer.run(branches[0 if bool(condition.numbers.reshape(-1)[0]) else 1], {})
    results = call.writer.run(branches[0], {})
    call.writer.take(branches[1], call.node)
    call.writer.remark(BRANCHES)
    return results


@row("Loop")
def _loop(call: Call) -> Results:
    """Rounds of a number that the file says, with what they carry, and what each of them adds to lists."""
    body, rounds, carried = call.attribute("body"), call.ints(0), [call.get(i) for i in range(2, len(call.node.input))]
    if rounds is None:
        raise UnknownFormError("no number of rounds")
    goes_on = call.get(1) if call.node.input[1] else known(True)
    added: list[list[Value | None]] = []
    _check_room(call, rounds[0], body)
    for number in range(rounds[0]):
        if goes_on is None or goes_on.numbers is None:
            raise UnknownFormError("it ends when the data say so")
        if not goes_on.numbers.reshape(-1)[0]:
            break
        values = (known(number), known(True), *carried)
        goes_on, *results = call.writer.run(body, dict(zip((each.name for each in body.input), values, strict=True)))
        carried, new = results[: len(carried)], results[len(carried) :]
        added.append(new)
    return [*carried, *(_stacked(call, parts) for parts in zip(*added, strict=True))]


@row("Scan")
def _scan(call: Call) -> Results:
    """A round for each entry of its last inputs along their axis, with states that it carries."""
    body, count, values = call.attribute("body"), int(call.attribute("num_scan_inputs")), call.given
    if call.opset < 9 or any(call.attribute("scan_output_axes") or ()) or len(values) < len(call.node.input):
        raise UnknownFormError("a batch of scans, or results along other axes")
    carried: list[Value | None] = [*values[:-count]]
    sequences, axes = values[-count:], call.attribute("scan_input_axes") or [0] * count
    rounds = sequences[0].shape[axes[0]]
    added = []
    _check_room(call, rounds, body)
    for number in range(rounds):
        parts = [call.layer(Select(axis % len(each.shape), number), each) for each, axis in zip(sequences, axes, strict=True)]
        given = dict(zip((each.name for each in body.input), (*carried, *parts), strict=True))
        results = call.writer.run(body, given)
        carried, new = results[: len(carried)], results[len(carried) :]
        added.append(new)
    return [*carried, *(_stacked(call, parts) for parts in zip(*added, strict=True))]


RUNS_GRAPHS |= {_if, _loop, _scan}


def _check_room(call: Call, rounds: int, body: Any) -> None:
    if not call.writer.has_room(rounds * (1 + size_of(body))):
        raise UnknownFormError("too many rounds to write out")


def _stacked(call: Call, parts: Sequence[Value | None]) -> Value | None:
    """The results of all rounds along a new first axis; None where one is not known."""
    rows = [reshaped(call, part, (1, *part.shape)) for part in parts if part is not None]
    if len(rows) < len(parts):
        return None
    return call.layer(Concat(0), *rows) if len(rows) > 1 else rows[0]
