"""Frozen records: what `dataclasses.dataclass(frozen=True)` makes, without its price at every start.

A summary defines some hundred records and makes values of few of them. dataclasses compiles up to eight methods for each; here
all share theirs, and `__init__` is compiled when the first value is made. `dataclasses.fields`, `replace`, `asdict` and
`is_dataclass` take a record as they take their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, field
from math import isfinite
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, get_args, get_origin, overload

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform as dataclass_transform
else:  # typing has it from Python 3.11 on, and it does nothing while the program runs

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:  # noqa: D103
        return lambda decorator: decorator


T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, eq: bool = True, repr: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: Any = None, /, *, eq: bool = True, repr: bool = True) -> Any:  # noqa: A002
    """Make a class a frozen record of its annotated fields, those of the records that it derives from first.

    Args:
        eq: records of one class with equal fields are equal; without it each is equal to itself only.
        repr: the text of a record is `Name(field=value, ...)`; without it the class's own.

    Setting or deleting a field raises dataclasses.FrozenInstanceError.
    """
    if cls is None:
        return lambda given: _make(given, eq, repr)
    return _make(cls, eq, repr)


def _make(cls: Any, eq: bool, shows: bool) -> Any:
    own = cls.__dict__
    defaults: dict[str, Any] = {}
    for base in cls.__mro__[:0:-1]:
        defaults |= base.__dict__.get("__record_defaults__", {})
    for name, annotation in own.get("__annotations__", {}).items():
        if not str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            defaults[name] = own.get(name, MISSING)
            if isinstance(defaults[name], Field):
                _take_default(cls, name, defaults[name])
    cls.__record_defaults__ = defaults
    cls.__match_args__ = tuple(defaults)  # type: ignore[misc]
    cls.__dataclass_fields__ = _Fields()
    cls.__signature__ = _Signature()
    cls.__init__ = _compiled_when_called(cls)
    cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
    if shows and "__repr__" not in own:
        cls.__repr__ = _repr
    if eq:
        compared = [name for name, given in defaults.items() if not isinstance(given, Field) or given.compare]
        cls.__record_values__ = _attributes(compared)
        if "__eq__" not in own:
            cls.__eq__ = _eq
        if own.get("__hash__") is None:
            cls.__hash__ = _hash
    return cls


def pick(value: object, *names: str) -> dict[str, Any]:
    """The attributes of these names as JSON types, in this order; without any, a record's fields.

    Raises AttributeError for a name that is no attribute.
    """
    return {name: plain(getattr(value, name)) for name in names or type(value).__record_defaults__}  # type: ignore[attr-defined]


NOT_FINITE = {str(value): value for value in (float("inf"), float("-inf"), float("nan"))}
"""Numbers that JSON cannot write, by the text that `plain` writes for them."""


def plain(value: Any) -> Any:
    """The value as JSON types, all the way down: records as mappings of their fields, tuples as lists, infinity as text."""
    if value is None or type(value) in (str, int, bool):
        return value  # as most are; whether something is a Mapping takes long to find out
    if type(value) is float:
        return value if isfinite(value) else str(value)
    if hasattr(value, "__record_defaults__"):
        return pick(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def changed(value: object) -> dict[str, Any]:
    """The fields of a record that have no default, or another value than it, by name."""
    defaults: dict[str, Any] = type(value).__record_defaults__  # type: ignore[attr-defined]
    return {
        name: given
        for name, default in defaults.items()
        if (given := getattr(value, name)) != (default.default if isinstance(default, Field) else default)
    }


def annotations_of(cls: type[Any]) -> dict[str, Any]:
    """A record's fields in order, each with its annotation as it is written: in less time than `dataclasses.fields` takes."""
    from inspect import get_annotations

    annotations: dict[str, Any] = {}
    for base in cls.__mro__[::-1]:
        annotations |= get_annotations(base)
    return {name: annotations[name] for name in cls.__record_defaults__}


def choices(annotation: str, cls: type[Any]) -> tuple[str, ...] | None:
    """The words that a field of the class may be, by its annotation as it is written; None where that is no Literal."""
    if annotation.startswith("Literal["):
        from ast import literal_eval

        words: tuple[str, ...] = literal_eval(f"({annotation.removeprefix('Literal[')[:-1]},)")
        return words
    named = getattr(sys.modules[cls.__module__], annotation, None)
    return get_args(named) if get_origin(named) is Literal else None


def _attributes(names: list[str]) -> Callable[[Any], Any]:
    """A function that gives a record's attributes of those names, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple([getattr(self, name) for name in names])


def _take_default(cls: Any, name: str, given: Any) -> None:
    """Leave on the class what is a default, and nothing where each record gets its own."""
    if given.default is MISSING:
        delattr(cls, name)
    else:
        setattr(cls, name, given.default)


def _compiled_when_called(cls: Any) -> Callable[..., None]:
    """An `__init__` that puts the real one in its place and calls it."""

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        _compile_init(cls)(self, *args, **kwargs)

    return __init__


def _compile_init(cls: Any) -> Any:
    """The class's `__init__`, written out for its fields; values go into `__dict__`, past the refusal to set them."""
    names: dict[str, Any] = {"_MISSING": MISSING}
    parameters, lines = [], []
    for name, given in cls.__record_defaults__.items():
        parameter = value = name
        default = given.default if isinstance(given, Field) else given
        if isinstance(given, Field) and given.default_factory is not MISSING:
            names[f"_make_{name}"] = given.default_factory
            parameter, value = f"{name}=_MISSING", f"_make_{name}() if {name} is _MISSING else {name}"
        elif default is not MISSING:
            names[f"_default_{name}"] = default
            parameter = f"{name}=_default_{name}"
        parameters.append(parameter)
        lines.append(f"    _values[{name!r}] = {value}\n")
    if hasattr(cls, "__post_init__"):
        lines.append("    self.__post_init__()\n")
    exec(f"def __init__({', '.join(['self', *parameters])}):\n    _values = self.__dict__\n{''.join(lines)}", names)
    made = names["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    cls.__init__ = made
    return made


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(
        f"{field.name}={getattr(self, field.name)!r}" for field in self.__dataclass_fields__.values() if field.repr
    )
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    kind: Any = self.__class__
    values = kind.__record_values__
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(type(self).__record_values__(self))


def _refuse_to_set(_: object, name: str, __: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


class _Fields:
    """The attribute by which dataclasses knows a class; made when it is read, by a dataclass with the same fields."""

    def __get__(self, _: object, cls: Any) -> dict[str, Any]:
        from dataclasses import dataclass

        owner = _owner(cls)
        body = {name: default for name, default in owner.__record_defaults__.items() if default is not MISSING}
        body["__annotations__"] = annotations_of(owner)
        # Without one, dataclass writes the signature there, and to find it takes longer than all else.
        body["__doc__"] = owner.__name__
        twin: Any = dataclass(init=False, repr=False, eq=False)(type(owner.__name__, (), body))
        owner.__dataclass_fields__ = found = twin.__dataclass_fields__
        return found  # type: ignore[no-any-return]


class _Signature:
    """The signature that `inspect` and `help` show: that of the compiled `__init__`."""

    def __get__(self, _: object, cls: Any) -> Any:
        import inspect

        whole = inspect.signature(_compile_init(_owner(cls)))
        return whole.replace(parameters=[*whole.parameters.values()][1:])


def _owner(cls: Any) -> Any:
    """The record that a class is, or derives from."""
    return next(base for base in cls.__mro__ if "__record_defaults__" in base.__dict__)
