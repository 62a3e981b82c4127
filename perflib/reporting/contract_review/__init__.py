"""The contract review: the monthly pack for the department."""

from perflib.reporting.cohort_trends import (
    against_promises,
    cohort_table,
    cohorts_against_profile,
    conversion,
    flows,
    mix,
)
from perflib.reporting.contract_review.evidence import activities, assurance, checks, experience, leavers, notes
from perflib.reporting.contract_review.findings import conventions, findings, key_figures
from perflib.reporting.contract_review.reconciliation import labour_market, mi_pack
from perflib.reporting.contract_review.tables import (
    action_plan,
    areas,
    calendar,
    department_levels,
    indicators,
    notices,
    outstanding,
    performance_return,
    supply_chain,
)
from perflib.reporting.outcome_forecast import fan, needs, next_months
from perflib.reporting.outcome_forecast import levels as forecast_levels
from perflib.reporting.service_standards import everything as standards
from perflib.reporting.subcontractor_comparison import findings as subcontractor_findings

__all__ = [
    "action_plan",
    "activities",
    "against_promises",
    "areas",
    "assurance",
    "calendar",
    "checks",
    "cohort_table",
    "cohorts_against_profile",
    "conventions",
    "conversion",
    "department_levels",
    "experience",
    "fan",
    "findings",
    "flows",
    "forecast_levels",
    "indicators",
    "key_figures",
    "labour_market",
    "leavers",
    "mi_pack",
    "mix",
    "needs",
    "next_months",
    "notes",
    "notices",
    "outstanding",
    "performance_return",
    "standards",
    "subcontractor_findings",
    "supply_chain",
]
