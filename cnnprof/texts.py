"""Texts of others, which a terminal, a CI log or a spreadsheet is to show and not to obey."""

from __future__ import annotations

_KEPT = "\n\t\u00a0\u200d"
"""Not printable by Python's rule, and harmless: breaks, tabs, the no-break space, what joins the parts of an emoji."""

SHADES = " ░▒▓█"
"""How a terminal shades a cell, from the lightest to the darkest."""


def visible(text: str) -> str:
    """The text with all that a terminal obeys written out: control characters, halves of characters, marks of direction."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _KEPT else _written_out(char) for char in text)


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode()


def without_commands(text: str) -> str:
    """Lines of a log in which GitHub Actions finds no workflow command: `::error::` at the start of one, `##[` in any."""
    if "::" not in text and "##[" not in text:
        return text
    lines = text.replace("##[", "##\\[").split("\n")
    return "\n".join("\\" + line if line.lstrip().startswith("::") else line for line in lines)


_IN_ASCII = {
    **dict.fromkeys("─━│┃┄", "-"),
    "█": "#",
    "░": ".",
    "✓": "y",
    "✗": "x",
    "≈": "~",
    "≠": "!=",
    "×": "x",
    "·": ".",
    "µ": "u",
    "→": "->",
    "…": "...",
    "−": "-",
    "–": "-",
    "—": "-",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}


def within(text: str, encoding: str) -> str:
    """The text with signs that the encoding lacks as ASCII has them: bars and marks can still be told apart."""
    if text.isascii():
        return text
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "".join(char if _has(encoding, char) else _IN_ASCII.get(char, "?") for char in text)
    return text


def _has(encoding: str, char: str) -> bool:
    try:
        char.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return char.isascii()
    return True
