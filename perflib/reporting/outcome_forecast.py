"""The outcome forecast: what will happen and how sure, what may be missed, what would mend it, how good this is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis.forecast import outcomes, warning
from perflib.analysis.forecast.backtest import BANDS, HORIZONS, backtest, best, by_maturity
from perflib.analysis.forecast.backtest import summary as summed
from perflib.analysis.forecast.result import Forecast, summary
from perflib.records.snapshot import Snapshot
from perflib.reporting import forecast_figures
from perflib.reporting.columns import Column, count, month, number, percent, status, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Table, Tiles
from perflib.reporting.words import capital, listed, month_words

NEXT, LATER = 3, max(warning.AHEAD)
MODEL = "milestones"
ORIGINS, BACKTEST_DRAWS = 6, 100
"""The method shown, and the page's own backtest: enough to judge by, and done in a few seconds."""

COHORTS = 18
"""Cohorts in the table: the latest that are still open."""

MODEL_NAMES = {
    "milestones": "Milestones",
    "hazard": "Hazard",
    "cape_cod": "Cape Cod",
    "chain_ladder": "Chain ladder",
    "profile": "The bid alone",
}
SCENARIOS = {
    "base": "As forecast, starts going on as now",
    "job_entry": "Job entry",
    "referrals": "Referrals",
    "conversion": "Start conversion",
}
STATUSES = {
    "may be missed": "May be missed",
    "behind profile": "Behind profile",
    "on course": "On course",
    "too few": "Too few to say",
    "no profile": "No profile",
}
NO_PROMISE = "nothing promised"


def chance_words(probability: float) -> str:
    """Return a probability as people say it.

    >>> chance_words(0.004), chance_words(0.37), chance_words(0.998)
    ('under 1 in 100', '37 in 100', 'over 99 in 100')
    """
    if np.isnan(probability):
        return NO_PROMISE
    if probability < 0.01 or probability > 0.99:
        return "under 1 in 100" if probability < 0.5 else "over 99 in 100"
    return f"{round(100 * probability)} in 100"


def chance(probability: float) -> str:
    """Return a probability as a table shows it: never 0% or 100%.

    >>> chance(0.004), chance(0.37), chance(0.998)
    ('under 1%', '37%', 'over 99%')
    """
    return chance_words(probability).replace(" in 100", "%")


def forecast(snapshot: Snapshot) -> Forecast:
    """The forecast that the page is about."""
    return outcomes(snapshot, model=MODEL)


def tiles(snapshot: Snapshot, d: Disclosure) -> Tiles:
    """What is expected in the next months and in the end."""
    found = forecast(snapshot)
    part, total = found.development, found.total.iloc[0]
    near = _next(found)
    label = snapshot.programme.label(part.measure)
    recorded = int(part.recorded.sum())
    of: dict[str, Any] = {"of": ("recorded",), "people": True}
    places = [int(value < 9.95) for value in (near["expected"], total["expected"])]
    values = {"recorded": recorded, "outcome_next": near["expected"], "outcome_expected": total["expected"]}
    return Tiles(
        values,
        {
            "outcome_next": number(f"{label} expected in the next {NEXT} months", places=places[0], **of),
            "outcome_expected": number(f"{label} expected in all, of those started", places=places[1], **of),
        },
        {
            "outcome_next": f"95% interval {_interval(near, recorded, d)}",
            "outcome_expected": f"95% interval {_interval(total, recorded, d)}",
        },
    )


def _interval(row: pd.Series, recorded: int, d: Disclosure) -> str:
    return " to ".join(d.number(row[key], of=(recorded,), people=True, places=0) for key in ("lower_95", "upper_95"))


def _people(value: float, recorded: int, d: Disclosure) -> str:
    """Return a number of people who are expected: a small one with a decimal place, so that little is not nothing."""
    return d.number(value, of=(recorded,), people=True, places=1 if value < 9.95 else 0)


def _next(found: Forecast, months: int = NEXT) -> pd.Series:
    """Return the forecast of all that is recorded in the next months together."""
    return summary(found.paths[:, :, :months].sum(axis=(1, 2))[:, None], pd.Index(["next"])).iloc[0]


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What will happen, what will be missed, what would put it right, and how far to trust it."""
    found = forecast(snapshot)
    part, total = found.development, found.total.iloc[0]
    label, recorded = snapshot.programme.label(part.measure).lower(), int(part.recorded.sum())
    starts = int(part.starts.sum())
    if not starts or d.hides(starts):
        started = f"{d.count(starts)} have started" if starts else "Nobody has started yet"
        return [capital(f"{started}: there is nothing to forecast that could be shown.")]
    expected = _people(total["expected"], recorded, d)
    sentences = [
        capital(
            f"{expected} {label} are expected in all of the {d.count(starts)} who have started by "
            f"{month_words(part.month)} (95% interval {_interval(total, recorded, d)}); {d.count(recorded)} are "
            f"recorded."
        )
    ]
    levels = warning.levels(snapshot, MODEL)
    whole = levels.iloc[0]
    if whole["promised"] > 0:
        sentences[0] += f" The contract promises {d.number(whole['promised'], people=True, places=0)}."
    threshold = snapshot.contract.early_warning.probability
    endangered = levels[(levels["status"] == "may be missed") & ~levels["recorded"].map(d.hides)]
    if len(endangered):
        said = [f"{row['name']} (chance {chance_words(row['miss'])})" for row in endangered.to_dict("records")]
        sentences.append(f"May be missed by the people who have started: {'; '.join(said)}.")
    if levels["status"].isin(["too few", "no profile"]).all() and whole["promised"] > 0:
        sentences.append(
            "So little is promised to those who have started that chance would decide: nothing is warned of."
        )
    elif endangered.empty and (levels["status"] != "no profile").any():
        sentences.append(
            f"No level has a chance of {chance_words(threshold)} or more of being missed by those who have started."
        )
    behind = levels[levels["status"] == "behind profile"]
    if len(behind):
        sentences.append(
            f"To be met in the end, but with a chance of {chance_words(threshold)} or more of being behind the profile "
            f"within {max(warning.AHEAD)} months: {listed(list(behind['name']))}."
        )
    sentences += _mending(snapshot, found, levels, d)
    return [*sentences, verdict(snapshot)[0]]


def _mending(snapshot: Snapshot, found: Forecast, levels: pd.DataFrame, d: Disclosure) -> list[str]:
    """Return what would still meet the contract's level, where it may be missed."""
    recorded = int(found.development.recorded.sum())
    if levels["status"].iloc[0] != "may be missed" or d.hides(recorded):
        return []
    table = warning.needed(snapshot, found)
    table = table[table["needed"].notna() & (table["needed"] > table["expected"])]
    if table.empty:
        return []
    said = [
        f"{_people(row['needed'], recorded, d)} {snapshot.programme.label(row['measure']).lower()} a month "
        f"instead of {_people(row['expected'], recorded, d)}"
        for row in table.to_dict("records")
    ]
    return [f"{levels['name'].iloc[0]} would still be met, on average, with any one of: {'; or '.join(said)}."]


def levels(snapshot: Snapshot) -> Table:
    """The chance that each level, group, area and the profile is missed."""
    frame = warning.levels(snapshot, MODEL)
    chances = ("miss", f"miss_{LATER}")
    frame = frame.assign(
        status=frame["status"].map(STATUSES),
        **{f"{key}_words": frame[key].map(chance) for key in chances},
    )
    of = ("recorded",)
    columns: dict[str, Column] = {
        "name": text("Level"),
        "starts": count("Starts"),
        "recorded": count("Recorded"),
        "promised": number("Promised in the end", of=("starts",), people=True, places=0, missing=NO_PROMISE),
        "expected": number("Expected in the end", of=of, people=True, places=0),
        "lower_95": number("95% from", of=of, people=True, places=0),
        "upper_95": number("95% to", of=of, people=True, places=0),
        "miss_words": text("Chance of missing it", of=of),
        "status": status("Early warning", of=of),
    }
    columns[f"miss_{LATER}_words"] = text(f"Below profile in {LATER} months", of=of)
    threshold = chance(snapshot.contract.early_warning.probability)
    return Table(
        frame,
        "The chance of missing each level, of those who have started",
        columns,
        note=f"May be missed: a chance of {threshold} or more, when all cohorts are final. Behind profile: as likely "
        "within months, but not in the end. The last column: the chance that less is "
        "recorded by then than the profile promises by then.",
        empty="nobody has started yet",
    )


def fan(snapshot: Snapshot) -> Figure:
    """Outcomes to date and to come against the profile."""
    return forecast_figures.fan(snapshot, forecast(snapshot))


def pipeline(snapshot: Snapshot) -> Figure:
    """The pipeline by milestone and age."""
    return forecast_figures.pipeline(snapshot, forecast(snapshot))


def cohort_table(snapshot: Snapshot) -> Table:
    """What each open cohort will have in the end."""
    found = forecast(snapshot)
    part = found.development
    promised = np.where(part.starts > 0, part.starts * part.profile.iloc[:, -1], 0.0)
    reached = part.recorded.to_numpy() + found.paths.sum(axis=2)
    frame = found.cohorts.assign(
        starts=part.starts.astype(int),
        recorded=part.recorded.astype(int),
        promised=np.where(promised > 0, promised, np.nan),
        below=[chance(p) for p in np.where(promised > 0, (reached < promised).mean(axis=0), np.nan)],
    )
    frame = frame[(part.starts > 0) & (part.age < part.last)].tail(COHORTS).rename_axis("cohort").reset_index()
    of = ("recorded", "starts")
    columns: dict[str, Column] = {
        "cohort": month("Cohort"),
        "starts": count("Starts"),
        "recorded": count("Recorded"),
        "expected": number("Expected in the end", of=of, people=True),
        "lower_80": number("80% from", of=of, people=True, places=0),
        "upper_80": number("80% to", of=of, people=True, places=0),
        "promised": number("Promised in the end", of=("starts",), people=True, missing=NO_PROMISE),
        "below": text("Chance of fewer", of=of),
    }
    return Table(
        frame,
        "What each cohort that is still open will have in the end",
        columns,
        note=f"The latest {COHORTS} cohorts at most. Intervals of one cohort are wide: of ten cohorts about two end "
        "outside their 80% interval.",
        empty="no cohort is open",
    )


def next_months(snapshot: Snapshot) -> Table:
    """What will be recorded in each of the next months, and in all of them."""
    found = forecast(snapshot)
    part = found.development
    rows = found.months.head(NEXT).assign(promised=part.promised.sum(axis=0)[:NEXT])
    rows.index = pd.Index([month_words(m) for m in found.months.index[:NEXT]])
    whole = _next(found).to_frame("Together").T.assign(promised=rows["promised"].sum())
    frame = pd.concat([rows, whole]).rename_axis("month").reset_index().assign(recorded=int(part.recorded.sum()))
    of = ("recorded",)
    columns: dict[str, Column] = {"month": text("Month of recording")}
    columns |= {
        key: number(header, of=of, people=True, places=0)
        for key, header in ({"expected": "Expected"} | forecast_figures.INTERVALS).items()
    }
    promised = {"promised": number("Promised", people=True, places=0)} if frame["promised"].gt(0).any() else {}
    return Table(
        frame,
        f"{snapshot.programme.label(part.measure)} that will be recorded in the next {NEXT} months",
        columns | promised,
        note="Of those who have started by now, by the month of recording. Some of them have happened already.",
        empty="nothing is to come",
    )


def needs(snapshot: Snapshot) -> Table:
    """What the pipeline must deliver a month to meet the contract's level."""
    found = forecast(snapshot)
    frame = warning.needed(snapshot, found)
    labels = [snapshot.programme.label(name) for name in frame["measure"]]
    frame = frame.assign(label=labels, recorded=int(found.development.recorded.sum()))
    of = ("recorded",)
    return Table(
        frame,
        "What a month must bring for the contract's level to be met, one lever at a time",
        {
            "label": text("Recorded a month"),
            "recent": number("In the last 3 months", of=of, people=True),
            "expected": number(f"Expected, next {warning.NEXT} months", of=of, people=True),
            "needed": number("Needed", of=of, people=True, missing="not known"),
        },
        note="Needed: if this alone changed, and all that follows went as before. Needed below expected: there is room "
        "to spare. Of those who have started by now.",
        empty="the programme file names no milestone",
    )


def scenarios(snapshot: Snapshot) -> Table:
    """What would follow of a change in job entry, referral volume or start conversion."""
    frame = warning.scenarios(snapshot, MODEL)
    recorded = int(forecast(snapshot).development.recorded.sum())
    names = [_scenario(row) for row in frame.to_dict("records")]
    frame = frame.assign(name=names, recorded=recorded, miss_words=frame["miss"].map(chance))
    of = ("recorded",)
    columns: dict[str, Column] = {
        "name": text("If"),
        "starts": number("Starts to come", people=True, places=0),
        "expected": number("Outcomes in the end", of=of, people=True, places=0),
        "lower_95": number("95% from", of=of, people=True, places=0),
        "upper_95": number("95% to", of=of, people=True, places=0),
        "difference": number("Difference", of=of, people=True, places=0, signed=True),
        "promised": number("Promised", people=True, places=0, missing=NO_PROMISE),
        "miss_words": text("Chance of fewer than promised", of=of),
    }
    return Table(
        frame,
        f"Scenarios, of those who have started and of {warning.COMING} months of starts to come",
        columns,
        note=f"Starts to come: as forecast, the pace of the last {warning.PACE} months. More starts are promised more "
        "outcomes too, so volume alone moves the number and hardly the chance. Nothing of this is in the forecast.",
    )


def _scenario(row: Mapping[Hashable, Any]) -> str:
    """Return a scenario in words."""
    name, change = str(row["scenario"]), float(row["change"])
    if name == "base":
        return SCENARIOS[name]
    return f"{SCENARIOS[name]} {abs(100 * change):.0f}% {'higher' if change > 0 else 'lower'}"


def verdict(snapshot: Snapshot) -> list[str]:
    """Which model would have served best here, from how many origins, and how far the forecasts were off."""
    scores = _backtest(snapshot)
    chosen = best(scores)
    if chosen is None:
        if snapshot.contract.history == "overwritten":
            return ["The source is overwritten, so that no forecast can be made again as things were known then."]
        return [
            "These forecasts cannot be judged on this contract yet: no month of it lies far enough back for what was "
            "forecast then to have come."
        ]
    name = MODEL_NAMES.get(chosen.model, chosen.model)
    if not chosen.enough:
        return [
            f"{chosen.origins} earlier forecasts can be judged: too few of them, or too few outcomes after them, to "
            f"say which method serves best here."
        ]
    said = (
        f"Made again from {chosen.origins} earlier months, as things were known then, “{name}” would have served best "
        f"here"
    )
    if chosen.second is not None:
        other = MODEL_NAMES.get(chosen.second, chosen.second)
        said += f": better than “{other}”, the next, in {chosen.ahead} of {chosen.origins}"
    rows = summed(scores[(scores["model"] == MODEL) & (scores["horizon"] == f"{HORIZONS[0]} months")])
    own = rows.to_dict("records")[0]
    return [
        f"{said}.",
        f"The forecast shown here missed what was recorded in the next {HORIZONS[0]} months by "
        f"{100 * own['wmape']:.0f}% on average, and its 95% interval held it in "
        f"{round(own['covered_95'] * own['cells'])} of {own['cells']:.0f} times.",
    ]


def _backtest(snapshot: Snapshot) -> pd.DataFrame:
    return backtest(snapshot, ORIGINS, draws=BACKTEST_DRAWS)


def scores(snapshot: Snapshot) -> Table:
    """How good each model's forecasts were, over the earlier months."""
    frame = summed(_backtest(snapshot))
    return Table(
        _named(frame),
        f"Forecasts made again from earlier months (at most {ORIGINS}), against what came",
        {
            "name": text("Method"),
            "horizon": text("Scored on"),
            "cells": number("Forecasts", places=0),
            "observed": count("Outcomes that came", adds_up=False),
            **_score_columns(),
        },
        note="Error: mean miss in % of what came; bias: too high (+) or too low; CRPS: the score by which the best is "
        f"chosen, the lower the better. Each forecast has {BACKTEST_DRAWS} simulated futures; forecasts a month apart "
        "share much of what came.",
        empty="no earlier month can be scored yet",
    )


def scores_by_age(snapshot: Snapshot) -> Table:
    """How good the forecasts of single cohorts were, by the age they had."""
    frame = by_maturity(snapshot, ORIGINS, draws=BACKTEST_DRAWS)
    near = f"{HORIZONS[0]} months"
    frame = frame[(frame["model"] == forecast(snapshot).model) & (frame["horizon"] == near)]
    order = list(BANDS.values())
    return Table(
        _named(frame).sort_values("age", key=lambda ages: ages.map(order.index)),
        f"The same forecasts cohort by cohort, of the next {HORIZONS[0]} months, by the cohort's age",
        {
            "age": text("Age of the cohort"),
            "cells": number("Forecasts", places=0),
            "observed": count("Outcomes that came"),
            **_score_columns(),
        },
        note="A single cohort's months are small numbers: their error is mostly chance.",
        empty="no earlier month can be scored yet",
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    names = frame["model"].map(lambda model: MODEL_NAMES.get(model, model))
    return frame.assign(name=names, crps_rate=frame["crps"], observed=frame["observed"].astype(int))


def _score_columns() -> dict[str, Column]:
    of = ("observed",)
    return {
        "wmape": percent("Error", of=of, places=0, missing="none came"),
        "bias": percent("Bias", of=of, places=0, signed=True, missing="none came"),
        "crps": number(
            "CRPS for each 100 outcomes", of=of, make=lambda frame: 100 * frame["crps_rate"], missing="none came"
        ),
        "covered_80": percent("Within 80% interval", of=of, places=0),
        "covered_95": percent("Within 95% interval", of=of, places=0),
    }


def method(snapshot: Snapshot) -> list[str]:
    """What the forecast rests on, and its conventions."""
    found = forecast(snapshot)
    return [
        f"Method: {MODEL_NAMES.get(found.model, found.model)}. " + " ".join(found.basis),
        "A cohort is the month of start. Everything is by the month in which it is recorded, so that months that are "
        "still being recorded do not read as a fall.",
        "An interval says where 80 or 95 of 100 simulated futures lie. A sudden change that nobody could know of is in "
        "none of them: look at the scenarios.",
        f"{len(found.paths):,} futures are simulated; the same contract and month give the same ones every time.",
    ]
