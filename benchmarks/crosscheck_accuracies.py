"""The bundled accuracies of timm's checkpoints, held against the installed timm: every name that it has.

Each name has to be a model with that checkpoint; the one that a bare name stands for has to be timm's own choice; and an
accuracy measured at another size than the checkpoint is made for must not be stated at that. Of a sample, or of all
(`--sample 2000`), the layers are read as well: `compare` has to show the accuracy, and parameters within timm's rounding.
"""

from __future__ import annotations

import random
import warnings

import typer
from rich.console import Console
from rich.progress import track

import cnnprof
from cnnprof.accuracies import ROUNDED, Stated, timm_checkpoints
from cnnprof.errors import CnnprofError
from cnnprof.torch_bridge.zoo import import_timm, timm_input


def main(sample: int = 40, seed: int = 0) -> None:
    """Print what does not hold of timm's names, SAMPLE of them read layer by layer; exits with 1 if something does not."""
    warnings.simplefilter("ignore")
    timm = import_timm()
    stated = {each.name: each for each in timm_checkpoints().values()}
    there = [name for name in stated if timm.is_model(name)]
    wrong = [f"{name}: {fault}" for name in there for fault in name_faults(stated[name])]
    read = random.Random(seed).sample(there, min(sample, len(there)))
    for name in track(read, "comparing", console=Console(stderr=True)):
        wrong += [f"{name}: {fault}" for fault in figure_faults(stated[name])]
    print(*wrong, sep="\n")
    print(f"timm {timm.__version__} has {len(there)} of {len(stated)} names; {len(read)} read; {len(wrong)} faults")
    raise typer.Exit(bool(wrong))


def name_faults(stated: Stated) -> list[str]:
    """What timm says otherwise of a checkpoint's name."""
    from timm.models import get_pretrained_cfg  # type: ignore[import-not-found, unused-ignore]

    bare, _, tag = stated.name.partition(".")
    faults = []
    if get_pretrained_cfg(stated.name) is None:
        faults.append("timm has no such checkpoint")
    if (get_pretrained_cfg(bare).tag == tag) != stated.default:
        faults.append(f"the bare name stands for {get_pretrained_cfg(bare).tag}")
    if stated.default and timm_checkpoints()[bare] != stated:
        faults.append("the bare name has another accuracy")
    return faults


def figure_faults(stated: Stated) -> list[str]:
    """What `compare` shows otherwise of a checkpoint."""
    try:
        (entry,) = cnnprof.compare(f"timm:{stated.name}").entries
    except CnnprofError as error:
        return [str(error).splitlines()[0]]
    faults = []
    expected = stated.accuracy if timm_input(stated.name) == stated.accuracy.input else None
    if entry.accuracy != expected:
        faults.append(f"shows {entry.accuracy}, and {expected} is stated")
    params = entry.total("params")
    if params is None or abs(params - (stated.params or 0)) > ROUNDED:
        faults.append(f"has {params} parameters, and {stated.params} are stated")
    return faults


if __name__ == "__main__":
    typer.run(main)
