"""Findings of the daily and weekly summary."""

from __future__ import annotations

from perflib.analysis import daily_counts, standards
from perflib.disclosure.sentences import Amount, Count, Day, Month, Name, Sentence, name_list, sentence
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import working_days


def findings(snapshot: Snapshot) -> list[Sentence]:
    """What the day shows against what was expected, and which standards are missed now."""
    day, frame = snapshot.known_at, daily_counts.scores(snapshot)
    sentences = []
    if not working_days(snapshot.contract.nation).is_working(day):
        sentences.append(sentence("{day} is not a working day.", day=Day(day)))
    for row in frame[frame["promised"] > 0].to_dict("records"):
        gap = row["month"] - row["promised"]
        sentences.append(
            sentence(
                "{measure}: {recorded} recorded this month where {promised} were expected by today, {gap} {more}.",
                measure=Name(row["label"]),
                recorded=Count(row["month"]),
                promised=Amount(row["promised"], people=True, places=0),
                gap=Amount(abs(gap), of=(row["month"],), people=True, places=0),
                more=Name("more" if gap >= 0 else "fewer"),
            )
        )
    missed = standards.of_provider(snapshot).query("status == 'not_met'")["name"]
    if len(missed):
        sentences.append(sentence("Standards missed since day one: {names}.", names=name_list(missed, "; ")))
    return sentences or [
        sentence("Nothing was expected of {month}, and no standard is missed.", month=Month(snapshot.month))
    ]
