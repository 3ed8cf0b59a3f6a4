"""How much memory there is, and the largest batch that fits into it."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnnprof.errors import UnavailableError, UsageError, did_you_mean
from cnnprof.footprint.execution import CUBLAS_BYTES, HOPPER_CUBLAS_BYTES, Device, device_kind
from cnnprof.record import record
from cnnprof.units import factor_of, split_quantity

CARDS = {
    "RTX 3070": 8,
    "RTX 4060": 8,
    "RTX 3080": 10,
    "RTX 2080 Ti": 11,
    "RTX 3060": 12,
    "RTX 4070": 12,
    "P100": 16,
    "RTX 4080": 16,
    "T4": 16,
    "V100": 16,
    "RTX 3090": 24,
    "RTX 4090": 24,
    "A10": 24,
    "A10G": 24,
    "L4": 24,
    "RTX 5090": 32,
    "V100 32GB": 32,
    "A100 40GB": 40,
    "A40": 48,
    "A6000": 48,
    "L40S": 48,
    "A100": 80,
    "A100 80GB": 80,
    "H100": 80,
    "H200": 141,
}
"""Memory of well-known cards in GB, as their makers count it."""

HOPPER = ("H100", "H200")

CONTEXT_SHARE = 0.06
"""The share of a card that driver and CUDA context take, about."""

ALLOCATOR_SHARE = 0.05
"""The share of a CUDA device that torch's allocator cannot give to tensors, about: sizes are rounded up, segments have gaps."""

HINT = "a size with its unit (8GB, 512MiB), a device (cuda:0, cpu) or a card: " + ", ".join(CARDS)


@record
class Capacity:
    """Memory that a network may take.

    Args:
        name: what it is called in reports.
        bytes: how much it is.
        device: `cpu` or `cuda`, whose kernels run there.
        cublas_bytes: as `Execution.cublas_bytes`.
    """

    name: str
    bytes: int
    device: Device
    cublas_bytes: int = CUBLAS_BYTES


@record
class Fit:
    """The largest batch that fits into some memory, in inference (`infer`) or training (`train`).

    `batch` is 0 if not even one image fits. `peak_bytes` is what that batch takes, or the one image that is too much.
    """

    capacity: Capacity
    mode: str
    batch: int
    peak_bytes: int


def parse_capacity(text: str, device: Device, free: Callable[[str], int | None]) -> Capacity:
    """The memory that a user names: `8GB` (of the `device`), `cuda:0` or `cpu` (what is `free` there) or a card.

    Raises UsageError for anything else, and for a device that does not say what is free.
    """
    parts = split_quantity(text)
    factor = factor_of(parts[1], "bytes") if parts and parts[1] else None
    if parts and factor:
        size = int(parts[0] * factor)
        if not size:
            raise UsageError(f"nothing fits into {text}", hint=HINT)
        return Capacity(text.strip(), size, device)
    kind = device_kind(text)
    if kind:
        try:
            found = free(text)
        except UnavailableError as error:
            raise UnavailableError(error.message, hint="give a size, such as --fit 8GB, or a card, such as --fit T4") from None
        if found is None:
            raise UsageError(f"{text} does not say how much memory is free", hint="give a size, such as --fit 8GB")
        return Capacity(f"{text}, free now", int(found * (1 - ALLOCATOR_SHARE)) if kind == "cuda" else found, kind)
    cards = {_squeezed(name): name for name in CARDS}
    name = cards.get(_squeezed(text))
    if name is None:
        close = None if text[:1].isdigit() else did_you_mean(text.upper(), CARDS)
        if re.fullmatch(r"\d{4}", text):
            close = next((f"did you mean '{card}'?" for card in CARDS if card.endswith(text)), None)
        raise UsageError(f"'{text}' is no amount of memory", hint=close or HINT)
    buffers = HOPPER_CUBLAS_BYTES if name in HOPPER else CUBLAS_BYTES
    return Capacity(f"{name}, {CARDS[name]} GB, CUDA", int(CARDS[name] * 10**9 * (1 - CONTEXT_SHARE)), "cuda", buffers)


def largest_batch(peak: Callable[[int], int], capacity: Capacity, mode: str) -> Fit:
    """The largest batch whose peak fits, found by steps along the line through the last two peaks, and by halving.

    `peak` gives the bytes that a batch takes; it must grow with the batch.
    """
    at = {1: peak(1)}
    if at[1] > capacity.bytes:
        return Fit(capacity, mode, 0, at[1])
    low, high, step = 1, None, 1
    while high is None or high - low > 1:
        guess = low + max(1, step)
        if high is not None and not low < guess < high:
            guess = (low + high) // 2
        at[guess] = peak(guess)
        if at[guess] > capacity.bytes:
            high = guess
        else:
            grown = at[guess] - at[low]
            step = (capacity.bytes - at[guess]) * (guess - low) // grown if grown > 0 else 2 * guess
            low = guess
    return Fit(capacity, mode, low, at[low])


def _squeezed(name: str) -> str:
    return re.sub(r"nvidia|geforce|tesla|[^a-z0-9]", "", name.lower())
