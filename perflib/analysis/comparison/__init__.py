"""Subcontractors, centres, areas and caseworkers compared fairly.

`attribution` says whose participants are whose, `case_mix` what each could be expected to reach by now, `funnel` how
far from it chance alone may take a unit, `shrinkage` what its own rate and rank probably are; `units` puts them
together, and `sheets` says what a unit's monthly meeting needs besides.
"""

from perflib.analysis.comparison.attribution import cases, characteristics, roles
from perflib.analysis.comparison.pair import Pair, pair
from perflib.analysis.comparison.unit_summary import activity, board, caseload, headline_measures, measures_compared
from perflib.analysis.comparison.units import SMALLEST, Comparison, compare, compare_cases, last_quarter_end, units

__all__ = [
    "SMALLEST",
    "Comparison",
    "Pair",
    "activity",
    "board",
    "caseload",
    "cases",
    "characteristics",
    "compare",
    "compare_cases",
    "headline_measures",
    "last_quarter_end",
    "measures_compared",
    "pair",
    "roles",
    "units",
]
