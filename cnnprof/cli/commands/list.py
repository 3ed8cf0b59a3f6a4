"""`cnnprof list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cnnprof.cli.choosing import ChoiceOptions, choosing
from cnnprof.cli.completion import complete_name
from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import CnnprofError, UsageError, did_you_mean, suggest
from cnnprof.judging.catalogue import Listed, Selection

PANEL = "Networks"
MORE = "timm's models are listed by a pattern: cnnprof list 'timm:*', or cnnprof list resnet"


@reported()
@choosing("sort", "where", "columns", "exact")
def command(
    pattern: Annotated[
        str | None,
        typer.Argument(
            help="Show only the names that match, such as 'resnet*' or 'torchvision:*'.", autocompletion=complete_name
        ),
    ] = None,
    family: Annotated[str | None, typer.Option(help="Only this family, or those that match: resnet, 'mobilenet*'.")] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            help="Only imagenet, cifar, mnist, coco and so on (the data set that a network is for, by its input where nothing "
            "says it), or edge: at most 10 M params and 600 M MACs."
        ),
    ] = None,
    max_params: Annotated[str | None, typer.Option(help="Only networks with at most so many parameters.", metavar="5M")] = None,
    max_macs: Annotated[str | None, typer.Option(help="Only networks with at most so many MACs.", metavar="600M")] = None,
    min_top1: Annotated[float | None, typer.Option(help="Only networks with at least this top-1 accuracy, in percent.")] = None,
    min_year: Annotated[int | None, typer.Option(help="Only networks of this year or later.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Only networks with an accuracy on this data set: imagenet, cifar-10, mnist."),
    ] = None,
    *,
    choice: ChoiceOptions,
    out: Destination,
) -> None:
    """The networks there are: the project's own specs, the bundled ones, torchvision's and timm's models.

    Examples:

      cnnprof list resnet

      cnnprof list --tag edge --max-params 3M --sort top1

      cnnprof list 'torchvision:*' --where 'params < 5M and top1 > 70' --sort macs

      cnnprof list 'timm:mobilenetv4*' --json
    """
    from cnnprof.api.listing import list_networks
    from cnnprof.views.catalogue import show_names

    selection = Selection(family, tag, *_most(max_params, max_macs), min_top1, min_year, dataset)
    shown = choice.choice()
    with waiting("reading the networks"):
        networks = list_networks(pattern)
    found = _selected(selection, networks)
    out.emit(show_names(found, choice.sort, shown, "" if pattern else MORE))
    if any(network.error for network in found):
        raise typer.Exit(CnnprofError.exit_code)


def _most(params: str | None, macs: str | None) -> tuple[float, float]:
    """The limits as numbers; infinite where none is given."""
    from cnnprof.judging.budgets import budgets_of

    given = {"max-params": params, "max-macs": macs}
    limits = {budget.key: budget.limit for budget in budgets_of({key: value for key, value in given.items() if value})}
    return limits.get("max-params", float("inf")), limits.get("max-macs", float("inf"))


def _selected(selection: Selection, networks: Sequence[Listed]) -> list[Listed]:
    """The networks that are asked for, and those that are broken. Raises UsageError for a family or a tag that none has."""
    tags = {tag for network in networks for tag in network.tags}
    if selection.tag and selection.tag not in tags:
        raise UsageError(f"no network has the tag '{selection.tag}'", hint=f"one of {', '.join(sorted(tags))}")
    if selection.family and not any(Selection(selection.family).takes(network) for network in networks):
        families = {network.facts.family for network in networks}
        raise UsageError(
            f"there is no family '{selection.family}'",
            hint=did_you_mean(selection.family, families) or "cnnprof list shows them",
        )
    datasets = {network.dataset for network in networks if network.dataset}
    if selection.dataset and not any(name.lower().startswith(selection.dataset.lower()) for name in datasets):
        hint = suggest(selection.dataset, sorted(datasets))
        raise UsageError(f"no network has an accuracy on '{selection.dataset}'", hint=hint)
    return [network for network in networks if network.error or selection.takes(network)]
