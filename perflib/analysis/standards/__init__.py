"""Service standards: working-day clocks, cases, rates and backlogs."""

from perflib.analysis.standards.results import (
    COUNTED,
    UNEXEMPTED,
    against_profile,
    backlog,
    cases,
    history,
    measure,
    register,
    revisions,
)

__all__ = [
    "COUNTED",
    "UNEXEMPTED",
    "against_profile",
    "backlog",
    "cases",
    "history",
    "measure",
    "register",
    "revisions",
]
