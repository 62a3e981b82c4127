"""The service standards report."""

from perflib.reporting.service_standards.figures import charts, month_ends
from perflib.reporting.service_standards.findings import changes, conventions, findings
from perflib.reporting.service_standards.tables import bases, by_unit, exemptions, overview, recent, register

__all__ = [
    "bases",
    "by_unit",
    "changes",
    "charts",
    "conventions",
    "exemptions",
    "findings",
    "month_ends",
    "overview",
    "recent",
    "register",
]
