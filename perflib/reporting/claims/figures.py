"""The figure of the claims report: income by month."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import income as incomes
from perflib.disclosure.chart_style import HATCHES, PALETTE
from perflib.disclosure.columns import Column, count, month, number
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.words import month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.claims.tables import NO_PRICES, at_risk
from perflib.reporting.drawing import from_zero, months

PARTS = {"service_fee": "Service fee", incomes.EARNED: "Earned by outcomes", incomes.WAITING: "Waiting for a claim"}
SHOWN = 24
"""Months in the chart: the latest."""


def income_by_month(snapshot: Snapshot) -> Figure | Table:
    """Income of each month: the fee, what outcomes earned, and what waits for a claim."""
    if snapshot.contract.prices is None:
        return Table(at_risk(snapshot).frame.iloc[:0], "Income by month", {"month": month("Month")}, empty=NO_PRICES)
    rows = incomes.priced(snapshot)
    reached = pd.PeriodIndex(pd.to_datetime(rows["day"]), freq="M").value_counts()
    frame = incomes.by_month(snapshot).tail(SHOWN)
    frame = frame.assign(outcomes=reached.reindex(frame.index, fill_value=0)).reset_index()
    columns: dict[str, Column] = {"month": month("Month"), "outcomes": count("Outcomes")}
    columns |= {"service_fee": number("Service fee (£)", places=0)}
    columns |= {
        key: number(f"{PARTS[key]} (£)", of=("outcomes",), places=0) for key in (incomes.EARNED, incomes.WAITING)
    }

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x, base = months(data, "month"), pd.Series(0.0, index=data.index)
        for (key, label), color, hatch in zip(PARTS.items(), PALETTE, HATCHES, strict=False):
            height = data[key].fillna(0) / 1000
            if height.any():
                axes.bar(x, height, width=25, bottom=base, color=color, edgecolor="white", hatch=hatch, label=label)
            base = base + height
        axes.set_ylabel("thousand pounds a month")
        from_zero(axes)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)

    def alt(data: pd.DataFrame) -> str:
        whole = data[list(PARTS)].fillna(0).sum(axis=1)
        top = int(whole.to_numpy().argmax())
        return (
            f"Bars by month, from {month_words(data['month'].iloc[0])} to {month_words(data['month'].iloc[-1])}. The "
            f"highest is {month_words(data['month'].iloc[top])}, with £{whole.iloc[top]:,.0f}."
        )

    note = "By the day that decides the price. The latest months are incomplete: outcomes are recorded late."
    table = Table(frame, "Income by month", columns, note=note, internal_only=True)
    return Figure(table, draw, "Income by month: the fee, and what outcomes earned", alt)
