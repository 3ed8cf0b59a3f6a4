"""Whole-process time, peak memory and instructions of `cnnprof summary` beside the tables of fvcore and torchinfo, in one run.

Each command is a fresh process; they take turns, so that what slows one down slows down all. Printed are medians and ratios,
and, where valgrind is installed, instructions, which no load on the machine changes.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7

# torchvision's wheel beside a CPU build of torch lacks the two operators that its import looks for.
TORCHVISION = """
import sys, torch
try:
    import torchvision
except RuntimeError:
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
model = torchvision.models.resnet50().eval()
"""
FVCORE = """
import logging
from fvcore.nn import FlopCountAnalysis, flop_count_table
logging.disable(logging.CRITICAL)
print(flop_count_table(FlopCountAnalysis(model, torch.zeros(1, 3, 224, 224))))
"""
TORCHINFO = """
import torchinfo
print(torchinfo.summary(model, (1, 3, 224, 224)))
"""
OTHERS = {"fvcore flop_count_table": TORCHVISION + FVCORE, "torchinfo summary": TORCHVISION + TORCHINFO}
LIBRARIES = "import typer, rich.console, rich.table"
"""What every command line made of these two would start with."""
EARLIER = 1_152_282_322
"""Instructions of `summary resnet50` at commit 2606854, before specs were kept and records were made by one mechanism."""
OURS = ("resnet50", "torchvision:resnet50", "resnet1202")


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a process, which must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)[:200]} failed with {process.returncode}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return seconds, kilobytes * 1024 / 1e6


def instructions(command: list[str], cache: str) -> int:
    """Instructions that the process executes, by valgrind."""
    environment = os.environ | {"CNNPROF_CACHE": cache, "PYTHONHASHSEED": "0"}
    wrapped = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command]
    done = subprocess.run(wrapped, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, env=environment)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if not found:
        sys.exit(f"valgrind counted nothing:\n{done.stderr}")
    return int(found[1].replace(",", ""))


def count_instructions() -> None:
    """Print what a summary executes at the first and the second call, beside its libraries and an earlier version."""
    if not shutil.which("valgrind"):
        print("\nInstructions are not counted: valgrind is not installed")
        return
    libraries = [sys.executable, "-c", LIBRARIES]
    summary = [sys.executable, "-m", "cnnprof", "summary", "resnet50"]
    with tempfile.TemporaryDirectory() as cache:
        counts = {"first call": instructions(summary, cache), "second call": instructions(summary, cache)}
        base = instructions(libraries, cache)
    print(f"\nInstructions, by valgrind; {LIBRARIES}: {base / 1e6:,.0f} M")
    print(f"{'':40}{'M':>9}   of the imports   of {EARLIER / 1e6:,.0f} M (commit 2606854)")
    for name, count in counts.items():
        print(f"{f'cnnprof summary resnet50, {name}':40}{count / 1e6:9,.0f}{count / base:17.2f}{count / EARLIER:13.2f}")


def main() -> None:
    """Measure in turns and print medians and ratios."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # pip has compiled the others; ours is compiled on its first start
    commands = {f"cnnprof summary {name}": [sys.executable, "-m", "cnnprof", "summary", name] for name in OURS}
    commands |= {name: [sys.executable, "-c", code] for name, code in OTHERS.items()}
    for command in commands.values():
        measure(command)  # fills the caches of the disk and of captured models
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(measure(command))
    seconds = {name: statistics.median(run[0] for run in some) for name, some in runs.items()}
    print(f"Whole process, median of {ROUNDS} runs in turns")
    print(f"{'':40}{'seconds':>9}{'peak MB':>9}   {'  '.join(f'of {name}' for name in OTHERS)}")
    for name, some in runs.items():
        peak = max(run[1] for run in some)
        ratios = "  ".join(f"{f'1/{seconds[other] / seconds[name]:.1f}':>{len(other) + 3}}" for other in OTHERS)
        print(f"{name:40}{seconds[name]:9.3f}{peak:9.1f}   {ratios}")
    base = seconds["cnnprof summary resnet50"]
    print(f"resnet1202 / resnet50: {seconds['cnnprof summary resnet1202'] / base:.2f}")
    count_instructions()


if __name__ == "__main__":
    main()
