"""What can go wrong, in one small family: each error is one line that names the place, the value and the remedy.

Messages carry file names, row numbers, columns and values, never a participant or a referral: tracebacks end up
in notebooks, and notebooks are shared.
"""

import traceback
from pathlib import Path


class PerfError(Exception):
    """Something the user can mend. `perflib` prints the message alone and leaves with `exit_status`.

    >>> str(PerfError("column 'two\\nlines': give it another name."))
    "column 'two lines': give it another name."
    """

    exit_status = 1

    def __str__(self) -> str:
        """Return the message as one line, whatever stands in the names and values that it quotes."""
        return " ".join(super().__str__().split())

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints, and papermill keeps in the notebook, in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ParameterError(PerfError):
    """A parameter file, an argument or an option is wrong."""

    exit_status = 2


class DataError(PerfError):
    """An extract cannot be read, or holds nothing that can be reported."""


class DisclosureError(PerfError):
    """Something was about to be shown that this audience may not see."""


class RenderError(PerfError):
    """A notebook's output cannot become a report: no alt text, no caption, a bare frame, a skipped heading."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    >>> counted(1, "row"), counted(2000, "row"), counted(0, "reply", "replies")
    ('1 row', '2,000 rows', '0 replies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def install(extra: str) -> str:
    """Say how to install what only some need.

    >>> install("postgres")
    "Run: pip install 'perflib[postgres]'"
    """
    return f"Run: pip install 'perflib[{extra}]'"


def where(error: BaseException) -> list[str]:
    """Return where an error arose, a line a function; never its words or values, which might come from the data."""
    frames = traceback.extract_tb(error.__traceback__)
    return [*(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames), type(error).__name__]
