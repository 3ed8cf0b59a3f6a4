"""The processor's instruction set, on which oneDNN's kernels depend, and with them the memory that they hold."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal, get_args

CPU_INFO = Path("/proc/cpuinfo")

InstructionSet = Literal["sse41", "avx2", "avx512", "avx512_bf16", "amx", "arm64"]
INSTRUCTION_SETS: tuple[InstructionSet, ...] = get_args(InstructionSet)
"""Those that memory rules know, the processors' of one family from the lowest up."""

NEEDS: dict[InstructionSet, set[str]] = {
    "amx": {"amx_tile", "amx_bf16"},
    "avx512_bf16": {"avx512_bf16"},
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "avx2": {"avx2", "fma"},
}
"""Each instruction set from the highest down, and the flags of /proc/cpuinfo that it has beside those below it."""

USUAL_SET: InstructionSet = "avx2"
"""The instruction set that is assumed where nothing says which: most desktop and laptop processors have it."""

TITLES: dict[InstructionSet, str] = {
    "sse41": "SSE4.1",
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "avx512_bf16": "AVX-512 with bf16",
    "amx": "AMX",
    "arm64": "arm64",
}

ESTIMATED: dict[InstructionSet, str] = {"amx": TITLES["avx512_bf16"], "arm64": TITLES["avx2"]}
"""Sets whose kernels have not been measured, and those whose kernels they are taken to have."""


def of_this_machine() -> InstructionSet:
    """The instruction set that oneDNN uses here: the processor's, or less where ONEDNN_MAX_CPU_ISA says so.

    Of a processor whose flags the system does not list, `USUAL_SET`.
    """
    import platform

    if platform.machine().lower() in ("arm64", "aarch64"):
        return "arm64"
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    found = USUAL_SET if flags is None else of_flags(flags)
    return limited(found)


def limited(found: InstructionSet) -> InstructionSet:
    """The set, or what ONEDNN_MAX_CPU_ISA, or its older name DNNL_MAX_CPU_ISA, lets oneDNN use of it."""
    return lower(found, os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "")


def of_flags(flags: Collection[str]) -> InstructionSet:
    """The highest set of which the processor's flags name all, and all of those below it."""
    found: InstructionSet = "sse41"
    for name, needed in reversed(NEEDS.items()):
        if not needed.issubset(flags):
            break
        found = name
    return found


def lower(found: InstructionSet, limit: str) -> InstructionSet:
    """The set, or what oneDNN is limited to by the words that ONEDNN_MAX_CPU_ISA takes (`AVX2`, `AVX512_CORE_BF16`, ...)."""
    words: dict[str, InstructionSet] = {"SSE41": "sse41", "AVX": "sse41", "AVX512_CORE": "avx512", "AVX512_CORE_VNNI": "avx512"}
    limit = limit.upper()
    if "AMX" in limit or found == "arm64":
        most = found
    elif limit.startswith("AVX2"):
        most = "avx2"
    elif limit.startswith(("AVX512", "AVX10")):
        most = words.get(limit, "avx512_bf16")
    else:
        most = words.get(limit, found)
    return min(found, most, key=INSTRUCTION_SETS.index)
