"""The command line as a user calls it: a process of its own; and what stands in a picture."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def cnnprof(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
    """Run `cnnprof` with the arguments; a defect of its own fails the test at once."""
    env = (
        {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
        | {"CNNPROF_DEBUG": "1"}
        | environment
    )
    result = subprocess.run(
        [sys.executable, "-m", "cnnprof", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=env, timeout=300
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert "a defect in cnnprof" not in result.stderr, result.stderr
    return Finished(result.returncode, result.stdout, result.stderr)


def texts(svg: bytes) -> list[str]:
    """What is written in a picture."""
    return ["".join(part.itertext()).strip() for part in ElementTree.fromstring(svg).iter() if part.tag.endswith("}text")]
