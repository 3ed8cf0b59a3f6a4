"""Options that belong together, as a group that any command can take.

A group is a function or a dataclass: its parameters are the options, and what it returns is what a command gets for them, as
its argument of the group's name in small letters, or as the class's `argument` says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any

Command = Callable[..., None]


def takes(group: Callable[..., object], *only: str, **kinds: Any) -> Callable[[Command], Command]:
    """A decorator for commands: options of the group follow the command's own; one that the command has is the group's, too.

    Args:
        group: the function or class of the group.
        only: the options to take, in their order; all without any.
        kinds: annotations in place of the group's, by option.

    Raises TypeError if the command has no argument for the group, the group no such option, or a kind is of none that is taken.
    """
    options = signature(group, eval_str=True).parameters
    argument = getattr(group, "argument", group.__name__.lower())
    if unknown := {*only, *kinds} - {*options}:
        raise TypeError(f"{group.__name__} has no option {', '.join(sorted(unknown))}")
    if only and (left_out := {*kinds} - {*only}):
        raise TypeError(f"{', '.join(sorted(left_out))} of {group.__name__} is not among the options that are taken")
    taken = [
        options[name].replace(kind=Parameter.KEYWORD_ONLY, annotation=kinds.get(name, options[name].annotation))
        for name in only or options
    ]

    def decorate(command: Command) -> Command:
        own = dict(signature(command, eval_str=True).parameters)
        del own[argument]
        added = [option for option in taken if option.name not in own]

        @wraps(command)
        def with_group(**given: Any) -> None:
            value = group(**{option.name: given[option.name] for option in taken})
            for option in added:
                del given[option.name]
            command(**given, **{argument: value})

        described = signature(command).replace(parameters=[*own.values(), *added], return_annotation=None)
        with_group.__signature__ = described  # type: ignore[attr-defined]
        with_group.__annotations__ = {parameter.name: parameter.annotation for parameter in described.parameters.values()}
        return with_group

    return decorate
