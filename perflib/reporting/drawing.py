"""Helpers for charts by month."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from perflib.disclosure.chart_style import PALETTE
from perflib.disclosure.words import month_words

BLUE, TEAL, PLUM, ORANGE = PALETTE[:4]


def months(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return months as dates, which matplotlib places and labels."""
    return pd.Series(pd.PeriodIndex(frame[column], freq="M").to_timestamp(), index=frame.index)


def from_zero(axes: Axes) -> None:
    """Begin the vertical axis at zero, with room for at least one."""
    axes.set_ylim(0, max(1, axes.get_ylim()[1]))


def name_lone_month(axes: Axes, months: pd.Series) -> None:
    """Label a single month by its name: matplotlib would put it amid years without data."""
    if len(months) == 1:
        axes.set_xticks(months, [f"{months.iloc[0]:%b %Y}"])


def course(data: pd.DataFrame, key: str, label: str) -> str:
    """Return in words how a monthly series went, of the months that are shown."""
    seen = data.dropna(subset=key)
    if seen.empty:
        return f"{label} are too few to be shown"
    few = "" if len(seen) == len(data) else " of those shown (the others are too few)"
    (first, at_first), (last, at_last) = ((seen[key].iloc[at], month_words(seen["month"].iloc[at])) for at in (0, -1))
    if len(seen) == 1:
        return f"{label}: {first:,.0f} in {at_first}{few and ', the only month shown (the others are too few)'}"
    return (
        f"{label} went from {first:,.0f} in {at_first} to {last:,.0f} in {at_last}, with a highest month of "
        f"{seen[key].max():,.0f}{few}"
    )
