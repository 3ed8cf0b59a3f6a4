"""A million mutated specs, on every core: nothing but a network or an error that a user can read.

    python benchmarks/fuzz.py [COUNT [SEED]]

Prints the text of each one that fails, and leaves with 1 if there is one. A seed stands for 2,000 specs; a run takes SEED and
those that follow it.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from mutations import mutations, survive

SHARE = 2000
"""Specs a seed."""


def failures(seed: int) -> list[str]:
    """The texts of one seed that fail, each with what it failed of."""
    return [f"seed {seed}: {why}\n{text}" for text in mutations(seed, SHARE) if (why := _failure(text))]


def _failure(text: str) -> str:
    try:
        survive(text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    """Run all of them and say how far it is."""
    given = [int(word) for word in sys.argv[1:3]]
    count, first = (*given, *(1_000_000, 0)[len(given) :])
    seeds = range(first, first + -(-count // SHARE))
    begin, failed = time.monotonic(), 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, future in enumerate(as_completed([pool.submit(failures, seed) for seed in seeds]), 1):
            for text in future.result():
                failed += 1
                print(f"\n{text}", flush=True)
            left = (time.monotonic() - begin) / done * (len(seeds) - done)
            print(f"\r{done * SHARE:,} of {len(seeds) * SHARE:,}, {failed} failed, {left:.0f} s left ", end="", file=sys.stderr)
    print(f"\n{len(seeds) * SHARE:,} mutated specs in {time.monotonic() - begin:.0f} s: {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
