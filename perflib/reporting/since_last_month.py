"""What a report says of how the one before it is seen now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from perflib.disclosure.sentences import Count, Day, Listed, Month, Name, Sentence, sentence
from perflib.records.snapshot import Snapshot

REASONS: dict[Any, str] = {"other": "changed for another reason"}
"""Reasons that do not say enough by themselves."""


def seen_differently(earlier: Snapshot | None, counts: Callable[[Snapshot], pd.Series], what: str) -> list[Sentence]:
    """Return how many of the last report's `what` are seen differently now, and why.

    Parameters
    ----------
    earlier : Snapshot or None
        As the last report was made; None in a contract's first month.
    counts : callable
        Takes `earlier` and returns numbers, their index the reasons; a reason may stand more than once.
    what : str
        What is counted, in the plural.
    """
    if earlier is None:
        return [sentence("This is the contract's first month: there is no earlier report to compare with.")]
    found = counts(earlier)
    by_reason = found.groupby(level=0).sum()
    report = sentence(
        "the report for {month}, as known on {day}", month=Month(earlier.month), day=Day(earlier.known_at)
    )
    if by_reason.empty:
        return [sentence("Nothing in {report}, is seen differently now.", report=report)]
    reasons = [
        sentence("{n} {why}", n=Count(number), why=Name(REASONS.get(reason, reason)))
        for reason, number in by_reason.items()
    ]
    return [
        sentence(
            "{n} {what} of {report}, are seen differently now: {reasons}.",
            n=Count(by_reason.sum()),
            what=Name(what),
            report=report,
            reasons=Listed(reasons),
        )
    ]
