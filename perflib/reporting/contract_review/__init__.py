"""The contract review: the monthly pack for the department."""

from perflib.reporting.contract_review.findings import conventions, findings, key_figures
from perflib.reporting.contract_review.tables import (
    RECENT,
    STATES,
    action_plan,
    areas,
    calendar,
    indicators,
    levels,
    notices,
    outstanding,
    performance_return,
    recent,
    supply_chain,
)

__all__ = [
    "RECENT",
    "STATES",
    "action_plan",
    "areas",
    "calendar",
    "conventions",
    "findings",
    "indicators",
    "key_figures",
    "levels",
    "notices",
    "outstanding",
    "performance_return",
    "recent",
    "supply_chain",
]
