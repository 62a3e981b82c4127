"""The claims report: from an outcome to its payment, and what it is worth."""

from perflib.reporting.claims.figures import income_by_month
from perflib.reporting.claims.findings import conventions, findings
from perflib.reporting.claims.tables import at_risk, evidence, expected, income, stages, to_reach, to_submit

__all__ = [
    "at_risk",
    "conventions",
    "evidence",
    "expected",
    "findings",
    "income",
    "income_by_month",
    "stages",
    "to_reach",
    "to_submit",
]
