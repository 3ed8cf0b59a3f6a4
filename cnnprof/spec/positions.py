"""Which character of a file each character of a YAML text comes from."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_CONTINUED = re.compile(r"\\(?:\r\n|[\n\r\x85\u2028\u2029])")


def source_indices(raw: str, value: str, style: str) -> list[int]:
    """For each character of `value` its index in `raw`, the text between the node's marks.

    `style` is YAML's: empty for plain, `'` or `"`, `|` or `>`. The value is walked along the text: blanks and line breaks are
    where folding, indentation and chomping differ, so they are skipped in step; everything else stands there as it is, but for
    the escapes of quoted text.
    """
    at = _content_start(raw, style)
    indices = []
    for char in value:
        if style == '"' and (found := _CONTINUED.match(raw, at)):
            at = found.end()
        if not char.isspace():
            at = _skip_blanks(raw, at, style)
        indices.append(min(at, max(0, len(raw) - 1)))
        if style == '"' and (found := _ESCAPE.match(raw, at)):
            at = found.end()
        elif style == "'" and raw.startswith("''", at):
            at += 2
        elif not char.isspace() or raw[at : at + 1] in (" ", "\t"):
            at += 1
    return indices


def _content_start(raw: str, style: str) -> int:
    if style in ("|", ">"):
        return raw.find("\n") + 1
    return 1 if style else 0


def _skip_blanks(raw: str, at: int, style: str) -> int:
    while at < len(raw):
        if style == '"' and (found := _CONTINUED.match(raw, at)):
            at = found.end()
        elif raw[at].isspace():
            at += 1
        else:
            break
    return at
