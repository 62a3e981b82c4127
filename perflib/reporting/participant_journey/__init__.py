"""The participant journey report."""

from perflib.reporting.participant_journey.figures import (
    HORIZONS,
    SHADES,
    STEPS,
    group_changes,
    job_survival,
    milestone_curves,
    occupancy,
    positions,
)
from perflib.reporting.participant_journey.findings import changes, findings
from perflib.reporting.participant_journey.sections import groups, reviews, work
from perflib.reporting.participant_journey.tables import (
    GAP_DAYS,
    caseworkers,
    flows,
    group_jobs,
    group_times,
    in_work,
    job_gaps,
    moves,
    stage_times,
    step_times,
)

__all__ = [
    "GAP_DAYS",
    "HORIZONS",
    "SHADES",
    "STEPS",
    "caseworkers",
    "changes",
    "findings",
    "flows",
    "group_changes",
    "group_jobs",
    "group_times",
    "groups",
    "in_work",
    "job_gaps",
    "job_survival",
    "milestone_curves",
    "moves",
    "occupancy",
    "positions",
    "reviews",
    "stage_times",
    "step_times",
    "work",
]
