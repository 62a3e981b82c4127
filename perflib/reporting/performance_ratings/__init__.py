"""The ratings report."""

from perflib.reporting.performance_ratings.findings import conventions, findings
from perflib.reporting.performance_ratings.tables import (
    JUDGED_AGAIN,
    NO_RATING,
    NO_REGIME,
    QUARTERS,
    WHY,
    all_ratings,
    called,
    each_kind,
    kinds,
    kpis,
    label,
    register,
    themes,
    transitions,
    unit_column,
)

__all__ = [
    "JUDGED_AGAIN",
    "NO_RATING",
    "NO_REGIME",
    "QUARTERS",
    "WHY",
    "all_ratings",
    "called",
    "conventions",
    "each_kind",
    "findings",
    "kinds",
    "kpis",
    "label",
    "register",
    "themes",
    "transitions",
    "unit_column",
]
