"""What each report says: one folder a notebook, of the notebook's name."""

from typing import TYPE_CHECKING, Any

from perflib.records import display

if TYPE_CHECKING:
    from perflib.reporting.front_matter import open_report

__all__ = ["open_report"]


def _plot(result: Any) -> Any:
    """Draw a result; seaborn is imported when the first is drawn."""
    from perflib.reporting.plots import plot

    return plot(result)


display.draws(_plot)


def __getattr__(name: str) -> Any:
    """Import `open_report` when it is asked for: a run, which starts the reports, needs nothing of what they draw."""
    if name == "open_report":
        from perflib.reporting.front_matter import open_report

        return open_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
