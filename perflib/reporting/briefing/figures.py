"""The three charts of the briefing, as the reports behind it draw them."""

from __future__ import annotations

from dataclasses import replace

from perflib.analysis import comparison
from perflib.disclosure.presenter import Figure
from perflib.disclosure.sentences import Name, Sentence, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting import cohort_trends, outcome_forecast
from perflib.reporting.subcontractor_comparison.figures import caterpillar
from perflib.reporting.subcontractor_comparison.tables import names, unit_of

SIZE, HIGHEST = (7.4, 1.95), 2.3
"""Inches: three charts and the points on two printed pages."""


def flows(snapshot: Snapshot) -> Figure:
    """Referrals and starts by month, beside the profile."""
    return replace(cohort_trends.flows(snapshot), size=SIZE)


def fan(snapshot: Snapshot) -> Figure | Sentence:
    """Outcomes recorded, expected and profiled."""
    if not snapshot.journeys["start"].notna().any():
        return sentence("Nobody has started yet: there is no forecast to draw.")
    return replace(outcome_forecast.fan(snapshot), size=SIZE)


def units(snapshot: Snapshot) -> Figure | Sentence:
    """Units against what is expected of their participants, on the measure nearest the outcome."""
    if not snapshot.programme.units:
        return sentence("{programme} names no units to compare.", programme=Name(snapshot.programme.name))
    figure = caterpillar(snapshot, unit_of(snapshot), comparison.headline_measures(snapshot)[-1], names(snapshot))
    return replace(figure, size=(SIZE[0], min(figure.size[1], HIGHEST)))
