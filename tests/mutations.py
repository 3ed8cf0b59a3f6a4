"""Specs with a few pieces left out, repeated, exchanged or put in, by a seed; and what must hold when one is read."""

import random
import re
import time
from collections.abc import Iterator

from spec_texts import FILE, read
from test_spec_networks import DENSENET, DPN, LENET, MOBILENET_V2, NASNET, RESNET

from cnnprof.errors import CnnprofError
from cnnprof.spec import elaborate

SPECS = [LENET, RESNET, MOBILENET_V2, DENSENET, DPN, NASNET]
PIECES = sorted(set(re.findall(r"[A-Za-z_]\w*|[\d.]+|[^\w\s]|[ \n]+", "".join(SPECS))))
ODD = ["\t", "é", "\u2028", "\r\n", "&a ", "*a", "!t ", "---\n", "? ", "<<: ", "10**9", "-1", "0", "none", "true", '"', "\x07"]
CPU_SECONDS = 1.0
"""That a spec may take of a processor that needs REFERENCE_SECONDS for `reference`; of a slower one as many times more."""
REFERENCE_SECONDS = 0.05
"""Of a server's core of 2023 under Python 3.11."""


def mutations(seed: int, count: int) -> Iterator[str]:
    """So many of them."""
    draw = random.Random(seed)
    for _ in range(count):
        text = draw.choice(SPECS)
        for _ in range(draw.randint(1, 4)):
            start = draw.randint(0, len(text))
            end = min(len(text), start + draw.choice([0, 0, 1, 2, 5, 20]))
            piece = draw.choice([draw.choice(PIECES), draw.choice(ODD), text[start:end] * 2])
            text = text[:start] + piece + text[end:]
        yield text


def survive(text: str, seconds: float = CPU_SECONDS) -> None:
    """Read the text and build its networks; an error can be shown and points into the text."""
    spent = read_whole(text)
    if spent < seconds:
        return
    # Whatever else runs on the machine takes some of the processor's caches, and of its clock.
    spent = min(spent, read_whole(text), read_whole(text))
    allowed = seconds * max(1.0, max(reference() for _ in range(3)) / REFERENCE_SECONDS)
    assert spent < allowed, f"{spent:.2f} s of processor time, where {allowed:.2f} s are allowed, for:\n{text}"


def read_whole(text: str) -> float:
    """Seconds of processor time that the text takes, up to three of its networks included."""
    start = time.process_time()
    try:
        family = read(text)
        for variant in [None, *family.variants][:3]:
            elaborate(family, variant)
    except CnnprofError as error:
        check_error(error, text)
    return time.process_time() - start


def reference() -> float:
    """Seconds of processor time for work of the reader's kind: small objects that are made, named and looked up."""
    start = time.process_time()
    rows = [{"number": number, "row": (number, str(number))} for number in range(100_000)]
    assert len({row["row"]: row for row in rows}) == len(rows)
    return time.process_time() - start


def check_error(error: CnnprofError, text: str) -> None:
    """The error's place is in the text, and what it says is nothing that a terminal obeys."""
    said = str(error)
    assert said.replace("\n", "").replace("\t", "").replace("\xa0", "").isprintable()
    if error.place:
        line = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)[error.place.line - 1]
        assert error.place.file == FILE
        assert error.place.text in (line, "")
        assert 1 <= error.place.column <= len(line) + 1
