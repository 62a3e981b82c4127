"""The subcontractor comparison report."""

from perflib.reporting.subcontractor_comparison.findings import (
    APART,
    NOTICEABLE,
    case_mix_findings,
    conventions,
    findings,
)
from perflib.reporting.subcontractor_comparison.sheets import BESIDE, ROLES, sheets
from perflib.reporting.subcontractor_comparison.tables import (
    by_standard,
    calibration,
    case_mix,
    caterpillars,
    effects,
    funnels,
    kpis,
    names,
    overview,
    trends,
    unit_of,
)

__all__ = [
    "APART",
    "BESIDE",
    "NOTICEABLE",
    "ROLES",
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
    "names",
    "overview",
    "sheets",
    "trends",
    "unit_of",
]
