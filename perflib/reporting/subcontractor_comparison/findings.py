"""Findings of the subcontractor comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perflib.analysis import comparison
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.disclosure.names import Names
from perflib.disclosure.sentences import Amount, Count, Listed, Name, Plain, Sentence, name_list, sentence
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


def findings(snapshot: Snapshot) -> list[Sentence]:
    """Who is different, by how much, and how sure that is; then who is not judged."""
    unit, called = unit_of(snapshot), names(snapshot)
    board = comparison.board(snapshot, unit)
    label = Name(snapshot.programme.attributes[unit].label.lower())
    titles = comparison.measures_compared(snapshot)
    judged = board[board["apart"] == ""]
    if judged.empty:
        return [
            sentence("No {unit} is large or old enough to be compared yet: nothing can be said of anybody.", unit=label)
        ]
    flagged = judged[judged["signal"] != ""]
    measured = judged.index.get_level_values("measure").unique()
    quiet = [titles[str(name)] for name in measured if name not in flagged.index.get_level_values("measure")]
    return [
        *(
            _signals(called[name], str(side), rows.to_dict("records"))
            for (name, side), rows in flagged.groupby(["unit", "signal"], sort=True)
        ),
        sentence(
            "No {unit} differs significantly from the others, and by enough to matter, in: {measures}. Differences on "
            "these measures are within chance.",
            unit=label,
            measures=name_list(quiet),
        ),
        *_ranks(snapshot, unit),
        *_apart(snapshot, unit, called),
    ]


def _signals(called: Name, side: str, rows: Sequence[Row]) -> Sentence:
    """Return in a sentence on what a unit is far from what was expected of it, and by how much."""
    return sentence(
        "{unit} is significantly {side} what is expected of its participants: {measures}.",
        unit=called,
        side=Name(side),
        measures=Listed([_signal(row) for row in rows]),
    )


def _signal(row: Row) -> Sentence:
    of = (row["observed"], row["n"])
    is_old = row["signal_before"] == row["signal"] or pd.isna(row["ratio_before"])
    return sentence(
        "{measure} ({observed}, {expected} expected{new})",
        measure=Name(row["label"]),
        observed=Count(row["observed"]),
        expected=Amount(row["expected"], of=of, people=True, places=0),
        new=sentence("") if is_old else sentence(", new since last quarter"),
    )


def _ranks(snapshot: Snapshot, unit: str) -> list[Sentence]:
    """Return how wide the interval of a rank is, as a warning against league tables."""
    judged = comparison.compare(snapshot, unit, comparison.headline_measures(snapshot)[0]).compared
    if len(judged) < 3:
        return []
    return [
        sentence(
            "A {unit}'s rank is uncertain by about {wide} places out of {units}: a league table would mislead.",
            unit=Name(snapshot.programme.attributes[unit].label.lower()),
            units=Plain(len(judged)),
            wide=Plain(float((judged["rank_upper"] - judged["rank_lower"] + 1).mean()), 0),
        )
    ]


def _apart(snapshot: Snapshot, unit: str, called: Names) -> list[Sentence]:
    """Return who is not judged on the outcome, and why."""
    whole = comparison.compare(snapshot, unit).units
    apart = whole[whole["apart"] != ""]
    reasons = [
        sentence(
            "{units} ({why})",
            units=Listed([called[name] for name in apart.index[apart["apart"] == code]]),
            why=Name(words),
        )
        for code, words in APART.items()
        if (apart["apart"] == code).any()
    ]
    if NOT_RECORDED in apart.index:
        lost = float(apart.loc[[NOT_RECORDED], "n"].sum())
        reasons.append(sentence("{n} without a recorded unit", n=Count(lost)))
    return [
        sentence(
            "Not compared on {measure}: {reasons}.",
            measure=_lower(snapshot, "outcome"),
            reasons=Listed(reasons),
        )
    ]


def _lower(snapshot: Snapshot, measure: str) -> Name:
    return Name(comparison.measures_compared(snapshot)[measure].lower())


def case_mix_findings(snapshot: Snapshot) -> list[Sentence]:
    """What allowing for caseload changes, in sentences."""
    unit, called = unit_of(snapshot), names(snapshot)
    adjusted = comparison.characteristics(snapshot)
    labels = [snapshot.programme.attributes[name].label.lower() for name in adjusted]
    if not labels:
        return [
            sentence(
                "No characteristic known at the start is recorded, so nothing but the month of start can be allowed "
                "for."
            )
        ]
    sentences = [
        sentence(
            "The comparison allows for the month of start and, as at the start, {labels}. It allows for nothing that a "
            "unit decides.",
            labels=name_list(labels),
        )
    ]
    for name in comparison.headline_measures(snapshot):
        sentences += _what_moves(snapshot, unit, name, called)
    return sentences


def _what_moves(snapshot: Snapshot, unit: str, measure: str, called: Names) -> list[Sentence]:
    """Return who seemed different by caseload alone, or by how much ratios move at most.

    Caseload explains a signal that goes when it takes the ratio at least half of the way to 1 with it.
    """
    title = Name(comparison.measures_compared(snapshot)[measure])
    found = comparison.compare(snapshot, unit, measure).compared
    plain = comparison.compare(snapshot, unit, measure, ()).units.reindex(found.index)
    if found.empty:
        return []
    was, now = plain["signal"] != "", found["signal"] != ""
    far, near = (found["ratio_unadjusted"] - 1).abs(), (found["ratio"] - 1).abs()
    explained = found[was & ~now & (near <= far / 2)]
    revealed = found[~was & now & (far <= near / 2)]
    border = found.index[was != now].difference(explained.index).difference(revealed.index)
    why = sentence("seemed different, and caseload explains it: the difference is in whom it has, not in what it does")
    hid = sentence("is different, and its caseload had hidden it")
    sentences = [
        _moved(title, row, called, words)
        for rows, words in ((explained, why), (revealed, hid))
        for row in rows.reset_index().to_dict("records")
    ]
    if len(explained) > 1:
        sentences.append(
            sentence(
                "{measure}: {units} differ only in their caseloads.",
                measure=title,
                units=Listed([called[name] for name in explained.index]),
            )
        )
    if not sentences:
        moved = (found["ratio"] - found["ratio_unadjusted"]).abs()
        row = found.reset_index().to_dict("records")[int(moved.fillna(-1).argmax())]
        alike = sentence("caseloads are much alike")
        sentences.append(
            sentence(
                "{measure}: allowing for caseload moves no ratio by more than {most} ({unit}); {extent}.",
                measure=title,
                most=Amount(float(moved.max()), of=(row["observed"], row["n"]), places=2),
                unit=called[row["unit"]],
                extent=alike if moved.max() < NOTICEABLE else sentence("it explains no difference away"),
            )
        )
    if len(border):
        sentences.append(
            sentence(
                "{measure}: {units} {stand} on the border of a signal, and caseload has little to do with it.",
                measure=title,
                units=Listed([called[name] for name in border]),
                stand=Name("stands" if len(border) == 1 else "stand"),
            )
        )
    return sentences


def _moved(title: Name, row: Row, called: Names, words: Sentence) -> Sentence:
    """Return what caseload does to the ratio of one unit."""
    before, after = (
        Amount(row[key], of=(row["observed"], row["n"]), places=2) for key in ("ratio_unadjusted", "ratio")
    )
    return sentence(
        "{measure}: {unit} {words}. Its ratio is {before} unadjusted and {after} adjusted.",
        measure=title,
        unit=called[row["unit"]],
        words=words,
        before=before,
        after=after,
    )


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """How the comparison is made, for this contract."""
    found = comparison.compare(snapshot, unit_of(snapshot))
    least = snapshot.contract.least_difference
    sentences = [
        sentence(
            "A difference matters from {ratio} of what was expected, or {points} percentage points, on "
            "({source}{invented}). A smaller one is no signal, however sure it is.",
            ratio=Plain(least.ratio, percent=True),
            points=Plain(100 * least.points),
            source=Name(least.source),
            invented=sentence("; invented") if least.invented else sentence(""),
        ),
        sentence(
            "Equal maturity: each participant is held to those who started in the same month, so a young caseload "
            "counts for the time it has had, and a shock to the labour market is no unit's fault."
        ),
        sentence(
            "Case mix: a logistic model of what is known at the start. Expected is the sum of the participants' own "
            "chances. A difference that remains may still be one of caseload that nobody recorded."
        ),
        sentence(
            "Limits are exact binomial limits, interpolated (Spiegelhalter 2005); a unit is judged by its mid-P value, "
            "and signalled at a false discovery rate of 5% (Benjamini and Hochberg 1995) over the units compared."
        ),
        sentence(
            "Probable rates, and places, are those of a model in which units' effects vary; how much they vary is "
            "estimated, and its uncertainty is in every interval."
        ),
        sentence("Participants belong to the unit at the start, whatever happened since."),
    ]
    if not np.isnan(found.spread):
        of = tuple(found.compared[["observed", "n"]].sum())
        factor, low, high = (
            Amount(float(np.exp(value)), of=of, places=2)
            for value in (found.spread, found.spread_lower, found.spread_upper)
        )
        more = (
            sentence("no more than chance explains")
            if found.overdispersion.variance == 0
            else sentence("more than chance explains")
        )
        sentences.append(
            sentence(
                "On {measure} units differ by {more} (overdispersion {ratio}); the standard deviation of their effects "
                "on the odds is a factor of {factor} (95% interval {low} to {high}).",
                measure=_lower(snapshot, "outcome"),
                more=more,
                ratio=Amount(found.overdispersion.ratio, of=of, places=1),
                factor=factor,
                low=low,
                high=high,
            )
        )
    return sentences
