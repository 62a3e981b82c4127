"""Findings of the subcontractor comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perflib.analysis import comparison
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import listed
from perflib.records.snapshot import Snapshot
from perflib.reporting.subcontractor_comparison.tables import Row, names, unit_of

APART = {
    "too small": f"fewer than {comparison.SMALLEST} cases",
    "too soon": "less than one could be expected yet",
    "all alike": "everybody of the same months reached it",
    "no other unit": "nobody else had participants in the same months",
    "specialist": "a specialist, which owns no outcome",
}


NOTICEABLE = 0.05
"""A change of ratio by case mix that is told."""


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
            f"No {label} differs from the others by more than chance explains, and by enough to matter, in: "
            f"{listed(quiet)}. Nothing is claimed there of anybody, whatever the order of the rates."
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


def conventions(snapshot: Snapshot) -> list[str]:
    """How the comparison is made, for this contract."""
    found = comparison.compare(snapshot, unit_of(snapshot))
    spread = found.overdispersion
    label = _lower(snapshot, "outcome")
    least = snapshot.contract.least_difference
    sentences = [
        f"A difference matters from {100 * least.ratio:g}% of what was expected, or {100 * least.points:g} percentage "
        f"points, on ({least.source}{'; invented' if least.invented else ''}). A smaller one is no signal, however "
        f"sure it is.",
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
