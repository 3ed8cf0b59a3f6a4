"""A worker process: reads a task from standard input, does its work, writes what happens as JSON lines.

It is started by `supervisor`. Lines go to a file that the parent looks at a few times a second: reading a pipe would wake the
parent at every line, on a core that the measurement may need.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import pickle
import signal
import sys
import threading
import time
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.measure.task import Event, Reporter, Task

_DEATH_SIGNAL = 1  # prctl.h: PR_SET_PDEATHSIG
_LOOK_SECONDS = 1.0


def main() -> None:
    """Do one task and leave; an error that concerns no single network ends the process with its message."""
    # Ctrl-C reaches every process of a terminal; the parent decides what ends when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what torch's libraries or a user's model print must not mix with the results
    parent = int(sys.stdin.buffer.readline())
    _end_with(parent)
    task = pickle.load(sys.stdin.buffer)

    def report(event: Event) -> None:
        lines.write(json.dumps(event) + "\n")

    try:
        do(task, report)
    except CnnprofError as error:
        report({"event": "fatal", "error": error.message})


def _end_with(parent: int) -> None:
    """See to it that this process ends when the parent does, of whatever: nobody would wait for its answer."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def do(task: Task, report: Reporter) -> None:
    """Open the task's device and do its work there; the first event says what the measurement holds for."""
    from cnnprof.measure import system_info

    options = task.options
    # Before torch is loaded, so that no allocation has been made the other way.
    mallopt = options.mallopt and system_info.keep_freed_memory()

    gc.disable()
    import torch

    from cnnprof.measure.devices import open_device

    # torch stays: looking through it for garbage takes a tenth of its import, and would come back amid a measurement.
    gc.freeze()
    gc.enable()

    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    device = open_device(options.device)
    environment: dict[str, Any] = system_info.machine() | {
        "torch": torch.__version__,
        "device": device.name,
        "threads": options.threads,
        "layout": options.layout,
        "mallopt": mallopt,
        **device.facts(),
    }
    if options.dtype == "amp":
        environment["autocast"] = str(torch.get_autocast_dtype(device.name.partition(":")[0])).removeprefix("torch.")
    if options.threads > 1:
        environment["parallel_cost"] = round(system_info.parallel_cost(options.threads), 1)
    report({"event": "environment", "environment": environment})
    task.work(device, report)
    report({"event": "done"})
