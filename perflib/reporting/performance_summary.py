"""The daily and weekly summary: scores on the doors, one page, made in about a second."""

from __future__ import annotations

from perflib.analysis import scores, standards
from perflib.records.snapshot import Snapshot
from perflib.reporting.columns import Column, count, number, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Table, Tiles
from perflib.reporting.words import day_words, month_words
from perflib.rules.calendar import working_days

DOORS = ("referral", "start", "job_start", "outcome")


def tiles(snapshot: Snapshot, d: Disclosure) -> Tiles:
    """What was recorded this month to the day."""
    frame = scores.scores(snapshot)
    names = [name for name in DOORS if name in frame.index]
    return Tiles(
        {name: frame.loc[name, "month"] for name in names},
        {name: count(f"{snapshot.programme.label(name)}, month to date") for name in names},
        {name: f"{d.count(frame['day'][name])} today, {d.count(frame['week'][name])} this week" for name in names},
    )


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What the day shows against the month's promise, and which standards are missed now."""
    day, frame = snapshot.known_at, scores.scores(snapshot)
    sentences = []
    if not working_days(snapshot.contract.nation).is_working(day):
        sentences.append(f"{day_words(day)} is not a working day.")
    for row in frame[frame["promised"] > 0].to_dict("records"):
        gap = row["month"] - row["promised"]
        sentences.append(
            f"{row['label']}: {d.count(row['month'])} recorded this month where "
            f"{d.number(row['promised'], people=True, places=0)} were promised by today, "
            f"{d.number(abs(gap), of=(row['month'],), people=True, places=0)} {'more' if gap >= 0 else 'fewer'}."
        )
    missed = standards.measure(snapshot).query("status == 'not_met'")["name"]
    if len(missed):
        sentences.append(f"Standards missed since day one: {'; '.join(missed)}.")
    return sentences or [f"Nothing was promised for {month_words(snapshot.month)}, and no standard is missed."]


def doors(snapshot: Snapshot) -> Table:
    """Every measure today, this week, the week before, this month and to date."""
    frame = scores.scores(snapshot).reset_index()
    columns: dict[str, Column] = {
        "label": text("Measure"),
        "day": count("Today"),
        "week": count("This week"),
        "week_before": count("Week before"),
        "month": count("Month to date"),
        "promised": number("Promised by today", people=True, places=0, missing="none"),
        "cumulative": count("Since day one"),
    }
    return Table(
        frame,
        f"Scores on the doors, {day_words(snapshot.known_at)}",
        columns,
        note="Counted on the day on which it was first recorded. A week begins on Monday. What was promised for the "
        "month is shared out over its working days.",
    )


def units(snapshot: Snapshot) -> Table:
    """The month to date by who delivers; counts, not ranks."""
    rules = snapshot.programme
    attribute = rules.units[0] if rules.units else rules.group
    frame = scores.by_unit(snapshot, attribute, tuple(name for name in DOORS if name in rules.measures))
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
