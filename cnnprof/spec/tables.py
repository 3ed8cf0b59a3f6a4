"""Text tables: a header and rows pasted under `|`."""

from __future__ import annotations

import re
from keyword import iskeyword

from cnnprof.errors import SpecError
from cnnprof.spec.literals import read_cell
from cnnprof.spec.located import Token
from cnnprof.spec.reader import Scalar, Yaml
from cnnprof.spec.scope import AXES
from cnnprof.spec.tokens import NAME, split_words
from cnnprof.spec.values import MAX_ENTRIES, Table

_LINE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"(^|\s)#.*")
_LOOP_NAMES = ("first", "last", "i", "row")


def read_table(name: str, node: Yaml) -> Table:
    """A table with named columns, or a matrix of X and dots. Raises SpecError where a row does not fit the header."""
    lines = read_lines(node)
    cells = [[token.text for token in line] for line in lines]
    if all(cell in ("X", "x", ".") for row in cells for cell in row):
        for line in lines:
            check_width(line, lines[0])
        return Table(name, (), (), tuple(tuple(int(cell != ".") for cell in row) for row in cells))
    columns = lines[0]
    seen: set[str] = set()
    for column in columns:
        check_name(column, "a column")
        if column.text in seen:
            raise column.error(f"the column '{column.text}' stands twice")
        seen.add(column.text)
    if len(lines) == 1:
        raise node.error("this table has a header and no rows")
    for line in lines[1:]:
        check_width(line, columns)
        if comma := next((cell for cell in line if cell.text.endswith(",")), None):
            raise comma.error("a comma behind a cell", f"blanks separate cells: write {comma.text[:-1]}")
    rows = tuple(tuple(None if token.text == "-" else read_cell(token) for token in line) for line in lines[1:])
    return Table(name, tuple(token.text for token in columns), rows)


def read_lines(node: Yaml) -> list[list[Token]]:
    """The words of each line, comments and empty lines left out; there is at least one line."""
    if not isinstance(node, Scalar):
        raise node.error("a table is text under '|', a header row and rows", "write '|' behind the colon and indent the rows")
    lines = []
    for found in _LINE.finditer(node.value):
        text = _COMMENT.sub("", found.group())
        if text.strip():
            lines.append(split_words(node, found.start(), found.start() + len(text)))
    if not lines:
        raise node.error("this table is empty")
    if len(lines) > MAX_ENTRIES:
        raise node.error(f"a table has at most {MAX_ENTRIES:,} rows")
    return lines


def check_width(line: list[Token], header: list[Token]) -> None:
    """Raise SpecError unless the row has a cell for every column."""
    if len(line) > len(header):
        raise line[len(header)].error(
            f"this row has {len(line)} cells, and the header has {len(header)}",
            "blanks separate cells; quote a text with blanks",
        )
    if len(line) < len(header):
        raise line[-1].error(f"this row has {len(line)} cells, and the header has {len(header)}", "'-' is an empty cell")


def check_name(token: Token, what: str) -> str:
    """The word, if it can name a value. Raises SpecError otherwise."""
    if not NAME.match(token.text):
        signs = "," in token.text or "|" in token.text
        hint = "blanks separate the columns of a table: take out commas and bars" if what == "a column" and signs else None
        if token.text == "<<":
            hint = "YAML's merge keys are not part of the language; a variant overrides settings"
        elif what == "a setting" and token.text.isdigit():
            decimal = len(token.text) < len("000")
            meant = f"; a decimal has a point, as in 1.{token.text}" if decimal else ": a number has no commas"
            hint = f"a comma ends an entry of a mapping{meant}"
        raise token.error(
            f"{what} is named by letters, digits and _, and does not begin with a digit", hint or _of_name(token, what)
        )
    if iskeyword(token.text) or token.text in ("true", "false", "none"):
        hint = f"use another name, such as {token.text}_1"
        raise token.error(f"'{token.text}' cannot name {what}: expressions use the word", hint)
    if token.text in AXES:
        raise token.error(
            f"'{token.text}' cannot name {what}: it is the shape here", "use another name, such as a lower-case one"
        )
    return token.text


def _of_name(token: Token, what: str) -> str | None:
    """A hint at what is no name."""
    if what == "a column" and token.scalar.style != "|":
        return "a table is a text: write '|' behind its colon"
    if what == "a column" and token.text.isdigit():
        return "the first row of a table names its columns"
    if given := re.fullmatch(r"(\w+)\s*[:=]\s*(.+)", token.text):
        return f"a ':' and a blank stand between a name and its value: write {given[1]}: {given[2]}"
    if what == "an argument" and re.fullmatch(r"\w+([\s;]+\w+)+", token.text):
        return "a comma stands between two arguments"
    stripped = re.sub(r"^def\s+|^[\W]+|[\W]+$", "", token.text)
    joined = re.sub(r"\W+", "_", stripped)
    return f"write {joined}" if NAME.match(joined) else None


def check_loop_name(token: Token) -> str:
    """The name of a loop's value; first, last and row are taken."""
    if token.text in _LOOP_NAMES and token.text != "i":
        raise _taken(token)
    return check_name(token, "a loop's value")


def _taken(token: Token) -> SpecError:
    return token.error(f"'{token.text}' is always there in a loop", "use another name")
