"""The processor that the tests run on."""

from typing import Any

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import of_this_machine


def here(**how: Any) -> Execution:
    """A run with the kernels that oneDNN has for this processor."""
    return Execution(isa=of_this_machine(), **how)
