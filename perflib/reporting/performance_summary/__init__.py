"""The daily and weekly summary."""

from perflib.reporting.performance_summary.findings import findings
from perflib.reporting.performance_summary.tables import DOORS, doors, tiles, units

__all__ = ["DOORS", "doors", "findings", "tiles", "units"]
