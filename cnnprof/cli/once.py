"""Commands whose options stand once, unless they take several values: nothing that was said is dropped."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from cnnprof.errors import UsageError


class Once(TyperCommand):
    """A command that refuses an option with a value that is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the parser does. Raises UsageError for an option that is given twice."""
        taking = {
            name: parameter
            for parameter in self.params
            if parameter.param_type_name == "option" and not getattr(parameter, "is_flag", False)
            for name in parameter.opts
        }
        seen: dict[str, str] = {}
        words = iter(args)
        for word in words:
            if word == "--":
                break
            name, equals, value = word.partition("=")
            parameter = taking.get(name)
            if parameter is None:
                continue
            value = value if equals else next(words, "")
            key = str(parameter.name)
            if key in seen and not parameter.multiple:
                said = f"{name} {seen[key]} and {name} {value}"
                raise UsageError(f"{name} is given twice: {said}", hint="give it once; it takes one value")
            seen[key] = value
        return super().parse_args(ctx, args)
