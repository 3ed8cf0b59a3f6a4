"""A file of JSON lines that measurements are added to as they come, so that neither an interrupt nor a crash loses them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cnnprof.core.errors import UsageError
from cnnprof.core.measurements import Measurement


def append(path: Path, measurements: Iterable[Measurement]) -> None:
    """Add the measurements to the file, which is made if it is not there. Raises UsageError if it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(measurement.to_dict()) + "\n" for measurement in measurements)
    except OSError as error:
        raise UsageError(f"cannot write the journal {path}: {error.strerror}") from None
