"""How a command says that it failed."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from cnnprof.errors import CnnprofError
from cnnprof.report import Annotation


def say(error: CnnprofError, annotates: bool = True) -> None:
    """Print the error: as JSON where the result would have been, and as an annotation, too, in a log of GitHub Actions.

    `annotates` is false where a report has the annotation already.
    """
    words = sys.argv[1:]
    formats = [after for before, after in pairwise(words) if before == "--format"]
    formats += [word.partition("=")[2] for word in words if word.startswith("--format=")]
    if "--json" in words or "json" in formats:
        import json

        print(json.dumps({"error": error.to_dict()}), file=sys.stderr)
    else:
        print(f"error: {error}", file=sys.stderr)
    if annotates and ("github" in formats or os.environ.get("GITHUB_ACTIONS") == "true"):
        from cnnprof.reports.github import command_of

        # What stands in an option or came through a pipe has a place, too, and no file that a code host could show.
        place = error.place if error.place and os.path.isfile(error.place.file) else None
        print(command_of(Annotation("error", "cnnprof", error.message, place)), file=sys.stderr)
    sys.stderr.flush()
