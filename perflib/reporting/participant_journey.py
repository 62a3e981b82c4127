"""The participant journey report: where everybody stands, how long steps take, groups, reviews and work."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import incidence, journeys, peer_groups, progress
from perflib.records.snapshot import Snapshot
from perflib.reporting.columns import Column, count, date, month, number, percent, staff, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Presenter, Shown, Table
from perflib.reporting.report import together
from perflib.reporting.revisions import seen_differently
from perflib.reporting.style import PALETTE, label_ends, series_styles
from perflib.reporting.words import capital, day_words, listed, month_words

SHADES = ("#12436D", "#28A197", "#7FC9C4", "#A285D1", "#D8D3E4", "#B8BCC0", "#6B6F73", "#F46A25")
"""Fills of stages: that of the outcome first, those of who is out of it grey."""

HORIZONS = (96, 192, 384, 720)
"""How many days curves may reach; the first by which nearly all that happens has happened is taken."""

STEPS = 24
GAP_DAYS = (28, 91, 182, 364)


def _group_name(code: object) -> str:
    """Return what a peer support group is called."""
    names = {code: f"{code} {name}" for code, name in peer_groups.GROUPS.items()}
    names |= {peer_groups.NOT_PLACED: "Not placed yet", peer_groups.NOT_YET: "Not on the programme yet"}
    return names.get(str(code), "Left")


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
    in_work = f", {d.count(load['in_work'])} of them in work" if "job_start" in snapshot.programme.events else ""
    there = d.count(load["on_programme"])
    sentences.append(capital(f"{there} were on the programme on the first of {month_words(snapshot.month)}{in_work}."))
    times = incidence.times(snapshot, [("referral", "start")]).iloc[0]
    if times["reached"] > 0 and not d.hides(times["reached"]):
        half, most = (d.number(times[name], places=0) for name in ("reached_median", "reached_p90"))
        sentences.append(
            f"Of those who start at all, half do so within {half} days of referral and nine in ten within {most}."
        )
    return sentences


def positions(snapshot: Snapshot) -> Figure:
    """Where the participants of each cohort stand, as shares of the cohort."""
    table = journeys.position(snapshot)
    names = {code: label for code, label in journeys.stages(snapshot).items() if table[code].any()}
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


def occupancy(snapshot: Snapshot) -> Figure:
    """How many stood at each stage at the ends of the last months."""
    stages = journeys.stages(snapshot)
    labels = {progress.OPEN: progress.places(snapshot.programme)[progress.OPEN], **stages}
    frame = progress.occupancy(snapshot)[list(labels)]
    labels = {code: label for code, label in labels.items() if frame[code].any()}
    shade = dict(zip(stages, SHADES, strict=False)) | {progress.OPEN: SHADES[-1]}
    drawn = [code for code in reversed(labels) if code != progress.OPEN]
    drawn = ([progress.OPEN] if progress.OPEN in labels else []) + drawn

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


def stage_times(snapshot: Snapshot) -> Table:
    """How long participants stay at each stage, those still at it treated as such."""
    frame = progress.stage_times(snapshot)
    labels = journeys.stages(snapshot)
    frame = frame[frame["entered"] > 0]
    return Table(
        frame.assign(name=frame.index.map(labels)),
        "How long participants stay at each stage",
        {
            "name": text("Stage"),
            "entered": count("Reached it"),
            "moved_on": count("Moved on"),
            "still": count("Still there"),
            "median": number("Half moved on within (days)", of=("moved_on",), places=0, missing="not yet half"),
            "lower": number("95% from", of=("moved_on",), places=0, missing="none"),
            "upper": number("95% to", of=("moved_on",), places=0, missing="none"),
        },
        note="Those still there count for as long as they have been there (Kaplan and Meier). A stage passed over is "
        "not reached.",
        empty="nobody has started yet",
    )


def milestone_curves(snapshot: Snapshot) -> Figure:
    """Cumulative incidence of each step after the start, with bands."""
    programme = snapshot.programme
    wanted = ["job_start", "course_start", *programme.milestones, *programme.outcomes]
    known = [name for name in dict.fromkeys(wanted) if name in programme.events or name in programme.outcomes]
    curves = {name: incidence.time_to(snapshot, name) for name in known}
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
        said = [f"{100 * row['share']:.0f}% {row['step'].lower()}" for row in at.to_dict("records")]
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


def groups(snapshot: Snapshot, show: Presenter) -> Shown:
    """Peer support groups: who is in which, who moves, and the jobs that come of them."""
    if peer_groups.EVENT not in snapshot.programme.events:
        return show.say(f"{snapshot.programme.name} has no peer support groups.")
    if not peer_groups.known(snapshot):
        return show.say("The extract holds no placement in a peer support group.")
    shown = [show.table(group_times(snapshot)), show.table(group_jobs(snapshot)), show.figure(group_changes(snapshot))]
    shown.append(show.table(moves(snapshot)))
    caseworker = next((name for name, kind in snapshot.programme.attributes.items() if kind.staff), None)
    return together(*shown, *([show.table(caseworkers(snapshot, caseworker))] if caseworker else []))


def group_times(snapshot: Snapshot) -> Table:
    """Who has been in each peer support group, and how long they stay."""
    frame = peer_groups.times_in_group(snapshot)
    return Table(
        frame.assign(name=frame.index.map(_group_name)),
        "Peer support groups: who has been in each, and for how long",
        {
            "name": text("Group"),
            "entered": count("Entered", parts=("on", "back", "left", "still")),
            "on": count("Moved on"),
            "back": count("Moved back"),
            "left": count("Left the programme"),
            "still": count("Still in it"),
            "median": number("Half out within (days)", of=("entered",), places=0, missing="not yet half"),
        },
        note="Those still in a group count for as long as they have been in it.",
    )


def group_jobs(snapshot: Snapshot) -> Table:
    """What each group gives in job starts."""
    frame = peer_groups.job_starts(snapshot, basis="rolling_12")
    return Table(
        frame.assign(name=frame.index.map(_group_name)),
        "Job starts by peer support group in the last twelve months, and what the present caseload would give",
        {
            "name": text("Group"),
            "job_starts": count("Job starts"),
            "days": number("Days at risk", places=0),
            "rate": number(
                "Job starts for each 100 in 30 days", of=("job_starts",), places=1, missing="nobody at risk"
            ),
            "lower": number("95% from", of=("job_starts",), places=1, missing="none"),
            "upper": number("95% to", of=("job_starts",), places=1, missing="none"),
            "out_of_work": count("In it now, out of work"),
            "expected": number("Job starts expected in 30 days", of=("job_starts", "out_of_work"), people=True),
        },
        note="A job belongs to the group held on the day before it. Limits are exact Poisson limits.",
    )


def group_changes(snapshot: Snapshot) -> Figure:
    """In which group those on the programme were a year ago and are now."""
    earlier = max(snapshot.month - 12, snapshot.first_month).end_time.date()
    table = peer_groups.transitions(snapshot, min(earlier, snapshot.period_end))
    columns: dict[str, Column] = {"name": text(f"On {day_words(min(earlier, snapshot.period_end))}")}
    codes = [str(code) for code in table]
    columns |= {code: count(_group_name(code)) for code in codes}
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

    span = f"from {day_words(min(earlier, snapshot.period_end))} to {day_words(snapshot.period_end)}"
    return Figure(
        Table(frame.assign(name=[_group_name(code) for code in table.index]), f"Peer support groups {span}", columns),
        draw,
        f"In which group participants were, and are: {span}; the numbers are participants",
        alt,
        size=(7.4, 3.6),
    )


def moves(snapshot: Snapshot) -> Table:
    """Advances and retreats through the groups, by month."""
    return Table(
        peer_groups.advances(snapshot).tail(12).reset_index(),
        "Advances and retreats through the peer support groups, by month",
        {"month": month("Month"), **_move_columns()},
        note="Retreats are shown beside advances: a second assessment can otherwise be used to gain an advance.",
    )


def caseworkers(snapshot: Snapshot, attribute: str) -> Table:
    """Advances and retreats of the last twelve months by caseworker, in the order of their names."""
    frame = peer_groups.advances(snapshot, by=attribute, basis="rolling_12")
    label = snapshot.programme.attributes[attribute].label
    return Table(
        frame[frame["caseload_days"] > 0].rename_axis("name").reset_index(),
        f"Advances and retreats of the last twelve months, by {label.lower()}",
        {
            "name": staff(label),
            **_move_columns(),
            "advance_rate": number("Advances for each 100 in 30 days", of=("advances",), places=1),
            "lower": number("95% from", of=("advances",), places=1),
            "upper": number("95% to", of=("advances",), places=1),
        },
        internal_only=True,
        note="A move belongs to whoever had the participant on the day. Not ranked: where limits overlap, chance may "
        "be all that sets two apart.",
        empty="nobody was on the programme in these months",
    )


def _move_columns() -> dict[str, Column]:
    return {
        "advances": count("Advances"),
        "retreats": count("Retreats"),
        "net": number("Net", of=("advances", "retreats"), places=0, signed=True, people=True),
        "skips": count("Advances by more than one"),
        "caseload_days": number("Days of caseload", places=0),
    }


def reviews(snapshot: Snapshot, show: Presenter) -> Shown:
    """Who had a review in each month."""
    programme, event = snapshot.programme, "review"
    if event not in programme.events:
        return show.say(f"{programme.name} names no reviews, and no management regime of the contract does.")
    label = programme.label(event)
    frame = progress.reviews(snapshot, event).tail(12).reset_index()
    known = bool((snapshot.events["event"] == event).any())
    return show.table(
        Table(
            frame if known else frame.iloc[:0],
            f"{label}: of those on the programme all month, who had one",
            {
                "month": month("Month"),
                "participants": count("On the programme all month"),
                "reviewed": count("Had one"),
                "share": percent("Share", "reviewed", "participants"),
                "longest_gap": number("Longest without (days)", of=("participants",), places=0),
            },
            note="Who is overdue is for those who may see it: perflib rows CONTRACT MONTH overdue:review --to FILE.",
            empty="the extract holds none",
        )
    )


def work(snapshot: Snapshot, show: Presenter) -> Shown:
    """Who is in work, how long work lasts, and how long it takes to find it again."""
    if "job_start" not in snapshot.programme.events:
        return show.say(f"{snapshot.programme.name} has no jobs in its file.")
    if journeys.work_spells(snapshot).empty:
        return show.say("The extract holds no job.")
    tables = show.table(in_work(snapshot)), show.table(job_gaps(snapshot))
    return together(tables[0], show.figure(job_survival(snapshot)), tables[1])


def in_work(snapshot: Snapshot) -> Table:
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
            f"{100 * row['still']:.0f}% after {row['day']:.0f} days"
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


def job_gaps(snapshot: Snapshot) -> Table:
    """How long it takes from the end of one job to the next."""
    curve = progress.job_gaps(snapshot)
    again, left = (curve.at(GAP_DAYS, cause)["share"] for cause in ("job_start", incidence.EXIT))
    found = curve.at(GAP_DAYS)
    frame = found.reset_index().assign(again=again.to_numpy(), left=left.to_numpy())
    return Table(
        frame[frame["again"].notna()] if curve.followed else frame.iloc[:0],
        "After a job has ended: who is in work again",
        {
            "day": number("Days since the end", places=0),
            "at_risk": count("Followed to then"),
            "again": percent("In work again", of=("at_risk",)),
            "lower": percent("95% from", of=("at_risk",), missing="none"),
            "upper": percent("95% to", of=("at_risk",), missing="none"),
            "left": percent("Left without", of=("at_risk",)),
        },
        note="Of spells of work that ended on the programme. Those still looking are treated as such; who leaves "
        "without a job does not come to one here.",
        empty="no spell of work has ended on the programme",
    )


def changes(earlier: Snapshot | None, later: Snapshot, d: Disclosure) -> list[str]:
    """How many journeys did not stand where the last report said, and why."""
    return seen_differently(
        earlier, lambda before: progress.changed_since(before, later).set_index("reason")["journeys"], "journeys", d
    )
