"""A calibration of a machine that nobody has: every operation takes three times what its ceilings allow."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from cnnprof.measure.calibration_files import keep_operations
from cnnprof.measure.grid import designed
from cnnprof.measure.options import Options
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.operations import Timed, operation_alone
from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings, Rate

FLOPS, BANDWIDTH, OVERHEAD = 100e9, 10e9, 1e-6
TIMES_THE_LIMIT = 3.0
WAY = {"device": "cpu", "dtype": "fp32", "threads": 1, "layout": "nchw"}


@cache
def made_up() -> Calibration:
    """The designed grid, timed on it."""
    rates = (*(Rate(kind, "test", FLOPS) for kind in ARITHMETIC), Rate(MEMORY, "test", BANDWIDTH, 2**28))
    ceilings = Ceilings({"processor": "Edge", "cores": 1, "torch": "2"}, WAY, rates, OVERHEAD)
    table = {}
    for layer, shapes in designed():
        operation = operation_alone(layer, shapes, 4)
        if operation is not None:
            limit = math.hypot(2 * operation.macs / FLOPS, operation.bytes / BANDWIDTH, OVERHEAD)
            table[operation.key] = Timed(operation, TIMES_THE_LIMIT * limit, TIMES_THE_LIMIT * limit)
    return Calibration(ceilings, table, conditions={"time": "2020-01-01T00:00:00Z", "busy": ""})


def write(path, **changes):
    """The calibration, with other fields, in a file; returns its path as text."""
    keep_operations(replace(made_up(), **changes), Options(), path)
    return str(path)
