"""`cnnprof spec`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cnnprof.cli.once import Once
from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination

PANEL = "Networks"


class Parser(Once):
    """Takes `->` for a word of the language, where others take it for an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the parser does."""
        if "->" in args and "--" not in args:
            args = [*(word for word in args if word != "->"), "--", "->"]
        return super().parse_args(ctx, args)


@reported()
def command(
    word: Annotated[
        str | None, typer.Argument(help="A word or a key of the language: conv, add, repeat, blocks, ...", show_default="all")
    ] = None,
    *,
    out: Destination,
) -> None:
    """The spec language: its words, keys and loops with what they do and an example, or one of them with all that it takes.

    Examples:

      cnnprof spec

      cnnprof spec conv

      cnnprof spec repeat

      cnnprof spec '->'
    """
    from cnnprof.sources.specs import parts, words
    from cnnprof.views.language import show_part, show_word, show_words

    found, others = words(word), parts(word)
    if word is None:
        out.emit(show_words(found, others))
    else:
        out.emit(show_word(found) if found else show_part(others[0]))
