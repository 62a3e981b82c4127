"""A control chart as a figure, with its signals named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import control_charts, trend_charts
from perflib.disclosure.chart_style import AXIS
from perflib.disclosure.columns import Make, count, month, number, status, text
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.words import month_words
from perflib.reporting.drawing import BLUE, ORANGE, PLUM, from_zero, months, name_lone_month


def judged(trend: trend_charts.TrendChart) -> pd.DataFrame:
    """Return the points of a control chart that are fully recorded and have a value."""
    points = trend.chart.points
    return points[points["complete"] & points["value"].notna()]


def control_chart(trend: trend_charts.TrendChart) -> Figure:
    """A control chart of one measure, its signals named, incomplete months hollow."""
    points = trend.chart.points
    scale, unit = trend.scale, trend.unit
    frame = points.rename_axis("month").reset_index()
    frame["count"] = frame["numerator"] if "numerator" in frame else frame["value"]
    rules = {name: words.format(run_length=trend.chart.run_length) for name, words in control_charts.RULES.items()}
    frame["rule"] = frame["signal"].map(rules, na_action="ignore")
    frame["state"] = np.where(frame["complete"], "complete", "still being recorded")
    frame["total"] = frame["count"].where(frame["complete"]).groupby(frame["phase"]).transform("sum")
    of = ("count", "denominator") if trend.per else ("count",)
    columns = {"month": month("Cohort" if trend.by_cohort else "Month"), "count": count(trend.label)}
    if trend.per:
        columns["denominator"] = count(trend.per[:1].upper() + trend.per[1:])
    columns["value"] = number(f"Value ({unit})", of=of, make=_value(trend))
    columns |= {
        key: number(header, of=(*of, "total"), make=_scaled(key, scale))
        for key, header in (
            ("centre", "Centre"),
            ("lower", "Lower limit"),
            ("upper", "Upper limit"),
        )
    }
    columns |= {"state": text("Recording"), "rule": status("Signal", of=of, missing="none")}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x = months(data, "month")
        axes.fill_between(x, data["lower"], data["upper"], color=BLUE, alpha=0.08, linewidth=0, step="mid")
        for key in ("lower", "upper"):
            axes.step(x, data[key], where="mid", color=AXIS, linewidth=1, linestyle=(0, (4, 2)))
        axes.step(x, data["centre"], where="mid", color=AXIS, linewidth=1.2)
        axes.plot(x, data["value"], color=BLUE, linewidth=1.5)
        complete = (data["state"] == "complete").to_numpy()
        signalled = complete & data["rule"].notna().to_numpy()
        for chosen, face, edge, marker, name in (
            (complete & ~signalled, BLUE, BLUE, "o", "_"),
            (~complete, "white", BLUE, "o", "still being recorded"),
            (signalled, ORANGE, PLUM, "D", "signal"),
        ):
            if chosen.any():
                axes.scatter(
                    x[chosen],
                    data["value"][chosen],
                    s=34,
                    facecolor=face,
                    edgecolor=edge,
                    marker=marker,
                    zorder=3,
                    label=name,
                )
        if (~complete).any() or signalled.any():
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
        if not data["value"].min() >= 0.5 * data["value"].max() > 0:
            from_zero(axes)
        name_lone_month(axes, x)
        axes.set_ylabel(f"for each 100 {trend.per.split()[0]}" if trend.per else unit)
        if trend.by_cohort:
            axes.set_xlabel("month of start")

    def alt(data: pd.DataFrame) -> str:
        signalled = data[data["rule"].notna() & (data["state"] == "complete")]
        low, high = data["value"].min(), data["value"].max()
        spread = f"Control chart of {trend.label.lower()} {unit}, " + (
            "without a value" if np.isnan(low) else f"between {low:,.1f} and {high:,.1f}"
        )
        spread += " in the months that have a value" if data["value"].isna().any() and low <= high else ""
        if signalled.empty:
            return f"{spread}; no month is signalled."
        first, last = (month_words(signalled["month"].iloc[at]) for at in (0, -1))
        if len(signalled) == 1:
            return f"{spread}; one month is signalled, {first}."
        return f"{spread}; {len(signalled)} months are signalled, the first {first} and the last {last}."

    return Figure(
        Table(frame, f"{trend.label} by month, with control limits", columns, empty="there is no month yet"),
        draw,
        f"{trend.label} {unit}: {_finding(trend)}",
        alt,
        size=(7.4, 3.1),
    )


def _finding(trend: trend_charts.TrendChart) -> str:
    """Return what a control chart shows, in a few words."""
    if judged(trend).empty:
        return "too little is fully recorded yet to judge"
    trial = "; trial limits, fewer than 12 complete months" if trend.chart.trial else ""
    if trend.shift is not None:
        return f"{trend.shift.direction} from {month_words(trend.shift.since)}{trial}"
    return ("no stable level to judge by" if trend.unstable else "no shift") + trial


def _value(trend: trend_charts.TrendChart) -> Make:
    """Return what works the points out from the counts as they are shown."""
    if not trend.per:
        return lambda frame: frame["count"]
    return lambda frame: trend.scale * frame["count"] / frame["denominator"].where(frame["denominator"] > 0)


def _scaled(key: str, scale: float) -> Any:
    return lambda frame: scale * frame[key]
