"""What a contract review looks at besides figures of performance: notes, activities, feedback, checks, assurance.

What a provider writes itself is repeated as it stands, for every audience. What the extract has no table for is said to
be not supplied, never a zero.
"""

from __future__ import annotations

import pandas as pd

from perflib.analysis import counts, oversight, supporting_tables
from perflib.disclosure.columns import count, date, number, percent, status, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.sentences import Month, Name, Plain, Sentence, name_list, sentence
from perflib.disclosure.words import month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends import tables
from perflib.rules.calendar import BASES

CHECKERS = {
    "provider": "by the provider itself",
    "compliance": "by the department's compliance officers",
    "performance": "by the department's performance managers",
}


def plans_open(plans: pd.DataFrame) -> Sentence:
    """Say how many plans and notices are open, with their actions: the same words in every report.

    Parameters
    ----------
    plans : DataFrame
        As `oversight.plans` gives them, for all units.
    """
    return sentence(
        "Plans and notices open: {open}, of them overdue: {late}. Actions overdue: {actions}.",
        open=Plain(plans["state"].isin(oversight.RUNNING).sum()),
        late=Plain((plans["state"] == "overdue").sum()),
        actions=Plain(plans.loc[plans["state"] != "closed", "actions_overdue"].fillna(0).sum()),
    )


def not_supplied(*names: str) -> Sentence:
    """Say that none of some tables is in the extract.

    >>> from perflib.disclosure.rules import Disclosure
    >>> not_supplied("plans", "actions").words(Disclosure())
    'Not supplied: the extract has no tables plans or actions.'
    """
    return sentence(
        "Not supplied: the extract has no {tables} {names}.",
        tables=Name("tables" if len(names) > 1 else "table"),
        names=name_list(names, ", ", " or "),
    )


def notes(snapshot: Snapshot, section: str) -> Sentence | list[Sentence]:
    """What the provider wrote under a heading for this month."""
    written = snapshot.current("notes")
    if written is None:
        return not_supplied("notes")
    mine = written[(written["section"] == section) & (written["month"].dt.to_period("M") == snapshot.month)]
    if mine.empty:
        return sentence("Nothing was written under this heading for {month}.", month=Month(snapshot.month))
    return [sentence("{note}", note=Name(note)) for note in mine["text"]]


def activities(snapshot: Snapshot, *kinds: str) -> Table | Sentence:
    """How much of some kinds of activity there was, on each period basis."""
    found = supporting_tables.activities(snapshot, kinds)
    if found is None:
        return not_supplied("activities")
    return Table(
        _kinds(found),
        f"Activities to {month_words(snapshot.month)}",
        {"kind": text("Activity"), **{basis: number(tables.basis_name(basis), places=0) for basis in BASES}},
        empty="none of these activities is recorded",
    )


def _kinds(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts by kind with the kinds in words."""
    frame = counts.reset_index()
    return frame.assign(kind=frame["kind"].str.replace("_", " ").str.capitalize())


def experience(snapshot: Snapshot) -> Table | Sentence:
    """Who was asked and answered, how many are satisfied, and complaints."""
    found = supporting_tables.feedback(snapshot)
    if found is None:
        return not_supplied("feedback")
    words = {"complaints": "Complaints", "upheld": "Upheld"}
    return Table(
        found.rename(index=tables.basis_name).reset_index(),
        f"Feedback and complaints to {month_words(snapshot.month)}",
        {
            "basis": text("Period"),
            "asked": count("Asked", adds_up=False),
            "answered": count("Answered", adds_up=False),
            "satisfied": count("Satisfied", adds_up=False),
            "share": percent("Share satisfied", "satisfied", "answered", missing="no answer"),
            **{name: count(header, adds_up=False) for name, header in words.items()},
        },
        note="Who does not answer may think otherwise. A complaint counts in the month in which it came.",
    )


def checks(snapshot: Snapshot, by: str) -> Table | Sentence:
    """Checks by one who checks (`provider`, `compliance`, `performance`): by kind, in the month and to date."""
    found = supporting_tables.checks(snapshot, by)
    if found is None:
        return not_supplied("checks")
    of = ("checked", "passed")
    return Table(
        _kinds(found),
        f"Checks {CHECKERS[by]}, to {month_words(snapshot.month)}",
        {
            "kind": text("What was checked"),
            "checked_month": count("In the month"),
            "passed_month": count("Passed"),
            "checked": count("To date"),
            "passed": count("Passed to date"),
            "rate": percent("Share", "passed", "checked", missing="none"),
            "lower": percent("95% from", of=of),
            "upper": percent("95% to", of=of),
        },
        note="Those that are decided. The interval is exact (Clopper-Pearson): of few checks that all passed it "
        "does not say that all records would.",
        empty=f"no check {CHECKERS[by]} is recorded",
    )


def assurance(snapshot: Snapshot) -> Table | Sentence:
    """The reviews by the department's assurance team, and what in them may lead to remedial action."""
    found = oversight.assurance(snapshot)
    if found is None:
        return not_supplied("assurance")
    frame = found.assign(
        rated=found["rating"].str.capitalize().mask(found["rating"] == ""),
        why=found["evidence"].mask(found["evidence"] == ""),
    )
    return Table(
        frame,
        "Provider assurance reviews",
        {
            "started": date("Began"),
            "ended": date("Ended", missing="not yet"),
            "weeks": number("Weeks", places=0),
            "rated": status("Rating", missing="not yet"),
            "why": text("What may lead to remedial action", missing="nothing"),
        },
        empty="no review has begun",
    )


def leavers(snapshot: Snapshot) -> Table:
    """Who left, by the reason that was recorded, on each period basis."""
    frame = counts.leavers(snapshot).reset_index()
    return Table(
        frame.assign(reason=frame["reason"].str.replace("_", " ")),
        f"Leavers by reason, to {month_words(snapshot.month)}",
        {"reason": text("Reason"), **{basis: count(tables.basis_name(basis)) for basis in BASES}},
        empty="nobody is recorded as having left",
    )
