"""The figures of the forecast: the fan of outcomes against the profile, and the pipeline by milestone and age."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis.forecast import early_warning
from perflib.analysis.forecast import pipeline as pipelines
from perflib.analysis.forecast.result import Forecast
from perflib.disclosure.chart_style import HATCHES, PALETTE, label_ends
from perflib.disclosure.columns import Column, count, month, number, text
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.words import listed, month_words
from perflib.records.snapshot import Snapshot

BLUE, TEAL, PLUM = PALETTE[:3]
BEFORE, COMING = 12, 24
"""Months of the past and of the future in the fan chart."""

SHADES = ("#12436D", "#28A197", "#A285D1", "#B8BCC0")
INTERVALS = {"lower_80": "80% from", "upper_80": "80% to", "lower_95": "95% from", "upper_95": "95% to"}


def state_names(snapshot: Snapshot, found: Forecast) -> dict[str, str]:
    """Return the states of the pipeline in words."""
    first = {"on programme": "On programme", "left": "Left the programme"}
    return {state: first.get(state) or snapshot.programme.label(state) for state in found.development.states[:-1]}


def fan(snapshot: Snapshot, found: Forecast) -> Figure:
    """Outcomes to date and to come, cumulative by recorded month, beside what the profile promises."""
    part = found.development
    label = snapshot.programme.label(part.measure)
    ahead = early_warning.against_profile(found).head(COMING)
    by_month = _recorded(found).cumsum().tail(BEFORE + 1)
    promised = [early_warning.promised_by(part, place - len(by_month) + 1) for place in range(len(by_month))]
    past = pd.DataFrame({"recorded": by_month, "promised": promised})
    frame = pd.concat([past, ahead]).rename_axis("month").reset_index().assign(to_date=int(part.recorded.sum()))
    known = bool(frame["promised"].gt(0).any())
    columns: dict[str, Column] = {"month": month("Month"), "recorded": count("Recorded", missing="to come")}
    columns |= {
        key: number(header, of=("to_date",), people=True, places=0, missing="past")
        for key, header in ({"expected": "Expected"} | INTERVALS).items()
    }
    columns |= {"promised": number("Profile", people=True, places=0)} if known else {}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x = pd.Series(pd.PeriodIndex(data["month"], freq="M").to_timestamp(), index=data.index)
        axes.fill_between(x, data["lower_95"], data["upper_95"], color=BLUE, alpha=0.14, linewidth=0)
        axes.fill_between(x, data["lower_80"], data["upper_80"], color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(x, data["recorded"], color=BLUE, label="_recorded")
        seen = data["recorded"].dropna()
        if len(seen):
            now = (x[seen.index[-1]], seen.iloc[-1])
            axes.annotate("recorded ", now, xytext=(-6, 6), textcoords="offset points", ha="right", va="bottom")
        joined = data["expected"].fillna(data["recorded"].where(data.index == (seen.index[-1] if len(seen) else -1)))
        axes.plot(x, joined, color=BLUE, linestyle=(0, (4, 2)), label="expected")
        if known:
            axes.plot(x, data["promised"], color=PLUM, linewidth=1.6, linestyle=(0, (1, 1.2)), label="profile")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"{label.lower()} to date")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        seen, coming = data.dropna(subset="recorded"), data.dropna(subset="expected")
        if coming.empty:
            return "Lines by month; the numbers are too small to be shown, or nothing is to come."
        last = coming.iloc[-1]
        said = (
            f"A line of {label.lower()} recorded"
            + (f", {seen['recorded'].iloc[-1]:,.0f} by {month_words(seen['month'].iloc[-1])}" if len(seen) else "")
            + f", and a widening band of what is to come: {last['expected']:,.0f} expected by "
            f"{month_words(last['month'])}, 95% interval {last['lower_95']:,.0f} to {last['upper_95']:,.0f}."
        )
        if not known:
            return said
        where = "it is within the band"
        if last["promised"] > last["upper_95"]:
            where = "the whole band is below it"
        elif last["promised"] < last["lower_95"]:
            where = "the whole band is above it"
        return f"{said} The dotted line of the profile reaches {last['promised']:,.0f} by then; {where}."

    return Figure(
        Table(
            frame,
            f"{label} by recorded month, to date and to come, of those who have started",
            columns,
            note="Of everybody who has started by now; nobody who is still to start is in it. The profile is by "
            "recorded month too.",
            empty="nobody has started yet",
        ),
        draw,
        f"{label} recorded and to come, of those who have started" + (", beside the profile" if known else ""),
        alt,
        size=(7.4, 4.1),
    )


def _recorded(found: Forecast) -> pd.Series:
    """Return the outcomes newly recorded in each month to date."""
    part = found.development
    increments = part.increments.to_numpy()
    at = part.cohorts.asi8[:, None] + np.arange(increments.shape[1]) - part.cohorts.asi8[0]
    seen = np.isfinite(increments)
    months = pd.period_range(part.cohorts[0], part.month, freq="M")
    return pd.Series(np.bincount(at[seen], increments[seen], len(months)), index=months)


def pipeline(snapshot: Snapshot, found: Forecast) -> Figure:
    """Who is on the way to an outcome, by milestone and months since start, and the outcomes to come of them."""
    part = found.development
    label = snapshot.programme.label(part.measure)
    names = state_names(snapshot, found)
    rows = pipelines.standing(part)
    coming, whole = float(found.paths.sum(axis=(1, 2)).mean()), rows["expected"].sum()
    rows["expected"] *= coming / whole if whole > 0 else np.nan
    wide = rows.pivot(index="state", columns="age", values=["people", "expected"]).reindex(list(names))
    ages = list(pipelines.AGES.values())
    frame = pd.DataFrame({"name": list(names.values())})
    columns: dict[str, Column] = {"name": text("Furthest reached")}
    for place, age in enumerate(ages):
        frame[f"n_{place}"] = wide["people"][age].to_numpy(dtype=int)
    frame["people"] = frame[[f"n_{place}" for place in range(len(ages))]].sum(axis=1)
    for place, age in enumerate(ages):
        frame[f"e_{place}"] = wide["expected"][age].to_numpy(dtype=float)
    frame["expected"] = frame[[f"e_{place}" for place in range(len(ages))]].sum(axis=1, min_count=1)
    parts = [f"n_{place}" for place in range(len(ages))]
    columns |= {key: count(f"People, {age}") for key, age in zip(parts, ages, strict=True)}
    columns |= {"people": count("People", parts=parts)}
    columns |= {
        f"e_{place}": number(f"Outcomes to come, {age}", of=(f"n_{place}",), people=True)
        for place, age in enumerate(ages)
    }
    columns |= {"expected": number("Outcomes to come", of=("people",), people=True)}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        y, base = np.arange(len(data))[::-1], np.zeros(len(data))
        for place, age in enumerate(ages):
            width = data[f"e_{place}"].fillna(0).to_numpy(dtype=float)
            style: dict[str, Any] = {
                "color": SHADES[place],
                "hatch": HATCHES[place],
                "edgecolor": "white",
                "linewidth": 0.4,
            }
            axes.barh(y, width, left=base, height=0.66, label=age, **style)
            base = base + width
        people = ["people not shown" if number != number else f"{number:,.0f} people" for number in data["people"]]
        axes.set_yticks(y, [f"{name}\n{number}" for name, number in zip(data["name"], people, strict=True)])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("outcomes to come of them, by months since start")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0, fontsize=9, columnspacing=1.2)

    def alt(data: pd.DataFrame) -> str:
        said = [
            f"{row['name']}: {row['people']:,.0f} people"
            + (f", {row['expected']:,.0f} outcomes to come" if row["expected"] == row["expected"] else "")
            for row in data.to_dict("records")
            if row["people"] == row["people"]
        ]
        where = "; ".join(said) or "Too few to be shown"
        return (
            "A bar for each milestone, of the outcomes to come of those who stand there, by months since start. "
            f"{where}."
        )

    return Figure(
        Table(
            frame,
            f"Who may still have {label.lower()} recorded, by the furthest milestone and months since start",
            columns,
            note="Outcomes to come are the forecast's, shared out by how people who stood there went on before. "
            f"{listed(list(names.values())[:2])}: without a milestone so far.",
            empty="nobody has started yet",
        ),
        draw,
        "Who is on the way, by the furthest milestone reached and months since start, and the outcomes to come of them",
        alt,
        size=(7.4, 0.5 * len(frame) + 1.3),
    )
