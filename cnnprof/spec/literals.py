"""Values that stand in settings, in table cells and behind `--set`: a number, true or false, a list, or a text."""

from __future__ import annotations

import re

from cnnprof.spec.expressions import CONSTANTS, MAX_LENGTH, Code, compile_expression
from cnnprof.spec.located import Token, read_expression
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import TextScope
from cnnprof.spec.values import Value

_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")
"""Numbers as an axis has thousands of them: read without a syntax tree."""

_NUMBER = re.compile(r"[+-]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)([eE][+-]?\d+)?\Z")
_ARITHMETIC = re.compile(r"[-+*/%.,\d\s()_]*\d[-+*/%.,\d\s()_]*\Z")
_DECIMAL = re.compile(r"[+-]?\d+,\d+\Z")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+\Z")
_YAML = {
    **dict.fromkeys(("yes", "on"), "true"),
    **dict.fromkeys(("no", "off"), "false"),
    **dict.fromkeys(("null", "~", ""), "none"),
}


def read_literal(text: str) -> Value:
    """The value of a text without a place. Raises ExpressionError for a list or a number that is none.

    In a list a bare word is a text: `[basic, bottleneck]`.
    """
    text = text.strip()
    if text in CONSTANTS or text in ("True", "False", "None"):
        return CONSTANTS[text.lower()]
    if _PLAIN.match(text):
        return float(text) if "." in text else int(text)
    if _NUMBER.match(text):
        return compile_expression(_decimal(text))(TextScope())
    if text.startswith(("[", "(")):
        return compile_expression(text)(TextScope())
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if len(text) <= MAX_LENGTH and _ARITHMETIC.match(text) and (code := _compiled(text)):
        return code(TextScope())
    return text


def read_cell(token: Token) -> Value:
    """The value of a word of a spec. Raises SpecError with its place for a list or a number that is none.

    YAML's other words for true, false and nothing, which would be texts, are refused, and so is a decimal with a comma.
    """
    if not token.text and not token.scalar.style:
        raise token.error("there is no value", "write none for an empty one")
    if (meant := _YAML.get(token.text.lower())) is not None:
        raise token.error(f"'{token.text}' would be a text", f"write {meant}; a text stands in quotes: '{token.text}'")
    if _THOUSANDS.match(token.text):
        raise token.error(f"'{token.text}' is no number", f"a number has no commas: write {token.text.replace(',', '')}")
    if _DECIMAL.match(token.text):
        decimal = token.text.replace(",", ".")
        raise token.error(f"'{token.text}' is a decimal, or a list", f"write {decimal} for a number, [{token.text}] for a list")
    try:
        return read_literal(token.text)
    except ExpressionError:
        return read_expression(token).evaluate(TextScope())


def _compiled(text: str) -> Code | None:
    try:
        return compile_expression(text)
    except ExpressionError:
        return None


def _decimal(text: str) -> str:
    """The number without leading zeros, which Python refuses."""
    return re.sub(r"^([+-]?)0+(?=\d)", r"\1", text)
