"""The briefing: where the contract stands now and at the end, what needs a decision, and what has changed."""

from perflib.reporting.briefing.figures import fan, flows, units
from perflib.reporting.briefing.findings import changes, conventions, headline, points
from perflib.reporting.briefing.tables import levels

__all__ = ["changes", "conventions", "fan", "flows", "headline", "levels", "points", "units"]
