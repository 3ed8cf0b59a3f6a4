"""Loops: `repeat`, `each` over a table, `for` over lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from cnnprof.errors import Place, SpecError
from cnnprof.network.dims import one
from cnnprof.spec.builder import GraphBuilder
from cnnprof.spec.located import Expression, Token
from cnnprof.spec.scope import RUNAWAY, TOO_MUCH, Scope
from cnnprof.spec.steps import BLOCKS, Step, must_be_there
from cnnprof.spec.values import Table, Tensor, Value, describe_kind, is_integer

COUNTER = "i"
OWN = ("first", "last", "row")
STAGE = "stage"
NAMING_COLUMN = "id"


class _Loop(NamedTuple):
    """A body with the names of each round; `written` are those that the spec gives, and not every loop has."""

    rounds: Iterable[Mapping[str, Value]]
    body: Step
    place: Place
    written: Collection[str]

    def run_stages(self, network: GraphBuilder, scope: Scope) -> None:
        """Run over values: outside of every loop and block each round is a stage, named by its `id` if it has one."""
        if not _is_stage(network, scope):
            self.run(network, scope)
            return
        outer = network.namer
        for names in self.rounds:
            label = names.get(NAMING_COLUMN)
            name = outer.count(STAGE) if label is None else outer.free(str(label))
            outer.use(name)
            network.namer = outer.inside(name)
            self._replace(rounds=[names]).run(network, scope)
        network.namer = outer

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the body once for each round's names; afterwards they mean what they did before.

        The names that every loop has hide those of the loops around it, and nothing else.
        """
        before: dict[str, Value] = {}
        set_here: set[str] = set()
        taken = {name for name in (*OWN, COUNTER) if name not in self.written and _is_taken(scope, name)}
        own = {*OWN, COUNTER} - taken - {*self.written}
        implied, scope.implied = scope.implied, (scope.implied | own) - {*self.written}
        network.loops += 1
        for names in self.rounds:
            if not scope.budget.spend(1):
                raise SpecError(TOO_MUCH, self.place, RUNAWAY)
            for name, value in names.items():
                if name in taken:
                    continue
                if name not in set_here:
                    set_here.add(name)
                    if name in scope:
                        before[name] = scope[name]
                scope[name] = value
            self.body.run(network, scope)
            must_be_there(scope, self.place)
        network.loops -= 1
        scope.implied = implied
        for name in set_here:
            scope.pop(name, None)
        scope.update(before)


class Repeat(NamedTuple):
    """`{repeat: n, as: i, do: ...}`. A repeat outside of every loop and block is one stage."""

    times: Expression
    counter: str | None
    body: Step
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the body so many times."""
        count = one(self.times.evaluate(scope))
        if isinstance(count, float) and count.is_integer():
            count = int(count)
        if not is_integer(count) or count < 0:
            raise self.times.token.error(f"'repeat' takes a whole number, not {describe_kind(count)}", _whole_hint(count))
        counter = self.counter or COUNTER
        rounds = ({"first": i == 0, "last": i == count - 1, counter: i, "row": i} for i in range(count))
        outer = network.namer
        if _is_stage(network, scope):
            network.namer = outer.inside(outer.count(STAGE))
        _Loop(rounds, self.body, self.place, (self.counter,) if self.counter else ()).run(network, scope)
        network.namer = outer


class Each(NamedTuple):
    """`{each: table, do: ...}`: the columns are names."""

    table: Expression
    body: Step
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the body for every row."""
        table = self.table.evaluate(scope)
        if isinstance(table, str):
            table = scope.outer.get(table, table)
        if not isinstance(table, Table):
            raise self.table.token.error(
                f"'each' goes through a table, not {describe_kind(table)}", "go through a list with 'for'"
            )
        if table.matrix is not None:
            raise self.table.token.error(f"the table '{table.name}' has no header: its cells are X and .")
        last = len(table.rows) - 1
        rounds = (
            {"first": i == 0, "last": i == last, COUNTER: i, "row": row} | dict(zip(table.columns, row, strict=True))
            for i, row in enumerate(table.rows)
        )
        _Loop(rounds, self.body, self.place, table.columns).run_stages(network, scope)


class For(NamedTuple):
    """`{for: "a, b in zip(x, y)", do: ...}`."""

    targets: tuple[Token, ...]
    values: Expression
    body: Step
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the body for every entry."""
        values = self.values.evaluate(scope)
        if not isinstance(values, tuple):
            raise self.values.token.error(f"'for' goes through a list, not {describe_kind(values)}", _list_hint(values))
        last = len(values) - 1
        rounds = (
            {"first": i == 0, "last": i == last, COUNTER: i, "row": value} | self._bind(value) for i, value in enumerate(values)
        )
        _Loop(rounds, self.body, self.place, [target.text for target in self.targets]).run_stages(network, scope)

    def _bind(self, value: Value) -> dict[str, Value]:
        if len(self.targets) == 1:
            return {self.targets[0].text: value}
        if not isinstance(value, tuple) or len(value) != len(self.targets):
            message = f"the loop names {len(self.targets)} values, and an entry is {describe_kind(value)}"
            raise SpecError(message, self.place, "go through two lists with zip(a, b)")
        return dict(zip((target.text for target in self.targets), value, strict=True))


def _is_taken(scope: Scope, name: str) -> bool:
    """Whether a setting, an argument, a `let` or a loop that names its values has the name."""
    if name in scope:
        return name not in scope.implied and not isinstance(scope[name], Tensor)
    value = scope.outer.get(name)
    return value is not None and not isinstance(value, Table) and name not in scope.outer[BLOCKS]


def _is_stage(network: GraphBuilder, scope: Scope) -> bool:
    return scope.outermost and network.loops == 0


def _list_hint(values: Value) -> str | None:
    if isinstance(values, Table):
        return f"go through a table with 'each: {values.name}', whose columns are names"
    if isinstance(values, str) and (numbers := re.fullmatch(r"\s*\d+([\s,]+\d+)*\s*", values)):
        return f"a list is written [{', '.join(re.findall(r'[0-9]+', numbers[0]))}]"
    return f"write range({values})" if type(values) is int else None


def _whole_hint(count: Value) -> str | None:
    return "round it: ceil(...), int(...) or round(...)" if isinstance(count, float) else None
