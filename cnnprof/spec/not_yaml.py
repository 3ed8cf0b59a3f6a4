"""Texts that are no YAML: where the mistake is, which is not always where a parser sees it, and what to write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cnnprof.errors import SpecError
from cnnprof.spec.signs import DASH

if TYPE_CHECKING:
    from cnnprof.spec.reader import Source

FORM = "it begins as in 'input: 3x224x224' and 'layers:', with a step a line below"
_FORBIDDEN = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Characters that YAML calls not printable; libyaml counts their place in bytes."""

_NO_MAPPING = "mapping values are not allowed in this context"
_NO_COLON = "could not find expected ':'"
_NO_START = "did not find expected <document start>"
_NO_END = "found unexpected end of stream"
_NO_TOKEN = "found character that cannot start any token"
_NO_KEY = "did not find expected key"
_NO_DASH = "did not find expected '-' indicator"
_NO_BRACKET = ("did not find expected ',' or ']'", "did not find expected ',' or '}'")
_COLON = "a key is followed by ': '"
_ALIGN = "indent the keys of one step alike, and each '-' as the others of its list"
_HINTS = {
    _NO_MAPPING: "quote a text that contains ': ', and indent keys alike",
    _NO_TOKEN: "quote a text that begins with @, ` or %",
    "found a tab character that violates indentation": "indent with blanks, not tabs",
    _NO_COLON: _COLON,
    _NO_BRACKET[0]: "every '[' needs its ']'; quote a text that contains brackets",
    _NO_BRACKET[1]: "every '{' needs its '}'; quote a text that contains ', ' or ': '",
    "did not find expected comment or line break": "a step begins with its word, not with | or >; a text that does is quoted",
    _NO_KEY: _ALIGN,
    _NO_DASH: "indent each '-' as the others of its list",
    _NO_START: "a spec ends with the file: take out the '...'",
    _NO_END: "a quote that is opened has to be closed",
    "did not find expected alphabetic or numeric character": DASH,
    "block sequence entries are not allowed in this context": "a list begins on the line below its key",
}
_OTHERS = re.compile(r"^\s*(layers?\s*\{|(import|from)\s+\w+|class\s+\w+\(|def\s+\w+\(|\[\w+\]\s*$)", re.MULTILINE)
"""How files of Caffe's, Python's and Darknet's begin a line."""

_LOOPS = re.compile(r"\s*-?\s*(repeat|for|each|if|aux):")


def explain(source: Source, error: Any) -> SpecError:
    """The error with a place and a hint, for one of the parser's."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        found = re.search(_FORBIDDEN, source.text)
        index = found.start() if found else 0
        return SpecError(f"not YAML: {getattr(error, 'reason', error)}", source.place(index, index + 1))
    at, parts = mark.index, [part for part in (error.context, error.problem) if part]
    context = getattr(error, "context_mark", None)
    unclosed = error.problem == _NO_END or (error.problem in _NO_BRACKET and not source.text[at:].strip())
    if (unclosed or error.problem == _NO_COLON) and context is not None:
        at = context.index
    if told := _of_lines(source, at, error.problem):
        message, at, hint = told
        return SpecError(f"not YAML: {message}", source.place(at, at + 1), hint)
    known: str | None = _HINTS.get(error.problem)
    if _OTHERS.search(source.text) or (error.problem == _NO_START and "\n..." not in source.text):
        known = FORM
    return SpecError("not YAML: " + ", ".join(parts), source.place(at, at + 1), known)


def _of_lines(source: Source, at: int, problem: str) -> tuple[str, int, str] | None:
    """The message, place and hint that the line of the mistake and the one above it give; None where they say nothing."""
    text = source.text
    start = text.rfind("\n", 0, at) + 1
    line = text[start : text.find("\n", start)] if "\n" in text[start:] else text[start:]
    before = text[:start].rstrip()
    above = before[before.rfind("\n") + 1 :]
    begins = start + len(line) - len(line.lstrip(" "))
    if problem == _NO_TOKEN and text[at : at + 1] == "\t":
        return "a tab in front of a key or a step", at, "indent with blanks, not tabs"
    other = line[: begins - start + 1].strip(" ")[:1]
    if other == "\t":
        return "a tab in front of a key or a step", begins, "indent with blanks, not tabs"
    if other.isspace() and line.strip():
        return "a blank of another kind in front of a key or a step", begins, "indent with blanks: this one is another sign"
    if problem == _NO_START and text[:1] == " ":
        return "the first line is indented", 0, "indent keys alike: those of the file stand at its left edge"
    if problem in (_NO_COLON, _NO_KEY, _NO_DASH) and (dash := re.match(r" *-(?=[^\s-])", line)):
        return "a '-' without its blank", start + dash.end() - 1, f"a '-' is followed by a blank: write - {line.strip()[1:]}"
    if problem in (_NO_COLON, _NO_KEY) and _LOOPS.match(above) and not re.match(r"\s*\w+:", line):
        key = _LOOPS.match(above)[1]  # type: ignore[index]
        if len(line) - len(line.lstrip()) > len(above) - len(above.lstrip()) and key != "aux":
            return "a step without its key", begins, f"the steps of '{key}' stand behind '{'then' if key == 'if' else 'do'}: '"
    if problem == _NO_COLON and above.rstrip().endswith("|"):
        return "a row of a table that is not indented", begins, "the rows of a table are indented further than its name"
    if problem in _NO_BRACKET and text[at : at + 1] == ":":
        return "two entries without a comma, or one within another", at, "a comma parts entries; one with its own has {...}"
    if problem == _NO_KEY and text[at : at + 1] in ("}", "]"):
        return f"a '{text[at]}' without its partner", at, "take it out"
    if problem == _NO_COLON and above.lstrip().startswith("- ") and above.index("-") == begins - start:
        return "a step without its '-'", begins, DASH
    if problem == _NO_MAPPING and (found := _without_colon(above, line)) >= 0:
        where = len(before) - len(above) + found
        return "a key without its colon, or a text with ': ' in it", where, _COLON
    if problem == _NO_MAPPING and re.match(r"\s*\w+\([^)]*:", line):
        return "a ':' in a signature", at, "arguments have no types, and a default has the sign =: unit(w, s=1)"
    if problem == _NO_MAPPING and not text[at + 1 : start + len(line)].strip() and ": " in text[start:at]:
        return "a second ':' on a line", at, "take out the colon at its end"
    if problem in (_NO_KEY, _NO_DASH) and (times := re.match(r"[x×*]\s*(\d+)", text[at:])) and "]" in text[start:at]:
        return "a list goes on behind its bracket", at, f"steps are repeated by '- {{repeat: {times[1]}, do: [...]}}'"
    if problem in (_NO_KEY, _NO_DASH) and text[at - 1 : at] in ("'", '"'):
        quote = text[at - 1]
        return f"a text goes on behind {quote}", at, f"the quotes go around the whole text; {quote} within it is doubled"
    if problem in (_NO_KEY, _NO_DASH) and re.search(r"""['"]\s*$""", text[start:at]):
        return "a text goes on behind its quotes", at, "the quotes go around the whole text, or are left out"
    return None


def _without_colon(above: str, line: str) -> int:
    """Where in the line above a key begins that lacks its colon; -1 where there is none."""
    begins = len(above) - len(above.lstrip())
    if above.lstrip().startswith("- "):
        begins += 1 + len(above.lstrip()[1:]) - len(above.lstrip()[1:].lstrip())
    text = above[begins:]
    if ":" in text.replace("://", "") and not re.match(r"\w+:\S", text):
        return -1
    if not text.strip() or text.startswith("#") or begins != len(line) - len(line.lstrip()):
        return -1
    return begins
