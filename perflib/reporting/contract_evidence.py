"""What a contract review looks at besides figures of performance: notes, activities, feedback, checks, assurance.

What a provider writes itself is repeated as it stands, for every audience. What the extract has no table for is said to
be not supplied, never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from perflib.analysis import oversight, registers
from perflib.analysis.cohorts import NOT_RECORDED, exact_interval
from perflib.records.snapshot import Snapshot
from perflib.reporting import tables
from perflib.reporting.columns import count, date, number, percent, status, text
from perflib.reporting.present import Presenter, Shown, Table
from perflib.reporting.words import alternatives, month_words
from perflib.rules.calendar import BASES, Window, window
from perflib.rules.management import CONTRACT

CHECKERS = {
    "provider": "by the provider itself",
    "compliance": "by the department's compliance officers",
    "performance": "by the department's performance managers",
}


def not_supplied(*names: str) -> str:
    """Return that none of some tables is in the extract.

    >>> not_supplied("plans", "actions")
    'Not supplied: the extract has no tables plans or actions.'
    """
    return f"Not supplied: the extract has no table{'s' if len(names) > 1 else ''} {alternatives(names)}."


def _if_supplied(snapshot: Snapshot, show: Presenter, names: Sequence[str], make: Callable[[], Shown]) -> Shown:
    """Return what is made of tables, or that none of them is in the extract."""
    return make() if any(name in snapshot.tables for name in names) else show.say(not_supplied(*names))


def notes(snapshot: Snapshot, show: Presenter, section: str) -> Shown:
    """What the provider wrote under a heading for this month."""
    written = snapshot.current("notes")
    if written is None:
        return show.say(not_supplied("notes"))
    mine = written[(written["section"] == section) & (written["month"].dt.to_period("M") == snapshot.month)]
    if mine.empty:
        return show.say(f"Nothing was written under this heading for {month_words(snapshot.month)}.")
    return show.say(*mine["text"])


def activities(snapshot: Snapshot, show: Presenter, *kinds: str) -> Shown:
    """How much of some kinds of activity there was, on each period basis."""
    return _if_supplied(snapshot, show, ["activities"], lambda: show.table(_activities(snapshot, kinds)))


def _activities(snapshot: Snapshot, kinds: Sequence[str]) -> Table:
    rows = snapshot.current("activities")
    assert rows is not None
    rows = rows[rows["kind"].isin(kinds)]
    when, spans = rows["date"].dt.to_period("M"), _spans(snapshot)
    number_ = rows["number"].fillna(1)
    counts = {basis: number_[span.contains(when)].groupby(rows["kind"]).sum() for basis, span in spans.items()}
    frame = pd.DataFrame(counts, columns=list(BASES)).reindex(sorted(rows["kind"].unique())).fillna(0).reset_index()
    return Table(
        frame.assign(kind=frame["kind"].str.replace("_", " ").str.capitalize()),
        f"Activities to {month_words(snapshot.month)}",
        {"kind": text("Activity"), **{basis: number(tables.basis_name(basis), places=0) for basis in BASES}},
        empty="none of these activities is recorded",
    )


def _spans(snapshot: Snapshot) -> dict[str, Window]:
    return {basis: window(basis, snapshot.month, snapshot.first_day) for basis in BASES}


def experience(snapshot: Snapshot, show: Presenter) -> Shown:
    """Who was asked and answered, how many are satisfied, and complaints."""
    return _if_supplied(snapshot, show, ["feedback"], lambda: show.table(_feedback(snapshot)))


def _feedback(snapshot: Snapshot) -> Table:
    rows = snapshot.current("feedback")
    assert rows is not None
    end = pd.Timestamp(snapshot.period_end)
    rows = rows[rows["received_date"].fillna(rows["asked_date"]) <= end]
    came, asked = (rows[name].dt.to_period("M") for name in ("received_date", "asked_date"))
    kpis = snapshot.contract.kpis.values()
    satisfied = next((kpi for kpi in kpis if kpi.table == "feedback" and kpi.kind == "share"), None)
    answers = registers.rows(snapshot, satisfied, CONTRACT) if satisfied is not None else None
    passed = pd.Series(dtype=float) if answers is None else answers["passed"].dropna()
    month = pd.PeriodIndex([], freq="M") if answers is None else answers.loc[passed.index, "date"].dt.to_period("M")
    complaint = rows["kind"] == "complaint"
    frame = pd.DataFrame(
        [
            {
                "basis": tables.basis_name(basis),
                "asked": (span.contains(asked) & (rows["kind"] == "survey")).sum(),
                "answered": span.contains(month).sum(),
                "satisfied": int(passed[span.contains(month)].sum()),
                "complaints": (complaint & span.contains(came)).sum(),
                "upheld": (complaint & (rows["result"] == "upheld") & span.contains(came)).sum(),
            }
            for basis, span in _spans(snapshot).items()
        ]
    )
    return Table(
        frame,
        f"Feedback and complaints to {month_words(snapshot.month)}",
        {
            "basis": text("Period"),
            "asked": count("Asked", adds_up=False),
            "answered": count("Answered", adds_up=False),
            "satisfied": count("Satisfied", adds_up=False),
            "share": percent("Share satisfied", "satisfied", "answered", missing="no answer"),
            "complaints": count("Complaints", adds_up=False),
            "upheld": count("Upheld", adds_up=False),
        },
        note="Who does not answer may think otherwise. A complaint counts in the month in which it came.",
    )


def checks(snapshot: Snapshot, show: Presenter, by: str) -> Shown:
    """Checks by one who checks (`provider`, `compliance`, `performance`): by kind, on each period basis."""
    return _if_supplied(snapshot, show, ["checks"], lambda: show.table(_checks(snapshot, by)))


def _checks(snapshot: Snapshot, by: str) -> Table:
    rows = snapshot.current("checks")
    assert rows is not None
    rows = rows[(rows["checked_by"] == by) & (rows["check_date"] <= pd.Timestamp(snapshot.period_end))]
    rows = rows[rows["result"].isin(["pass", "fail"])]
    spans = _spans(snapshot)
    frames = []
    for basis in ("month", "rolling_12", "cumulative"):
        mine = rows[spans[basis].contains(rows["check_date"].dt.to_period("M"))]
        counts = pd.DataFrame({"checked": 1, "passed": (mine["result"] == "pass").astype(int)}, index=mine.index)
        frames.append(counts.groupby(mine["kind"]).sum().add_suffix(f"_{basis}"))
    frame = pd.concat(frames, axis="columns").fillna(0).astype(int).sort_index().rename_axis("kind").reset_index()
    lower, upper = exact_interval(frame["passed_cumulative"], frame["checked_cumulative"])
    frame = frame.assign(kind=frame["kind"].str.replace("_", " ").str.capitalize(), lower=lower, upper=upper)
    of = ("checked_cumulative", "passed_cumulative")
    return Table(
        frame,
        f"Checks {CHECKERS[by]}, to {month_words(snapshot.month)}",
        {
            "kind": text("What was checked"),
            "checked_month": count("In the month"),
            "passed_month": count("Passed"),
            "checked_cumulative": count("To date"),
            "passed_cumulative": count("Passed to date"),
            "rate": percent("Share", "passed_cumulative", "checked_cumulative", missing="none"),
            "lower": percent("95% from", of=of),
            "upper": percent("95% to", of=of),
        },
        note="Those that are decided. The interval is exact (Clopper-Pearson): of few checks that all passed it does "
        "not say that all records would.",
        empty=f"no check {CHECKERS[by]} is recorded",
    )


def assurance(snapshot: Snapshot, show: Presenter) -> Shown:
    """The reviews by the department's assurance team, and what in them may lead to remedial action."""
    found = oversight.assurance(snapshot)
    if found is None:
        return show.say(not_supplied("assurance"))
    frame = found.assign(
        rated=found["rating"].str.capitalize().mask(found["rating"] == ""),
        why=found["evidence"].mask(found["evidence"] == ""),
    )
    return show.table(
        Table(
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
    )


def leavers(snapshot: Snapshot) -> Table:
    """Who left, by the reason that was recorded, on each period basis."""
    rows = snapshot.events[snapshot.events["event"] == "exit"]
    when, spans = rows["event_date"].dt.to_period("M"), _spans(snapshot)
    reason = rows["detail"].astype("str").fillna(NOT_RECORDED).str.replace("_", " ")
    counts = {basis: reason[span.contains(when)].value_counts() for basis, span in spans.items()}
    frame = pd.DataFrame(counts, columns=list(BASES)).fillna(0).astype(int).sort_index().rename_axis("reason")
    return Table(
        frame.reset_index(),
        f"Leavers by reason, to {month_words(snapshot.month)}",
        {"reason": text("Reason"), **{basis: count(tables.basis_name(basis)) for basis in BASES}},
        empty="nobody is recorded as having left",
    )
