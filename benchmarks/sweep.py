"""A sweep of 100,000 and of a million points beside one row of `compare` that is read through torch: CPU time and peak memory.

Each runs in a process of its own; the sweep's time is without the start of Python.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile

SWEEP = """
import resource, sys, time
import cnnprof
widths, inputs = map(int, sys.argv[1:])
axes = {"width": [round(0.25 + 1.25 * i / widths, 6) for i in range(widths)], "input": list(range(32, 32 + inputs))}
swept = cnnprof.sweep("mobilenet_v2", axes)
began = time.process_time()
points = sum(len(block["params"]) for block in swept.blocks())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(points, time.process_time() - began, peak)
"""
SIZES = ((100, 1000), (1000, 1000))


def sweep(widths: int, inputs: int) -> tuple[int, float, float]:
    """Points, seconds of CPU and peak megabytes."""
    command = [sys.executable, "-c", SWEEP, str(widths), str(inputs)]
    points, seconds, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(points), float(seconds), float(peak) / 1e6


def row() -> float:
    """Seconds of CPU of one row of a comparison that was not read before."""
    command = [sys.executable, "-m", "cnnprof", "compare", "torchvision:mobilenet_v2"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ | {"CNNPROF_CACHE": cache})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line a sweep."""
    single = row()
    print(f"\nSweeps of mobilenet_v2 over width and input, all figures; one compare row through torch: {single:.1f} s of CPU")
    print(f"{'points':>12}{'CPU s':>9}{'of the row':>12}{'points of that time':>21}{'peak MB':>9}")
    for size in SIZES:
        points, seconds, peak = sweep(*size)
        print(f"{points:12,}{seconds:9.2f}{seconds / single:12.2f}{points * single / seconds:21,.0f}{peak:9.0f}")


if __name__ == "__main__":
    main()
