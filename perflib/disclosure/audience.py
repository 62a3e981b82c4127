"""The environment variable that says who a report is for."""

from __future__ import annotations

AUDIENCE = "PERFLIB_AUDIENCE"
"""The environment variable by which a run tells its notebooks who the report is for."""
