"""20,000 mutated specs: each is a network or an error that says where, within its share of time and memory."""

import resource
import sys

import pytest
from mutations import mutations, survive

SEED = 2026
MOST_BYTES = 200 * 10**6


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("part", range(10))
def test_mutated_specs(part: int) -> None:
    before = peak_bytes()
    for text in mutations(SEED + part, 2000):
        survive(text)
    assert peak_bytes() - before < MOST_BYTES
