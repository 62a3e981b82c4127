"""Months, days and lists in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

CLOCKS = {"event": "by the month in which it happened", "recorded": "by the month in which it was first recorded"}


AGAINST_PROFILE = {
    "above": "significantly above",
    "below": "significantly below",
    "in line": "in line",
    "too early": "too early",
    "no profile": "no profile",
}
"""What a comparison with a profile found, in words."""

SIGNIFICANTLY = (
    "Significantly above or below: the 95% interval of what was recorded leaves out what was expected. By chance that "
    "happens about once in twenty."
)
EXPECTED_SO_FAR = (
    "Expected so far: what the profile leads one to expect to be recorded by now, at the pace at which the contract "
    "records. What has happened and is not recorded yet is in neither."
)


def month_words(month: pd.Period) -> str:
    """Return a month in words.

    >>> month_words(pd.Period("2020-06", "M"))
    'June 2020'
    """
    return f"{month:%B %Y}"


def day_words(day: date) -> str:
    """Return a day in words.

    >>> day_words(date(2020, 6, 3))
    '3 June 2020'
    """
    return f"{day.day} {day:%B %Y}"


def capital(words: str) -> str:
    """Return words with a capital at their beginning, which a number written for a sentence may not have.

    >>> capital("fewer than 10 starts.")
    'Fewer than 10 starts.'
    """
    return words[:1].upper() + words[1:]


def listed(items: Sequence[str]) -> str:
    """Return items as a list in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def alternatives(items: Sequence[str]) -> str:
    """Return items as alternatives in words.

    >>> alternatives(["a", "b", "c"])
    'a, b or c'
    """
    return " or ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
