"""`cnnprof list`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import typer

from cnnprof.cli.options import complete_name, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import CnnprofError, UsageError, did_you_mean
from cnnprof.judging.catalogue import Listed, Selection

PANEL = "Networks"


@reported()
def command(
    pattern: Annotated[
        str | None,
        typer.Argument(
            help="Show only the names that match, such as 'resnet*' or 'torchvision:*'.", autocompletion=complete_name
        ),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Only this family, or those that match: resnet, 'mobilenet*'.", show_default=False)
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            help="Only imagenet, cifar or mnist (by the reported accuracy's data set, else by the input), "
            "or edge: at most 10 M params and 600 M MACs.",
            show_default=False,
        ),
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(help="Only networks with at most so many parameters.", metavar="5M", show_default=False)
    ] = None,
    max_macs: Annotated[
        str | None, typer.Option(help="Only networks with at most so many MACs.", metavar="600M", show_default=False)
    ] = None,
    sort: Annotated[
        Literal["name", "year", "params", "macs", "top1"] | None,
        typer.Option(help="All in one table, the best first.", show_default="by family"),
    ] = None,
    *,
    out: Destination,
) -> None:
    """The networks there are: the project's own specs, the bundled ones, and torchvision's models.

    Examples:

      cnnprof list

      cnnprof list 'mobilenet*'

      cnnprof list --tag edge --max-params 3M --sort top1

      cnnprof list 'torchvision:*' --json
    """
    from cnnprof import sources
    from cnnprof.judging.budgets import budgets_of
    from cnnprof.views.catalogue import show_names

    given = {"max-params": max_params, "max-macs": max_macs}
    limits = {budget.key: budget.limit for budget in budgets_of({key: value for key, value in given.items() if value})}
    selection = Selection(family, tag, limits.get("max-params", float("inf")), limits.get("max-macs", float("inf")))
    with waiting("reading the specs") as say:
        names = [model.reference for model in sources.expand([pattern])] if pattern else sources.every_name()
        own = set(sources.spec_names())
        if pattern and names == [pattern] and pattern not in own:
            sources.check_name(pattern)
        networks, broken = _read(names, say)
    _check(selection, networks)
    found = [network for network in networks if selection.takes(network)]
    others = [] if selection != Selection() else [name for name in names if name not in own]
    out.emit(show_names(found, others, broken, sort))


def _read(names: Sequence[str], say: Callable[[str], None]) -> tuple[list[Listed], dict[str, CnnprofError]]:
    """The specs of these names, and what is wrong with those that are broken."""
    import gc

    from cnnprof.sources import specs

    # Hundreds of networks are a million small objects that live to the end: looking for garbage among them is wasted time.
    gc.disable()
    networks: list[Listed] = []
    broken: dict[str, CnnprofError] = {}
    for name, graph in specs.catalogue({*names}):
        say(f"reading {name}")
        try:
            if isinstance(graph, CnnprofError):
                raise graph
            networks.append(Listed.of(name, graph))
        except CnnprofError as error:
            broken[name] = error
    return networks, broken


def _check(selection: Selection, networks: Sequence[Listed]) -> None:
    """Raises UsageError for a family or a tag that no network has."""
    tags = {tag for network in networks for tag in network.tags}
    if selection.tag and selection.tag not in tags:
        raise UsageError(f"no network has the tag '{selection.tag}'", hint=f"one of {', '.join(sorted(tags))}")
    if selection.family and not any(Selection(selection.family).takes(network) for network in networks):
        families = {network.facts.family for network in networks}
        raise UsageError(
            f"there is no family '{selection.family}'",
            hint=did_you_mean(selection.family, families) or "cnnprof list shows them",
        )
