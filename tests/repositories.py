"""A folder to be looked at, whose code leaves a mark once it has been executed."""

from __future__ import annotations

from pathlib import Path

CODE = "from pathlib import Path\nPath('{mark}').write_text('ran')\ndef b(): raise SystemExit\nresnet50 = b\n"


def has_run(folder: Path) -> bool:
    """Whether the code of the folder has been executed."""
    return (folder / "ran").exists()
