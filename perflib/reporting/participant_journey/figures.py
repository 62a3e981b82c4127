"""Figures of the participant journey report."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import journey, survival
from perflib.analysis.journey import peer_groups
from perflib.disclosure.chart_style import PALETTE, label_ends, series_styles
from perflib.disclosure.columns import Column, count, date, month, number, percent, percent_words, text
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.words import day_words, listed
from perflib.records.snapshot import Snapshot
from perflib.reporting.participant_journey.tables import group_name

SHADES = ("#12436D", "#28A197", "#7FC9C4", "#A285D1", "#D8D3E4", "#B8BCC0", "#6B6F73", "#F46A25")
"""Fills of stages: that of the outcome first, those of who is out of it grey."""


HORIZONS = (96, 192, 384, 720)
"""How many days curves may reach; the first by which nearly all that happens has happened is taken."""


STEPS = 24


def positions(snapshot: Snapshot) -> Figure:
    """Where the participants of each cohort stand, as shares of the cohort."""
    table = journey.position(snapshot)
    names = {code: label for code, label in journey.stages(snapshot).items() if table[code].any()}
    table = table[list(names)]
    table = table.assign(starts=table.sum(axis=1))
    table = table[table["starts"] > 0].reset_index()
    columns: dict[str, Column] = {"cohort": month("Cohort"), "starts": count("Starts", parts=list(names))}
    columns |= {code: count(label) for code, label in names.items()}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x = pd.PeriodIndex(data["cohort"], freq="M").to_timestamp()
        whole = data["starts"].where(data["starts"] > 0)
        base = np.zeros(len(data))
        for (code, label), shade in zip(names.items(), SHADES, strict=False):
            share = (100 * data[code] / whole).fillna(0).to_numpy()
            axes.bar(x, share, bottom=base, width=26, color=shade, edgecolor="white", linewidth=0.4, label=label)
            base = base + share
        axes.set_ylim(0, 100)
        axes.set_ylabel("% of the cohort's starts")
        axes.set_xlabel("month of start")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3, borderaxespad=0, fontsize=9)

    def alt(data: pd.DataFrame) -> str:
        total = data[list(names)].sum()
        known = total / max(total.sum(), 1)
        said = [f"{percent_words(known[code])} {label.lower()}" for code, label in names.items() if known[code] >= 0.01]
        return f"A bar a cohort, divided by where its participants stand. Over all cohorts: {listed(said)}."

    return Figure(
        Table(
            table,
            f"Where the participants of each cohort stood on {day_words(snapshot.as_of)}",
            columns,
            note="Each participant stands at the furthest stage reached.",
            empty="nobody has started yet",
        ),
        draw,
        f"Where the participants of each cohort stood on {day_words(snapshot.as_of)}",
        alt,
        size=(7.4, 4.4),
    )


def occupancy(snapshot: Snapshot) -> Figure:
    """How many stood at each stage at the ends of the last months."""
    stages = journey.stages(snapshot)
    labels = {journey.OPEN: journey.places(snapshot.programme)[journey.OPEN], **stages}
    frame = journey.occupancy(snapshot)[list(labels)]
    labels = {code: label for code, label in labels.items() if frame[code].any()}
    shade = dict(zip(stages, SHADES, strict=False)) | {journey.OPEN: SHADES[-1]}
    drawn = [code for code in reversed(labels) if code != journey.OPEN]
    drawn = ([journey.OPEN] if journey.OPEN in labels else []) + drawn

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        heights = data[drawn].fillna(0).cumsum(axis=1)
        base = pd.Series(0, index=data.index)
        for code in drawn:
            axes.fill_between(data["date"], base, heights[code], color=shade[code], edgecolor="white", linewidth=0.6)
            axes.plot(data["date"], (base + heights[code]) / 2, alpha=0, label=labels[code])
            base = heights[code]
        axes.set_ylim(bottom=0)
        axes.set_ylabel("referrals")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        first, last = data.iloc[0], data.iloc[-1]
        went = [f"{labels[c].lower()} from {first[c]:,.0f} to {last[c]:,.0f}" for c in drawn if data[c].notna().all()]
        span = f"from {day_words(first['date'].date())} to {day_words(last['date'].date())}"
        return f"Stacked areas, {span}: {listed(went) or 'too few to say'}."

    return Figure(
        Table(
            frame.reset_index(),
            "Referrals at each stage, at each month's end",
            {"date": date("Day"), **{code: count(label) for code, label in labels.items()}},
            note="Those who did not attend or did not start are left out. As known now: what was recorded late is in.",
        ),
        draw,
        "Referrals at each stage, at each month's end",
        alt,
        size=(7.4, 4.2),
    )


def milestone_curves(snapshot: Snapshot) -> Figure:
    """Cumulative incidence of each step after the start, with bands."""
    programme = snapshot.programme
    wanted = ["job_start", "course_start", *programme.milestones, *programme.outcomes]
    known = [name for name in dict.fromkeys(wanted) if name in programme.events or name in programme.outcomes]
    curves = {name: survival.time_to(snapshot, name) for name in known}
    times = [curve.reached_quantile(0.99) for curve in curves.values()]
    horizon = next(
        (days for days in HORIZONS if days >= max((time for time in times if time == time), default=0)), HORIZONS[-1]
    )
    parts = []
    for name, curve in curves.items():
        reached = curve.events[curve.causes[0]].cumsum()
        if len(reached) and reached.iloc[-1]:
            days = range(0, horizon + 1, horizon // STEPS)
            rows = curve.at(days).reset_index().assign(step=programme.label(name))
            place = np.searchsorted(reached.index.to_numpy(), rows["day"].to_numpy(), side="right")
            parts.append(rows.assign(reached=np.append(0, reached.to_numpy())[place]))
    columns: dict[str, Column] = {
        "step": text("Step"),
        "day": number("Days since start", places=0),
        "share": percent("Share that has reached it", of=("reached", "at_risk"), missing="too young"),
        "lower": percent("95% from", of=("reached", "at_risk"), missing="none"),
        "upper": percent("95% to", of=("reached", "at_risk"), missing="none"),
    }
    names = ["step", "day", "share", "lower", "upper", "reached", "at_risk"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        steps = list(dict.fromkeys(data["step"]))
        for step, style in zip(steps, series_styles(len(steps)), strict=True):
            mine = data[data["step"] == step]
            axes.fill_between(mine["day"], 100 * mine["lower"], 100 * mine["upper"], color=style["color"], alpha=0.18)
            axes.plot(mine["day"], 100 * mine["share"], label=step, markevery=4, **style)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("days since the start")
        axes.set_ylabel("% of starters")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        at = data[(data["day"] == horizon // 2) & data["share"].notna()]
        said = [f"{percent_words(row['share'])} {row['step'].lower()}" for row in at.to_dict("records")]
        return "Rising lines of the share that has reached each step by each day since the start" + (
            f"; by day {horizon // 2}: {listed(said)}."
            if said
            else "; too few have been followed long enough to say more."
        )

    return Figure(
        Table(
            frame,
            "Share of starters that has reached each step, by days since start",
            columns,
            note="Cumulative incidence (Aalen and Johansen): who has left without the step cannot come to it any more.",
            empty="no step has been taken yet",
        ),
        draw,
        "Share of starters that has reached each step, those still waiting treated as such; bands: 95% limits",
        alt,
        size=(7.4, 4.2),
    )


def group_changes(snapshot: Snapshot) -> Figure:
    """In which group those on the programme were a year ago and are now."""
    earlier = max(snapshot.month - 12, snapshot.first_month).end_time.date()
    table = peer_groups.transitions(snapshot, min(earlier, snapshot.as_of))
    columns: dict[str, Column] = {"name": text(f"On {day_words(min(earlier, snapshot.as_of))}")}
    codes = [str(code) for code in table]
    columns |= {code: count(group_name(code)) for code in codes}
    frame = table.rename_axis(columns=None).reset_index()

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        cells = data[codes].to_numpy(dtype=float)
        whole = np.nansum(cells, axis=1, keepdims=True)
        share = 100 * cells / np.where(whole > 0, whole, 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        for (row, column), value in np.ndenumerate(cells):
            if value > 0:
                dark = share[row, column] > 55
                axes.text(column, row, f"{value:,.0f}", ha="center", va="center", color="white" if dark else "black")
        axes.set_xticks(range(len(codes)), [columns[code].header.replace(" ", "\n", 1) for code in codes])
        axes.set_yticks(range(len(data)), data["name"])
        axes.grid(visible=False)
        axes.tick_params(labelsize=9)

    def alt(data: pd.DataFrame) -> str:
        rank = {code: place for place, code in enumerate(peer_groups.PLACES)}
        cells = {
            (was, now): data[now].iloc[row]
            for row, was in enumerate(table.index)
            for now in codes
            if was in rank and now in rank and not np.isnan(data[now].iloc[row])
        }
        higher = sum(number for (was, now), number in cells.items() if rank[now] > rank[was])
        lower = sum(number for (was, now), number in cells.items() if rank[now] < rank[was])
        same = sum(number for (was, now), number in cells.items() if now == was)
        return (
            f"A grid of groups then, down, and now, across; the darker, the greater the share of the row. Of the "
            f"numbers shown, {higher:,.0f} are in a higher group than they were, {lower:,.0f} in a lower, {same:,.0f} "
            f"in the same."
        )

    span = f"from {day_words(min(earlier, snapshot.as_of))} to {day_words(snapshot.as_of)}"
    return Figure(
        Table(frame.assign(name=[group_name(code) for code in table.index]), f"Peer support groups {span}", columns),
        draw,
        f"In which group participants were, and are: {span}; the numbers are participants",
        alt,
        size=(7.4, 3.6),
    )


def job_survival(snapshot: Snapshot) -> Figure:
    """How long spells of work last."""
    curve = journey.job_survival(snapshot)
    days = np.arange(0, 366, 14)
    found = curve.at(days.tolist())
    still = {"still": "share", "still_lower": "upper", "still_upper": "lower"}
    frame = found.reset_index().assign(**{name: 1 - found[share].to_numpy() for name, share in still.items()})

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        low, high = (100 * data[name] for name in ("still_lower", "still_upper"))
        axes.fill_between(data["day"], low, high, color=PALETTE[0], alpha=0.18, step="post")
        axes.plot(data["day"], 100 * data["still"], color=PALETTE[0], drawstyle="steps-post")
        axes.set_ylim(0, 100)
        axes.set_xlabel("days since the spell of work began")
        axes.set_ylabel("% still in work")

    def alt(data: pd.DataFrame) -> str:
        said = [
            f"{percent_words(row['still'])} after {row['day']:.0f} days"
            for row in data.to_dict("records")
            if row["day"] in (98, 182, 364) and row["still"] == row["still"]
        ]
        return f"A falling line: the share of spells of work that still last: {listed(said) or 'too few to say'}."

    return Figure(
        Table(
            frame,
            "Spells of work that still last, by days since they began",
            {
                "day": number("Days", places=0),
                "at_risk": count("Followed to then"),
                "still": percent("Still in work", of=("at_risk",), missing="too young"),
                "still_lower": percent("95% from", of=("at_risk",), missing="none"),
                "still_upper": percent("95% to", of=("at_risk",), missing="none"),
            },
        ),
        draw,
        "How long spells of work last, those that still last treated as such; band: 95% limits",
        alt,
        size=(7.4, 3.1),
    )
