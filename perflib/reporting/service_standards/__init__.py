"""The service standards report."""

from perflib.reporting.service_standards.figures import (
    LIMIT,
    SHARES,
    against_profile,
    backlog,
    charts,
    month_ends,
    oldest,
)
from perflib.reporting.service_standards.findings import NATIONS, changes, conventions, findings
from perflib.reporting.service_standards.tables import (
    BASES,
    NO_CASE,
    NONE,
    STATE_WORDS,
    STATUS_WORDS,
    bases,
    by_unit,
    exemptions,
    overview,
    recent,
    register,
)

__all__ = [
    "BASES",
    "LIMIT",
    "NATIONS",
    "NONE",
    "NO_CASE",
    "SHARES",
    "STATE_WORDS",
    "STATUS_WORDS",
    "against_profile",
    "backlog",
    "bases",
    "by_unit",
    "changes",
    "charts",
    "conventions",
    "exemptions",
    "findings",
    "month_ends",
    "oldest",
    "overview",
    "recent",
    "register",
]
