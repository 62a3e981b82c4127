"""Key figures and tables of the daily and weekly summary."""

from __future__ import annotations

from perflib.analysis import daily_counts
from perflib.disclosure.columns import Column, count, number, text
from perflib.disclosure.presenter import Table, Tiles
from perflib.disclosure.sentences import Count, sentence
from perflib.disclosure.words import day_words
from perflib.records.snapshot import Snapshot

DOORS = ("referral", "start", "job_start", "outcome")


def key_figures(snapshot: Snapshot) -> Tiles:
    """What was recorded this month to the day."""
    frame = daily_counts.scores(snapshot)
    names = [name for name in DOORS if name in frame.index]
    return Tiles(
        {name: frame.loc[name, "month"] for name in names},
        {name: count(f"{snapshot.programme.label(name)}, month to date") for name in names},
        {
            name: sentence(
                "{day} today, {week} this week", day=Count(frame["day"][name]), week=Count(frame["week"][name])
            )
            for name in names
        },
    )


def doors(snapshot: Snapshot) -> Table:
    """Every measure today, this week, the week before, this month and to date."""
    frame = daily_counts.scores(snapshot).reset_index()
    columns: dict[str, Column] = {
        "label": text("Measure"),
        "day": count("Today"),
        "week": count("This week"),
        "week_before": count("Week before"),
        "month": count("Month to date"),
        "promised": number("Expected by today", people=True, places=0, missing="none"),
        "cumulative": count("Since day one"),
    }
    return Table(
        frame,
        f"Scores on the doors, {day_words(snapshot.known_at)}",
        columns,
        note="Counted on the day on which it was first recorded. A week begins on Monday. What is expected of the "
        "month is shared out over its working days.",
    )


def units(snapshot: Snapshot) -> Table:
    """The month to date by who delivers; counts, not ranks."""
    rules = snapshot.programme
    attribute = rules.units[0] if rules.units else rules.group
    frame = daily_counts.by_unit(snapshot, attribute, tuple(name for name in DOORS if name in rules.measures))
    label = rules.attributes[attribute].label
    columns: dict[str, Column] = {attribute: text(label)}
    columns |= {name: count(rules.label(name)) for name in DOORS if name in frame}
    return Table(
        frame.reset_index(),
        f"Month to date by {label.lower()}",
        columns,
        note="In the order of the names: a month's counts are too small for a ranking to mean anything.",
        empty="nobody has been referred yet",
    )
