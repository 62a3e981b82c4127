"""Service standards: working-day clocks, cases, rates and backlogs."""

from perflib.analysis.standards.results import (
    COUNTED,
    UNEXEMPTED,
    against_profile,
    backlog,
    cases,
    history,
    longest_open,
    measure,
    of_provider,
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
    "longest_open",
    "measure",
    "of_provider",
    "register",
    "revisions",
]
