"""A finished run for people: one HTML file to send on, compact tables for the terminal."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "forecast_table",
    "live_progress",
    "result_table",
    "run",
    "runs_table",
    "walk_forward_matrix",
    "write_report",
]

if TYPE_CHECKING:
    from quantml.reports.matrix import walk_forward_matrix as walk_forward_matrix
    from quantml.reports.publish import run as run
    from quantml.reports.publish import write_report as write_report
    from quantml.reports.terminal import forecast_table as forecast_table
    from quantml.reports.terminal import live_progress as live_progress
    from quantml.reports.terminal import result_table as result_table
    from quantml.reports.terminal import runs_table as runs_table
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "forecast_table": "terminal",
            "live_progress": "terminal",
            "result_table": "terminal",
            "run": "publish",
            "runs_table": "terminal",
            "walk_forward_matrix": "matrix",
            "write_report": "publish",
        },
    )
