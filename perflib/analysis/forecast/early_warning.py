"""Early warning: which levels will probably be missed, what would still meet them, and what if.

Conventions
-----------
- A level is missed when the cohorts that have started, once all are final, have fewer outcomes than their profiles
  promise to their starts. Its probability is the share of simulated futures in which that is so.
- Against the profile a month is compared on the clock of the forecast: what will have been recorded by its end, and
  what the profile promises by recorded month.
- What is needed keeps to one lever at a time: so many more first earnings, all that follows from each being as it has
  been; or so many more of the next milestone; and so on.
- Scenarios stand beside the base and are never mixed into it. They look at everybody who has started and at those who
  would start in the next `COMING` months at the pace of the last `PACE`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, journey, measures
from perflib.analysis.forecast.development import Development, development, developments
from perflib.analysis.forecast.models import outcomes, project
from perflib.analysis.forecast.pipeline import flows
from perflib.analysis.forecast.result import Forecast, split, summary
from perflib.records.snapshot import Snapshot, remembered

AHEAD = (3, 6)
NEXT = 6
"""Coming months over which the needs of the pipeline are averaged."""

PACE, COMING = 6, 12
PART_DRAWS = 100
"""Futures of a group alone: they only say how it shares in the futures of the whole."""

LEVEL_COLUMNS = ["level", "kind", "name", "value", "starts", "recorded", "promised", "expected", "lower_80", "upper_80"]
LEVEL_COLUMNS += ["lower_95", "upper_95", "miss", *(f"miss_{months}" for months in AHEAD), "status"]


def promised_by(part: Development, months: int) -> float:
    """Profiled outcomes by so many months from now; NaN where the profile has none."""
    profile = part.profile.to_numpy()
    d = np.minimum(part.age + months, part.last)
    reached = np.where(d >= 0, np.take_along_axis(profile, np.maximum(d, 0)[:, None], axis=1)[:, 0], 0.0)
    starts = part.starts.to_numpy()
    return float(np.where(starts > 0, starts * reached, 0.0).sum())


def chance_of_missing(found: Forecast, months: int | None = None) -> float:
    """Share of simulated futures below the profile, by so many months from now or when all is final.

    NaN where nothing is promised.
    """
    ahead = found.paths.shape[2] if months is None else months
    promised = promised_by(found.development, ahead)
    if not promised > 0:
        return np.nan
    reached = found.development.recorded.sum() + found.paths[:, :, :ahead].sum(axis=(1, 2))
    return float((reached < promised).mean())


@remembered
def levels(snapshot: Snapshot, model: str = "milestones", draws: int = 2000) -> pd.DataFrame:
    """Chance of missing each tender level: contract, groups, areas, and the profile on the way.

    Parameters
    ----------
    snapshot : Snapshot
    model : str
        One of `models.MODELS`.
    draws : int
        Simulated futures.

    Returns
    -------
    DataFrame
        One row for the whole contract, each customer group and each area: `level` (id of the tender level that it is,
        else ''), `kind` ('contract', 'group' or 'area'), `name`, `value`, `starts`, `recorded` to date, `promised` and
        `expected` when all is final, with intervals; `miss` (probability), `miss_3` and `miss_6` (of being below the
        profile so many months from now); `status`: 'may be missed' where `miss` reaches the contract's
        `early_warning.probability`, 'behind profile' where only one of the others does, 'on course'; 'too few'
        where less is promised than the contract's `early_warning.least`, 'no profile' where nothing is.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = levels(sample_snapshot(), model="chain_ladder", draws=50)
    >>> found[["level", "starts", "recorded", "promised"]].head(3)
       level  starts  recorded  promised
    0  tmpl1     233        28     48.77
    1  tmpl2     162        20     32.40
    2  tmpl3      25         2      6.25
    """
    programme, threshold = snapshot.programme, snapshot.contract.early_warning.probability
    whole = outcomes(snapshot, model=model, draws=draws)
    parts: list[tuple[str, str, Forecast]] = [("contract", "", whole)]
    for kind, attribute in (("group", programme.group), ("area", programme.area)):
        if attribute is not None:
            alone = developments(snapshot, whole.development.measure, attribute)
            shares = split(whole, {value: project(part, model, PART_DRAWS) for value, part in alone.items()})
            parts += [
                (kind, value, part)
                for value, part in shares.items()
                if value not in (cohorts.NOT_RECORDED, "none") and part.development.starts.any()
            ]
    rows = []
    for kind, value, found in parts:
        level, name = _named(snapshot, kind, value)
        miss = {"miss": chance_of_missing(found)}
        miss |= {f"miss_{months}": chance_of_missing(found, months) for months in AHEAD}
        promised = promised_by(found.development, found.paths.shape[2])
        if np.isnan(miss["miss"]):
            status = "no profile"
        elif promised < snapshot.contract.early_warning.least:
            status = "too few"
        elif miss["miss"] >= threshold:
            status = "may be missed"
        else:
            status = "behind profile" if max(miss.values()) >= threshold else "on course"
        part = found.development
        row = {"level": level, "kind": kind, "name": name, "value": value, "starts": int(part.starts.sum())}
        row |= {"recorded": int(part.recorded.sum()), "promised": promised}
        rows.append(row | found.total.iloc[0].to_dict() | miss | {"status": status})
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def _named(snapshot: Snapshot, kind: str, value: str) -> tuple[str, str]:
    """Return the tender level that a contract, group or area is, and its name; '' and its name where it is none."""
    programme = snapshot.programme
    for level, target in programme.targets.items():
        of = "area" if target.area else "group" if target.group else "contract"
        if of == kind and (target.group or value) == value:
            return level, f"{target.name} ({value})" if kind == "area" else target.name
    codes = programme.attributes[programme.group].codes
    label = codes[value].label if kind == "group" and value in codes else value
    return "", label if kind != "contract" else "All participants"


def against_profile(found: Forecast) -> pd.DataFrame:
    """Forecast outcomes at the end of each coming month, beside the profile by then.

    Parameters
    ----------
    found : Forecast

    Returns
    -------
    DataFrame
        Index `month`; `promised`, `expected`, `lower_80`, `upper_80`, `lower_95`, `upper_95` (cumulative outcomes) and
        `below` (probability of being below the promise; NaN without one).
    """
    part = found.development
    reached = part.recorded.sum() + found.paths.sum(axis=1).cumsum(axis=1)
    promised = np.array([promised_by(part, ahead) for ahead in range(1, len(part.months) + 1)])
    table = summary(reached, part.months)
    table.insert(0, "promised", promised)
    return table.assign(below=np.where(promised > 0, (reached < promised).mean(axis=0), np.nan))


def needed(snapshot: Snapshot, found: Forecast) -> pd.DataFrame:
    """Run rate needed: how many of each milestone, and of outcomes, a month would still meet the level.

    Of those who have passed a milestone outcomes come as forecast; what is then missing has to come of people who
    reach it anew, each as likely to go on as before. Averages are over the next `NEXT` months.

    Parameters
    ----------
    snapshot : Snapshot
    found : Forecast
        Of the contract, or of one group or area.

    Returns
    -------
    DataFrame
        One row a milestone, and one for the outcome: `measure`, `recent` (recorded a month in the last three months),
        `expected` (a month), `needed` (a month; NaN where no profile promises anything, or none has gone this way yet).

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis.forecast import outcomes
    >>> snapshot = sample_snapshot()
    >>> needed(snapshot, outcomes(snapshot, model="chain_ladder", draws=50))
              measure    recent  expected    needed
    0  first_earnings  4.666667  1.962610  0.703883
    1   earnings_1000  3.333333  2.236239  1.189003
    2   earnings_2000  4.333333  2.229717  1.300586
    3         outcome  3.333333  2.510000  1.652907
    """
    part = found.development
    promised = promised_by(part, found.paths.shape[2]) - float(part.recorded.sum())
    coming = float(found.paths.sum(axis=(1, 2)).mean())
    stream = flows(part)
    whole = stream.to_come(part.measure)
    scale = coming / whole if whole > 1e-9 else np.nan
    rows = []
    for place, name in enumerate(part.states[2:], start=2):
        ahead = stream.entries[:, place, :NEXT].sum() / min(NEXT, max(len(part.months), 1)) * scale
        if name == part.measure:
            ahead = float(found.paths[:, :, :NEXT].sum(axis=(1, 2)).mean()) / min(NEXT, max(len(part.months), 1))
            already, rest = 0.0, coming
        else:
            already = stream.outcomes_from(name) * scale
            rest = coming - already
        factor = max(promised - already, 0.0) / rest if promised == promised and rest > 1e-9 else np.nan
        rows.append(
            {"measure": name, "recent": _recent(snapshot, part, name), "expected": ahead, "needed": ahead * factor}
        )
    return pd.DataFrame(rows, columns=["measure", "recent", "expected", "needed"])


def _recent(snapshot: Snapshot, part: Development, measure: str, months: int = 3) -> float:
    """Return how many of a measure were recorded a month in the last months, of those the development is of."""
    mine = cohorts.started(snapshot)
    if part.by is not None:
        mine = mine & (cohorts.labels(snapshot, part.by) == part.value).to_numpy()
    month = measures.first(snapshot, measure)["recorded"][mine].dt.to_period("M")
    return float(((month > part.month - months) & (month <= part.month)).sum()) / months


@remembered
def scenarios(snapshot: Snapshot, model: str = "milestones", draws: int = 400) -> pd.DataFrame:
    """Forecast under changes in job entry, referral volume and start conversion, beside the base.

    Changes are by the contract's `early_warning.change`, from the coming month on, for good. Job entry: those who have
    not reached the first milestone reach it so much more or less often. Referral volume: so many more or fewer start.
    Start conversion: more or fewer of those referred start, never more than all.

    Parameters
    ----------
    snapshot : Snapshot
    model : str
        One of `models.MODELS`.
    draws : int
        Simulated futures.

    Returns
    -------
    DataFrame
        The base first: `scenario` ('base', 'job_entry', 'referrals', 'conversion'), `change` (a fraction), `starts`
        still to come, `promised` and `expected` outcomes when all is final with intervals, `miss`
        (probability that there are fewer than promised), `difference` of what is expected from the base.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = scenarios(sample_snapshot("2019-06"), draws=20)
    >>> found[["scenario", "change", "starts"]].head(3)
        scenario  change  starts
    0       base     0.0   120.0
    1  job_entry    -0.2   120.0
    2  job_entry     0.2   120.0
    """
    now = development(snapshot)
    pace = round(now.starts.iloc[-PACE:].mean())
    months = pd.period_range(now.month + 1, periods=COMING, freq="M")
    extended = now.with_starts(pd.Series(pace, index=months))
    found = project(extended, model, draws)
    promise = extended.profile.to_numpy()[:, -1] * extended.starts.to_numpy()
    promise = np.where(extended.starts.to_numpy() > 0, promise, 0.0)
    recorded = extended.recorded.to_numpy()
    coming = np.arange(len(extended.starts)) >= len(now.starts)
    started, future = (found.paths[:, rows].sum(axis=(1, 2)).astype(float) for rows in (~coming, coming))
    anew = _share_anew(now)
    change, conversion = snapshot.contract.early_warning.change, _conversion(snapshot)

    def row(name: str, size: float, entry: float, volume: float) -> dict[Hashable, Any]:
        draws_of = recorded.sum() + started * (1 + anew * (entry - 1)) + future * entry * volume
        due = promise[~coming].sum() + volume * promise[coming].sum()
        missed = float((draws_of < due).mean()) if due > 0 else np.nan
        spread = summary(draws_of[:, None], pd.Index([name])).to_dict("records")[0]
        starts = pace * COMING * volume
        return {"scenario": name, "change": size, "starts": starts, "promised": due, **spread, "miss": missed}

    most = 1 / conversion if conversion > 0 else 1 + change
    sizes, possible = (-change, change), (-change, min(change, most - 1))
    rows = [
        row("base", 0.0, 1.0, 1.0),
        *(row("job_entry", size, 1 + size, 1.0) for size in sizes),
        *(row("referrals", size, 1.0, 1 + size) for size in sizes),
        *(row("conversion", size, 1.0, 1 + size) for size in possible),
    ]
    table = pd.DataFrame(rows)
    return table.assign(difference=table["expected"] - table["expected"].iloc[0])


def _share_anew(part: Development) -> float:
    """Return the share of the outcomes to come of those who started that is of people without a milestone so far."""
    stream = flows(part)
    whole = stream.to_come(part.measure)
    return 1 - stream.outcomes_from(part.states[2]) / whole if len(part.states) > 3 and whole > 1e-9 else 1.0


def _conversion(snapshot: Snapshot, months: int = COMING) -> float:
    """Return the share of the resolved referrals of the last months that started; NaN where none is resolved."""
    table = journey.referrals(snapshot).tail(months)
    resolved = float((table["referral"] - table["open"]).sum())
    return float(table["start"].sum()) / resolved if resolved else np.nan
