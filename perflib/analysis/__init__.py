"""What the records mean: counts, rates, standards, forecasts and comparisons of one snapshot.

Every function takes a snapshot or plain frames and returns frames or small frozen dataclasses. None reads a file, draws
a chart, or changes what it is given.

=================  =====================================================================================
availability       KPIs, standards and report sections that can have no data, and why
claims             Claims from outcome to payment: what waits, what lapses, evidence, deadlines
cohorts            Start cohorts: triangles of outcomes by age, their maturity, and the profile beside them
comparison         Units compared at equal maturity and case mix: funnels, shrinkage, ranks
control_charts     Control charts of monthly series, run rules, share recorded so far, seasonal adjustment
counts             Monthly counts on each period basis against profile; leavers, demographics, equality
cuts               Any figure for some of the people (`where=`), or for each group of them (`by=`)
daily_counts       Counts recorded in the day, week and month
earlier_day        A snapshot as things stood at the close of an earlier day
expected           Expected so far: a profile moved by recording delays, and limits of the comparison
forecast           Outcome forecasts by cohort and month, backtests, early warning of missed tender levels
income             Fee and prices: earned, waiting, lost, at risk, and expected with intervals
journey            Positions, stages, caseloads, reviews, spells of work and peer groups
kpis               Every KPI of the regime by unit and period: numerator, denominator, target, result
measures           Events and outcomes: what counts, by route, window and claim, on either clock
oversight          Improvement plans, notices, escalation, assurance reviews and the calendar of reports
quality            Rows set aside, completeness of attributes, outcomes that do not count
ratings            Green, Amber or Red by unit and quarter, with the evidence
reconciliation     The department's MI pack and other sources beside the contract's own figures
regression         Regressions of one row a start: logit, Cox, log-rank, before and after a dated change
revisions          Late records, corrections and withdrawals between two snapshots of one month
standards          Working-day standards: state of each case, rates against targets, backlogs
standing           Where a contract stands now and at the end, with reason, lever and signals by cost
supporting_tables  The optional tables: checks, feedback, activities, and the unit of each row
survival           Aalen-Johansen cumulative incidence of each step, with exits as a competing risk
trend_charts       Control charts of the measures that a programme charts
=================  =====================================================================================

Modules load when they are first used: ``from perflib.analysis import cohorts``.

Examples
--------
>>> from perflib import sample_snapshot
>>> from perflib.analysis import cohorts
>>> int(cohorts.triangle(sample_snapshot()).starts.sum())
233
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from inspect import ismodule
from types import ModuleType

__all__ = [
    "availability",
    "claims",
    "cohorts",
    "comparison",
    "control_charts",
    "counts",
    "cuts",
    "daily_counts",
    "earlier_day",
    "expected",
    "forecast",
    "income",
    "journey",
    "kpis",
    "measures",
    "oversight",
    "quality",
    "ratings",
    "reconciliation",
    "regression",
    "revisions",
    "standards",
    "standing",
    "supporting_tables",
    "survival",
    "trend_charts",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        module = import_module(f"{__name__}.{name}")
        for loaded, one in list(sys.modules.items()):
            if loaded.startswith(f"{__name__}."):
                vars(one).setdefault("__dir__", partial(_meant, one))
        return module
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _meant(module: ModuleType) -> list[str]:
    """Return the names of a module that are meant to be used, for completion: not what it imports."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    constants = [name for name, value in vars(module).items() if name.isupper() and not ismodule(value)]
    return sorted(name for name in {*own, *constants} if not name.startswith("_"))
