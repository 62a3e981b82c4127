"""Findings of the daily and weekly summary."""

from __future__ import annotations

from perflib.analysis import daily_counts, standards
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import day_words, month_words
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import working_days


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What the day shows against the month's promise, and which standards are missed now."""
    day, frame = snapshot.known_at, daily_counts.scores(snapshot)
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
    missed = standards.of_provider(snapshot).query("status == 'not_met'")["name"]
    if len(missed):
        sentences.append(f"Standards missed since day one: {'; '.join(missed)}.")
    return sentences or [f"Nothing was promised for {month_words(snapshot.month)}, and no standard is missed."]
