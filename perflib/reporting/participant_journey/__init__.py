"""The participant journey report."""

from perflib.reporting.participant_journey.figures import milestone_curves, occupancy, positions
from perflib.reporting.participant_journey.findings import changes, findings
from perflib.reporting.participant_journey.sections import groups, reviews, work
from perflib.reporting.participant_journey.tables import flows, stage_times, step_times

__all__ = [
    "changes",
    "findings",
    "flows",
    "groups",
    "milestone_curves",
    "occupancy",
    "positions",
    "reviews",
    "stage_times",
    "step_times",
    "work",
]
