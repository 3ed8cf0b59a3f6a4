"""Networks of one name under several sources, held against each other: `compare` shows the same figures, or says what differs.

Each group is all that `cnnprof list` has under one name: bundled, torchvision's and timm's. At one input all of it has the same
parameters, multiply-accumulates and activations, or a remark names the two that differ; an accuracy that is another one is of
another recipe, and marked so or named in a remark.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterable

import typer
from rich.console import Console
from rich.progress import track

import cnnprof
from cnnprof.api.listing import list_networks
from cnnprof.errors import CnnprofError

FIGURES = ("params", "macs", "activations")
STATED = 0.05
"""Points of accuracy within which one recipe is one figure: papers state a decimal."""


def main(sample: int = 1_000, seed: int = 0) -> None:
    """Print what does not hold of SAMPLE names that several sources have; exits with 1 if something does not."""
    warnings.simplefilter("ignore")
    found = groups(every_name())
    read = random.Random(seed).sample(sorted(found), min(sample, len(found)))
    wrong = []
    for name in track(read, "comparing", console=Console(stderr=True)):
        wrong += faults(found[name])
    print(*wrong, sep="\n")
    print(f"{len(found)} names of several sources; {len(read)} compared; {len(wrong)} faults")
    raise typer.Exit(bool(wrong))


def every_name() -> list[str]:
    """All that `cnnprof list` has. Raises UnavailableError without torchvision or timm."""
    return [network.name for pattern in (None, "torchvision:*", "timm:*") for network in list_networks(pattern)]


def bare(name: str) -> str:
    """`resnet50` of `timm:resnet50.a1_in1k`."""
    return name.rpartition(":")[2].partition(".")[0]


def groups(names: Iterable[str]) -> dict[str, list[str]]:
    """The names that stand for one network in several sources; tags of weights are left out."""
    found: dict[str, list[str]] = {}
    for name in names:
        if "." not in name:
            found.setdefault(bare(name), []).append(name)
    return {name: group for name, group in found.items() if len(group) > 1}


def faults(references: list[str]) -> list[str]:
    """What `compare` shows of namesakes that differs from the first one's and is not said."""
    try:
        report = cnnprof.compare(references).report()
    except CnnprofError as error:
        return [f"{references[0]}: {str(error).splitlines()[0]}"]
    first, *others = report.data["rows"]
    found = [f"{row['model']}: {row['failure']}" for row in (first, *others) if row["failure"]]
    for row in others if not found else ():
        differs = [figure for figure in FIGURES if row[figure] != first[figure]]
        words = [{*re.split("[ ,]+", note)} for note in report.notes]
        noted = any({first["model"], row["model"]} <= each for each in words)
        if row["input"] != first["input"]:
            noted = any("inputs" in each and {first["model"], row["model"]} & each for each in words)
        if differs and not noted:
            found.append(f"{row['model']}: {', '.join(differs)} differ from {first['model']}'s, and nothing says so")
        if row["input"] == first["input"] and None not in (row["top1"], first["top1"]):
            same = row["recipe"] == first["recipe"]
            if same and not noted and abs(row["top1"] - first["top1"]) > STATED:
                found.append(f"{row['model']}: {row['top1']} of {row['recipe']}, and {first['model']} has {first['top1']}")
            if not same and not row["accuracy_mark"].endswith("≠"):
                found.append(f"{row['model']}: {row['recipe']} is not marked beside {first['recipe']}")
    return found


if __name__ == "__main__":
    typer.run(main)
