"""Records against the dataclasses they stand for: the same class written twice does the same."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import pytest

from cnnprof.network.layers import LAYERS
from cnnprof.record import record


def make(kind: Any) -> dict[str, Any]:
    @kind
    class Base:
        unit: ClassVar[str] = "B"
        size: int
        name: str = "x"

        @cached_property
        def twice(self) -> int:
            return 2 * self.size

    @kind
    class Derived(Base):
        name: str = "y"
        parts: list[int] = field(default_factory=list)
        secret: int = field(default=3, repr=False)
        remark: str = field(default="", compare=False)

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("size")

    @kind
    class Empty:
        pass

    return {"Base": Base, "Derived": Derived, "Empty": Empty}


OURS, THEIRS = make(record), make(dataclass(frozen=True))
CALLS = [
    ("Base", (1,), {}),
    ("Base", (2, "z"), {}),
    ("Base", (), {"size": 3}),
    ("Derived", (1,), {}),
    ("Derived", (1, "n", [4], 5), {}),
    ("Derived", (), {"secret": 9, "size": 2}),
    ("Empty", (), {}),
    ("Base", (), {}),
    ("Base", (1, "a", 2), {}),
    ("Base", (1,), {"size": 1}),
    ("Base", (1,), {"nix": 1}),
    ("Derived", (-1,), {}),
]


def outcome(act: Any) -> Any:
    try:
        return act()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_a_record_is_made_and_shown_as_a_dataclass(name, args, kwargs):
    ours, theirs = ([outcome(lambda c=kind[name]: repr(c(*args, **kwargs))) for _ in "12"] for kind in (OURS, THEIRS))
    assert ours == theirs


@pytest.mark.parametrize("name", ["Base", "Derived", "Empty"])
def test_what_dataclasses_and_inspect_say_of_a_record(name):
    mine, other = OURS[name], THEIRS[name]
    assert is_dataclass(mine)
    assert [(f.name, f.type, f.default, f.repr, f.compare) for f in fields(mine)] == [
        (f.name, f.type, f.default, f.repr, f.compare) for f in fields(other)
    ]
    assert [(p.name, p.kind) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.kind) for p in inspect.signature(other).parameters.values()
    ]
    assert mine.__match_args__ == other.__match_args__


def test_equality_and_hash_go_by_class_and_fields():
    mine = OURS["Base"]
    assert mine(1) == mine(1)
    assert hash(mine(1)) == hash(mine(1, "x"))
    assert mine(1) != mine(2)
    assert mine(1) != OURS["Derived"](1, "x")
    assert mine(1).__eq__(1) is NotImplemented
    assert OURS["Empty"]() == OURS["Empty"]()
    assert len({mine(1), mine(1), mine(2)}) == 2
    derived = OURS["Derived"]
    assert derived(1, remark="a") == derived(1, remark="b")
    assert derived(1, secret=4) != derived(1)
    looked = mine(1)
    assert looked.twice == 2
    assert looked == mine(1)


def test_without_eq_each_record_is_itself_only():
    @record(eq=False)
    class Bare:
        size: int

    assert Bare(1) != Bare(1)
    assert len({Bare(1), Bare(1)}) == 2


def test_without_repr_a_record_shows_what_its_class_says():
    class Shown:
        def __repr__(self) -> str:
            return "shown"

    @record(repr=False)
    class Mine(Shown):
        size: int

    assert repr(Mine(1)) == "shown"


def test_a_record_cannot_be_changed():
    one = OURS["Base"](1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'size'"):
        one.size = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'size'"):
        del one.size
    with pytest.raises(FrozenInstanceError):
        one.other = 1
    assert one.size == 1


def test_defaults_from_a_factory_are_not_shared():
    first, second = OURS["Derived"](1), OURS["Derived"](1)
    first.parts.append(1)
    assert second.parts == []
    assert not hasattr(OURS["Derived"], "parts")


@pytest.mark.parametrize("make_again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)), replace])
@pytest.mark.parametrize("kind", LAYERS.values(), ids=lambda kind: kind.__name__)
def test_every_layer_is_replaced_copied_and_pickled_whole(kind, make_again):
    layer, _ = kind.example(8)
    again = make_again(layer)
    assert type(again) is type(layer)
    assert asdict(again) == asdict(layer)
