"""`cnnprof spec`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination

PANEL = "Networks"


@reported()
def command(
    word: Annotated[str | None, typer.Argument(help="A word of the language: conv, add, ...", show_default="all")] = None,
    *,
    out: Destination,
) -> None:
    """The spec language: every word with what it does and an example, or one word with all that it takes.

    Examples:

      cnnprof spec

      cnnprof spec conv
    """
    from cnnprof.sources.specs import words
    from cnnprof.views.language import show_word, show_words

    # A layer and a join may have one name.
    found = words(word)
    out.emit(show_word(found[0]) if len(found) == 1 else show_words(found))
