"""Regressions of one row a start: what goes with reaching a measure, or with how soon, as statsmodels results.

Conventions
-----------
- A row is a start. It is reached when the measure happened by the age asked for, and is there only when its cohort has
  been observed at that age, as in `cohorts.Triangle.rate_at`.
- Characteristics are those at the start: a number as it is, anything else by its label, with 'not recorded' as a value
  of its own. A start without a number that a formula names is left out; `nobs` says how many are in.
- What is returned is the statsmodels result: `.summary()` can be read, and `.params`, `.conf_int()` worked with.
- An association is no effect: units, areas and people choose each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.duration.survfunc import survdiff

from perflib.analysis import cohorts, cuts, expected, measures, survival
from perflib.analysis.cuts import Where
from perflib.errors import ParameterError
from perflib.records.display import Explanation, ShowsItself
from perflib.records.snapshot import Snapshot

LEAST_MONTHS = 6
"""Cohorts that must lie on each side of a change."""


def starts(
    snapshot: Snapshot, measure: str = "outcome", age: int = 12, where: Where = None, *, bands: bool = False
) -> pd.DataFrame:
    """Frame of one row a start whose cohort has been observed at an age.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.
    age : int
        Months since the cohort's month.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.
    bands : bool
        Whether a number goes by its bands ('25 to 34').

    Returns
    -------
    DataFrame
        `cohort` (Period[M]), `reached` (0 or 1), and every attribute of the programme. Participants are not named.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> starts(sample_snapshot(), age=12)["reached"].agg(["size", "sum"]).to_dict()
    {'size': 104, 'sum': 20}
    """
    keep = cohorts.started(snapshot) & cuts.mask(snapshot, where)
    begun = snapshot.journeys["start"][keep].dt.to_period("M")
    when = measures.first(snapshot, measure)["event"][keep].dt.to_period("M")
    months = (when.dt.year - begun.dt.year) * 12 + when.dt.month - begun.dt.month
    reached = when.notna() & (months <= age)  # a missing month has the year -1
    frame = pd.DataFrame({"cohort": begun, "reached": reached.astype(int)})
    for name, rules in snapshot.programme.attributes.items():
        number = rules.numeric and not bands
        values = snapshot.journeys[name] if number else cuts.labels(snapshot, name)
        frame[name] = values[keep].astype("float64" if number else "object")
    return frame[(begun + age <= snapshot.month).to_numpy()].reset_index(drop=True)


def logit(snapshot: Snapshot, formula: str, measure: str = "outcome", age: int = 12, where: Where = None) -> Any:
    """Logistic regression of reaching a measure by an age.

    Parameters
    ----------
    snapshot : Snapshot
    formula : str
        The right-hand side, of attributes and `cohort`, as statsmodels reads it: 'age + sex'.
    measure, age, where
        As for `starts`.

    Returns
    -------
    statsmodels result
        `np.exp(result.params["age"])` is the odds ratio of one year of age.

    Raises
    ------
    ParameterError
        The formula cannot be read, or nobody is left.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> result = logit(sample_snapshot(), "age")
    >>> int(result.nobs)
    103
    """
    frame = starts(snapshot, measure, age, where)
    return _fit(formula, frame)


def _fit(formula: str, frame: pd.DataFrame) -> Any:
    if frame["reached"].nunique() < 2:
        raise ParameterError(
            f"formula {formula!r}: of {len(frame)} starts that are old enough {int(frame['reached'].sum())} reached "
            f"the measure. Some must, and some not: choose a lower age, or more people."
        )
    frame = frame.assign(cohort=frame["cohort"].astype("str"))
    try:
        return smf.logit(f"reached ~ {formula}", frame).fit(disp=False)
    except np.linalg.LinAlgError:
        raise ParameterError(
            f"formula {formula!r}: two of its terms say the same, so that they cannot be told apart. Leave one out."
        ) from None
    except Exception as error:  # what cannot be read raises errors of several libraries
        if type(error).__name__ not in ("PatsyError", "FormulaicError", "FactorEvaluationError", "NameError"):
            raise
        known = ", ".join(str(name) for name in frame if name != "reached")
        raise ParameterError(f"formula {formula!r}: cannot be read. It may name {known}.") from None


def adjusted(
    snapshot: Snapshot,
    attributes: Sequence[str] | None = None,
    measure: str = "outcome",
    age: int = 12,
    where: Where = None,
    least: int = 10,
) -> tuple[pd.DataFrame, Any]:
    """Odds ratios between the groups of several characteristics, each adjusted for all the others.

    The reference of each is its largest group. Starts in groups of fewer than `least`, or in which nobody or everybody
    reached the measure, are left out: nothing can be said of them.

    Parameters
    ----------
    snapshot : Snapshot
    attributes : sequence of str, optional
        By default the programme's `demographics`.
    measure, age, where
        As for `starts`.
    least : int
        Starts of the smallest group that is compared.

    Returns
    -------
    table : DataFrame
        One row an attribute and value: `starts`, `outcomes`, `odds_ratio` (1 for the reference), `lower`, `upper`, `p`.
    result : statsmodels result
        Of the logit with all of them.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> table, result = adjusted(load_snapshot("whp-sample", "2020-06"), ["sex", "customer_group"])
    >>> table["starts"].groupby("attribute").sum().tolist() == [result.nobs, result.nobs]
    True
    """
    names = list(snapshot.programme.demographics if attributes is None else attributes)
    frame, before = starts(snapshot, measure, age, where, bands=True), -1
    while len(frame) != before:  # what is left out of one may leave too few of another
        before = len(frame)
        for name in names:
            count = frame.groupby(name)["reached"].transform("size")
            rate = frame.groupby(name)["reached"].transform("mean")
            frame = frame[(count >= least) & (rate > 0) & (rate < 1)]
    largest = {name: frame[name].mode().iloc[0] for name in names} if len(frame) else {}
    terms = [f"C({name}, Treatment({largest[name]!r}))" for name in names if len(set(frame[name])) > 1]
    result = _fit(" + ".join(terms) or "1", frame)
    limits = result.conf_int()
    rows = []
    for name in names:
        for value, group in frame.groupby(name)["reached"]:
            term = f"C({name}, Treatment({largest[name]!r}))[T.{value}]"
            known = term in result.params.index
            ratios = [result.params[term], *limits.loc[term]] if known else [0.0, np.nan, np.nan]
            row = dict(zip(("odds_ratio", "lower", "upper"), np.exp(ratios), strict=True))
            row |= {"attribute": name, "value": value, "starts": len(group), "outcomes": int(group.sum())}
            rows.append(row | {"p": result.pvalues[term] if known else np.nan})
    columns = ["attribute", "value", "starts", "outcomes", "odds_ratio", "lower", "upper", "p"]
    return pd.DataFrame(rows, columns=columns).set_index(["attribute", "value"]), result


def calibration(result: Any, groups: int = 10) -> pd.DataFrame:
    """Observed and expected of a logit, in groups of equal size by its own chances.

    Parameters
    ----------
    result : statsmodels result
        Of `logit`.
    groups : int

    Returns
    -------
    DataFrame
        Index `group`, from the lowest chance: `starts`, `observed`, `expected`, `residual` (Pearson's).

    References
    ----------
    Hosmer and Lemeshow 1980, Communications in Statistics A 9, 1043-1069.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> fit = calibration(logit(load_snapshot("whp-sample", "2020-06"), "age + sex"))
    >>> bool(abs(fit["observed"].sum() - fit["expected"].sum()) < 1e-6)
    True
    """
    chance, reached = np.asarray(result.predict()), np.asarray(result.model.endog)
    order = np.argsort(chance, kind="stable")
    rows = []
    for part in np.array_split(order, groups):
        mean, variance = chance[part].sum(), (chance[part] * (1 - chance[part])).sum()
        residual = (reached[part].sum() - mean) / np.sqrt(variance) if variance > 0 else np.nan
        rows.append({"starts": len(part), "observed": reached[part].sum(), "expected": mean, "residual": residual})
    return pd.DataFrame(rows).rename_axis("group")


def influence(result: Any) -> pd.DataFrame:
    """Leverage, standardised residual and Cook's distance of each start in a logit; no start is named.

    Parameters
    ----------
    result : statsmodels result
        Of `logit`.

    Returns
    -------
    DataFrame
        `leverage`, `residual`, `cooks_distance`, the most influential first.

    References
    ----------
    Pregibon 1981, Annals of Statistics 9, 705-724.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> found = influence(logit(load_snapshot("whp-sample", "2020-06"), "age"))
    >>> bool(abs(found["leverage"].sum() - 2) < 1e-6)
    True
    """
    chance, design = np.asarray(result.predict()), np.asarray(result.model.exog)
    weight = chance * (1 - chance)
    covariance = np.asarray(result.cov_params())
    leverage = weight * np.einsum("ij,jk,ik->i", design, covariance, design)
    pearson = (np.asarray(result.model.endog) - chance) / np.sqrt(weight)
    residual = pearson / np.sqrt(1 - leverage)
    cooks = residual**2 * leverage / (1 - leverage) / design.shape[1]
    frame = pd.DataFrame({"leverage": leverage, "residual": residual, "cooks_distance": cooks})
    return frame.sort_values("cooks_distance", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True, repr=False)
class BeforeAfter(ShowsItself):
    """A rate before and after a dated change, with the trend allowed for.

    Attributes
    ----------
    table : DataFrame
        Index 'trend', 'step', 'slope': `odds_ratio`, `lower`, `upper` (95 %), `p`. The trend is a month's before the
        change; the step is at the change; the slope is what a month has more or less after it than before.
    cohorts : DataFrame
        Index `cohort`: `starts`, `outcomes`, `rate`, `fitted`, and `without` (fitted had nothing changed).
    result : statsmodels result
        Of a binomial model, by cohort.
    """

    table: pd.DataFrame
    cohorts: pd.DataFrame
    result: Any

    explanation = Explanation(
        definition="A rate at one age by start month, before and after a dated change, with the trend allowed for.",
        formula="logit(rate) = a + b month + c [after] + d [after] (months since)",
        denominator="Starts of cohorts that are old enough, and of which 95 % is expected to be recorded.",
        source="Bernal, Cummins and Gasparrini 2017, International Journal of Epidemiology 46, 348-355.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """Odds ratios of trend, step and slope."""
        return self.table

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return f"Before and after the change, {len(self.cohorts)} cohorts"


def before_after(
    snapshot: Snapshot, since: str, measure: str = "outcome", age: int = 12, where: Where = None
) -> BeforeAfter:
    """Fit a step and a change of slope at a dated change to the rate at an age by start month (logit).

    Only cohorts count of which 95 % of what happened by that age is expected to be recorded: a younger end would look
    like a fall.

    Parameters
    ----------
    snapshot : Snapshot
    since : str
        First start month after the change, YYYY-MM.
    measure, age, where
        As for `starts`.

    Raises
    ------
    ParameterError
        Fewer than 6 cohorts on a side of the change.

    References
    ----------
    Bernal, Cummins and Gasparrini 2017, International Journal of Epidemiology 46, 348-355.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> found = before_after(load_snapshot("whp-sample", "2020-06"), "2018-10")
    >>> found.table.index.tolist(), len(found.cohorts)
    (['trend', 'step', 'slope'], 15)
    """
    change = pd.Period(since, "M")
    delay, known = expected.delay(snapshot, measure), expected.known_month(snapshot)
    by_cohort = starts(snapshot, measure, age, where).groupby("cohort")["reached"].agg(["size", "sum"])
    seen = pd.PeriodIndex(by_cohort.index, freq="M")
    by_cohort = by_cohort[delay.within(known.ordinal - (seen + age).asi8) >= expected.NEARLY_ALL]
    month = pd.PeriodIndex(by_cohort.index, freq="M").asi8 - change.ordinal
    for side, count in (("before", int((month < 0).sum())), ("from", int((month >= 0).sum()))):
        if count < LEAST_MONTHS:
            raise ParameterError(
                f"since={since}: {count} cohorts {side} it are old enough; {LEAST_MONTHS} are needed on each side. "
                f"Choose another month, or a lower age."
            )
    after = (month >= 0).astype(int)
    frame = pd.DataFrame(
        {"trend": month, "step": after, "slope": month * after, "reached": by_cohort["sum"].to_numpy()}
    ).assign(not_reached=(by_cohort["size"] - by_cohort["sum"]).to_numpy())
    result = smf.glm("reached + not_reached ~ trend + step + slope", frame, family=_binomial()).fit()
    terms = ["trend", "step", "slope"]
    limits = np.exp(result.conf_int().loc[terms])
    table = pd.DataFrame({"odds_ratio": np.exp(result.params[terms]), "lower": limits[0], "upper": limits[1]})
    unchanged = result.predict(frame.assign(step=0, slope=0)).to_numpy()
    seen_counts = by_cohort.rename(columns={"size": "starts", "sum": "outcomes"})
    rates = {"rate": seen_counts["outcomes"] / seen_counts["starts"], "fitted": result.fittedvalues.to_numpy()}
    return BeforeAfter(table.assign(p=result.pvalues[terms]), seen_counts.assign(**rates, without=unchanged), result)


def _binomial() -> Any:
    from statsmodels.genmod.families import Binomial

    return Binomial()


def waits(snapshot: Snapshot, measure: str = "job_start", origin: str = "start", where: Where = None) -> pd.DataFrame:
    """Frame of one row a journey with how long it waited for a measure, whether that came, and its attributes.

    Returns
    -------
    DataFrame
        `days`, `reached` (0: still waiting, or left for another reason), and every attribute.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(waits(sample_snapshot()))
    233
    """
    names = (measure, *survival.competing_events(snapshot.programme, measure, origin))
    days, cause, _ = survival.journey_waits(snapshot, names, origin)
    keep = (days >= 0) & cuts.mask(snapshot, where)
    frame = pd.DataFrame({"days": days[keep], "reached": (cause[keep] == 1).astype(int)})
    for name, rules in snapshot.programme.attributes.items():
        values = snapshot.journeys[name] if rules.numeric else cuts.labels(snapshot, name)
        frame[name] = (values[keep].astype("float64") if rules.numeric else values[keep].astype("object")).to_numpy()
    return frame


def hazard(
    snapshot: Snapshot, formula: str, measure: str = "job_start", origin: str = "start", where: Where = None
) -> Any:
    """Cox regression of the time from one event to another (cause-specific: whoever leaves is censored).

    Returns
    -------
    statsmodels result
        `np.exp(result.params)` are hazard ratios, in the order of `result.model.exog_names`.

    References
    ----------
    Cox 1972, JRSS B 34, 187-220; ties by Breslow.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> hazard(sample_snapshot(), "age").model.exog_names
    ['age']
    """
    frame = waits(snapshot, measure, origin, where)
    names = [str(name) for name in frame if str(name) in formula]
    frame = frame.dropna(subset=names)
    return smf.phreg(f"days ~ {formula}", frame, status=frame["reached"]).fit()


def log_rank(
    snapshot: Snapshot, by: str, measure: str = "job_start", origin: str = "start", where: Where = None
) -> pd.Series:
    """Log-rank test between groups of the time from one event to another.

    Returns
    -------
    Series
        `groups`, `statistic` (chi-squared), `p`.

    Raises
    ------
    ParameterError
        Everybody is in one group.

    References
    ----------
    Peto and Peto 1972, JRSS A 135, 185-207.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(log_rank(sample_snapshot(), "sex")["groups"])
    2
    """
    names = (measure, *survival.competing_events(snapshot.programme, measure, origin))
    days, cause, _ = survival.journey_waits(snapshot, names, origin)
    keep = (days >= 0) & cuts.mask(snapshot, where)
    group = cuts.labels(snapshot, by).to_numpy(dtype=object)[keep]
    if len(set(group)) < 2:
        raise ParameterError(f"by={by!r}: everybody is in one group, so that there is nothing to test.")
    statistic, p = survdiff(days[keep], (cause[keep] == 1).astype(int), group)
    return pd.Series({"groups": len(set(group)), "statistic": float(statistic), "p": float(p)})
