"""Accuracies that others state, as data: of torchvision's weights, of timm's checkpoints, and of a user's own file.

Each belongs to weights, a recipe, a data set and the input that it was measured at. `torchvision.csv` and `timm.csv` name
their sources in their first lines.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cnnprof.errors import Place, UsageError, did_you_mean
from cnnprof.files import read_within
from cnnprof.network.graph import Accuracy
from cnnprof.record import record

IMAGENET = "ImageNet-1K"
PAPER, TIMM = "paper", "timm"
TORCHVISION = "torchvision-"
RECIPES = ("torchvision-v1", "torchvision-v2", PAPER, TIMM)
"""The sources that a whole table can take its accuracies from, besides a file."""

MAX_BYTES = 10**7
"""Of a user's file."""

ROUNDED = 5_000
"""Parameters in timm's table are rounded to 10,000."""


@record
class Stated:
    """An accuracy with the network that it is stated of.

    Args:
        name: as its source has it: `resnet50`, `resnet50.a1_in1k`.
        accuracy: in percent, with its source and input.
        params: parameters of the network, for telling a namesake apart; None where the source has none.
        macs: multiply-accumulates where the source has them, to 10^6.
        default: whether the bare name stands for these weights.
        place: where a user's file has it.
    """

    name: str
    accuracy: Accuracy
    params: int | None = None
    macs: int | None = None
    default: bool = False
    place: Place | None = None


def recipe_of(accuracy: Accuracy) -> str:
    """Whose training an accuracy is of: `torchvision-v1`, `torchvision-v2`, `timm`, `paper`, or the file that states it."""
    source = accuracy.source
    if source.startswith("torchvision IMAGENET1K_"):
        weights = source.removeprefix("torchvision IMAGENET1K_").partition(",")[0].partition(" ")[0]
        return TORCHVISION + weights.lower().replace("_", "-")
    if source.startswith("timm"):
        return TIMM
    return source.partition(",")[0] if source.partition(":")[0].endswith(".csv") else PAPER


def torchvision_source(weights: str) -> str:
    """The source of an accuracy in the metadata of torchvision's weights, of one crop, as bundled specs name it."""
    return f"torchvision {weights}, 1 crop"


@cache
def torchvision_weights() -> dict[str, tuple[Stated, ...]]:
    """torchvision's classification weights by model."""
    found: dict[str, tuple[Stated, ...]] = {}
    for row in _bundled("torchvision"):
        source = torchvision_source(row["weights"])
        accuracy = Accuracy(float(row["top1"]), float(row["top5"]), source, IMAGENET, _sizes(row["input"]))
        macs = round(float(row["giga_macs"]) * 1e9)
        stated = Stated(row["model"], accuracy, int(row["params"]), macs, bool(row["default"]))
        found[stated.name] = (*found.get(stated.name, ()), stated)
    return found


@cache
def timm_checkpoints() -> dict[str, Stated]:
    """timm's checkpoints by `NAME.TAG`, and those that a bare name stands for by `NAME`, too."""
    found: dict[str, Stated] = {}
    for row in _bundled("timm"):
        name = row["model"]
        source = f"timm {name.partition('.')[2]}"
        accuracy = Accuracy(float(row["top1"]), float(row["top5"]), source, IMAGENET, _sizes(row["input"]))
        found[name] = stated = Stated(name, accuracy, int(row["params"]), None, bool(row["default"]))
        if stated.default:
            found[name.partition(".")[0]] = stated
    return found


def accuracy_from(recipe: str, name: str, params: int, own: Accuracy | None) -> Accuracy | None:
    """The accuracy of one recipe for a network, None where that source states none.

    Args:
        recipe: one of `RECIPES`.
        name: the network's name without a prefix, `resnet50` or `resnet50.a1_in1k`.
        params: its parameters: a namesake of another size is another network.
        own: what is stated of it where it comes from.
    """
    own = own if own and recipe_of(own) == recipe else None
    if recipe == TIMM:
        stated = timm_checkpoints().get(name) or timm_checkpoints().get(name.partition(".")[0])
        return stated.accuracy if stated and abs(params - (stated.params or 0)) <= ROUNDED else own
    for stated in torchvision_weights().get(name.partition(".")[0], ()):
        if recipe_of(stated.accuracy) == recipe and stated.params == params:
            return stated.accuracy
    return own


def read_accuracies(path: Path) -> dict[str, Stated]:
    """A user's accuracies by network: CSV with the columns model and top1 or top5, and if need be dataset, input and source.

    Raises UsageError with the line for another shape, a value outside of 0 to 100, or a network that stands twice.
    """
    if path.suffix != ".csv":
        raise UsageError(f"'{path}' is no file of accuracies", hint="its name ends with .csv")
    try:
        text = read_within(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
    lines = text.splitlines()
    reader = csv.DictReader(lines)
    header = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    for name in header:
        if name not in _COLUMNS:
            hint = did_you_mean(name, _COLUMNS) or f"the columns are {', '.join(_COLUMNS)}"
            raise UsageError(f"there is no column '{name}' in a file of accuracies", _at(path, lines, 1, name), hint)
    if "model" not in header or not {"top1", "top5"} & {*header}:
        hint = "its first line names the columns, such as model,top1,top5"
        raise UsageError(f"{path} is no file of accuracies", _at(path, lines, 1), hint)
    found: dict[str, Stated] = {}
    for row in reader:
        number = reader.line_num
        if None in row or None in row.values():
            raise UsageError(f"this line has not {len(header)} cells", _at(path, lines, number))
        cells = {name: value.strip() for name, value in row.items()}
        if not cells["model"]:
            raise UsageError("this line names no model", _at(path, lines, number))
        if cells["model"] in found:
            raise UsageError(f"'{cells['model']}' stands twice", _at(path, lines, number, cells["model"]))
        found[cells["model"]] = _read_row(path, lines, number, cells)
    return found


_COLUMNS = ("model", "top1", "top5", "dataset", "input", "source")


def _read_row(path: Path, lines: list[str], number: int, cells: dict[str, str]) -> Stated:
    figures: list[float | None] = []
    for name in ("top1", "top5"):
        text = cells.get(name, "")
        try:
            value = float(text.removesuffix("%")) if text else None
        except ValueError:
            value = -1.0
        if value is not None and not 0 <= value <= 100:
            raise UsageError(f"{name} is in percent, from 0 to 100, and not '{text}'", _at(path, lines, number, text))
        figures.append(value)
    size = None
    if cells.get("input"):
        parts = cells["input"].split("x")
        if len(parts) != 3 or not all(part.isdecimal() and int(part) for part in parts):
            at = _at(path, lines, number, cells["input"])
            raise UsageError(f"'{cells['input']}' is not an input size", at, "channels, height and width, as in 3x224x224")
        size = _sizes(cells["input"])
    source = f"{path.name}: {cells['source']}" if cells.get("source") else path.name
    accuracy = Accuracy(figures[0], figures[1], source, cells.get("dataset") or IMAGENET, size)
    return Stated(cells["model"], accuracy, place=_at(path, lines, number, cells["model"]))


def _at(path: Path, lines: list[str], number: int, word: str = "") -> Place:
    line = lines[number - 1] if number <= len(lines) else ""
    column = max(0, line.find(word)) if word else 0
    return Place(str(path), number, column + 1, line, max(1, len(word)))


def _bundled(name: str) -> Iterator[dict[str, str]]:
    """The rows of a file beside this module, without its comments."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split("x"))
