"""Settings of torch models: keyword arguments, as values or as the text that spells them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from cnnprof.errors import CnnprofError


def parse_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with every text as the Python value that it spells (`0.5`, `true`, `(1, 2)`), or itself if it spells none.

    Raises CnnprofError for what cannot be written so and handed on: `1e999` is infinite.
    """
    return {key: _writable(key, _parse(value) if isinstance(value, str) else value) for key, value in settings.items()}


def _writable(key: str, value: Any) -> Any:
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError):
        raise CnnprofError(f"the setting '{key}' cannot be {value!r}", hint="numbers, texts, lists and the like") from None
    return value


def _parse(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
