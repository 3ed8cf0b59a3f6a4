"""How a command says that it failed."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from cnnprof.errors import CnnprofError
from cnnprof.report import Annotation


def say(error: CnnprofError) -> None:
    """Print the error: as JSON where the result would have been, and as an annotation, too, in a log of GitHub Actions."""
    words = sys.argv[1:]
    formats = [after for before, after in pairwise(words) if before == "--format"]
    formats += [word.partition("=")[2] for word in words if word.startswith("--format=")]
    if "--json" in words or "json" in formats:
        import json

        print(json.dumps({"error": error.to_dict()}), file=sys.stderr)
    else:
        print(f"error: {error}", file=sys.stderr)
    if "github" in formats or os.environ.get("GITHUB_ACTIONS") == "true":
        from cnnprof.reports.github import command_of

        print(command_of(Annotation("error", "cnnprof", error.message, error.place)), file=sys.stderr)
    sys.stderr.flush()
