"""Networks written as specs: by name from the project's own folders or the bundled ones, or by path."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnprof.errors import CnnprofError, SpecError, did_you_mean
from cnnprof.network.graph import Graph
from cnnprof.sources._cache import ask, recall_spec
from cnnprof.sources._catalogue import bundled_folder, own_and_bundled, scan
from cnnprof.sources._files import SPECS
from cnnprof.sources._shared import from_project
from cnnprof.sources._types import InputSize, Settings

if TYPE_CHECKING:
    from cnnprof.spec import Family

SCHEMA = "cnnprof.schema.json"
_STARTER = Path(__file__).parent.parent / "spec" / "starter.yaml"


def names() -> dict[str, Path]:
    """Every name with the file that defines it, the project's own before the bundled ones.

    Raises SpecError if two files in one place define a name.
    """
    found: dict[str, Path] = {}
    for folders in own_and_bundled():
        for name, paths in scan(folders).items():
            if name not in found:
                found[name] = _only(name, paths)
    return found


def catalogue(wanted: Container[str] | None = None) -> Iterator[tuple[str, Graph | CnnprofError]]:
    """Every network once, under its own name, or what is wrong with it; each file is read once.

    Args:
        wanted: the names that are asked for; all if left out.
    """
    from cnnprof.spec import read_family

    files: dict[Path, list[str]] = {}
    for name, path in names().items():
        if wanted is None or name in wanted:
            files.setdefault(path, []).append(name)
    for path, defined in files.items():
        try:
            family = read_family(path, _shown(path))
        except SpecError as error:
            yield from ((name, error) for name in defined)
            continue
        # A family's own name stands for its default variant.
        variants = (name if name in family.variants else family.default or name for name in defined)
        for name in dict.fromkeys(variants):
            yield name, _elaborated(family, name if family.variants else None)


def each_once(wanted: list[str]) -> list[str]:
    """The names without those of families whose default variant is among them: both stand for one network."""
    from cnnprof.spec import read_family

    files = names()

    def is_repeated(name: str) -> bool:
        path = files.get(name)
        if path is None or path.stem != name:
            return False
        try:
            variant = _variant(read_family(path, _shown(path)), name)
        except SpecError:
            return False
        return variant not in (None, name) and variant in wanted and files[variant] == path

    return [name for name in wanted if not is_repeated(name)]


def _elaborated(family: Family, variant: str | None) -> Graph | CnnprofError:
    from cnnprof.spec import elaborate

    try:
        return elaborate(family, variant)
    except CnnprofError as error:
        return error


def find(name: str) -> tuple[Family, str | None] | None:
    """The family and the variant of a bare name, None if no spec has it; the variant is None in a family without variants."""
    from cnnprof.spec import read_family

    for folders in own_and_bundled():
        paths = scan(folders).get(name)
        if paths:
            family = read_family(path := _only(name, paths), _shown(path))
            return family, _variant(family, name)
    return None


def load(reference: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph of `name`, `path.yaml` or `path.yaml#variant`. Raises SpecError if there is none."""

    def make() -> Graph:
        from cnnprof.spec import elaborate

        family, variant = _resolve(reference)
        return elaborate(family, variant, settings, input_shape, batch)

    found = _locate(reference)
    if found is None or not _is_plain([input_shape, batch, *(settings or {}).values()]):
        return make()
    path, shown, asked = found
    try:
        if not path.is_file():
            return make()
        digest = sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return make()  # which says what is wrong
    question = ask(asked, settings or {}, input_shape, batch) | {"file": digest, "stem": path.stem}
    graph = recall_spec(question, shown, make)
    return replace(graph, facts=replace(graph.facts, source=from_project(path)))


def _locate(reference: str) -> tuple[Path, str, str] | None:
    """The file that a reference names, as a user would type it, and which network of it is asked for; None if there is none."""
    path, _, variant = reference.partition("#")
    if _is_file(path):
        return Path(path), path, f"#{variant}"
    for folders in own_and_bundled():
        paths = scan(folders).get(path)
        if paths:
            found = _only(path, paths)
            return found, _shown(found), f"{path}#{variant}"
    return None


def identify(reference: str) -> dict[str, str] | None:
    """The digest of a spec's file, which tells its text from any other; None where there is no such file."""
    try:
        found = _locate(reference)
        if found is None:
            return None
        path, _, asked = found
        return {"asked": asked, "file": sha256(path.read_bytes()).hexdigest(), "source": from_project(path)}
    except (OSError, ValueError):
        return None


def _is_plain(value: object) -> bool:
    """Whether the text of a value says all of it; that of an array does not."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def read(reference: str) -> tuple[Family, str | None]:
    """The family and the variant that a reference names; None for the default one. Raises SpecError if there is none."""
    return _resolve(reference)


def read_text(reference: str) -> str:
    """The text of the file that a reference names."""
    return _resolve(reference)[0].source.text


def own_text(reference: str) -> str:
    """The text of the file that a reference names, for which the network of the reference is the default one."""
    family, variant = _resolve(reference)
    lines = [line for line in family.source.text.splitlines() if not line.startswith("# yaml-language-server:")]
    if variant is not None:
        named = f"default: {variant}"
        at = next((number for number, line in enumerate(lines) if line.startswith("default:")), None)
        if at is None:
            lines.insert(next(number for number, line in enumerate(lines) if line.startswith("variants:")), named)
        else:
            lines[at] = named
    return "\n".join(lines) + "\n"


def starter_text(path: Path) -> str:
    """A commented spec to begin with, for a file of this name."""
    return _STARTER.read_text(encoding="utf-8").replace("{file}", str(path))


def words(name: str | None = None) -> list[dict[str, Any]]:
    """The words of the language as data, layers and then joins, or the one of that name. Raises SpecError if there is none."""
    from cnnprof.spec.mistakes import NEAR, of_step
    from cnnprof.spec.words import JOINS, LETTERS, WORDS

    found = [
        {
            "name": word,
            "kind": row.kind or "layer",
            "help": row.help,
            "takes": [*row.known],
            "required": [*row.required],
            "letters": {letter: option for letter, option in LETTERS.items() if option in row.known},
            "examples": [each._asdict() for each in row.examples or _in_joins(word)],
        }
        for word, row in WORDS.items()
    ]
    found += [
        {
            "name": word,
            "kind": "join",
            "help": join.help,
            "takes": ["name", *(["inplace"] * join.inplace), *(["axis"] * join.along)],
            "required": [],
            "examples": [each._asdict() for each in join.examples],
        }
        for word, join in JOINS.items()
    ]
    if name is None:
        return found
    chosen = [each for each in found if each["name"] == name]
    if not chosen and not parts(name):
        near = did_you_mean(name, (*WORDS, *JOINS), NEAR)
        hint = _takers(name) or of_step(name, ()) or near or "cnnprof spec shows them all"
        raise SpecError(f"the language has no word '{name}'", hint=hint)
    return chosen


def _in_joins(word: str) -> list[Any]:
    """The examples of joins in which a word stands."""
    from cnnprof.spec.words import JOINS

    return [example for join in JOINS.values() for example in join.examples if f'"{word} ' in example.step]


def _takers(option: str) -> str | None:
    """A hint at the words that take an option; None where none does."""
    from cnnprof.spec.words import LETTERS, WORDS

    known = LETTERS.get(option, option)
    takers = [word for word, row in WORDS.items() if known in row.known]
    several = f"{', '.join(takers[:3])}{' and others' if len(takers) > 3 else ''}"
    return f"an option of {several}: cnnprof spec {takers[0]}" if takers else None


def parts(name: str | None = None) -> list[dict[str, Any]]:
    """The parts of a spec beside its words, as data: all of them, or what has that name."""
    from cnnprof.spec.grammar import PARTS

    return [part._asdict() for part in PARTS if name in (None, part.name, *part.others)]


def read_schema() -> str:
    """The JSON Schema of the language, for editors."""
    from cnnprof.spec.reader import read_source

    return read_source(bundled_folder() / SCHEMA, SCHEMA).text


def _resolve(reference: str) -> tuple[Family, str | None]:
    path, _, variant = reference.partition("#")
    if _is_file(path):
        from cnnprof.spec import read_family

        return read_family(Path(path), path), variant or None
    found = find(path)
    if found is None:
        raise SpecError(f"unknown network '{path}'", hint=did_you_mean(path, names()) or "cnnprof list shows the names")
    return (found[0], variant) if variant else found


def _is_file(path: str) -> bool:
    return path.endswith(SPECS) or "/" in path or "\\" in path


def _only(name: str, paths: list[Path]) -> Path:
    if len(paths) > 1:
        files = " and ".join(_shown(path) for path in paths)
        raise SpecError(f"'{name}' is defined twice, in {files}", hint="rename one of the two")
    return paths[0]


def _variant(family: Family, name: str) -> str | None:
    if name in family.variants:
        return name
    return family.default


def _shown(path: Path) -> str:
    """The path as a user would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
