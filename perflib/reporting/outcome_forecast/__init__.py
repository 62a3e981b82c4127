"""The outcome forecast report."""

from perflib.reporting.outcome_forecast.findings import findings, key_figures, method, verdict
from perflib.reporting.outcome_forecast.tables import (
    cohort_table,
    fan,
    levels,
    needs,
    next_months,
    pipeline,
    scenarios,
    scores,
    scores_by_age,
)

__all__ = [
    "cohort_table",
    "fan",
    "findings",
    "key_figures",
    "levels",
    "method",
    "needs",
    "next_months",
    "pipeline",
    "scenarios",
    "scores",
    "scores_by_age",
    "verdict",
]
