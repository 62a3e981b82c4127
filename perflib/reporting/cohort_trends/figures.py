"""Figures of the trend report: flows, cohorts against profile, triangle, control charts, equality."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from statsmodels.stats.proportion import confint_proportions_2indep

from perflib.analysis import cohorts, counts, trend_charts
from perflib.disclosure.chart_style import label_ends, series_styles
from perflib.disclosure.columns import Column, count, month, number, percent, percent_words, text
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.sentences import Sentence, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting import control_chart
from perflib.reporting.drawing import BLUE, PLUM, course, from_zero, months, name_lone_month

EVERYBODY = "Everybody"


def flows(snapshot: Snapshot) -> Figure:
    """Referrals and starts recorded a month, beside what was expected to be recorded."""
    names = ("referral", "start")
    actual, expects = counts.monthly(snapshot, names, "recorded"), counts.expected_recorded(snapshot, names)
    frame = actual.join(expects.add_suffix("_expected")).reset_index()
    labels = {name: snapshot.programme.label(name) for name in names}
    columns = {"month": month("Month")} | {name: count(label) for name, label in labels.items()}
    shown = [name for name in names if frame[f"{name}_expected"].notna().any()]
    columns |= {f"{name}_expected": number(f"{labels[name]} expected", places=0) for name in shown}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x = months(data, "month")
        for name, style in zip(names, series_styles(2), strict=True):
            axes.plot(x, data[name], label=labels[name], **style)
            if name in shown:
                axes.plot(
                    x,
                    data[f"{name}_expected"],
                    color=style["color"],
                    linewidth=1.2,
                    linestyle=(0, (1, 2)),
                    label=f"{labels[name]} expected",
                )
        from_zero(axes)
        name_lone_month(axes, x)
        axes.set_ylabel("a month")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        parts = [course(data, name, labels[name]) for name in names]
        promise = " Dotted lines show what was expected to be recorded." if shown else ""
        return f"Lines by month. {'; '.join(parts)}.{promise}"

    return Figure(
        Table(frame, "Referrals and starts recorded, by month", columns, empty="there is no month yet"),
        draw,
        "Referrals and starts recorded, by month" + (", and what the contract expected" if shown else ""),
        alt,
    )


def cohorts_against_profile(snapshot: Snapshot) -> Figure:
    """Outcomes of each cohort recorded so far with an interval, beside what its profile leads one to expect by now."""
    frame = cohorts.against_profile(snapshot).reset_index()
    frame = frame[frame["starts"] > 0]
    final = cohorts.is_final(snapshot)
    expects = bool(frame["expected"].notna().any())
    label = snapshot.programme.label("outcome")
    columns = {
        "cohort": month("Cohort"),
        "starts": count("Starts"),
        "recorded": count(f"{label} recorded"),
        "lower": number("95% from", of=("recorded", "starts"), people=True),
        "upper": number("95% to", of=("recorded", "starts"), people=True),
    }
    columns |= {"expected": number("Expected so far", of=("starts",), people=True)} if expects else {}

    def is_done(data: pd.DataFrame) -> NDArray[np.bool_]:
        return final.reindex(pd.PeriodIndex(data["cohort"], freq="M"), fill_value=False).to_numpy()

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x, done = months(data, "cohort"), is_done(data)
        axes.vlines(x, data["lower"], data["upper"], color=BLUE, linewidth=1.4, alpha=0.55)
        for chosen, face, name in ((done, BLUE, "final cohorts"), (~done, "white", "cohorts still open")):
            if chosen.any():
                axes.scatter(
                    x[chosen], data["recorded"][chosen], s=30, facecolor=face, edgecolor=BLUE, zorder=3, label=name
                )
        if expects:
            axes.step(x, data["expected"], where="mid", color=PLUM, linewidth=1.8, label="expected so far")
        from_zero(axes)
        name_lone_month(axes, x)
        axes.set_ylabel(f"{label.lower()} of the cohort")
        axes.set_xlabel("month of start")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0)
        axes.margins(y=0.2)

    def alt(data: pd.DataFrame) -> str:
        still_open = f"Cohorts that may still gain: {(~is_done(data)).sum()} of {len(data)}."
        if not expects:
            went = course(data.rename(columns={"cohort": "month"}), "recorded", label)
            return f"One point a cohort, with a 95% interval. {went}. {still_open}"
        known = data.dropna(subset=["expected", "lower"])
        below = (known["upper"] < known["expected"]).sum()
        above = (known["lower"] > known["expected"]).sum()
        return (
            f"One point a cohort with a 95% interval, and a line for what was expected so far. Of "
            f"{len(known)} cohorts, {below} are significantly below their profile and {above} significantly above. "
            f"{still_open}"
        )

    return Figure(
        Table(frame, f"{label} of each cohort to date", columns, empty="nobody has started yet"),
        draw,
        f"{label} of each cohort recorded so far" + (", beside what was expected" if expects else ""),
        alt,
    )


def triangle(snapshot: Snapshot, step: int = 3) -> Figure:
    """The cumulative outcomes of each cohort for each 100 starts, at every `step` months of age."""
    t = cohorts.triangle(snapshot)
    ages = [int(age) for age in t.counts.columns.to_numpy()[::step]]
    frame = t.counts[ages].add_prefix("n_").assign(starts=t.starts)
    frame = frame[frame["starts"] > 0].reset_index()
    label = snapshot.programme.label("outcome")
    columns = {"cohort": month("Cohort"), "starts": count("Starts")}
    columns |= {f"age_{age}": percent(str(age), f"n_{age}", "starts", places=0, missing="not yet") for age in ages}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        import seaborn as sns

        rates = 100 * data.set_index("cohort")[[f"age_{age}" for age in ages]]
        rates = rates.set_axis([f"{month:%b %Y}" for month in pd.PeriodIndex(rates.index, freq="M")], axis="index")
        sns.heatmap(
            rates.set_axis(ages, axis="columns"),
            ax=axes,
            cmap="Blues",
            vmin=0,
            annot=True,
            fmt=".0f",
            cbar=False,
            linewidths=0.5,
            annot_kws={"size": 9},
        )
        axes.set_xlabel("months since the month of start")
        axes.set_ylabel("month of start")
        axes.tick_params(axis="y", labelrotation=0, labelsize=9)
        axes.grid(visible=False)

    def alt(data: pd.DataFrame) -> str:
        said = []
        for age in ages:
            seen = data[f"age_{age}"].dropna()
            if age in (6, 12, 18) and len(seen):
                lowest, highest = percent_words(seen.min()), percent_words(seen.max())
                said.append(f"at {age} months from {lowest} to {highest} in {len(seen)} cohorts")
        found = "; ".join(said) or "too few or too young to compare"
        return (
            f"A grid of cohorts by age: the share of starts with {label.lower()}, {found}. Cells that have not been "
            f"reached, or are not shown, are empty."
        )

    return Figure(
        Table(
            frame,
            f"{label} as a share of starts, by cohort and months since start",
            columns,
            note="Compare down a column, at equal age; never along the last diagonal.",
            empty="nobody has started yet",
        ),
        draw,
        f"{label} for each 100 starts, by cohort and months since start",
        alt,
        size=(7.4, 0.22 * len(frame) + 1.2),
        raster=False,
    )


def conversion_curves(snapshot: Snapshot) -> Figure:
    """The share of starters that reached each milestone by each age, of the cohorts observed at that age."""
    programme = snapshot.programme
    names = [*programme.milestones, "outcome"]
    label = {name: programme.label(name) for name in names}
    columns = {"age": number("Months since start", places=0), "starts": count("Starts observed")}
    frame = pd.DataFrame()
    for name in names:
        t = cohorts.triangle(snapshot, name)
        frame["starts"] = t.counts.notna().mul(t.starts, axis="index").sum()
        frame[f"{name}_n"] = t.counts.sum().to_numpy()
        columns[name] = percent(label[name], f"{name}_n", "starts")
    frame = frame[frame["starts"] >= max(1, 0.05 * frame["starts"].max())]
    frame = frame.rename_axis("age").reset_index()

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        for name, style in zip(names, series_styles(len(names)), strict=True):
            axes.plot(data["age"], 100 * data[name], label=label[name], markevery=3, **style)
        from_zero(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("months since the month of start")
        axes.set_ylabel("% of starts")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        said = []
        for age in (6, 12, 18):
            row = data[data["age"] == age]
            if len(row) and row[names].notna().all(axis=None):
                said.append(
                    f"by {age} months "
                    + ", ".join(f"{percent_words(row[name].iloc[0])} {label[name].lower()}" for name in names)
                )
        return "Rising lines by months since start, each of the cohorts observed that long: " + (
            "; ".join(said) + "." if said else "too few or too young to be told."
        )

    return Figure(
        Table(frame, "Share of starts by months since start", columns, empty="nobody has started yet"),
        draw,
        "How far starters had come by each age, of the cohorts observed at that age",
        alt,
    )


GAP_OF = ("outcomes", "starts", "rest_outcomes", "rest_starts")
"""A gap is made of a group's counts and those of everybody else, which it would give away."""


def _points(header: str, which: int) -> Column:
    """Return a column of a gap in percentage points (0), or its lower (1) or upper (2) limit (Newcombe)."""

    def make(frame: pd.DataFrame) -> pd.Series:
        x, n, rest_x, rest_n = (frame[key].to_numpy(dtype=float) for key in GAP_OF)
        known = (n > 0) & (rest_n > 0)
        x, n, rest_x, rest_n = (counts[known] for counts in (x, n, rest_x, rest_n))
        points = pd.Series(np.nan, index=frame.index)
        if known.any():
            limits = confint_proportions_2indep(x, n, rest_x, rest_n, method="newcomb")
            points[known] = 100 * (x / n - rest_x / rest_n, *limits)[which]
        return points

    return number(header, of=GAP_OF, make=make, signed=True)


def equality(snapshot: Snapshot) -> Figure:
    """The rate of each group by the same age, with exact intervals."""
    age = counts.equal_age(snapshot)
    frame = counts.equality(snapshot, attributes=snapshot.contract.shows("cohort_trends"))
    within = f"within {age} months of the month of start" if age else "at an equal age"
    frame = frame.assign(name=frame["attribute"] + ": " + frame["value"], signal=frame["signal"].replace("", "none"))
    for counted in ("starts", "outcomes"):
        frame[f"rest_{counted}"] = frame.groupby("attribute")[counted].transform("sum") - frame[counted]
    everybody = frame.groupby("attribute", sort=False)[["starts", "outcomes"]].sum().head(1)
    limits = dict(
        zip(("lower", "upper"), cohorts.exact_interval(everybody["outcomes"], everybody["starts"]), strict=True)
    )
    frame = pd.concat([frame, everybody.assign(name=EVERYBODY, attribute="", **limits)], ignore_index=True)
    label = snapshot.programme.label("outcome")

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        y = np.arange(len(data))[::-1]
        overall = data.loc[data["name"] == EVERYBODY, "rate"].max()
        axes.hlines(y, 100 * data["lower"], 100 * data["upper"], color=BLUE, linewidth=2, alpha=0.5)
        axes.scatter(100 * data["rate"], y, color=BLUE, s=28, zorder=3)
        if overall > 0:
            axes.axvline(100 * overall, color=PLUM, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_yticks(y, data["name"])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlim(left=0)
        axes.set_xlabel("% of starts; dashed: everybody")

    def alt(data: pd.DataFrame) -> str:
        groups = data[data["name"] != EVERYBODY]
        known = groups.dropna(subset="rate")
        if known.empty:
            return "Rates by group; all of them rest on too few people to be shown."
        ranked = known.sort_values("rate")
        low, high = ranked.iloc[0], ranked.iloc[-1]
        lowest = "The lowest" if len(known) == len(groups) else "Of those shown, the lowest"
        return (
            f"One line a group: the rate within {age} months with its 95% interval. {lowest} is {low['name']} at "
            f"{percent_words(low['rate'])}, the highest {high['name']} at {percent_words(high['rate'])}."
        )

    return Figure(
        Table(
            frame,
            f"{label} {within}, by characteristic",
            {
                "name": text("Group"),
                "starts": count("Starts"),
                "outcomes": count("Reached it"),
                "rate": percent("Rate", "outcomes", "starts"),
                "lower": percent("95% from", of=("outcomes", "starts")),
                "upper": percent("95% to", of=("outcomes", "starts")),
                "gap": _points("Gap to the rest (points)", 0),
                "gap_lower": _points("Gap, 95% from", 1),
                "gap_upper": _points("Gap, 95% to", 2),
                "signal": text("Signal", of=GAP_OF, missing="not compared"),
            },
            total=EVERYBODY,
            within="attribute",
            note=f"Only cohorts observed for {age} months count. Intervals are exact for rates, Newcombe's for gaps. "
            "A signal is one that stays when the number of comparisons is allowed for (false discovery rate 5%).",
            empty="no cohort is old enough for a fair comparison yet",
        ),
        draw,
        f"{label} {within}, by characteristic, with 95% intervals",
        alt,
        size=(7.4, 0.27 * len(frame) + 1.2),
    )


def control_charts(snapshot: Snapshot) -> list[Figure] | Sentence:
    """A chart of every measure whose trend the programme file asks for."""
    charts = [control_chart.control_chart(trend) for trend in trend_charts.all_trends(snapshot)]
    return charts or sentence("No month is complete yet, so there is no trend to show.")
