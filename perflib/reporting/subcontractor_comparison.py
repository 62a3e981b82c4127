"""The subcontractor comparison: who is different and how sure that is, what caseload explains, and a sheet for each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import comparison, oversight, standards
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.forecast.result import seed_of
from perflib.records.snapshot import Snapshot
from perflib.reporting import comparison_figures as figures
from perflib.reporting import scorecards
from perflib.reporting.columns import Column, count, number, percent, status, text
from perflib.reporting.comparison_figures import SIGNALS, unit_column
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Presenter, Shown, Table
from perflib.reporting.report import together
from perflib.reporting.words import day_words, listed, month_words

APART = {
    "too small": f"fewer than {comparison.SMALLEST} cases",
    "too soon": "less than one could be expected yet",
    "all alike": "everybody of the same months reached it",
    "no other unit": "nobody else had participants in the same months",
    "specialist": "a specialist, which owns no outcome",
}
ROLES = {"end_to_end": "end-to-end", "specialist": "added-value specialist", "own": "own delivery"}
Row = Mapping[Hashable, Any]
BESIDE = ["observed", "expected", "ratio", "ratio_before", "interval", "place"]
"""What a sheet says of a unit beside the others, where it is judged."""

NOTICEABLE = 0.05
"""A change of ratio by case mix that is told."""


def unit_of(snapshot: Snapshot) -> str:
    """Return which units are compared: the largest that the programme file names under `units`, else its groups."""
    programme = snapshot.programme
    return programme.units[0] if programme.units else programme.group


def names(snapshot: Snapshot, d: Disclosure) -> dict[str, str]:
    """Return what each unit is called: by name where the audience may see names, else by a number in no order.

    Participants whose unit was not recorded are no unit.
    """
    unit = unit_of(snapshot)
    active = comparison.activity(snapshot, unit).index.get_level_values("unit")
    known = sorted({*active, *comparison.roles(snapshot, unit).index} - {NOT_RECORDED})
    if d.names:
        return dict(zip(known, known, strict=True))
    order = np.random.default_rng(seed_of(snapshot.contract.contract, snapshot.first_month)).permutation(len(known))
    label = snapshot.programme.attributes[unit].label
    return {name: f"{label} {place + 1}" for name, place in zip(known, order, strict=True)}


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Who is different, by how much, and how sure that is; then who is not judged."""
    unit, called = unit_of(snapshot), names(snapshot, d)
    board = comparison.board(snapshot, unit)
    label = snapshot.programme.attributes[unit].label.lower()
    titles = comparison.measures_compared(snapshot)
    judged = board[board["apart"] == ""]
    if judged.empty:
        return [f"No {label} is large or old enough to be compared yet: nothing can be said of anybody."]
    flagged = judged[judged["signal"] != ""]
    sentences = [
        _signals(called[str(name)], str(side), rows.to_dict("records"), d)
        for (name, side), rows in flagged.groupby(["unit", "signal"], sort=True)
    ]
    measured = judged.index.get_level_values("measure").unique()
    quiet = [titles[str(name)] for name in measured if name not in flagged.index.get_level_values("measure")]
    if quiet:
        sentences.append(
            f"No {label} differs from the others by more than chance explains in: {listed(quiet)}. Nothing is claimed "
            f"there of anybody, whatever the order of the rates."
        )
    return sentences + _places(snapshot, unit) + _apart(snapshot, unit, called, d)


def _signals(called: str, side: str, rows: Sequence[Row], d: Disclosure) -> str:
    """Return in a sentence on what a unit is far from what was expected of it, and by how much."""
    said = []
    for row in rows:
        of = (row["observed"], row["n"])
        ratio, low, high = (d.number(row[key], of=of, places=2) for key in ("ratio", "ratio_lower", "ratio_upper"))
        limit = row["outside"].split()[-1] if row["outside"] else "95"
        new = (
            "" if row["signal_before"] == row["signal"] or pd.isna(row["ratio_before"]) else ", new since last quarter"
        )
        said.append(
            f"{row['label']}, {d.count(row['observed'])} where "
            f"{d.number(row['expected'], of=of, people=True, places=0)} were expected (ratio {ratio}, 95% interval "
            f"{low} to {high}; beyond its {limit}% limit{new})"
        )
    stays = "It stays a signal" if len(said) == 1 else "Each stays a signal"
    return (
        f"{called} is {side} what its participants would be expected to reach: {'; '.join(said)}. {stays} when the "
        f"number of units compared is allowed for."
    )


def _places(snapshot: Snapshot, unit: str) -> list[str]:
    """Return how wide the interval of a place is, as a warning against league tables."""
    judged = comparison.compare(snapshot, unit, comparison.headline_measures(snapshot)[0]).compared
    if len(judged) < 3:
        return []
    wide = float((judged["rank_upper"] - judged["rank_lower"] + 1).mean())
    return [
        f"A league table would mislead: of {len(judged)} places, the 95% interval of a unit's own is {wide:.0f} "
        f"places wide on average."
    ]


def _apart(snapshot: Snapshot, unit: str, called: dict[str, str], d: Disclosure) -> list[str]:
    """Return who is not judged on the outcome, and why."""
    whole = comparison.compare(snapshot, unit).units
    apart = whole[whole["apart"] != ""]
    reasons = [
        f"{listed([called[str(name)] for name in apart.index[apart['apart'] == code]])} ({words})"
        for code, words in APART.items()
        if (apart["apart"] == code).any()
    ]
    if NOT_RECORDED in apart.index:
        lost = float(apart.loc[[NOT_RECORDED], "n"].sum())
        reasons.append(f"{d.count(lost)} participants whose unit was not recorded")
    return [f"Listed apart, and not judged, on {_lower(snapshot, 'outcome')}: {listed(reasons)}."] if reasons else []


def _lower(snapshot: Snapshot, measure: str) -> str:
    return comparison.measures_compared(snapshot)[measure].lower()


def overview(snapshot: Snapshot, d: Disclosure) -> Table:
    """Every unit's reading on every measure."""
    unit, called = unit_of(snapshot), names(snapshot, d)
    board = comparison.board(snapshot, unit)
    frame = pd.DataFrame({"unit": list(called.values())}, index=pd.Index(list(called), name="id"))
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit)}
    for name in comparison.measures_compared(snapshot):
        if name in snapshot.contract.standards or name in snapshot.contract.kpis:
            continue
        found = board[board.index.get_level_values("measure") == name].droplevel("measure").reindex(frame.index)
        frame[f"{name}_n"], frame[f"{name}_observed"] = found["n"], found["observed"]
        frame[name] = [_reading(row) or np.nan for row in found.to_dict("records")]
        title = snapshot.programme.label(name)
        columns[name] = status(title, of=(f"{name}_n", f"{name}_observed"), missing="no case")
    return Table(
        frame.reset_index(drop=True),
        f"Where each stands, to {month_words(snapshot.month)}",
        columns,
        note="Below or above: a signal that stays when the number of units is allowed for. In line: no more different "
        "than chance makes equals.",
        empty="no unit is known yet",
    )


def _reading(row: Row) -> str | None:
    """Return how a unit stands on one measure, in a few words; None where it has no case."""
    if pd.isna(row["apart"]):
        return None
    return row["apart"] or SIGNALS[row["signal"]]


def _each(draw: Callable[..., Figure]) -> Callable[[Snapshot, Presenter], Shown]:
    """Return what shows a figure for each of the measures compared in full."""

    def shown(snapshot: Snapshot, show: Presenter) -> Shown:
        called = names(snapshot, show.disclosure)
        parts = [draw(snapshot, unit_of(snapshot), name, called) for name in comparison.headline_measures(snapshot)]
        return together(*(show.figure(part) for part in parts))

    return shown


funnels = _each(figures.funnel_plot)
caterpillars = _each(figures.caterpillar)
trends = _each(figures.trends)
case_mix = _each(figures.case_mix_shift)


def case_mix_findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What allowing for caseload changes, in sentences."""
    unit, called = unit_of(snapshot), names(snapshot, d)
    adjusted = comparison.characteristics(snapshot)
    labels = [snapshot.programme.attributes[name].label.lower() for name in adjusted]
    if not labels:
        return [
            "No characteristic known at the start is recorded, so nothing but the month of start can be allowed for."
        ]
    sentences = [
        f"Allowed for, besides the month of start: {listed(labels)}, as at the start. Nothing that a unit decides is."
    ]
    for name in comparison.headline_measures(snapshot):
        sentences += _what_moves(snapshot, unit, name, called, d)
    return sentences


def _what_moves(snapshot: Snapshot, unit: str, measure: str, called: dict[str, str], d: Disclosure) -> list[str]:
    """Return who seemed different by caseload alone, or by how much ratios move at most.

    Caseload explains a signal that goes when it takes the ratio at least half of the way to 1 with it.
    """
    title = comparison.measures_compared(snapshot)[measure]
    found = comparison.compare(snapshot, unit, measure).compared
    plain = comparison.compare(snapshot, unit, measure, ()).units.reindex(found.index)
    if found.empty:
        return []
    was, now = plain["signal"] != "", found["signal"] != ""
    far, near = (found["ratio_unadjusted"] - 1).abs(), (found["ratio"] - 1).abs()
    explained = found[was & ~now & (near <= far / 2)]
    revealed = found[~was & now & (far <= near / 2)]
    border = found.index[was != now].difference(explained.index).difference(revealed.index)
    moved = (found["ratio"] - found["ratio_unadjusted"]).abs()
    sentences = []
    for rows, words in (
        (explained, "caseload explains it: the difference is in whom it has, not in what it does"),
        (revealed, "its caseload had hidden it"),
    ):
        for row in rows.reset_index().to_dict("records"):
            of = (row["observed"], row["n"])
            before, after = (d.number(row[key], of=of, places=2) for key in ("ratio_unadjusted", "ratio"))
            sentences.append(
                f"{title}: {called[row['unit']]} {'seemed' if rows is explained else 'is'} different, and {words}. Its "
                f"ratio is {before} unadjusted and {after} adjusted."
            )
    if len(explained) > 1:
        sentences.append(
            f"{title}: {listed([called[str(name)] for name in explained.index])} differ only in their caseloads."
        )
    if not sentences:
        row = found.reset_index().to_dict("records")[int(moved.fillna(-1).argmax())]
        said = d.number(float(moved.max()), of=(row["observed"], row["n"]), places=2)
        extent = "caseloads are much alike" if moved.max() < NOTICEABLE else "it explains no difference away"
        sentences.append(
            f"{title}: allowing for caseload moves no ratio by more than {said} ({called[row['unit']]}); {extent}."
        )
    if len(border):
        sentences.append(
            f"{title}: {listed([called[str(name)] for name in border])} {'stands' if len(border) == 1 else 'stand'} on "
            f"the border of a signal, and caseload has little to do with it."
        )
    return sentences


def effects(snapshot: Snapshot) -> Table:
    """How much each characteristic goes with the outcome, as odds ratios."""
    frame = comparison.compare(snapshot, unit_of(snapshot)).case_mix.effects
    attributes = snapshot.programme.attributes
    frame = frame.assign(
        name=[
            f"{attributes[key].label}: "
            f"{attributes[key].codes[value].label if value in attributes[key].codes else value}"
            for key, value in zip(frame["characteristic"], frame["value"], strict=True)
        ]
    )
    of = ("n", "reached")
    return Table(
        frame,
        f"{snapshot.programme.label('outcome')}: what goes with a greater or lesser chance, all units together",
        {
            "name": text("At the start"),
            "n": count("Starts"),
            "reached": count("Reached it"),
            "odds_ratio": number("Odds ratio", of=of, places=2),
            "lower": number("95% from", of=of, places=2, missing="compared with this, or too few"),
            "upper": number("95% to", of=of, places=2, missing="compared with this, or too few"),
        },
        note="Each against the most frequent value of its kind, the others held equal. These go together; they need "
        "not be causes.",
        empty="no characteristic is recorded, or nobody has reached it yet",
    )


def calibration(snapshot: Snapshot) -> Figure:
    """Whether the case mix model expects the right numbers."""
    return figures.calibration(snapshot, unit_of(snapshot), "outcome")


def by_standard(snapshot: Snapshot, d: Disclosure) -> Table:
    """The share in time of each unit's cases of each standard."""
    targets = standards.measure(snapshot).set_index("standard")
    titles = {
        name: f"{title} ({targets['rule'][name]} {100 * targets['target'][name]:g}%)"
        for name, title in comparison.measures_compared(snapshot).items()
        if name in snapshot.contract.standards
    }
    return Table(
        *_shares(snapshot, d, titles, "Share in time since day one, by unit"),
        note="Whether a standard is met is one question, whether a unit differs from the others another: all may be "
        "alike and all miss it. Who differs stands at the top of the report.",
        empty="no unit is known yet",
    )


def _shares(
    snapshot: Snapshot, d: Disclosure, titles: Mapping[str, str], caption: str
) -> tuple[pd.DataFrame, str, dict[str, Column]]:
    """Return a table of each unit's share of each measure, its caption and its columns."""
    unit, called = unit_of(snapshot), names(snapshot, d)
    board = comparison.board(snapshot, unit)
    frame = pd.DataFrame({"unit": list(called.values())}, index=pd.Index(list(called), name="id"))
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit)}
    for name, title in titles.items():
        found = board[board.index.get_level_values("measure") == name].droplevel("measure").reindex(frame.index)
        frame[f"{name}_n"], frame[f"{name}_met"] = found["n"], found["observed"]
        columns[name] = percent(title, f"{name}_met", f"{name}_n", missing="none due")
    return frame.reset_index(drop=True), caption, columns


def kpis(snapshot: Snapshot, show: Presenter) -> Shown:
    """Each KPI of the regime: how many units hit its target and, of those that are shares, each unit's."""
    unit = unit_of(snapshot)
    if not scorecards.has_kpis(snapshot, unit):
        label = snapshot.programme.attributes[unit].label.lower()
        return show.say(f"The contract names no regime of management that has KPIs for each {label}.")
    compared = comparison.measures_compared(snapshot)
    titles = {name: title for name, title in compared.items() if name in snapshot.contract.kpis}
    shares = Table(
        *_shares(snapshot, show.disclosure, titles, "Share that passed since day one, by unit"),
        note="Of the rows that are decided: compliance checks passed, participants satisfied. Who differs from the "
        "others stands at the top of the report.",
        empty="no unit is known yet",
    )
    return together(show.table(scorecards.by_kpi(snapshot, unit)), *([show.table(shares)] if titles else []))


def sheets(snapshot: Snapshot, show: Presenter) -> Shown:
    """Return a sheet for the monthly meeting of each unit: for internal readers."""
    if show.disclosure.audience != "internal":
        return show.say("The sheets for the units' meetings are for internal readers and are not shown here.")
    called = names(snapshot, show.disclosure)
    if not called:
        return show.say("No unit is known yet.")
    return together(*(part for name in called for part in _sheet(snapshot, show, name, called[name])))


def _sheet(snapshot: Snapshot, show: Presenter, name: str, called: str) -> list[Shown]:
    """Return what one unit's meeting needs: signals, caseload, actions, and a table of its KPIs."""
    unit = unit_of(snapshot)
    board = comparison.board(snapshot, unit)
    mine = board[board.index.get_level_values("unit") == name].droplevel("unit")
    role = comparison.roles(snapshot, unit).get(name)
    specialist = role == "specialist"
    load = comparison.caseload(snapshot, unit).reindex([name]).fillna(0).astype(int).iloc[0]
    described = f" ({ROLES.get(str(role), role)})" if role else ""
    sentences = [
        f"{called}{described}: {load['on_programme']} on the programme on {day_words(snapshot.period_end)}, "
        f"{load['in_work']} of them in work; {load['started']} started in {month_words(snapshot.month)}."
    ]
    sentences += [*_sheet_signals(mine), *_sheet_trend(snapshot, unit, name)]
    if specialist:
        sentences.append(
            "A specialist owns no outcome: only its standards, the quality of its records and its participants' "
            "feedback are looked at."
        )
    said = scorecards.answers(snapshot, unit, name)
    sentences += [said] if said is not None else []
    sentences += _actions(snapshot, unit, name)
    of = ("observed",)
    happened = Table(
        _happened(snapshot, unit, name, specialist),
        f"{called}: what happened, to {month_words(snapshot.month)}",
        {
            "kpi": text("KPI"),
            "month": count("Month"),
            "rolling_3": count("3 months"),
            "rolling_12": count("12 months"),
            "cumulative": count("To date"),
        },
        internal_only=True,
        empty="a specialist owns none of it" if specialist else "nothing yet",
    )
    beside = Table(
        _beside(mine),
        f"{called}: beside the other units, at equal maturity and caseload",
        {
            "label": text("KPI"),
            "observed": count("To date", missing="not judged"),
            "expected": number("Expected", of=of, people=True, missing="not judged"),
            "ratio": number("Ratio", of=of, places=2, missing="not judged"),
            "ratio_before": number("Last quarter", of=of, places=2, missing="not judged"),
            "interval": text("95% interval", missing="not judged"),
            "place": text("Place", missing="not judged"),
            "reading": status("Reads"),
        },
        note="Ratio: observed over what all units together reach with such participants in the same time. Last "
        "quarter: the ratio at its close. Place: 1 is the highest, with a 95% interval.",
        internal_only=True,
        empty="it has no case that could be compared",
    )
    kpis = [show.table(scorecards.of_unit(snapshot, unit, name, called))] if scorecards.has_kpis(snapshot, unit) else []
    return [show.say(*sentences), *kpis, show.table(happened), show.table(beside)]


def _sheet_signals(mine: pd.DataFrame) -> list[str]:
    """Return a unit's signals and what nears one, to ask about first."""
    said = []
    for rows, words in (
        (mine[mine["signal"] == "below"], "Ask first about"),
        (mine[mine["signal"] == "above"], "Ahead of the others, and worth learning from"),
        (
            mine[(mine["signal"] == "") & (mine["outside"] != "")],
            "Beyond its own 95% limit, as one unit in twenty is by chance",
        ),
    ):
        names_ = [f"{row['label']} (ratio {row['ratio']:.2f})" for row in rows.to_dict("records")]
        said += [f"{words}: {listed(names_)}."] if names_ else []
    return said or ["Nothing differs from the other units by more than chance explains."]


def _sheet_trend(snapshot: Snapshot, unit: str, name: str) -> list[str]:
    """Return how a unit's ratio went over the last four quarters of start of which something can be told."""
    measure = comparison.headline_measures(snapshot)[0]
    quarters = comparison.compare(snapshot, unit, measure).quarters
    told = quarters[(quarters["expected"] >= 1) & (quarters.index.get_level_values("unit") == name)].tail(4)
    if told.empty:
        return []
    ends = told.index.get_level_values("quarter")
    ratios = ", ".join(f"{ratio:.2f}" for ratio in told["ratio"])
    title = comparison.measures_compared(snapshot)[measure]
    return [f"Trend: {title} over expected, by quarter of start to {month_words(ends[-1])}: {ratios}."]


def _actions(snapshot: Snapshot, unit: str, name: str) -> list[str]:
    """Return a unit's open plans and what is to be done under them."""
    plans, actions = oversight.plans(snapshot), oversight.open_actions(snapshot)
    if plans is None:
        return ["Open actions: not supplied."]
    mine = plans[plans["state"].isin(["open", "overdue"]) & (plans["unit_type"] == unit) & (plans["unit"] == name)]
    said = []
    for plan in mine.to_dict("records"):
        due = f", due on {day_words(plan['due'])}" if pd.notna(plan["due"]) else ""
        expected = plan["expected"] if isinstance(plan["expected"], str) else "no aim is recorded"
        said.append(f"{plan['name']}, open since {day_words(plan['opened'])}{due}: {expected}.")
        if actions is not None:
            to_do = actions[actions["plan_id"] == plan["plan_id"]].to_dict("records")
            said += [f"To do: {_action(row)}." for row in to_do]
    return said or ["Open actions: no plan is open."]


def _action(row: Row) -> str:
    """Return an action that is not done, with what is missing or late."""
    owner = row["owner"].replace("_", " ") if isinstance(row["owner"], str) else "nobody is named"
    when = {"no date": "no date is set", "overdue": "overdue since", "open": "by"}[row["state"]]
    day = f" {day_words(row['due'])}" if row["state"] != "no date" else ""
    return f"{row['action']} ({owner}; {when}{day})"


def _happened(snapshot: Snapshot, unit: str, name: str, specialist: bool) -> pd.DataFrame:
    """Return how often each of the programme's measures happened to a unit's participants."""
    activity = comparison.activity(snapshot, unit)
    mine = activity[activity.index.get_level_values("unit") == name].droplevel("unit")
    labels = [snapshot.programme.label(str(key)) for key in mine.index]
    return mine.assign(kpi=labels).reset_index(drop=True)[: 0 if specialist else None]


def _beside(mine: pd.DataFrame) -> pd.DataFrame:
    """Return where a unit stands on each measure it has a case of; only reasons where it is not judged."""
    had = mine[mine["n"] > 0]
    rows = had.to_dict("records")
    frame = had.assign(
        interval=[f"{row['ratio_lower']:.2f} to {row['ratio_upper']:.2f}" for row in rows],
        place=[f"{row['rank_lower']:.0f} to {row['rank_upper']:.0f}" for row in rows],
    )
    frame = frame[["label", *BESIDE]].mask(had["apart"] != "")
    return frame.assign(label=had["label"], reading=[_reading(row) or np.nan for row in rows]).reset_index(drop=True)


def conventions(snapshot: Snapshot) -> list[str]:
    """How the comparison is made, for this contract."""
    found = comparison.compare(snapshot, unit_of(snapshot))
    spread = found.overdispersion
    label = _lower(snapshot, "outcome")
    sentences = [
        "Equal maturity: each participant is held to those who started in the same month, so a young caseload counts "
        "for the time it has had, and a shock to the labour market is no unit's fault.",
        "Case mix: a logistic model of what is known at the start. Expected is the sum of the participants' own "
        "chances. A difference that remains may still be one of caseload that nobody recorded.",
        "Limits are exact binomial limits, interpolated (Spiegelhalter 2005); a unit is judged by its mid-P value, "
        "and signalled at a false discovery rate of 5% (Benjamini and Hochberg 1995) over the units compared.",
        "Probable rates, and places, are those of a model in which units' effects vary; how much they vary is "
        "estimated, and its uncertainty is in every interval.",
        "Participants belong to the unit at the start, whatever happened since.",
    ]
    if not np.isnan(found.spread):
        more = "no more than chance explains" if spread.variance == 0 else "more than chance explains"
        sentences.append(
            f"On {label} units differ by {more} (overdispersion {spread.ratio:.1f}); the standard deviation of their "
            f"effects on the odds is a factor of {np.exp(found.spread):.2f} (95% interval "
            f"{np.exp(found.spread_lower):.2f} to {np.exp(found.spread_upper):.2f})."
        )
    return sentences
