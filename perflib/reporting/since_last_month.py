"""What a report says of how the one before it is seen now."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import capital, day_words, listed, month_words
from perflib.records.snapshot import Snapshot

REASONS = {"other": "changed for another reason"}
"""Reasons that do not say enough by themselves."""


def seen_differently(
    earlier: Snapshot | None, counts: Callable[[Snapshot], pd.Series], what: str, d: Disclosure
) -> list[str]:
    """Return how many of the last report's `what` are seen differently now, and why.

    Parameters
    ----------
    earlier : Snapshot or None
        As the last report was made; None in a contract's first month.
    counts : callable
        Takes `earlier` and returns numbers, their index the reasons; a reason may stand more than once.
    what : str
        What is counted, in the plural.
    d : Disclosure
    """
    if earlier is None:
        return ["This is the contract's first month: there is no earlier report to compare with."]
    found = counts(earlier)
    by_reason = found.groupby(level=0).sum()
    report = f"the report for {month_words(earlier.month)}, as known on {day_words(earlier.known_at)}"
    if by_reason.empty:
        return [f"Nothing in {report}, is seen differently now."]
    said = [f"{d.count(number)} {REASONS.get(str(reason), reason)}" for reason, number in by_reason.items()]
    return [capital(f"{d.count(by_reason.sum())} {what} of {report}, are seen differently now: {listed(said)}.")]
