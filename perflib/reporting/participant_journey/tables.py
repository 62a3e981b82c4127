"""Tables of the participant journey report."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import journey, survival
from perflib.analysis.journey import peer_groups
from perflib.disclosure.columns import Column, count, month, number, percent, staff, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.words import day_words, month_words
from perflib.records.snapshot import Snapshot

GAP_DAYS = (28, 91, 182, 364)


def group_name(code: object) -> str:
    """Return what a peer support group is called."""
    names = {code: f"{code} {name}" for code, name in peer_groups.GROUPS.items()}
    names |= {peer_groups.NOT_PLACED: "Not placed yet", peer_groups.NOT_YET: "Not on the programme yet"}
    return names.get(str(code), "Left")


def flows(snapshot: Snapshot) -> Table:
    """From where to where journeys moved in the month."""
    before = (snapshot.month - 1).end_time.date()
    names = journey.places(snapshot.programme)
    if snapshot.month <= snapshot.first_month:
        frame = pd.DataFrame(columns=["was", *names])
    else:
        frame = journey.flows(snapshot, before).reset_index()
        used = [code for code in names if code in frame and frame[code].sum() > 0]
        frame = frame[frame[used].sum(axis=1) > 0]
        names = {code: names[code] for code in used}
    labels = journey.places(snapshot.programme)
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
    frame = survival.times(snapshot)
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
    frame = journey.stage_times(snapshot)
    labels = journey.stages(snapshot)
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


def group_times(snapshot: Snapshot) -> Table:
    """Who has been in each peer support group, and how long they stay."""
    frame = peer_groups.times_in_group(snapshot)
    return Table(
        frame.assign(name=frame.index.map(group_name)),
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
        frame.assign(name=frame.index.map(group_name)),
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


def in_work(snapshot: Snapshot) -> Table:
    """Who is in work now, by how long the spell has lasted."""
    frame = journey.in_work(snapshot).assign(name="On the programme")
    bands = [column for column in frame.columns if column not in ("on_programme", "in_work", "name")]
    columns: dict[str, Column] = {
        "name": text("Who"),
        "on_programme": count("On the programme"),
        "in_work": count("In work", parts=bands),
    }
    return Table(
        frame.reset_index(drop=True),
        f"In work on {day_words(snapshot.as_of)}, by how long the present spell has lasted",
        columns | {band: count(band) for band in bands},
        note="Jobs that overlap are one spell of work.",
    )


def job_gaps(snapshot: Snapshot) -> Table:
    """How long it takes from the end of one job to the next."""
    curve = journey.job_gaps(snapshot)
    again, left = (curve.at(GAP_DAYS, cause)["share"] for cause in ("job_start", survival.EXIT))
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
