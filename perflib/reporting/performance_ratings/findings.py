"""Findings of the ratings report."""

from __future__ import annotations

from perflib.analysis import oversight, ratings
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import listed
from perflib.records.snapshot import Snapshot
from perflib.reporting import subcontractor_comparison
from perflib.reporting.contract_review.evidence import not_supplied, plans_open
from perflib.reporting.performance_ratings.tables import NO_RATING, NO_REGIME, all_ratings, called, kinds, rated_units
from perflib.rules.management import CONTRACT


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Who holds Amber or Red, what has changed, and what is not as the regime wants it."""
    shown = kinds(snapshot, d)
    if not shown:
        return [NO_REGIME]
    sentences = [] if snapshot.contract.rating is not None else [NO_RATING]
    for unit in shown:
        held = ratings.held(rated_units(snapshot, unit))
        if held.empty or unit not in (CONTRACT, subcontractor_comparison.unit_of(snapshot)):
            continue
        named = held.assign(unit=called(snapshot, d, held["unit"]))
        for rating in ("red", "amber"):
            names = named.loc[named["rating"] == rating, "unit"].tolist()
            sentences += [f"{rating.capitalize()}: {listed(names)}."] if names else []
        for way, words in (("improved", "Better than in the quarter before"), ("worsened", "Worse")):
            names = named.loc[named["way"] == way, "unit"].tolist()
            sentences += [f"{words}: {listed(names)}."] if names else []
        lasting = named.loc[named["consistent"].astype(bool), "unit"].tolist()
        sentences += [f"Amber or Red for so long that it is consistent: {listed(lasting)}."] if lasting else []
    plans = oversight.plans(snapshot)
    if plans is None:
        return [*sentences, f"Plans. {not_supplied('plans')}"]
    if d.audience == "internal":
        sentences.append(plans_open(plans))
    found = oversight.exceptions(snapshot, all_ratings(snapshot, shown))
    if found is not None and len(found):
        counts = found["what"].value_counts()
        sentences.append(
            "Not as the regime wants it: " + "; ".join(f"{what} ({n})" for what, n in counts.items()) + "."
        )
    return sentences or ["Every unit that is rated is Green, and no plan lacks anything."]


def conventions(snapshot: Snapshot) -> list[str]:
    """How ratings are made, for this contract."""
    rule = snapshot.contract.rating
    if rule is None:
        return [NO_REGIME if snapshot.contract.management is None else NO_RATING]
    hit = {
        "all": "all of its targets are hit",
        "any": "any of its targets is hit",
        "share": f"at least {100 * (rule.share or 0):g}% of its targets are hit",
    }[rule.hit]
    nothing = {
        "skips": "is passed over",
        "resets": "ends a run of missed quarters",
        "misses": "counts as missed",
    }[rule.no_data]
    return [
        f"Green: {hit}. Amber: they are missed, for one quarter. Red: for {rule.red_after} quarters running"
        f"{', one KPI in all of them' if rule.same_kpi else ''}. Miss, hit, miss is Amber, Green, Amber.",
        f"A quarter of fewer than {rule.least_months} months, or one that is running, is not rated; one without "
        f"figures {nothing}. A KPI of fewer than {rule.smallest:g} is not judged.",
        f"Amber or Red for {rule.consistent} quarters running is called consistent. Source: {rule.source}"
        f"{' (invented)' if rule.invented else ''}.",
        "A rating is made of targets, and small units miss and hit them by chance: who differs by more than chance is "
        "in the subcontractor comparison.",
    ]
