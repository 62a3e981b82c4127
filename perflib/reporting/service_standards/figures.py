"""Figures of the service standards report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import control_charts, standards, trend_charts
from perflib.disclosure.chart_style import PALETTE, label_ends, series_styles
from perflib.disclosure.columns import count, date, month, number, percent, percent_words, status
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.sentences import Sentence, sentence
from perflib.disclosure.words import day_words, listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import control_chart
from perflib.reporting.service_standards.tables import SAID, SHARES, STATUS_WORDS, share_standards, target_words

LIMIT: dict[str, Any] = {"color": PALETTE[2], "linewidth": 1.2, "linestyle": (0, (4, 2))}


def charts(snapshot: Snapshot) -> list[Figure] | Sentence:
    """A control chart of the share in time of each standard, by month of referral."""
    rules = share_standards(snapshot)
    history, shown = standards.history(snapshot, list(rules)), []
    for name, rule in rules.items():
        months = history.loc[name]
        chart = control_charts.control_chart(months["met"], months["counted"], "p_prime", complete=months["complete"])
        trend = trend_charts.TrendChart(
            name, f"{rule.name}, in time", "cases", False, chart, control_charts.shift(chart), months["rate"], None
        )
        shown.append(control_chart.control_chart(trend))
    return shown or sentence("No standard has a case that counts yet, so there is no trend.")


def month_ends(snapshot: Snapshot) -> list[Figure] | Sentence:
    """What is held at each month's end: backlogs, the oldest in them, and counts against their profile."""
    draw = {"backlog": backlog, "oldest": oldest, "profile": against_profile}
    rules = snapshot.contract.standards.items()
    shown = [draw[rule.kind](snapshot, name) for name, rule in rules if rule.kind in draw]
    return shown or sentence("No standard here is of a backlog or of a profile.")


def backlog(snapshot: Snapshot, name: str) -> Figure:
    """A backlog at each month's end, as a share of three denominators."""
    rule = snapshot.contract.standards[name]
    frame = standards.backlog(snapshot, standard=name).reset_index()
    labels = {f"of_{whole}": f"of {words}" for whole, words in SHARES.items()}
    is_count = rule.share_of == "count"
    lines = {"late": "referrals in backlog"} if is_count else labels
    scale, limit = (1 if is_count else 100), float(rule.target.value)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        for (key, label), style in zip(lines.items(), series_styles(len(lines)), strict=True):
            axes.plot(data["date"], scale * data[key], label=label, markevery=3, **style)
        axes.axhline(scale * limit, **LIMIT)
        axes.set_ylabel("referrals" if is_count else "% in backlog")
        axes.set_ylim(bottom=0)
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        key = "late" if is_count else f"of_{rule.share_of}"
        last = data.dropna(subset=key)
        if last.empty:
            return "No month end has a backlog that can be shown."
        row = last.iloc[-1]
        stood = f"{row[key]:,.0f}" if is_count else f"{percent_words(row[key], 1, target=limit / 100)} {labels[key]}"
        missed = sum(not rule.target.met(value) for value in last[key])
        return (
            f"Lines of the referrals open for more than {rule.limit} {rule.days} days at each month's end. On "
            f"{day_words(row['date'].date())}: {stood}; {missed} of {len(last)} month ends missed the standard."
        )

    columns = {"date": date("Day"), "late": count("In backlog")}
    columns |= {whole: count(words.capitalize()) for whole, words in SHARES.items()}
    columns |= {key: percent(label.capitalize(), "late", key.removeprefix("of_")) for key, label in labels.items()}
    columns |= {"oldest": number(f"Oldest open ({rule.days} days)", of=("open",), places=0, missing="none open")}
    measured = "as a number of referrals" if is_count else f"as a share of {SHARES[rule.share_of]}"
    return Figure(
        Table(
            frame,
            f"{rule.name}: open for more than {rule.limit} {rule.days} days, at each month's end",
            columns,
            note=f"The standard is measured {measured}: {target_words(rule)}. A referral resolved late counts for the "
            "time "
            "it was late.",
        ),
        draw,
        f"{rule.name}: open for more than {rule.limit} {rule.days} days at each month's end; dashed: the standard",
        alt,
    )


def oldest(snapshot: Snapshot, name: str) -> Figure:
    """The age of the oldest open referral on any day of each month, and how many passed the limit in it."""
    rule = snapshot.contract.standards[name]
    frame = standards.longest_open(snapshot, name).reset_index()
    frame = frame.assign(status=np.where(frame["longest"] > (rule.limit or 0), "not met", "met"))
    unit, limit = f"{rule.days} days", rule.limit or 0

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        days = pd.PeriodIndex(data["month"], freq="M").to_timestamp()
        axes.plot(days, data["longest"], markevery=3, label="oldest open on any day", **series_styles(2)[0])
        missed = (data["longest"] > limit).to_numpy()
        marks: dict[str, Any] = {"marker": "X", "markersize": 9, "linestyle": "none", "color": PALETTE[1]}
        axes.plot(days[missed], data["longest"][missed], label="missed", **marks)
        for day, age, many in zip(days[missed], data["longest"][missed], data["became_late"][missed], strict=True):
            if many > 0:
                axes.annotate(f"{many:,.0f}", (day, age), xytext=(0, 7), textcoords="offset points", ha="center")
        axes.axhline(limit, **LIMIT)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=2, borderaxespad=0, fontsize=9)

    def alt(data: pd.DataFrame) -> str:
        known, missed = data.dropna(subset="longest"), data[data["became_late"] > 0]
        if known.empty:
            return "No month has an open referral whose age can be shown."
        last = known.iloc[-1]
        said = [f"{row['became_late']:,.0f} in {month_words(row['month'])}" for row in missed.to_dict("records")]
        passed = (
            f"{missed['became_late'].sum():,.0f} {'referral' if missed['became_late'].sum() == 1 else 'referrals'} "
            f"passed {limit} {unit}: "
            + (listed(said) if len(said) <= SAID else f"in {len(said)} of {len(data)} months")
            if said
            else f"No referral passed {limit} {unit} in a month that can be shown"
        )
        return (
            f"A line of the age of the oldest open referral on any day of each month, with a cross where that was over "
            f"the limit. In {month_words(last['month'])} it was {last['longest']:.0f} {unit}. {passed}."
        )

    return Figure(
        Table(
            frame,
            f"{rule.name}: the oldest open referral on any day of each month",
            {
                "month": month("Month"),
                "longest": number(f"Oldest on any day ({unit})", of=("open",), places=0, missing="none open"),
                "became_late": count(f"Passed {limit} {unit}"),
                "status": status("That month", of=("became_late",)),
            },
            note=f"A referral that passed {limit} {unit} is a miss in the month in which it did, though it may be "
            "resolved by the month's end.",
        ),
        draw,
        f"{rule.name}: age of the oldest open referral on any day of each month; dashed: the standard; crosses: misses "
        f"and how many passed it",
        alt,
        size=(7.4, 3.4),
    )


def against_profile(snapshot: Snapshot, name: str) -> Figure:
    """A cumulative count as a share of what was expected to be recorded, at each month's end."""
    rule = snapshot.contract.standards[name]
    frame = standards.against_profile(snapshot, name).reset_index()
    limit = 100 * float(rule.target.value)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        days = pd.PeriodIndex(data["month"], freq="M").to_timestamp()
        axes.plot(days, data["share"], markevery=3, **series_styles(1)[0])
        axes.axhline(limit, **LIMIT)
        axes.set_ylabel("for each 100 expected to date")
        axes.set_ylim(bottom=0)

    def alt(data: pd.DataFrame) -> str:
        known = data.dropna(subset="share")
        if known.empty:
            return "Nothing was expected of it, so there is no share to draw."
        below = int((known["share"] < limit).sum())
        return (
            f"A line of the number recorded to date for each 100 expected: {known['share'].iloc[-1]:.0f} in "
            f"{month_words(known['month'].iloc[-1])}; {below} of {len(known)} months were below {limit:g}."
        )

    return Figure(
        Table(
            frame.assign(state=frame["state"].map(STATUS_WORDS)),
            f"{rule.name}, at each month's end",
            {
                "month": month("Month"),
                "actual": count("Recorded to date"),
                "promised": number("Expected to date", people=True, places=0, missing="none given"),
                "share": number(
                    "For each 100 expected",
                    of=("actual",),
                    make=lambda f: 100 * f["actual"] / f["promised"].where(f["promised"] > 0),
                    places=0,
                    missing="no profile",
                ),
                "state": status("Standard", of=("actual",)),
            },
            note=f"Asked in every month: {target_words(rule)} of the profile to date. What is caught up later "
            "does "
            "not mend a month that was below.",
        ),
        draw,
        f"{rule.name}, at each month's end; dashed: the standard",
        alt,
        size=(7.4, 3.0),
    )
