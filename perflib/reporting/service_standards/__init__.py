"""The service standards report."""

from perflib.reporting.service_standards.figures import charts, month_ends
from perflib.reporting.service_standards.findings import changes, conventions, findings
from perflib.reporting.service_standards.tables import bases, by_unit, everything, exemptions, recent, register

__all__ = [
    "bases",
    "by_unit",
    "changes",
    "charts",
    "conventions",
    "everything",
    "exemptions",
    "findings",
    "month_ends",
    "recent",
    "register",
]
