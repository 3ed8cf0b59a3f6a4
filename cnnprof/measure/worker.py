"""A worker process: reads a request from standard input, does its task, writes what happens as JSON lines.

It is started by `supervisor`. Lines go to a file that the parent looks at a few times a second: reading a pipe would wake the
parent at every line, on a core that the measurement may need.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnprof.errors import CnnprofError

if TYPE_CHECKING:
    from cnnprof.measure.devices import Device
    from cnnprof.measure.session import Report


def main() -> None:
    """Serve one request and leave; an error that concerns no single network ends the process with its message."""
    # Ctrl-C reaches every process of a terminal; the parent decides what ends when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what torch's libraries or a user's model print must not mix with the results
    request = json.load(sys.stdin)
    parent = os.getppid()

    def report(event: Mapping[str, Any]) -> None:
        if os.getppid() != parent:
            os._exit(1)  # the parent is gone, and nobody waits for an answer
        lines.write(json.dumps(event) + "\n")

    try:
        serve(request, report)
    except CnnprofError as error:
        report({"event": "fatal", "error": error.message})


def serve(request: Mapping[str, Any], report: Report) -> None:
    """Do the request's task."""
    from cnnprof.measure import surroundings

    options = request["options"]
    # Before torch is loaded, so that no allocation has been made the other way.
    mallopt = options["mallopt"] and surroundings.keep_freed_memory()

    import torch

    from cnnprof.measure.devices import open_device

    torch.manual_seed(0)
    torch.set_num_threads(options["threads"])
    device = open_device(options["device"])
    environment = surroundings.machine() | {
        "torch": torch.__version__,
        "device": device.name,
        "threads": options["threads"],
        "layout": options["layout"],
        "mallopt": mallopt,
        **device.facts(),
    }
    if options["dtype"] == "amp":
        environment["autocast"] = str(torch.get_autocast_dtype(device.name.partition(":")[0])).removeprefix("torch.")
    if options["threads"] > 1:
        environment["parallel_cost"] = round(surroundings.parallel_cost(options["threads"]), 1)
    report({"event": "environment", "environment": environment})

    match request["task"]:
        case "layers":
            time_layers(request, device, report)
        case "memory":
            from cnnprof.measure.memory import serve

            serve(request, device, report)
        case "calibrate":
            from cnnprof.measure.ceilings import measure_ceilings

            measure_ceilings(device, options["dtype"], options["layout"], report)
        case "energy":
            from cnnprof.measure.energy import meter_jobs

            meter_jobs(request, device, report)
        case _:
            time_networks(request, device, report)
    report({"event": "done"})


def time_networks(request: Mapping[str, Any], device: Device, report: Report) -> None:
    """Whole networks, in turns."""
    from cnnprof.measure import surroundings
    from cnnprof.measure.session import Plan, Session
    from cnnprof.measure.workload import prepare
    from cnnprof.network.graph import Graph

    options = request["options"]
    jobs = {job["index"]: job for job in request["jobs"]}
    session = Session(
        prepare=lambda index: prepare(
            Graph.from_dict(jobs[index]["graph"]),
            jobs[index]["batch"],
            device.name,
            options,
            jobs[index]["way"],
        ),
        device=device,
        plan=Plan(**request["plan"], seconds=_seconds_left(request)),
        usage=surroundings.usage,
        report=report,
    )
    stolen = surroundings.Stolen()
    session.run([*jobs])
    report({"event": "stolen", "share": stolen.share()})


def time_layers(request: Mapping[str, Any], device: Device, report: Report) -> None:
    """Networks layer by layer."""
    from cnnprof.measure.in_place import LayerSession, prepare_layers
    from cnnprof.network.graph import Graph

    options = request["options"]
    works = [
        prepare_layers(Graph.from_dict(job["graph"]), job["batch"], device, options["dtype"], options["layout"])
        for job in request["jobs"]
    ]
    LayerSession(works, device, report, **request["plan"], seconds=_seconds_left(request)).run()


def _seconds_left(request: Mapping[str, Any]) -> float:
    """Until the time by which the parent wants to be done; starting has taken some of it."""
    return max(0.0, float(request["until"]) - time.time())
