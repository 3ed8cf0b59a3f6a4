"""A network's ends: the sizes of its inputs, and which outputs it returns under which names."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from cnnprof.errors import Place, SpecError, did_you_mean
from cnnprof.network.dims import Dim, Shape, known
from cnnprof.network.graph import INPUT
from cnnprof.spec.batches import BATCH
from cnnprof.spec.entrywise import as_whole, is_fraction
from cnnprof.spec.located import Expression, Token, read_expression, whole_token
from cnnprof.spec.mistakes import of_size
from cnnprof.spec.reader import Entries, Scalar, Yaml
from cnnprof.spec.scope import Scope
from cnnprof.spec.tables import check_name
from cnnprof.spec.tokens import NAME, split_words
from cnnprof.spec.values import MAX_INT, Tensor, Value, describe_kind, is_number
from cnnprof.spec.words import WORDS

_ORDERS = ("C", "CL", "CHW", "CDHW")
"""Channels first, by the number of sizes less one."""

_FORMS = "as in 3x224x224, or 3 x res x res"
_ENTRIES = "each entry of a list has a line of its own: 'p3: levels[0]'"
_COLOURS = (1, 3, 4)
_SMALLEST_IMAGE = 8
_SMALLEST_PHOTO = 32
_SOUND = (1, 2)
_SHORTEST_SOUND = 1000
"""Samples of one channel or two, more than there are channels anywhere on a single one."""


class DeclaredInput(NamedTuple):
    """One input: its sizes with channels in front, and whether the spec says in letters which is which."""

    name: str
    sizes: tuple[Expression, ...]
    lettered: bool
    place: Place

    def shape(self, scope: Scope) -> Shape:
        """(C, H, W) or the like. Raises SpecError for a size that is none, and for what is most likely another order."""
        shape = tuple([_size(expression, expression.evaluate(scope)) for expression in self.sizes])
        if not self.lettered and (hint := misread(shape)):
            raise SpecError(
                f"{'x'.join(map(str, shape))} is read as {shape[0]} channel{'s' * (shape[0] != 1)}", self.place, hint
            )
        return shape


class Output(NamedTuple):
    """An output that the network returns: what the network calls it, and the name of the step's output, or which of a list."""

    name: str
    token: Token
    entry: Expression | None = None


def read_inputs(root: Entries) -> tuple[DeclaredInput, ...]:
    """The inputs under `input` or `inputs`. Raises SpecError if there is none, or both."""
    one, several = root.get("input"), root.get("inputs")
    if one is not None and several is not None:
        raise root.key("inputs").error("a spec has 'input' or 'inputs', not both")
    if several is None:
        if one is None:
            raise root.error("there is no 'input'", "a spec has at least 'input' and 'layers'")
        return (_read_input(INPUT, one),)
    if not isinstance(several, Entries) or not several.pairs:
        raise several.error("'inputs' is a mapping of names to sizes", "as in inputs: {left: 3x224x224, right: 3x224x224}")
    return tuple(_read_input(_input_name(whole_token(key)), node) for key, node in several.pairs)


def _input_name(token: Token) -> str:
    name = check_name(token, "an input")
    if name in WORDS:
        raise token.error(f"'{name}' cannot name an input: it is a layer")
    return name


def _read_input(name: str, node: Yaml) -> DeclaredInput:
    if not isinstance(node, Scalar):
        text = re.sub(r"\s*\n\s*-?\s*", ", ", node.source.text[node.start : node.end].strip())
        raise node.error("'input' is channels x height x width", _turned(of_size(text)) or "as in input: 3x224x224")
    tokens = split_words(node)
    order = tokens.pop().text if len(tokens) > 1 and _is_order(tokens[-1].text) else None
    if len(tokens) == 1:
        parts = _cut_sizes(tokens[0])
    else:
        parts = tokens[::2] if all(token.text == "x" for token in tokens[1::2]) else []
    product = len(parts) == 1 and (any(sign in parts[0].text for sign in "*,×") or re.match(r"\d+X\d", parts[0].text))
    if not 1 <= len(parts) <= len(_ORDERS) or len(tokens) % 2 == 0 or product:
        raise node.error(f"'{node.value}' is not channels x height x width", _turned(of_size(node.value)) or _FORMS)
    if len(parts) == 1 and not NAME.match(parts[0].text) and re.fullmatch(r"\d+([/:]\d+)+", parts[0].text):
        raise node.error(f"'{node.value}' is not channels x height x width", _turned(of_size(node.value)))
    if order is not None:
        wanted = _ORDERS[len(parts) - 1]
        if sorted(order) != sorted(wanted):
            raise node.error(
                f"'{order}' does not name {len(parts)} sizes", f"write {wanted}, or the same letters in your order"
            )
        parts = [parts[order.index(letter)] for letter in wanted]
    return DeclaredInput(name, tuple(read_expression(part) for part in parts), order is not None, node.place)


def _turned(hint: str | None) -> str | None:
    """The hint with the sizes in the order in which they would be taken."""
    sizes = re.fullmatch(r"write (\d+(?:x\d+)+)", hint or "")
    while sizes and (other := misread(tuple(map(int, sizes[1].split("x"))))):
        sizes = re.search(r"write (\d+(?:x\d+)+)", other)
    return f"write {sizes[1]}" if sizes else hint


def _is_order(word: str) -> bool:
    return any(sorted(word) == sorted(order) for order in _ORDERS)


def _cut_sizes(token: Token) -> list[Token]:
    """`3x224x224` as its three numbers; a single number or expression is itself."""
    parts = token.text.split("x")
    if len(parts) == 1:
        return [token]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return []
    starts = [sum(len(before) + 1 for before in parts[:position]) for position in range(len(parts))]
    return [Token(part, token.scalar, token.start + start) for part, start in zip(parts, starts, strict=True)]


def _size(expression: Expression, given: Value) -> Dim:
    value = as_whole(given)
    if not is_number(value) or is_fraction(value):
        raise expression.token.error(f"a size of the input is a whole number, not {describe_kind(value)}")
    if known(value) and not 1 <= value <= MAX_INT:
        raise expression.token.error(f"a size of the input is at least 1, not {value}")
    return value


def misread(shape: Shape) -> str | None:
    """A hint at what to write, where sizes look like height x width x channels, or like a batch of images; None elsewhere."""
    if not all(map(known, shape)):
        return None
    *front, last = shape
    if len(shape) == 4 and shape[0] == 1 and shape[1] in _COLOURS and min(shape[2:]) >= _SMALLEST_IMAGE:
        rest = "x".join(map(str, shape[1:]))
        return f"the batch is no part of an input: write {rest}; {'x'.join(map(str, shape))} CDHW is a volume"
    film = shape[0] == _COLOURS[1] and len(shape) == 4 and shape[1] > _COLOURS[1]  # of colours: more frames than a batch has
    if len(shape) == 4 and not film and shape[1] in _COLOURS[1:] and min(shape[2:]) >= _SMALLEST_PHOTO:
        rest, whole = ("x".join(map(str, sizes)) for sizes in (shape[1:], shape))
        return f"the batch is no part of an input: write {rest}, and --batch {shape[0]}; {whole} CDHW is a volume"
    if len(shape) == 2 and last in _SOUND and shape[0] >= _SHORTEST_SOUND:
        return f"channels stand in front: write {last}x{shape[0]}; {shape[0]}x{last} CL is taken as it is"
    image = len(shape) > 2 and min(front) >= _SMALLEST_IMAGE and last in _COLOURS
    if image and (last > 1 or front[0] == front[1]):
        turned = "x".join(map(str, (last, *front)))
        return f"channels stand in front: write {turned}; {'x'.join(map(str, shape))} {_ORDERS[len(front)]} is taken as it is"
    return None


def read_batch(node: Yaml | None) -> int | str | None:
    """The one batch that the layers are written for, or the name that expressions have for it. Raises SpecError otherwise."""
    if node is None:
        return None
    text = node.value.strip() if isinstance(node, Scalar) else ""
    if text == BATCH:
        return text
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_INT):
        hint = f"leave it out where no size holds it; {BATCH} is its name in expressions"
        raise node.error(f"'batch' is {BATCH}, or the one number of samples that the layers are written for", hint)
    return int(text)


def input_text(shape: Shape) -> str:
    """Sizes as `input` takes them, with their letters where they would be taken for a mistake."""
    sizes = "x".join(map(str, shape))
    return f"{sizes} {_ORDERS[len(shape) - 1]}" if misread(shape) else sizes


def read_outputs(node: Yaml | None) -> tuple[Output, ...]:
    """The outputs under `outputs`: names of outputs, or what to call them with their names. Raises SpecError."""
    if node is None:
        return ()
    hint = "as in outputs: [p3, p4, p5], or outputs: {boxes: b, scores: s}"
    if isinstance(node, Scalar):
        raise node.error("'outputs' is a list of outputs, or a mapping of names to outputs", f"{hint}; {_ENTRIES}")
    pairs = node.pairs if isinstance(node, Entries) else [(each, each) for each in node.nodes]
    found: dict[str, Output] = {}
    for key, value in pairs:
        for each in (key, value):
            if not isinstance(each, Scalar):
                raise each.error("an output is named by a word", hint)
        name, token = whole_token(key), whole_token(value)  # type: ignore[arg-type]
        check_name(name, "an output")
        entry = read_expression(token) if isinstance(node, Entries) and token.text.endswith("]") else None
        if entry is None:
            check_name(token, "an output")
        if name.text in found:
            raise name.error(f"the output '{name.text}' stands twice")
        found[name.text] = Output(name.text, token, entry)
    if not found:
        raise node.error("'outputs' names no output", hint)
    return tuple(found.values())


def find_outputs(outputs: tuple[Output, ...], scope: Scope, inputs: int, in_heads: Collection[int]) -> dict[str, Tensor]:
    """The tensors of the outputs by name, at the network's end; `in_heads` are those that only training makes.

    Raises SpecError for a name that is none, an input's, or a head's.
    """
    found: dict[str, Tensor] = {}
    for output in outputs:
        value = output.entry.evaluate(scope) if output.entry else scope.get(output.token.text)
        if value is None:
            tensors = [name for name, other in scope.items() if isinstance(other, Tensor)]
            hint = did_you_mean(output.token.text, tensors) or "name a step with '-> name'"
            raise output.token.error(f"there is no output '{output.token.text}'", hint)
        if not isinstance(value, Tensor):
            entries = _ENTRIES if isinstance(value, tuple) else None
            raise output.token.error(f"'{output.token.text}' is {describe_kind(value)}, not an output", entries)
        if value.index < inputs:
            raise output.token.error(f"'{output.token.text}' is an input, and no output", "'identity' computes nothing, either")
        if value.index in in_heads:
            hint = "only training runs it, and it gives nothing to inference"
            raise output.token.error(f"'{output.token.text}' stands in a training-only head", hint)
        twin = next((name for name, other in found.items() if other.index == value.index), None)
        if twin is not None:
            raise output.token.error(f"'{output.name}' and '{twin}' are one output")
        found[output.name] = value
    return found
