"""The daily and weekly summary."""

from perflib.reporting.performance_summary.findings import findings
from perflib.reporting.performance_summary.tables import doors, key_figures, units

__all__ = ["doors", "findings", "key_figures", "units"]
