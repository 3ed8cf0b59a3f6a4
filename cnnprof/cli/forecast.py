"""Options of a prediction beside other figures, as a group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnprof.errors import UsageError

if TYPE_CHECKING:
    from cnnprof.api.compare import Comparison
    from cnnprof.cli.measured import RunOptions
    from cnnprof.measure.options import Options

Machine = Annotated[Path | None, typer.Option(help="A calibration made elsewhere: `cnnprof calibrate --grid -o FILE` there.")]

PREDICTED = ("predicted", "predicted_ms")


@dataclass(frozen=True)
class Forecast:
    """Whether latency is predicted, and for which machine."""

    predict: Annotated[
        bool, typer.Option("--predict", help="Predict latency, from this machine's calibration; runs nothing.")
    ] = False
    machine: Machine = None

    def check(self, sort: str | None = None, formats: bool = False) -> None:
        """Raises UsageError for what does not go together.

        Args:
            sort: the column that a table is ordered by.
            formats: whether it shows several number formats.
        """
        if self.predict and formats:
            raise UsageError("--predict is for one number format that was timed: fp32, fp16, bf16 or amp")
        if self.machine and not self.predict:
            raise UsageError("--machine is what predictions rest on, and nothing is predicted", hint="add --predict")
        if sort in PREDICTED and not self.predict:
            raise UsageError(f"--sort {sort} orders by what is predicted", hint="add --predict")

    def complete(self, comparison: Comparison, run: RunOptions, how: Options | None, batch: int) -> tuple[Comparison, int]:
        """The comparison with predicted latencies if they are asked for, and measured ones if it is said how.

        Returns:
            It, and the exit code of the measurement.
        """
        comparison = comparison.predicted(run.way(), self.machine) if self.predict else comparison
        if how is None:
            return comparison, 0
        from cnnprof.cli.measuring import measure

        found = measure(comparison.jobs(batch), how)
        return comparison.measured(found.measurements), found.exit_code
