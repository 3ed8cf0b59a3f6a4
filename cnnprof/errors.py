"""Errors that a user reads: one message, the place, the reason, a hint, and the exit code.

Everything that can go wrong through a user's input is raised as a `CnnprofError`; the command line prints `str(error)` and
leaves with `error.exit_code`. Any other exception is a bug in cnnprof.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from cnnprof.record import record
from cnnprof.texts import visible, without_commands

T = TypeVar("T", bound=str)

GATE_FAILED = 1
USAGE = 2
DEFECT = 70
INTERRUPTED = 130


@record
class Place:
    """A position in a file. `line` and `column` count from 1; `text` is the whole line; `length` characters are at fault."""

    file: str
    line: int
    column: int
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class CnnprofError(Exception):
    """A message for the user.

    Args:
        message: what is wrong, in one sentence without a full stop.
        place: where, if it is in a file.
        hint: what to do about it.
        trace: the calls that led there, innermost first, such as `"in bottleneck(512, 2), called at line 34"`.
    """

    exit_code = 3

    def __init__(self, message: str, place: Place | None = None, hint: str | None = None, trace: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint
        self.trace = tuple(trace)

    def __str__(self) -> str:
        lines = [self.message]
        gutter = "  "
        if self.place:
            lines.append(f" --> {self.place}")
            if self.place.text:
                number = str(self.place.line)
                gutter = " " * (len(number) + 1)
                text, start = self.place.text, self.place.column - 1
                # A tab stays a tab under the quoted line, so that the caret stands below its character.
                indent = "".join("\t" if c == "\t" else " " for c in visible(text[:start]))
                marked = len(visible(text[start : start + self.place.length])) if start < len(text) else self.place.length
                lines.append(f"{number} | {text}")
                lines.append(f"{gutter}| {indent}{'^' * max(1, marked)}")
        lines += [f"{gutter}= {call}" for call in self.trace]
        if self.hint:
            lines.append(f"{gutter}= hint: {self.hint}")
        return without_commands(visible("\n".join(lines)))

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON types."""
        place = self.place
        where = {"file": place.file, "line": place.line, "column": place.column, "text": place.text} if place else None
        return {"message": self.message, "place": where, "hint": self.hint, "trace": list(self.trace), "code": self.exit_code}


class SpecWarning(UserWarning):
    """A part of a spec that nothing reads: most likely it means something else."""


class SpecError(CnnprofError):
    """A spec, a name or a setting is wrong."""


class UsageError(CnnprofError):
    """The command line is wrong in a way that the option parser cannot see."""

    exit_code = USAGE


class UnavailableError(CnnprofError):
    """torch, a device or a package is missing, or two of them do not fit together."""

    exit_code = 4


class MeasurementError(CnnprofError):
    """A measurement could not be made."""

    exit_code = 5


def read_word(text: object, words: Sequence[T], unknown: str) -> T:
    """The one of the words that the text is; raises UsageError with the message `unknown` where it is none of them."""
    for word in words:
        if word == text:
            return word
    raise UsageError(unknown, hint=suggest(str(text), words))


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint with the names like `word`, or with all of them where none is near."""
    names = [*known]
    return did_you_mean(word, names) or f"one of {', '.join(names)}"


def did_you_mean(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """A hint with up to three names like `word`, or None where none is as much `alike`, from 0 to 1 for the same."""
    from difflib import get_close_matches

    folded = {name.lower(): name for name in known}
    near = [f"'{folded[match]}'" for match in get_close_matches(word.lower(), folded, n=3, cutoff=alike)]
    if not near:
        return None
    *others, last = near
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"
