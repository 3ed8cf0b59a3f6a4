"""The base of the API's results: each is shown as text, as JSON and in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from cnnprof.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from cnnprof.charts import Chart
    from cnnprof.report import Report


class Result(ABC):
    """A result that can be looked at: `to_dict` for JSON, `print` for text, an HTML table in a notebook."""

    @abstractmethod
    def report(self) -> Report:
        """The report that the command of the same name prints."""

    def chart(self) -> Chart:
        """The chart that a picture of the result shows. Raises UsageError where there is nothing to draw."""
        report = self.report()
        if report.chart is None:
            raise UsageError(f"'{report.command}' has nothing to draw", hint="cnnprof plot --help lists what has")
        return report.chart

    def plot(self, **options: Any) -> Figure:
        """The picture of the result.

        Args:
            options: those of `chart`, by name.

        Returns:
            A matplotlib figure.

        Raises:
            UsageError: there is nothing to draw, or an option is wrong.
            UnavailableError: matplotlib is not installed.
        """
        from cnnprof.reports.pictures import draw

        return draw(self.chart(**options))

    def to_pandas(self) -> DataFrame:
        """The first table of the report as a pandas.DataFrame, one row each, with the columns' stable names."""
        try:
            import pandas
        except ModuleNotFoundError:
            raise UnavailableError("this needs pandas, which is not installed", hint="pip install 'cnnprof[pandas]'") from None
        from cnnprof.report import Table

        table = next((section for section in self.report().sections if isinstance(section, Table)), None)
        if table is None:
            return pandas.DataFrame()
        return pandas.DataFrame([{column.key: row.get(column.key) for column in table.columns} for row in table.rows])

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types under the stable names."""
        return dict(self.report().data)

    def __str__(self) -> str:
        from cnnprof.reports import Style, render

        return render(self.report(), "table", Style())

    def _repr_html_(self) -> str:
        from dataclasses import replace

        from cnnprof.reports.html import fragment

        report = self.report()
        try:
            return fragment(replace(report, chart=self.chart()))
        except UsageError:
            return fragment(report)
