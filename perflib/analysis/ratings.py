"""Green, Amber or Red for each unit and quarter, with what each rests on.

Conventions
-----------
- A KPI is judged in a quarter when it is rated, has a target and figures, and its denominator is not smaller than the
  rule's `smallest`; a bare count has no denominator and is always judged. One that is `not_clear` (short of a target
  that its interval holds) is a hit or a miss, as the rule says.
- A quarter is rated on the first day on which all of these are judged (`kpis`): until then it is `so far`, like
  one that is running. So a late record changes a rating only by what it says, never by having been late.
- A quarter is hit when all, any, or a share of its judged KPIs are (`hit`). Green: hit. Amber: missed. Red: missed for
  the `red_after`-th rated quarter running; with `same_kpi`, one KPI was missed in each of those. *Miss, hit, miss:
  Amber, Green, Amber. Miss, miss: Amber, Red.*
- A quarter that has not ended, or of fewer months than `least_months`, is not rated, and runs pass over it. Where all
  three months are asked for, the quarter must be whole.
- A quarter in which no KPI with a target has figures is `no_data`: 'skips' passes over it; 'resets' ends the run, and
  it stays unrated, since Green is never given for nothing; 'misses' rates it as missed, of every KPI with a target.
  One whose KPIs are all too small to be judged is always passed over.
- A rating belongs to the unit as it is named. When a unit changes hands (its role or its parent on a quarter's last day
  is known to be another than before), that quarter begins a new run: what others missed makes nobody Red. Which KPIs a
  quarter is judged by is for `kpis` to say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import expected, kpis
from perflib.analysis.cuts import By, Where, refuse
from perflib.errors import ParameterError
from perflib.records.snapshot import Extract, Snapshot, load_extract, remembered, take_snapshot
from perflib.rules.management import CONTRACT, Rating

GREEN, AMBER, RED = RATINGS = ("green", "amber", "red")
"""From the best to the worst."""

NO_DATA = "no data"
WHY_NOT = ("so far", "joined lately", "part quarter", "no target", NO_DATA, "too few")
"""Why a quarter is not rated: the first that holds."""

IMPROVED, WORSENED, SAME = "improved", "worsened", "same"

COLUMNS = ["unit", "role", "period", "months", "so_far", "rating", "why_not", "asked", "judged", "hit", "missed"]
COLUMNS += ["missed_kpis", "run", "consistent", "changed_hands", "judged_on"]
HISTORY_COLUMNS = ["unit", "period", "then", "then_on", "then_missed", "now", "now_missed", "differs"]
FLAGS = ("so_far", "consistent", "changed_hands")
HELD_COLUMNS = ["unit", "role", "rating", "period", "since", "run", "consistent", "missed_kpis", "before"]
HELD_COLUMNS += ["before_period", "way", "why_not", "so_far_judged", "so_far_missed", "judged_on"]
RECOVERY_COLUMNS = ["plan_id", "unit", "opened", "closed", "state", "at", "at_period", "now", "now_period", "way"]
RECOVERY_COLUMNS += ["green", "quarters"]


@remembered
def rate(snapshot: Snapshot, unit: str = "subcontractor", by: By = None, where: Where = None) -> pd.DataFrame:
    """Rate every unit in every quarter of the contract, by its own rule. A rating is of a whole unit: it has no cuts.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        As for `kpis.scores`: an attribute that names who delivers, a unit type, or 'contract'.
    by, where
        Refused, with the reason.

    Returns
    -------
    DataFrame
        What `rate_scores` returns; without rows where there is nothing to rate.

    Raises
    ------
    ParameterError
        The contract names no way of managing, or that has no rule of rating; or a cut is asked for.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> rate(sample_snapshot()).set_index("period").loc["2019-12", ["unit", "asked", "judged"]].reset_index()
        period  unit  asked  judged
    0  2019-12  SC01     11       5
    1  2019-12  SC02     11       5
    2  2019-12  SC03     11       4
    """
    why = "the regime rates whole units, by targets that are set for all their participants (kpis.scores can be cut)"
    refuse("ratings.rate", why, snapshot, by, where)
    contract = snapshot.contract
    if contract.management is None:
        raise ParameterError(
            f"{contract.path}: names no regime of management, so that nothing can be rated. "
            f"Add `management: ks` (or another file of params/management)."
        )
    if contract.rating is None:
        raise ParameterError(
            f"{contract.path}: {contract.management.name} has no rule of rating. "
            f"Add `rating:` to the contract file, with its source."
        )
    scores = kpis.scores(snapshot, unit)
    return rate_scores(
        scores.assign(hands=_hands(snapshot, unit, scores)), contract.rating, expected.last_month(snapshot)
    )


def history(snapshot: Snapshot, unit: str = "subcontractor", quarters: int = 8) -> pd.DataFrame:
    """Rate each of the last quarters as it was judged then, and as it would be judged now.

    A quarter was judged at the end of the first month by which it could be, from what was known by that day; what is
    known now of how soon things are recorded says where to begin looking. The two differ only where a record that came
    later says something else: a correction, a withdrawal, a late start, or what the delays are now known to be.

    Parameters
    ----------
    snapshot : Snapshot
        One made from an extract that keeps what was known when; earlier looks are taken from its `extract`.
    unit : str
        As for `rate`.
    quarters : int
        How many of the quarters that are rated now.

    Returns
    -------
    DataFrame
        One row a unit and quarter: `unit`, `period`; `then`, the rating ('' where it had none), `then_on`, the day it
        was judged on, `then_missed`, the KPIs it missed; `now`, `now_missed`; `differs`.
    """
    rated = rate(snapshot, unit)
    now = rated[rated["rating"] != ""]
    periods = sorted(now["period"].unique())[-quarters:]
    since = now.groupby("period")["judged_on"].min().dt.to_period("M")
    begin = {period: period if pd.isna(since[period]) else max(period, since[period]) for period in periods}
    earlier = [_as_judged(snapshot, unit, period, begin[period]) for period in periods]
    then = pd.concat([frame for frame in earlier if len(frame)] or [now.iloc[:0]])
    key = ["unit", "period"]
    old = then[[*key, "rating", "judged_on", "missed_kpis"]].set_axis([*key, "then", "then_on", "then_missed"], axis=1)
    new = now.loc[now["period"].isin(periods), [*key, "rating", "missed_kpis"]]
    both = old.merge(new.set_axis([*key, "now", "now_missed"], axis=1), on=key, how="outer")
    for name in ("then_missed", "now_missed"):
        both[name] = [kpis if isinstance(kpis, tuple) else () for kpis in both[name]]
    both = both.fillna({"then": "", "now": ""})
    return both.assign(differs=both["then"] != both["now"])[HISTORY_COLUMNS]


def _as_judged(snapshot: Snapshot, unit: str, period: pd.Period, begin: pd.Period) -> pd.DataFrame:
    """Return a quarter's ratings from the first look, at the end of a month, by which some unit could be rated."""
    for month in pd.period_range(begin, max(begin, expected.known_month(snapshot)), freq="M"):
        look = _look(snapshot, period, month)
        rated = rate(look, unit)
        mine = rated[(rated["period"] == period) & (rated["rating"] != "")]
        if len(mine):
            return mine
    return pd.DataFrame(columns=COLUMNS)


@remembered
def _look(snapshot: Snapshot, period: pd.Period, month: pd.Period) -> Snapshot:
    """Return the snapshot of a quarter's last month as known at the end of a month."""
    return take_snapshot(_extract(snapshot), period, month.end_time.date())


@remembered
def _extract(snapshot: Snapshot) -> Extract:
    return load_extract(snapshot.contract)


def rate_scores(scores: pd.DataFrame, rule: Rating, ended: pd.Period | None = None) -> pd.DataFrame:
    """Rate units from their KPIs.

    Parameters
    ----------
    scores : DataFrame
        One row a unit, quarter and KPI, as `kpis.scores` returns them, in any order. Of its columns `unit`,
        `role`, `period`, `months`, `whole`, `kpi`, `denominator`, `target`, `result` and `rated` are read; `judged_on`
        where it is there; and `hands`: whose the unit was on the quarter's last day, '' where that is not known; by
        default its role.
    rule : Rating
    ended : Period, optional
        The last month that has ended; a quarter that goes beyond it is running. By default all have ended.

    Returns
    -------
    DataFrame
        One row a unit and quarter, in their order:

        - `unit`, `role`, `period` (the quarter's last month), `months` (that the unit was there), `so_far` (whether the
          quarter is running, or not all of its KPIs are judged yet).
        - `rating` ('green', 'amber', 'red', or '' where it is not rated) and `why_not` (one of `WHY_NOT`, or '').
        - `asked` (rated KPIs with a target), `judged` of them, of which `hit` and `missed`; `missed_kpis` (their ids).
          They are given for unrated quarters too: of a running one they are what it shows so far.
        - `run`: missed rated quarters running, up to here; `consistent`: whether they are the rule's `consistent`.
        - `changed_hands`: whether the run begins afresh because the unit is in other hands.
        - `judged_on`: the day on which the last of its KPIs is judged; missing where no such day is known.

    Examples
    --------
    Two quarters, one KPI, missed in both.

    >>> quarter = {"unit": "SC1", "role": "end_to_end", "months": 3, "whole": True, "kpi": "job_starts"}
    >>> quarter |= {"denominator": 400.0, "target": 0.015, "result": "missed", "rated": True}
    >>> frame = pd.DataFrame([quarter, quarter]).assign(period=pd.PeriodIndex(["2020-03", "2020-06"], freq="M"))
    >>> rate_scores(frame, Rating(source="line 132"))["rating"].tolist()
    ['amber', 'red']
    """
    if scores.empty:
        return pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(FLAGS, bool) | {"period": "period[M]"})
    rows = _judged(scores.sort_values(["unit", "period"], kind="stable"), rule)
    quarters = _quarters(rows, rule, ended)
    met = _is_hit(quarters, rule)
    rated, without = quarters["why_not"] == "", quarters["why_not"] == NO_DATA
    missed = (rated & ~met) | (without & (rule.no_data == "misses"))
    ends = (rated & met) | (without & (rule.no_data == "resets"))
    spell = (ends | quarters["changed_hands"]).groupby(quarters["unit"]).cumsum()
    run = missed.groupby([quarters["unit"], spell]).cumsum().astype(int)
    longest = _longest(rows, quarters, missed, ends, spell) if rule.same_kpi else run
    rating = np.select([rated & met, missed & (longest >= rule.red_after), missed], [GREEN, RED, AMBER], "")
    return quarters.assign(
        rating=pd.Series(rating, dtype="str"),
        why_not=quarters["why_not"].where(rating == "", ""),
        run=run,
        consistent=missed & (run >= rule.consistent),
    )[COLUMNS]


def held(ratings: pd.DataFrame) -> pd.DataFrame:
    """Rating in force for each unit at a monthly meeting: that of the last quarter in which it was rated.

    Parameters
    ----------
    ratings : DataFrame
        What `rate` returns.

    Returns
    -------
    DataFrame
        One row a unit:

        - `unit`, `role`; `rating` ('' where it never had one) and `period`, the quarter that it is of; `since`, the
          first of the rated quarters running with this rating; `run`, `consistent`, `missed_kpis` of that quarter.
        - `before` and `before_period`: the rating it had before; `way`: 'improved', 'worsened', 'same', or '' without.
        - `why_not`: why its last quarter that has ended is not rated, '' where it is.
        - `so_far_judged`, `so_far_missed`: KPIs judged already of the latest quarter that is so far; missing where none
          is.
        - `judged_on`: the day on which the rating was judged.
    """
    if ratings.empty:
        return pd.DataFrame(columns=HELD_COLUMNS).astype({"consistent": bool, "period": "period[M]"})
    ratings = ratings.sort_values(["unit", "period"], ignore_index=True)
    rated = ratings[ratings["rating"] != ""]
    before = rated.groupby("unit")[["rating", "period"]].shift()
    spell = (rated["rating"] != before["rating"]).groupby(rated["unit"]).cumsum()
    since = rated.groupby([rated["unit"], spell])["period"].transform("first")
    rated = rated.assign(
        since=since,
        before=before["rating"].fillna(""),
        before_period=before["period"],
        way=_way(before["rating"], rated["rating"]),
    )
    known = ["rating", "period", "since", "run", "consistent", "missed_kpis", "before", "before_period", "way"]
    known += ["judged_on"]
    last = ratings.groupby("unit").tail(1).set_index("unit")[["role"]]
    last = last.join(rated.groupby("unit").tail(1).set_index("unit")[known])
    over = ratings[~ratings["so_far"].astype(bool)].groupby("unit").tail(1).set_index("unit")["why_not"]
    now = ratings[ratings["so_far"].astype(bool)].groupby("unit").tail(1).set_index("unit")[["judged", "missed"]]
    last = last.join(over).join(now.add_prefix("so_far_"))
    never = last["rating"].isna()
    last["missed_kpis"] = [kpis if isinstance(kpis, tuple) else () for kpis in last["missed_kpis"]]
    last = last.fillna({"rating": "", "before": "", "way": "", "why_not": ""})
    last["run"] = last["run"].where(~never, 0).astype(int)
    last["consistent"] = last["consistent"].where(~never, False).astype(bool)
    return last.reset_index()[HELD_COLUMNS]


def transitions(ratings: pd.DataFrame) -> pd.DataFrame:
    """Count how ratings went on from one rated quarter of a unit to its next.

    Parameters
    ----------
    ratings : DataFrame
        What `rate` returns. A step over a change of hands is nobody's, and is left out.

    Returns
    -------
    DataFrame
        Index `from`, the three ratings; the number of steps to `green`, `amber` and `red`, and of them how many
        `improved`, stayed the `same` and `worsened`.
    """
    rated = ratings.sort_values(["unit", "period"]).reset_index(drop=True)
    hands = rated["changed_hands"].astype(bool).groupby(rated["unit"]).cumsum()
    rated = rated.assign(hands=hands)[rated["rating"] != ""]
    before = rated.groupby(["unit", "hands"])["rating"].shift()
    counts = pd.crosstab(before[before.notna()], rated.loc[before.notna(), "rating"])
    counts = counts.reindex(index=RATINGS, columns=RATINGS, fill_value=0).rename_axis(index="from", columns=None)
    number = counts.to_numpy()
    ways = {IMPROVED: np.tril(number, -1), SAME: np.diag(np.diag(number)), WORSENED: np.triu(number, 1)}
    return counts.assign(**{name: part.sum(axis=1) for name, part in ways.items()})


def recoveries(ratings: pd.DataFrame, plans: pd.DataFrame) -> pd.DataFrame:
    """Follow the ratings of units that had a plan.

    That a rating got better after a plan does not say that the plan did it: `oversight.effect` compares with units that
    were as far down and had none.

    Parameters
    ----------
    ratings : DataFrame
        What `rate` returns.
    plans : DataFrame
        What `oversight.plans` returns; those that answer ratings and have begun are looked at.

    Returns
    -------
    DataFrame
        One row a plan of a unit that is rated: `plan_id`, `unit`, `opened`, `closed`, `state`; `at` and `at_period`,
        the last rating of a quarter that ended before it was opened ('' without one); `now` and `now_period`, the
        rating held; `way` from the one to the other; `green`: the first quarter rated Green that ended on or after the
        day it was opened, and how many `quarters` that is after `at_period`; missing where there is none.
    """
    rated = ratings.loc[ratings["rating"] != "", ["unit", "period", "rating"]].sort_values(["unit", "period"])
    mine = plans[plans["answers_rating"] & plans["unit"].isin(rated["unit"]) & (plans["state"] != "not yet")]
    if mine.empty:
        return pd.DataFrame(columns=RECOVERY_COLUMNS)
    pairs = mine[["plan_id", "unit", "opened"]].merge(rated, on="unit").sort_values(["plan_id", "period"])
    earlier = (pairs["period"].dt.end_time < pairs["opened"]).to_numpy()
    at = pairs[earlier].groupby("plan_id").tail(1).set_index("plan_id")[["rating", "period"]]
    now = pairs.groupby("plan_id").tail(1).set_index("plan_id")[["rating", "period"]]
    green = pairs[~earlier & (pairs["rating"] == GREEN)].groupby("plan_id")["period"].min().rename("green")
    found = mine.set_index("plan_id")[["unit", "opened", "closed", "state"]]
    found = found.join(at.set_axis(["at", "at_period"], axis=1)).join(now.set_axis(["now", "now_period"], axis=1))
    found = found.join(green)
    found["way"] = _way(found["at"], found["now"])
    days = found["green"].dt.to_timestamp() - found["at_period"].dt.to_timestamp()
    found["quarters"] = (days.dt.days / 91).round()
    return found.fillna({"at": ""}).reset_index()[RECOVERY_COLUMNS]


def _way(before: pd.Series, after: pd.Series) -> pd.Series:
    """Return whether a rating is better than the one before; '' where there was none."""
    place = {name: number for number, name in enumerate(RATINGS)}
    change = after.map(place).astype(float) - before.map(place).astype(float)
    words = np.select([change < 0, change == 0, change > 0], [IMPROVED, SAME, WORSENED], "")
    return pd.Series(words, index=after.index, dtype="str")


def _judged(scores: pd.DataFrame, rule: Rating) -> pd.DataFrame:
    """Return the rows with what each KPI counts for: `asked`, `decided` (it has figures), `hit`, `missed`."""
    asked = scores["rated"].astype(bool) & scores["target"].notna()
    large = ~(scores["denominator"] < rule.smallest)
    result = kpis.decided(scores["result"], rule)
    hit, missed = result == "hit", result == "missed"
    decided = asked & (hit | missed)
    hands = scores["hands"] if "hands" in scores else scores["role"]
    days = scores["judged_on"] if "judged_on" in scores else pd.Series(pd.NaT, scores.index, dtype="datetime64[s]")
    return scores.assign(
        asked=asked,
        decided=decided,
        hit=decided & large & hit,
        missed=decided & large & missed,
        waits=asked & large & (scores["result"] == "so_far"),
        judged_on=days.where(asked & large & (decided | (scores["result"] == "so_far"))),
        hands=hands.fillna("").astype("str"),
    )


def _quarters(rows: pd.DataFrame, rule: Rating, ended: pd.Period | None) -> pd.DataFrame:
    """Return one row a unit and quarter with its counts, why it is not rated, and whether it is in other hands."""
    key = ["unit", "period"]
    firsts = {name: (name, "first") for name in ("role", "months", "whole", "hands")}
    sums = {name: (name, "sum") for name in ("asked", "decided", "hit", "missed", "waits")}
    last = {"judged_on": ("judged_on", "max")}
    quarters = rows.groupby(key, as_index=False).agg(**firsts, **sums, **last)
    missed: dict[Any, list[str]] = {}
    for unit, period, kpi in rows.loc[rows["missed"], [*key, "kpi"]].itertuples(index=False, name=None):
        missed.setdefault((unit, period), []).append(kpi)
    joins = ~quarters["unit"].duplicated() & (quarters["period"] > quarters["period"].min())
    hands = quarters["hands"].where(quarters["hands"] != "").groupby(quarters["unit"]).ffill()
    before = hands.groupby(quarters["unit"]).shift()
    running = quarters["waits"] > 0
    running |= False if ended is None else quarters["period"] > ended
    judged = quarters["hit"] + quarters["missed"]
    part = ~quarters["whole"].astype(bool) & ((quarters["months"] < rule.least_months) | (rule.least_months == 3))
    tests = [running, part & joins, part, quarters["asked"] == 0, quarters["decided"] == 0, judged == 0]
    ids = [tuple(sorted(missed.get(quarter, ()))) for quarter in quarters[key].itertuples(index=False, name=None)]
    return quarters.assign(
        missed_kpis=pd.Series(ids, index=quarters.index, dtype=object),
        judged=judged,
        so_far=running,
        why_not=pd.Series(np.select(tests, WHY_NOT, ""), dtype="str"),
        changed_hands=before.notna() & (before != hands),
    )


def _is_hit(quarters: pd.DataFrame, rule: Rating) -> pd.Series:
    if rule.share is not None:
        return quarters["hit"] / quarters["judged"].where(quarters["judged"] > 0) >= rule.share
    return quarters["missed"] == 0 if rule.hit == "all" else quarters["hit"] > 0


def _longest(
    rows: pd.DataFrame, quarters: pd.DataFrame, missed: pd.Series, ends: pd.Series, spell: pd.Series
) -> pd.Series:
    """Return, for each quarter, in how many missed quarters running one KPI was missed that was missed in it too."""
    unit = quarters["unit"]
    places = quarters[["unit", "period"]].assign(
        place=(missed | ends).groupby(unit).cumsum(), spell=spell, all=quarters["judged"] == 0
    )[missed]
    kpis = rows[["unit", "period", "kpi", "asked", "missed"]].merge(places, on=["unit", "period"])
    kpis = kpis[kpis["missed"] | (kpis["asked"] & kpis["all"])].sort_values(["unit", "kpi", "place"])
    same = (kpis[["unit", "kpi", "spell"]] == kpis[["unit", "kpi", "spell"]].shift()).all(axis=1)
    begins = ~(same & (kpis["place"] == kpis["place"].shift() + 1))
    running = kpis.groupby(begins.cumsum()).cumcount() + 1
    longest = running.groupby([kpis["unit"], kpis["period"]]).max()
    found = longest.reindex(pd.MultiIndex.from_frame(quarters[["unit", "period"]])).fillna(0)
    return pd.Series(found.to_numpy(), index=quarters.index)


def _hands(snapshot: Snapshot, unit: str, scores: pd.DataFrame) -> pd.Series:
    """Return whose each unit was on the last day of each quarter: role and parent of the units table, '' without."""
    nobody = pd.Series("", index=scores.index, dtype="str")
    table = snapshot.tables.get("units")
    if table is None or unit == CONTRACT or scores.empty:
        return nobody
    mine = table[table["unit_type"] == unit].reindex(columns=["unit_id", "role", "parent", "from_date"])
    mine = mine.sort_values(["from_date", "unit_id", "role", "parent"], kind="stable")
    owner = mine["role"].fillna("") + " " + mine["parent"].fillna("")
    owners = pd.DataFrame({"unit": mine["unit_id"], "from": mine["from_date"], "hands": owner})
    last = scores["period"].dt.end_time.dt.floor("D").astype("datetime64[s]")
    days = pd.DataFrame({"unit": scores["unit"], "last": last, "row": range(len(scores))}).sort_values("last")
    found = pd.merge_asof(days, owners, left_on="last", right_on="from", by="unit").sort_values("row")
    return nobody.where(found["hands"].isna().to_numpy(), found["hands"].fillna("").to_numpy())
