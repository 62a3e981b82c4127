"""The subcontractor comparison report."""

from perflib.reporting.subcontractor_comparison.findings import case_mix_findings, conventions, findings
from perflib.reporting.subcontractor_comparison.sheets import sheets
from perflib.reporting.subcontractor_comparison.tables import (
    by_standard,
    calibration,
    case_mix,
    caterpillars,
    effects,
    funnels,
    kpis,
    overview,
    trends,
)

__all__ = [
    "by_standard",
    "calibration",
    "case_mix",
    "case_mix_findings",
    "caterpillars",
    "conventions",
    "effects",
    "findings",
    "funnels",
    "kpis",
    "overview",
    "sheets",
    "trends",
]
