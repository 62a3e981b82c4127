"""The department's assurance reviews of a provider: their history, and what in it may lead to remedial action.

Conventions
-----------
- Ratings are ordered as the programme lists them, from the worst; which of them are poor is its to say.
- Reviews come in the order in which they ended. One that has no rating on the day, or one that the programme does not
  know, is counted, and passed over: the rating before it is that of the review before.
- The same again: after a poor rating the same or a worse one, for the same reasons. *Limited, weak: worse. Weak,
  limited: better, so not this one; but two poor ratings running.* Without recorded reasons it cannot be told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis.oversight.as_of import facts, last_day
from perflib.records.snapshot import Snapshot
from perflib.rules.oversight import Assurance

COLUMNS = ["review_id", "started", "ended", "weeks", "rating", "state", "poor", "reasons"]
COLUMNS += ["before", "same_or_worse", "in_common", "same_again", "run", "poor_again"]
COLUMNS += ["plan_due", "plan_submitted", "implementation_due", "plan_implemented", "plan_late", "evidence"]
RATED, NOT_RATED, NOT_KNOWN = "rated", "not rated yet", "not a rating of the programme"


def assurance(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the department's assurance reviews, with what may lead to remedial action.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `assurance`. One row a review that had begun, in the order in which they
        ended:

        - `review_id`, `started`, `ended`, `weeks` that it lasted, or has lasted so far; `rating` ('' where none is
          known), `state` ('rated', 'not rated yet', 'not a rating of the programme'), `poor`, `reasons`.
        - `before`, the rating before it; `same_or_worse`: a poor one, and it is the same or worse; the reasons
          `in_common`; `same_again`: for the same reasons (one in common or all, as the programme says).
        - `run`, the poor ratings running; `poor_again`: it is the programme's `run`-th of them or a later one, whatever
          the reasons.
        - `plan_due`, `plan_submitted`, `implementation_due`, `plan_implemented`; `plan_late`: not submitted, or not
          implemented, by its day.
        - `evidence`: what `same_again`, `poor_again` and `plan_late` rest on, in words; '' where none holds and none
          might.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> assurance(sample_snapshot())[["review_id", "rating", "same_again"]]
      review_id   rating  same_again
    0        V1  limited       False
    1        V2  limited        True
    """
    rows, recorded = facts(snapshot, "assurance"), snapshot.current("assurance")
    if rows is None or recorded is None:
        return None
    rule, on = snapshot.programme.assurance, last_day(snapshot)
    given = rows["rating"].mask(recorded["end_date"] > on)
    known = given.isin(rule.ratings if rule else ())
    frame = pd.DataFrame(
        {
            "review_id": rows["review_id"],
            "started": rows["start_date"],
            "ended": rows["end_date"],
            "weeks": (rows["end_date"].fillna(on) - rows["start_date"]).dt.days / 7,
            "rating": given.where(known, "").astype("str"),
            "state": pd.Series(
                np.select([known, given.isna()], [RATED, NOT_RATED], NOT_KNOWN), rows.index, dtype="str"
            ),
            "reasons": _reasons(rows["reasons"]),
            "plan_due": rows["plan_due_date"],
            "plan_submitted": rows["plan_submitted_date"],
            "implementation_due": rows["implementation_due_date"],
            "plan_implemented": rows["plan_implemented_date"],
        }
    )
    frame = frame.assign(order=frame["ended"].fillna(frame["started"]))[frame["started"].notna()]
    frame = frame.sort_values(["order", "started", "review_id"], ignore_index=True)
    frame = frame.join(_judged(frame[frame["state"] == RATED], rule))
    frame = frame.fillna({"before": "", "run": 0, "poor": False, "same_or_worse": False, "same_again": False})
    frame["in_common"] = pd.Series([x if isinstance(x, tuple) else () for x in frame["in_common"]], dtype=object)
    flags = ["poor", "same_or_worse", "same_again"]
    frame = frame.astype(dict.fromkeys(flags, "bool") | {"run": "int64", "before": "str"})
    frame["poor_again"] = frame["run"] >= (rule.run if rule else np.inf)
    submitted = _late(frame["plan_due"], frame["plan_submitted"], on)
    implemented = _late(frame["implementation_due"], frame["plan_implemented"], on)
    frame = frame.assign(plan_late=submitted | implemented, not_submitted=submitted, not_implemented=implemented)
    said = [_evidence(row) for row in frame.to_dict("records")]
    return frame.assign(evidence=pd.Series(said, index=frame.index, dtype="str"))[COLUMNS]


def _reasons(texts: pd.Series) -> pd.Series:
    """Return the codes of each text, in order."""
    each = [() if pd.isna(text) else tuple(sorted({part.strip() for part in text.split(";")} - {""})) for text in texts]
    return pd.Series(each, index=texts.index, dtype=object)


def _judged(rated: pd.DataFrame, rule: Assurance | None) -> pd.DataFrame:
    """Return, for each rated review in order, what it is by itself and after the one before."""
    if rule is None:
        return pd.DataFrame(
            index=rated.index, columns=["before", "poor", "same_or_worse", "in_common", "same_again", "run"]
        )
    place = rated["rating"].map({name: number for number, name in enumerate(rule.ratings)})
    poor = place < rule.poor
    worse = poor.shift(fill_value=False) & (place <= place.shift())
    pairs = list(zip([(), *rated["reasons"]], rated["reasons"], strict=False))
    common = [tuple(sorted(set(then) & set(now))) for then, now in pairs]
    same = [
        bool(both) and (rule.same_reasons == "any" or then == now)
        for both, (then, now) in zip(common, pairs, strict=True)
    ]
    return pd.DataFrame(
        {
            "before": rated["rating"].shift(),
            "poor": poor,
            "same_or_worse": worse,
            "in_common": pd.Series(common, index=rated.index, dtype=object),
            "same_again": worse & pd.Series(same, index=rated.index, dtype=bool),
            "run": poor.groupby((~poor).cumsum()).cumsum().astype(int),
        }
    )


def _late(due: pd.Series, done: pd.Series, on: pd.Timestamp) -> pd.Series:
    """Return where something was done after its day, or is not done and the day has passed."""
    return (done > due) | (done.isna() & (due < on))


def _evidence(row: dict[Any, Any]) -> str:
    """Return in words what speaks for remedial action."""
    said = []
    if row["same_or_worse"]:
        if row["same_again"]:
            why = f"for the same reasons ({', '.join(row['in_common'])})"
        else:
            why = "not for the same reasons" if row["reasons"] else "no reasons recorded"
        said.append(f"{row['before']}, then {row['rating']}: {why}")
    if row["poor_again"]:
        said.append(f"{row['run']} poor ratings running")
    for late, what, due, done in (
        (row["not_submitted"], "submitted", row["plan_due"], row["plan_submitted"]),
        (row["not_implemented"], "implemented", row["implementation_due"], row["plan_implemented"]),
    ):
        if late:
            when = "not yet" if pd.isna(done) else f"on {done:%-d %B %Y}"
            said.append(f"plan to be {what} by {due:%-d %B %Y}: {when}")
    return "; ".join(said)
