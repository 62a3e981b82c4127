"""What is done about performance: plans, the department's levels, notices, assurance, measures by steps, reports.

`improvement` says how plans stand, what they lack, what comes back and what lies behind; `before_after` what figures
did after a plan beside what they would have done anyway; `department` what lies between a provider and the department,
and `reviews` what its assurance team found; `ladders` which step was taken with whom, and the targets set for units;
`reports` what was to be reported, and was. `facts` has the day at which all of it is looked at.
"""

from perflib.analysis.oversight.assurance import assurance
from perflib.analysis.oversight.department import indicators, level_history, levels, notice_counts, notices
from perflib.analysis.oversight.escalation import ladder, targets
from perflib.analysis.oversight.improvement import (
    RUNNING,
    by_theme,
    exceptions,
    open_actions,
    plans,
    recurrence,
    themes,
)
from perflib.analysis.oversight.plan_effects import CAUTION, effect, effects
from perflib.analysis.oversight.report_calendar import calendar, periods

__all__ = [
    "CAUTION",
    "RUNNING",
    "assurance",
    "by_theme",
    "calendar",
    "effect",
    "effects",
    "exceptions",
    "indicators",
    "ladder",
    "level_history",
    "levels",
    "notice_counts",
    "notices",
    "open_actions",
    "periods",
    "plans",
    "recurrence",
    "targets",
    "themes",
]
