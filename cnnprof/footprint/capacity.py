"""How much memory there is, and the largest batch that fits into it."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnnprof.errors import UnavailableError, UsageError, did_you_mean
from cnnprof.footprint.execution import CUBLAS_BYTES, HOPPER_CUBLAS_BYTES, DeviceType, Mode, device_kind
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

BOARDS = {
    "Raspberry Pi Zero 2 W": 512e6,
    "Coral Dev Board": 1e9,
    "Coral Dev Board Mini": 2e9,
    "Raspberry Pi 3": 1e9,
    "Raspberry Pi 4": 4e9,
    "Raspberry Pi 5": 8e9,
    "Jetson Nano": 4e9,
    "Jetson Xavier NX": 8e9,
    "Jetson Orin Nano": 8e9,
    "Jetson AGX Orin": 64e9,
}
"""Memory of edge boards in bytes, as their makers count it; of several models the usual one; the system takes a part."""

KIB = 2**10
MICROCONTROLLERS = {
    "RP2040": (2048 * KIB, 264 * KIB),
    "ESP32": (4096 * KIB, 520 * KIB),
    "ESP32-S3": (8192 * KIB, 512 * KIB),
    "nRF52840": (1024 * KIB, 256 * KIB),
    "STM32F412": (1024 * KIB, 256 * KIB),
    "STM32F746": (1024 * KIB, 320 * KIB),
    "STM32F765": (2048 * KIB, 512 * KIB),
    "STM32H743": (2048 * KIB, 1024 * KIB),
    "MAX78000": (512 * KIB, 128 * KIB),
}
"""Flash and RAM of microcontrollers in bytes, by their data sheets; of the RP2040 and the ESP32 the flash of the usual module.

Weights lie in flash, tensors in RAM; both bind.
"""

BOARD_SHARE = 0.1
"""The share of a board's memory that its system takes, about."""

HOPPER = ("H100", "H200")

MOST_BYTES = 1e18

CONTEXT_SHARE = 0.06
"""The share of a card that driver and CUDA context take, about."""

ALLOCATOR_SHARE = 0.05
"""The share of a CUDA device that torch's allocator cannot give to tensors, about: sizes are rounded up, segments have gaps."""

HINT = "a size with its unit (8GB, 512MiB), a device (cuda:0, cpu), a card, a board or a microcontroller: " + ", ".join(
    (*CARDS, *BOARDS, *MICROCONTROLLERS)
)


@record
class Capacity:
    """Memory that a network may take.

    Args:
        name: what it is called in reports.
        bytes: how much it is.
        device: `cpu` or `cuda`, whose kernels run there.
        cublas_bytes: as `Execution.cublas_bytes`.
        flash_bytes: of a microcontroller, where weights lie apart from the rest; 0 elsewhere.
    """

    name: str
    bytes: int
    device: DeviceType
    cublas_bytes: int = CUBLAS_BYTES
    flash_bytes: int = 0


@record
class Fit:
    """The largest batch that fits into some memory, in inference (`infer`) or training (`train`).

    `batch` is 0 if not even one image fits. `peak_bytes` is what that batch takes, or the one image that is too much, without
    what lies in flash: `flash_bytes`, of a microcontroller only.
    """

    capacity: Capacity
    mode: Mode
    batch: int
    peak_bytes: int
    flash_bytes: int = 0

    @property
    def weights_fit(self) -> bool:
        """Whether the weights fit where they lie."""
        return self.flash_bytes <= self.capacity.flash_bytes


def parse_capacity(text: str, device: DeviceType, free: Callable[[str], int | None]) -> Capacity:
    """The memory that a user names: `8GB` (of the `device`), `cuda:0` or `cpu` (what is `free` there) or a card.

    Raises UsageError for anything else, and for a device that does not say what is free.
    """
    parts = split_quantity(text)
    factor = factor_of(parts[1], "bytes") if parts and parts[1] else None
    if parts and factor:
        if parts[0] * factor > MOST_BYTES:
            raise UsageError("no machine has that much memory", hint=HINT)
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
    known = {_squeezed(name): name for name in (*CARDS, *BOARDS, *MICROCONTROLLERS)}
    name = known.get(_squeezed(text))
    if name in BOARDS:
        return Capacity(f"{name}, {BOARDS[name] / 1e9:g} GB", int(BOARDS[name] * (1 - BOARD_SHARE)), "cpu")
    if name in MICROCONTROLLERS:
        flash, ram = MICROCONTROLLERS[name]
        return Capacity(f"{name}, {flash // KIB} KiB flash, {ram // KIB} KiB RAM", ram, "cpu", flash_bytes=flash)
    if name is None:
        close = None if text[:1].isdigit() else did_you_mean(text, known.values())
        if re.fullmatch(r"\d{4}", text):
            close = next((f"did you mean '{card}'?" for card in CARDS if card.endswith(text)), None)
        raise UsageError(f"'{text}' is no amount of memory", hint=close or HINT)
    buffers = HOPPER_CUBLAS_BYTES if name in HOPPER else CUBLAS_BYTES
    return Capacity(f"{name}, {CARDS[name]} GB, CUDA", int(CARDS[name] * 10**9 * (1 - CONTEXT_SHARE)), "cuda", buffers)


def largest_batch(peak: Callable[[int], int], capacity: Capacity, mode: Mode) -> Fit:
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
