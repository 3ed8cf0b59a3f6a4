"""Signs that look like others: what a word processor, another keyboard or a paper's PDF puts in place of plain ones."""

from __future__ import annotations

import re

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("хХ✕✖", "x"),  # the Cyrillic letter, and two of the signs for times
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″", '"'),
        **dict.fromkeys("·•∙⋅∗", "*"),
        **dict.fromkeys("→⇒⟶", "->"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
        "÷": "/",
        "∣": "|",
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
    }
)
_BULLETS = ("*", "+", "->")
DASH = "each step of a list begins with '- ', a minus sign and a blank"


def plain(text: str) -> str | None:
    """The text in the signs of the language, where it has others that look like them; None where it has none, or more."""
    if text.isascii():
        return None
    import unicodedata

    text = re.sub(r"(?<=\d)×(?=\d)", "x", text).replace("×", "*")
    text = unicodedata.normalize("NFKC", text.translate(_ALIKE))
    return text if text.isascii() else None


def of_sign(text: str) -> tuple[str, str] | None:
    """A message about a word that has such a sign, and a hint; None for any other word."""
    meant = plain(text)
    if meant is None:
        return None
    odd = next(char for char in text if not char.isascii())
    said = f"'{odd}'" if odd.isprintable() else "a sign that is not shown"
    message = f"{said} (U+{ord(odd):04X}) is no sign of the language"
    if meant in ("->", "=>"):
        return message, "'->' names the output, '|' leads to the next step"
    if re.fullmatch(r"\d+(x\d+)+", meant) and re.search("[×✕✖хХ]", text):
        return message, f"write {meant}, with the letter x"
    return message, f"write {meant.strip(chr(39) + chr(34))}" if meant else "take it out"


def of_bullet(text: str) -> str | None:
    """A hint at what stands in place of the '-' of a step, or without the blank behind it."""
    meant = plain(text) or text
    if meant.strip("-") == "" or meant in _BULLETS or re.fullmatch(r"\(?\d{1,3}[.):]", meant):
        return DASH
    if text.startswith("-") and text[1:2].isalpha():
        return f"a '-' is followed by a blank: write - {text[1:]}"
    return None
