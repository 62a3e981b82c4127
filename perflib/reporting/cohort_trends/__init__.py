"""The trend report: flows, cohorts against profile, milestones, equality and trends."""

from perflib.reporting.cohort_trends.figures import (
    cohorts_against_profile,
    control_charts,
    conversion_curves,
    equality,
    flows,
    triangle,
)
from perflib.reporting.cohort_trends.findings import equality_findings, findings, key_figures, referrals
from perflib.reporting.cohort_trends.tables import (
    against_promises,
    cohort_table,
    conversion,
    final_rates,
    flow_table,
    mix,
    participants,
    positions,
    referral_results,
    time_to_start,
)

__all__ = [
    "against_promises",
    "cohort_table",
    "cohorts_against_profile",
    "control_charts",
    "conversion",
    "conversion_curves",
    "equality",
    "equality_findings",
    "final_rates",
    "findings",
    "flow_table",
    "flows",
    "key_figures",
    "mix",
    "participants",
    "positions",
    "referral_results",
    "referrals",
    "time_to_start",
    "triangle",
]
