"""`cnnprof explain --quiz`: a worksheet to fill in, and its answers."""

from __future__ import annotations

from collections.abc import Sequence

from cnnprof.core.report import Report, Table
from cnnprof.core.results import Cost, Profile
from cnnprof.core.working import Explanation
from cnnprof.views.model import model_dict
from cnnprof.views.slips import count_as_lectures, slip_notes

BLANK = "______"


def show_quiz(profile: Profile, chosen: Sequence[Cost], explanations: Sequence[Explanation], answers: bool) -> Report:
    """The worksheet to fill in: what is given stands there; shape, parameters and operations are blank without `answers`."""
    rows, given = [], []
    for cost, explanation in zip(chosen, explanations, strict=True):
        operations = count_as_lectures(cost)
        if cost.node.aux or (cost.output == cost.inputs[0] and not cost.params and not operations):
            continue
        solution = {"output": tuple(cost.output[1:]), "params": cost.params, "operations": operations}
        entry = {"name": cost.node.name, "type": cost.node.layer.type, "given": _given(explanation)}
        given.append(entry | (solution if answers else dict.fromkeys(solution)))
        rows.append(entry | {f"answer_{what}": value if answers else BLANK for what, value in solution.items()})
    total = {
        "params": sum(cost.params for cost in chosen if not cost.node.aux),
        "operations": sum(count_as_lectures(cost) for cost in chosen if not cost.node.aux),
    }
    table = Table(
        ("name", "type", "given", "answer_output", "answer_params", "answer_operations"),
        tuple(rows),
        total={"name": "total"} | {f"answer_{what}": value if answers else BLANK for what, value in total.items()},
    )
    graph = profile.graph
    notes = [
        f"input {'x'.join(map(str, graph.input_shape[1:]))}",
        "K filters of F x F with stride S, padding P, dilation d, in g groups; n_out features",
        "operations: multiply-accumulates without biases; for pooling the window's size for every output",
        *([] if answers else ["--answers fills it in"]),
        *(slip_notes(profile, chosen) if answers else []),
    ]
    data = {"model": model_dict(graph), "quiz": given, "totals": total if answers else dict.fromkeys(total)}
    return Report("explain", f"{graph.name}: worksheet{', with answers' if answers else ''}", (table,), tuple(notes), data)


def _given(explanation: Explanation) -> str:
    """The hyper-parameters: `K = 96, F = 11, S = 4, P = 0`."""
    shown = [
        letter
        for letter in explanation.letters
        if letter.symbol.partition("_")[0] in tuple("KFSPdg") or letter.symbol == "n_out"
    ]
    return ", ".join(f"{letter.symbol} = {letter.value}" for letter in shown)
