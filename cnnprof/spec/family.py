"""A spec file as data: settings, variants, tables, blocks and layers of one family of networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.errors import SpecError, did_you_mean
from cnnprof.record import record
from cnnprof.spec.blocks import Block, BlockParameter
from cnnprof.spec.inputs import DeclaredInput, Output, read_batch, read_inputs, read_outputs
from cnnprof.spec.located import Token, read_expression, whole_token
from cnnprof.spec.onelayer import read_size
from cnnprof.spec.oneline import LineReader
from cnnprof.spec.published import Published, read_published
from cnnprof.spec.reader import Entries, Scalar, Source, Yaml, parse_yaml, read_source, shorten
from cnnprof.spec.settings import read_setting
from cnnprof.spec.steps import Step
from cnnprof.spec.structure import Structure
from cnnprof.spec.tables import check_name, read_table
from cnnprof.spec.texts import TEXTS, Description, read_text, read_truth, read_year
from cnnprof.spec.tokens import split_commas
from cnnprof.spec.unread import unread
from cnnprof.spec.values import Table, Value
from cnnprof.spec.variants import Variant, read_variants
from cnnprof.spec.words import WORDS

if TYPE_CHECKING:
    from cnnprof.spec.held import Held

KEYS = (
    "name",
    "year",
    "paper",
    "about",
    "notes",
    "dataset",
    "input",
    "inputs",
    "batch",
    "settings",
    "tables",
    "blocks",
    "shared",
    "default",
    "variants",
    "published",
    "inplace",
    "held",
    "layers",
    "outputs",
)
MAX_ARGUMENTS = 64
_STEP_WORDS = ("use", "let", "give", "none", "if", "else")


@record(eq=False)
class Family:
    """One file.

    Args:
        name: what people call the family.
        stem: the file's name without its suffix; the name of a network that has no variants.
        path: the file, as the user knows it.
        inputs: what the network takes, channels in front.
        batch: the one batch that the layers are written for, or N, the name of each in expressions.
        outputs: what it returns under a name; without any, what its layers end with.
        inplace: whether activations on lines of their own work in place, too.
        held: layers whose outputs the network's own code holds longer than they are read.
        warnings: what the file says and nothing reads, each with its place.
        settings: default values, in the file's order.
        default: the variant that the stem stands for.
    """

    name: str
    stem: str
    path: str
    inputs: tuple[DeclaredInput, ...]
    layers: Step
    source: Source
    description: Description = field(default_factory=Description)
    default: str | None = None
    settings: Mapping[str, Value] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    published: Published = field(default_factory=Published)
    outputs: tuple[Output, ...] = ()
    batch: int | str | None = None
    inplace: bool = False
    held: tuple[Held, ...] = ()
    warnings: tuple[str, ...] = ()

    def variant(self, name: str | None) -> Variant | None:
        """The variant of that name; for None the default one, or the only one, or None where there are no variants.

        Raises SpecError if there is no such variant, or none is the default.
        """
        if name is None and not self.variants:
            return None
        if name is None and self.default is None and len(self.variants) == 1:
            return next(iter(self.variants.values()))
        if name is None and self.default is None:
            choices = " ".join(self.variants)
            hint = f"write {self.path}#{next(iter(self.variants))}; there are {choices}"
            raise SpecError(f"{self.path} has several variants and no default", hint=shorten(hint))
        chosen = name or self.default or ""
        if chosen in self.variants:
            return self.variants[chosen]
        known = " ".join(self.variants)
        hint = did_you_mean(chosen, self.variants) or (f"its variants are {known}" if known else "it has no variants")
        raise SpecError(f"{self.path} has no variant '{chosen}'", hint=shorten(hint))


def read_family(path: Path, shown: str | None = None) -> Family:
    """The family that a file describes. Raises SpecError with the place of a mistake.

    Args:
        shown: the file's name in messages; its path if left out.
    """
    source = read_source(path, shown or str(path))
    return _parse_once(source.file, source.text, path.stem)


def parse_family(source: Source, stem: str) -> Family:
    """The family that a text describes; `stem` names a network without variants. Raises SpecError."""
    try:
        return _Reader(source, stem).read()
    except RecursionError:
        raise SpecError(f"{source.file}: its steps nest too deeply") from None


@lru_cache(maxsize=64)
def _parse_once(file: str, text: str, stem: str) -> Family:
    """For who loads many variants of a file; a changed file has another text."""
    return parse_family(Source(file, text), stem)


class _Reader:
    """Reads the keys of one file, each when what it needs is known."""

    def __init__(self, source: Source, stem: str) -> None:
        self.source = source
        self.stem = stem
        self.root = parse_yaml(source)
        for key, value in self.root.pairs:
            if key.value not in KEYS:
                from cnnprof.spec.mistaken_keys import of_file_key

                hint = (
                    self._of_others()
                    or of_file_key(key, value)
                    or did_you_mean(key.value, KEYS)
                    or f"the keys are {' '.join(KEYS)}"
                )
                raise key.error(f"unknown key '{key.value}'", hint)

    def read(self) -> Family:
        settings = self._settings()
        tables = self._each("tables", lambda key, node: read_table(check_name(key, "a table"), node))
        structure, blocks = self._blocks()
        variants = read_variants(self.root.get("variants"), settings)
        published, year = self.root.get("published"), self.root.get("year")
        return Family(
            name=self._text("name") or self.stem,
            stem=self.stem,
            path=self.source.file,
            inputs=read_inputs(self.root),
            layers=structure.read(self._layers()),
            source=self.source,
            description=Description(None if year is None else read_year(year), *map(self._text, TEXTS)),
            default=self._default(variants),
            settings=settings,
            tables=tables,
            blocks=blocks,
            variants=variants,
            published=Published() if published is None else read_published(published),
            outputs=read_outputs(self.root.get("outputs")),
            batch=read_batch(self.root.get("batch")),
            inplace=self._flag("inplace"),
            held=self._held(),
            warnings=unread(self.root, blocks, tables),
        )

    def _of_others(self) -> str | None:
        """The way on for a model's file that is written for another tool."""
        keys = {key.value for key, _ in self.root.pairs}
        if {"class_name", "config"} <= keys:
            return "this is a model of Keras': name the file net.json or net.keras, and cnnprof summary reads it"
        if {"backbone", "head"} <= keys:
            return "this is a model of Ultralytics': yolo export model=NAME.pt format=onnx, and cnnprof summary NAME.onnx"
        return None

    def _settings(self) -> dict[str, Value]:
        settings = self._each("settings", lambda key, node: read_setting(check_name(key, "a setting"), node))
        batch = self.root.get("batch")
        if batch is not None and read_batch(batch) in settings:
            raise batch.error(f"'{read_batch(batch)}' is a setting here, and the batch")
        return settings

    def _each(self, name: str, read: Callable[[Token, Yaml], Value]) -> dict[str, Value]:
        """A mapping's values, read one by one; empty if the key is missing."""
        node = self.root.get(name)
        if node is None:
            return {}
        if not isinstance(node, Entries):
            raise node.error(f"'{name}' is a mapping of names", f"as in {name}: {{name: ...}}, or one name a line")
        return {key.value.strip(): read(whole_token(key), value) for key, value in node.pairs}

    def _blocks(self) -> tuple[Structure, dict[str, Block]]:
        """Signatures first, bodies then: a block may call one that stands behind it."""
        blocks: dict[str, Block] = {}
        bodies: list[tuple[Block, Yaml]] = []
        for kind in ("blocks", "shared"):
            node = self.root.get(kind)
            if node is not None and not isinstance(node, Entries):
                signature = re.match(r"\w+\s*\([^()]*\)", node.value) if isinstance(node, Scalar) else None
                form = f"as in {kind}: and below it 'unit(w, s=1):'"
                hint = f"a signature ends with a colon: {signature[0]}:" if signature else form
                raise node.error(f"'{kind}' is a mapping of signatures", hint)
            for key, body in node.pairs if node is not None else ():
                block = _read_signature(key, kind == "shared")
                if block.name in blocks:
                    raise key.error(f"the block '{block.name}' stands twice")
                blocks[block.name] = block
                bodies.append((block, body))
        for block, _ in bodies:
            if block.within is not None and (block.within.text not in blocks or block.within.text == block.name):
                near = did_you_mean(block.within.text, [name for name in blocks if name != block.name])
                raise block.within.error(f"'in {block.within.text}' names no other block", near)
        structure = Structure(LineReader(blocks, set()))
        for block, body in bodies:
            block.body = structure.read(body)
        return structure, blocks

    def _layers(self) -> Yaml:
        node = self.root.get("layers")
        if node is None:
            raise self.root.error("there is no 'layers'", "a spec has at least 'input' and 'layers'")
        if isinstance(node, Scalar) and not node.value.strip():
            raise node.error("'layers' has no steps", "steps stand below it, one a line, each with its own '-'")
        return node

    def _flag(self, name: str) -> bool:
        node = self.root.get(name)
        return node is not None and read_truth(node, name)

    def _held(self) -> tuple[Held, ...]:
        node = self.root.get("held")
        if node is None:
            return ()
        from cnnprof.spec.held import read_held  # few files say it

        return read_held(node)

    def _default(self, variants: Mapping[str, Variant]) -> str | None:
        name = self._text("default")
        if name is not None and name not in variants:
            node = self.root.get("default")
            known = f"the variants are {' '.join(variants)}" if variants else "there are no variants: leave it out"
            hint = did_you_mean(name, variants) or known
            raise (node or self.root).error(f"the default '{name}' is not a variant", hint)
        return name

    def _text(self, name: str) -> str | None:
        node = self.root.get(name)
        return None if node is None else read_text(name, node)


def _read_signature(key: Scalar, shared: bool) -> Block:
    """`bottleneck(w, s=1)` without its body; of a shared block also `mlp(w) in gate`."""
    text = whole_token(key)
    within = None
    if shared and (found := re.search(r"\)\s+in\s+(\w+)\Z", text.text)):
        within = text.cut(found.start(1))
        text = Token(text.text[: found.start() + 1], key, text.start)
    at = text.text.find("(")
    name = Token(text.text[:at].rstrip() if at >= 0 else text.text, key, text.start)
    check_name(name, "a block")
    if name.text in WORDS or name.text in _STEP_WORDS:
        hint = f"use another name, such as {name.text}_block"
        raise name.error(f"'{name.text}' cannot name a block: it is a word of the language", hint)
    if at < 0 or not text.text.endswith(")"):
        raise key.error("a block's key is its signature", f"write {name.text}(): or {name.text}(w, s=1):")
    parameters: dict[str, BlockParameter] = {}
    for part in split_commas(Token(text.text[at + 1 : -1], key, text.start + at + 1)):
        parameter = _read_parameter(part)
        if parameter.name in parameters:
            raise part.error(f"the argument '{parameter.name}' stands twice")
        if parameter.default is None and any(other.default for other in [*parameters.values()][-1:]):
            raise part.error("an argument without a default stands before those with one")
        parameters[parameter.name] = parameter
        if len(parameters) > MAX_ARGUMENTS:
            raise part.error(f"a block has at most {MAX_ARGUMENTS} arguments")
    return Block(name.text, tuple(parameters.values()), key.place, shared, within)


def _read_parameter(part: Token) -> BlockParameter:
    name, equals, _ = part.text.partition("=")
    token = Token(name.rstrip(), part.scalar, part.start)
    check_name(token, "an argument")
    if not equals:
        return BlockParameter(token, None)
    value = part.cut(len(name) + 1)
    value = value.cut(len(value.text) - len(value.text.lstrip()))
    return BlockParameter(token, read_size(value) or read_expression(value))
