"""The ratings report."""

from perflib.reporting.performance_ratings.findings import conventions, findings
from perflib.reporting.performance_ratings.improvement_plans import effect, exceptions, ladder, plans, recurrence
from perflib.reporting.performance_ratings.tables import each_kind, kpis, register, themes, transitions

__all__ = [
    "conventions",
    "each_kind",
    "effect",
    "exceptions",
    "findings",
    "kpis",
    "ladder",
    "plans",
    "recurrence",
    "register",
    "themes",
    "transitions",
]
