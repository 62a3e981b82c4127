"""The participant journey report: where everybody stands, how long steps take, groups, reviews and work."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import incidence, journeys, peer_groups, progress
from perflib.records.snapshot import Snapshot
from perflib.reporting.columns import Column, count, month, number, percent, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Table
from perflib.reporting.style import PALETTE, label_ends, series_styles
from perflib.reporting.words import day_words, listed, month_words

GROUP_NAMES = {
    "1": "1 Pre-contemplation",
    "2": "2 Contemplation",
    "3": "3 Preparation",
    "4": "4 Candidate pool",
}
"""The four peer support groups (KS tender answer, lines 55 to 71)."""


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Where everybody stands, in sentences."""
    position = journeys.position(snapshot).sum()
    names = journeys.stages(snapshot)
    starts = int(position.sum())
    if starts == 0:
        return ["Nobody has started yet."]
    shares = [f"{d.count(position[code])} {label.lower()}" for code, label in names.items() if position[code] > 0]
    sentences = [f"Of {d.count(starts)} starts, on {day_words(snapshot.period_end)}: {listed(shares)}."]
    load = journeys.caseload(snapshot).iloc[-1]
    sentences.append(
        f"{d.count(load['on_programme'])} were on the programme on the first of the month, "
        f"{d.count(load['in_work'])} of them in work."
    )
    times = incidence.times(snapshot, [("referral", "start")]).iloc[0]
    if times["reached"] > 0:
        sentences.append(
            f"Of those who start at all, half do so within {times['reached_median']:.0f} days of referral and nine in "
            f"ten within {times['reached_p90']:.0f}."
        )
    return sentences


def positions(snapshot: Snapshot) -> Figure:
    """Where the participants of each cohort stand, as shares of the cohort."""
    names = journeys.stages(snapshot)
    table = journeys.position(snapshot)
    table = table.assign(starts=table.sum(axis=1))
    table = table[table["starts"] > 0].reset_index()
    columns: dict[str, Column] = {"cohort": month("Cohort"), "starts": count("Starts", parts=list(names))}
    columns |= {code: count(label) for code, label in names.items()}
    shades = ["#12436D", "#28A197", "#7FC9C4", "#A285D1", "#D8D3E4", "#B8BCC0", "#6B6F73"]

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        x = pd.PeriodIndex(data["cohort"], freq="M").to_timestamp()
        whole = data["starts"].where(data["starts"] > 0)
        base = np.zeros(len(data))
        for (code, label), shade in zip(names.items(), shades, strict=False):
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
        said = [f"{100 * known[code]:.0f}% {label.lower()}" for code, label in names.items() if known[code] >= 0.01]
        return f"A bar a cohort, divided by where its participants stand. Over all cohorts: {listed(said)}."

    return Figure(
        Table(
            table,
            f"Where the participants of each cohort stood on {day_words(snapshot.period_end)}",
            columns,
            note="Each participant stands at the furthest stage reached.",
            empty="nobody has started yet",
        ),
        draw,
        f"Where the participants of each cohort stood on {day_words(snapshot.period_end)}",
        alt,
        size=(7.4, 4.4),
    )


def flows(snapshot: Snapshot) -> Table:
    """From where to where journeys moved in the month."""
    before = (snapshot.month - 1).end_time.date()
    names = progress.places(snapshot.programme)
    if snapshot.month <= snapshot.first_month:
        frame = pd.DataFrame(columns=["was", *names])
    else:
        frame = progress.flows(snapshot, before).reset_index()
        used = [code for code in names if code in frame and frame[code].sum() > 0]
        frame = frame[frame[used].sum(axis=1) > 0]
        names = {code: names[code] for code in used}
    labels = progress.places(snapshot.programme)
    columns: dict[str, Column] = {"was": text(f"On {day_words(before)}")}
    columns |= {code: count(label) for code, label in names.items()}
    return Table(
        frame.assign(was=frame["was"].map(labels)),
        f"From where to where in {month_words(snapshot.month)}",
        columns,
        note="Rows are where referrals stood at the end of the month before, columns where they stand now.",
        empty="this is the contract's first month",
    )


def step_times(snapshot: Snapshot) -> Table:
    """How long each step takes, those still waiting treated as such."""
    frame = incidence.times(snapshot)
    label = {**{name: event.label for name, event in snapshot.programme.events.items()}}
    label |= {name: rules.label for name, rules in snapshot.programme.outcomes.items()}
    names = [f"{label[a]} to {label[b].lower()}" for a, b in zip(frame["origin"], frame["measure"], strict=True)]
    frame = frame.assign(step=names)[frame["status"].to_numpy() == ""]
    return Table(
        frame,
        "How long each step takes",
        {
            "step": text("Step"),
            "followed": count("Followed"),
            "reached": count("Reached it"),
            "competing": count("Something else first"),
            "waiting": count("Still waiting"),
            "share": percent("Share in the end", of=("reached", "followed"), missing="too young"),
            "reached_median": number("Half within (days)", of=("reached",), places=0, missing="none"),
            "reached_p90": number("Nine in ten within (days)", of=("reached",), places=0, missing="none"),
        },
        note="Shares are cumulative incidence (Aalen and Johansen), those still waiting treated as such. Half and nine "
        "in ten are of those who reach it at all.",
        empty="no step has been taken yet",
    )


def milestone_curves(snapshot: Snapshot) -> Figure:
    """Cumulative incidence of each step after the start."""
    programme = snapshot.programme
    wanted = ["job_start", *programme.milestones, "outcome"]
    known = [name for name in wanted if name in programme.events or name in programme.outcomes]
    frames = {}
    for name in known:
        curve = incidence.time_to(snapshot, name)
        frames[name] = curve
    days = np.arange(0, 721, 30)
    frame = pd.DataFrame({"day": days})
    for name, curve in frames.items():
        frame[name] = curve.at(days.tolist())["share"].to_numpy()
    label = {name: programme.label(name) for name in known}
    columns: dict[str, Column] = {"day": number("Days since start", places=0)}
    columns |= {name: percent(label[name], missing="too young") for name in known}

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        for name, style in zip(known, series_styles(len(known)), strict=True):
            axes.plot(data["day"], 100 * data[name], label=label[name], markevery=3, **style)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("days since the start")
        axes.set_ylabel("% of starters")
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        at = data[data["day"] == 360]
        said = [f"{100 * at[name].iloc[0]:.0f}% {label[name].lower()}" for name in known if at[name].notna().all()]
        return "Rising lines of the share that has reached each step by each day since the start" + (
            f"; by day 360: {listed(said)}." if said else "; too few have been followed long enough to say more."
        )

    return Figure(
        Table(frame, "Share of starters that has reached each step, by days since start", columns),
        draw,
        "Share of starters that has reached each step, those still waiting treated as such",
        alt,
    )


def groups(snapshot: Snapshot) -> Table:
    """Who is in which peer support group, and how long they stay."""
    if not peer_groups.known(snapshot):
        frame = pd.DataFrame(columns=["name"])
    else:
        frame = peer_groups.times_in_group(snapshot)
        frame = frame.assign(name=[GROUP_NAMES.get(str(code), "Not placed yet") for code in frame.index])
    return Table(
        frame.reset_index(drop=True),
        "Peer support groups: who has been in each, and for how long",
        {
            "name": text("Group"),
            "entered": count("Entered"),
            "on": count("Moved on"),
            "back": count("Moved back"),
            "left": count("Left the programme"),
            "still": count("Still in it"),
            "median": number("Half out within (days)", of=("entered",), places=0, missing="not yet half"),
        },
        empty="the extract has no peer support groups",
    )


def group_jobs(snapshot: Snapshot) -> Table:
    """What each group gives in job starts."""
    if not peer_groups.known(snapshot):
        frame = pd.DataFrame(columns=["name"])
    else:
        frame = peer_groups.job_starts(snapshot, basis="rolling_12")
        frame = frame.assign(name=[GROUP_NAMES.get(str(code), "Not placed yet") for code in frame.index])
    return Table(
        frame.reset_index(drop=True),
        "Job starts by peer support group in the last twelve months, and what the present caseload would give",
        {
            "name": text("Group"),
            "job_starts": count("Job starts"),
            "days": number("Days at risk", places=0),
            "out_of_work": count("In it now, out of work"),
            "expected": number("Job starts expected in 30 days", of=("job_starts", "out_of_work"), people=True),
        },
        empty="the extract has no peer support groups",
    )


def moves(snapshot: Snapshot) -> Table:
    """Advances and retreats through the groups, by month."""
    if not peer_groups.known(snapshot):
        frame = pd.DataFrame(columns=["month"])
    else:
        frame = peer_groups.advances(snapshot).tail(12).reset_index()
    return Table(
        frame,
        "Advances and retreats through the peer support groups, by month",
        {
            "month": month("Month"),
            "advances": count("Advances"),
            "retreats": count("Retreats"),
            "net": number("Net", of=("advances", "retreats"), places=0, signed=True, people=True),
            "skips": count("Advances by more than one"),
            "caseload_days": number("Days of caseload", places=0),
        },
        note="Retreats are shown beside advances: a second assessment can otherwise be used to gain an advance.",
        empty="the extract has no peer support groups",
    )


def reviews(snapshot: Snapshot) -> Table:
    """Who had a review in each month."""
    event = next((name for name, kind in snapshot.programme.events.items() if name == "review" and kind.repeats), None)
    frame = progress.reviews(snapshot, event).tail(12).reset_index() if event else pd.DataFrame(columns=["month"])
    if event and not (snapshot.events["event"] == event).any():
        frame = frame.iloc[:0]
    return Table(
        frame,
        "Action plan reviews: of those on the programme all month, who had one",
        {
            "month": month("Month"),
            "participants": count("On the programme all month"),
            "reviewed": count("Had a review"),
            "share": percent("Share", "reviewed", "participants"),
            "longest_gap": number("Longest without (days)", of=("participants",), places=0),
        },
        note="Who is overdue is for those who may see it: perflib rows CONTRACT MONTH overdue:review --to FILE.",
        empty="the extract has no reviews",
    )


def work(snapshot: Snapshot) -> Table:
    """Who is in work now, by how long the spell has lasted."""
    frame = progress.in_work(snapshot).assign(name="On the programme")
    bands = [column for column in frame.columns if column not in ("on_programme", "in_work", "name")]
    columns: dict[str, Column] = {
        "name": text("Who"),
        "on_programme": count("On the programme"),
        "in_work": count("In work", parts=bands),
    }
    return Table(
        frame.reset_index(drop=True),
        f"In work on {day_words(snapshot.period_end)}, by how long the present spell has lasted",
        columns | {band: count(band) for band in bands},
        note="Jobs that overlap are one spell of work.",
    )


def job_survival(snapshot: Snapshot) -> Figure:
    """How long spells of work last."""
    curve = progress.job_survival(snapshot)
    days = np.arange(0, 366, 14)
    frame = pd.DataFrame({"day": days, "still": 1 - curve.at(days.tolist())["share"].to_numpy()})

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        axes.plot(data["day"], 100 * data["still"], color=PALETTE[0])
        axes.set_ylim(0, 100)
        axes.set_xlabel("days since the spell of work began")
        axes.set_ylabel("% still in work")

    def alt(data: pd.DataFrame) -> str:
        said = [
            f"{100 * row['still']:.0f}% after {row['day']:.0f} days"
            for row in data.to_dict("records")
            if row["day"] in (98, 182, 364) and row["still"] == row["still"]
        ]
        return f"A falling line: the share of spells of work that still last: {listed(said) or 'too few to say'}."

    return Figure(
        Table(
            frame,
            "Spells of work that still last, by days since they began",
            {"day": number("Days", places=0), "still": percent("Still in work", missing="too young")},
        ),
        draw,
        "How long spells of work last, those that still last treated as such",
        alt,
        size=(7.4, 3.1),
    )


def changes(earlier: Snapshot | None, later: Snapshot, d: Disclosure) -> list[str]:
    """How many journeys did not stand where the last report said."""
    if earlier is None:
        return ["This is the contract's first month: there is no earlier report to compare with."]
    frame = progress.changed_since(earlier, later)
    if frame.empty:
        return [f"Everybody stood on {day_words(earlier.period_end)} where the report of that month said."]
    reasons = frame.groupby("reason")["journeys"].sum()
    said = [f"{d.count(total)} {reason}" for reason, total in reasons.items()]
    return [
        f"{d.count(frame['journeys'].sum())} journeys did not stand on {day_words(earlier.period_end)} where the "
        f"report of that month said: {listed(said)}."
    ]
