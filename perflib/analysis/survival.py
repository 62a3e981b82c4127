"""How long things take when not everybody has got there yet: cumulative incidence, with competing exits.

The share that has reached something by each day is estimated by Aalen and Johansen (1978): the chance of still waiting
just before a day x the share of those still waiting who reach it on that day, summed. With one cause it is one less the
estimate of Kaplan and Meier (1958). Those who reach something else first (who leave before a first job) never come to
it, and stay in the denominator; those who are still waiting when the observation ends count for as long as they waited.

Conventions
-----------
- Durations are whole days; what happens on the first day is day 0.
- On one day, everything that is reached counts before those whose observation ends that day leave: at risk on a day are
  all who were followed to it. Causes on one day share the same number at risk.
- Standard errors are those of the delta method for tied data (Dinse and Larson 1986; with one cause Greenwood's 1926);
  without censoring they are binomial. Limits are log-minus-log limits of the share that has not reached it, day by day;
  they do not exist while nobody has, or when everybody has.
- A quantile is the first day by which at least that share has reached it, without interpolation. Its limits are the
  first days on which the upper and the lower limit of the share get there (Brookmeyer and Crowley 1982).
- After the last day on which anybody was followed nothing is known, and shares are NaN, never carried on.
- In a snapshot everybody is followed to its period's end. By the day it happened, what is not recorded yet has not
  happened, so the latest part of a curve is low where records come late; by the day it was first recorded it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from perflib.analysis import cuts, measures
from perflib.analysis.cuts import By, Where
from perflib.analysis.measures import Clock
from perflib.errors import ParameterError
from perflib.records.display import Explanation, ShowsItself
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.programme import Programme

ANY = "any"
"""The column of all causes together."""

EXIT = "exit"
BEFORE_OR_AFTER = ("assessment", "reception_interview")
AGREED = ("action_plan_agreed", "support_plan_agreed")
COURSE = (
    ("referral", "course_start"),
    ("reception_interview", "course_start"),
    ("course_start", "outcome"),
    ("course_start", EXIT),
)
CLOSE = 1e-9
"""How far a sum of shares may be from the share it stands for: one half is reached at .49999999999."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Incidence(ShowsItself):
    """The share that has reached each of several causes, by day.

    Attributes
    ----------
    causes : tuple of str
        What may be reached, the first being what the question is about.
    at_risk : Series of int
        Those followed to each day and still waiting; index `day`, every day on which somebody reached something or was
        followed no longer.
    censored : Series of int
        Those who were still waiting when their observation ended on that day.
    events : DataFrame of int
        Those who reached each cause on that day; columns the causes and `any`.
    share : DataFrame of float
        The share that has reached each cause by the close of that day, 0 to 1; columns as `events`.
    error : DataFrame of float
        Its standard error.
    lower, upper : DataFrame of float
        Its pointwise limits.
    level : float
        Of the limits.
    before : int
        Journeys left out because they had reached it before they were followed.
    """

    causes: tuple[str, ...]
    at_risk: pd.Series
    censored: pd.Series
    events: pd.DataFrame
    share: pd.DataFrame
    error: pd.DataFrame
    lower: pd.DataFrame
    upper: pd.DataFrame
    level: float
    before: int = 0

    explanation = Explanation(
        definition="The share that has reached something by each day, while others leave for another reason "
        "or are still waiting.",
        formula="share[k, t] = sum over s <= t of (share waiting before s) x (reached k on s) / (at risk on s)",
        denominator="Everybody in whom the origin has happened. Who still waits counts for as long as they "
        "were followed; who left cannot reach it.",
        source="Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """At risk, and the share that has reached each cause, by day."""
        return pd.concat([self.at_risk.rename("at_risk"), self.share], axis=1)

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return f"Share with {self.causes[0]} by day, of {self.followed:,} followed"

    @property
    def followed(self) -> int:
        """How many were followed."""
        return int(self.at_risk.iloc[0]) if len(self.at_risk) else 0

    @property
    def last_day(self) -> int:
        """The last day on which anybody was followed; -1 where nobody was."""
        return int(self.at_risk.index[-1]) if len(self.at_risk) else -1

    @property
    def waiting(self) -> pd.DataFrame:
        """The share that has reached nothing yet, with limits; index `day`. Of one cause, Kaplan and Meier's curve."""
        limits = {"share": self.share, "lower": self.upper, "upper": self.lower}
        return pd.DataFrame({name: 1 - frame[ANY] for name, frame in limits.items()})

    def at(self, days: Iterable[int], cause: str | None = None) -> pd.DataFrame:
        """Cumulative incidence by the close of some days.

        Parameters
        ----------
        days : iterable of int
        cause : str, optional
            By default the first.

        Returns
        -------
        DataFrame
            Index `day`: `at_risk`, `share`, `lower`, `upper`; NaN after the last day on which anybody was followed,
            unless nobody was waiting by then.
        """
        name, asked = self._named(cause), np.asarray(list(days), dtype=np.int64)
        known = self.at_risk.index.to_numpy()
        place = np.searchsorted(known, asked, side="right")
        at_risk = np.append(self.at_risk.to_numpy(), 0)[np.searchsorted(known, asked)]
        frame = pd.DataFrame({"at_risk": at_risk}, index=pd.Index(asked, name="day"))
        nothing_left = len(known) and self.share[ANY].iloc[-1] > 1 - CLOSE
        unknown = (asked > self.last_day) & (not nothing_left)
        for column, values, at_first in (
            ("share", self.share, 0.0),
            ("lower", self.lower, np.nan),
            ("upper", self.upper, np.nan),
        ):
            frame[column] = np.where(unknown, np.nan, np.append(at_first, values[name].to_numpy())[place])
        return frame

    def quantile(self, share: float = 0.5, cause: str | None = None) -> tuple[float, float, float]:
        """First day by which a share of everybody has reached it, with limits; NaN where it has not.

        Parameters
        ----------
        share : float
            Of all who were followed, those who will never reach it included.
        cause : str, optional
            By default the first.
        """
        name = self._named(cause)
        return (
            _first_day(self.share[name], share),
            _first_day(self.upper[name], share),
            _first_day(self.lower[name], share),
        )

    def reached_quantile(self, share: float = 0.5, cause: str | None = None) -> float:
        """First day by which a share of those who reach it at all has reached it, as far as was followed.

        Parameters
        ----------
        share : float
            Of those who have reached it by the last day on which anybody was followed.
        cause : str, optional
            By default the first.
        """
        reached = self.share[self._named(cause)]
        end = reached.iloc[-1] if len(reached) else 0.0
        return _first_day(reached, share * end) if end > 0 else np.nan

    def _named(self, cause: str | None) -> str:
        if cause is None or cause in self.share:
            return cause or self.causes[0]
        raise ParameterError(f"cause={cause!r}: give one of {', '.join(self.share.columns)}.")


def _first_day(values: pd.Series, level: float) -> float:
    reached = (values >= level - CLOSE).to_numpy()
    return float(values.index.to_numpy()[reached.argmax()]) if reached.any() else np.nan


def cumulative_incidence(
    duration: ArrayLike,
    cause: ArrayLike,
    causes: Sequence[str] = ("event",),
    *,
    counts: ArrayLike | None = None,
    level: float = 0.95,
    before: int = 0,
) -> Incidence:
    """Estimate the share that has reached each of several competing causes by each day.

    Parameters
    ----------
    duration : array of int, shape (n,)
        Whole days until the first cause was reached, or the observation ended.
    cause : array of int, shape (n,)
        0 where the observation ended first, 1 for the first of `causes`, 2 for the second ...
    causes : sequence of str
        Their names; one makes it the estimate of Kaplan and Meier.
    counts : array of int, shape (n,), optional
        How many each row stands for; by default one.
    level : float
        Of the limits.
    before : int
        Carried into the result: how many were left out because they had reached it before.

    Returns
    -------
    Incidence

    Raises
    ------
    ParameterError
        Arrays of different lengths, a duration that is not a whole number of days from 0, or an unknown cause.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150. Dinse and Larson 1986, Biometrika 73,
    379-386. Kalbfleisch and Prentice 1980, The Statistical Analysis of Failure Time Data, for the limits.

    Examples
    --------
    Five are followed: a job on day 2, one has left on day 3, a job on day 3, two are still waiting on days 3 and 5.

    >>> found = cumulative_incidence([2, 3, 3, 3, 5], [1, 2, 1, 0, 0], ["job", "left"])
    >>> found.share.round(3).reset_index().values.tolist()
    [[2.0, 0.2, 0.0, 0.2], [3.0, 0.4, 0.2, 0.6], [5.0, 0.4, 0.2, 0.6]]
    """
    names = tuple(causes)
    days, place, weight = _checked(duration, cause, counts, len(names))
    width = len(names) + 1
    cells = np.bincount(days * width + place, weight, minlength=(days.max(initial=-1) + 1) * width)
    cells = np.rint(cells).astype(np.int64).reshape(-1, width)
    happened = np.flatnonzero(cells.any(axis=1))
    cells = cells[happened]
    leaving = cells.sum(axis=1)
    at_risk = leaving[::-1].cumsum()[::-1]
    events = np.column_stack([cells[:, 1:], cells[:, 1:].sum(axis=1)])
    share, error = _aalen_johansen(at_risk, events)
    lower, upper = _limits(share, error, level)

    index = pd.Index(happened, name="day")
    columns = [*names, ANY]

    def framed(values: NDArray[np.int64] | Floats) -> pd.DataFrame:
        return pd.DataFrame(values, index=index, columns=columns)

    return Incidence(
        causes=names,
        at_risk=pd.Series(at_risk, index=index, name="at_risk"),
        censored=pd.Series(cells[:, 0], index=index, name="censored"),
        events=framed(events),
        share=framed(share),
        error=framed(error),
        lower=framed(lower),
        upper=framed(upper),
        level=level,
        before=before,
    )


def _checked(
    duration: ArrayLike, cause: ArrayLike, counts: ArrayLike | None, causes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None]:
    days, place = _whole(duration, "duration"), _whole(cause, "cause")
    weight = None if counts is None else _whole(counts, "counts")
    for name, values in (("cause", place), ("counts", weight)):
        if values is not None and len(values) != len(days):
            raise ParameterError(f"{name}: has {len(values)} values for {len(days)} durations. Give one each.")
    if place.max(initial=0) > causes:
        raise ParameterError(f"cause: holds {place.max()}, and {causes} causes are named. Name every cause.")
    return days, place, weight


def _whole(values: ArrayLike, name: str) -> NDArray[np.int64]:
    given = np.asarray(values)
    if given.size == 0:
        return np.empty(0, dtype=np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iufb":
        raise ParameterError(f"{name}: must be one list of numbers, not {given.ndim} of type {given.dtype}.")
    if given.dtype.kind == "f" and not np.equal(given, np.floor(given)).all():
        wrong = given[~np.equal(given, np.floor(given))]
        raise ParameterError(f"{name}: {len(wrong)} of {len(given)} are not whole, as {wrong[0]}. Leave them out.")
    if given.min() < 0:
        raise ParameterError(f"{name}: {(given < 0).sum()} of {len(given)} are below 0. Leave them out.")
    return given.astype(np.int64)


def _aalen_johansen(at_risk: NDArray[np.int64], events: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return shares and standard errors; the last column of `events` holds all causes together."""
    n, d, total = at_risk[:, None].astype(float), events.astype(float), events[:, -1:].astype(float)
    left = n - total
    waiting = np.cumprod(left / n, axis=0)
    waiting_before = np.vstack([np.ones((1, 1)), waiting[:-1]]) if len(n) else waiting
    share: Floats = np.cumsum(waiting_before * d / n, axis=0)
    # Where nobody is left nothing changes any more, and the term of that day is nought.
    leaving = np.divide(total, n * left, out=np.zeros_like(total), where=left > 0)
    own = waiting_before * d / n**2
    variance = (
        share**2 * np.cumsum(leaving, axis=0)
        - 2 * share * np.cumsum(share * leaving + own, axis=0)
        + np.cumsum(share**2 * leaving + 2 * share * own + waiting_before * (n - d) / n * own, axis=0)
    )
    return share, np.sqrt(np.clip(variance, 0, None))


def _limits(share: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    """Return log-minus-log limits of one less the share, turned round."""
    z = stats.norm.ppf((1 + level) / 2)
    inside = (share > CLOSE) & (share < 1 - CLOSE)
    waiting = np.where(inside, 1 - share, np.nan)
    width = np.exp(z * error / (waiting * -np.log(waiting)))
    return 1 - waiting ** (1 / width), 1 - waiting**width


def competing_events(programme: Programme, measure: str, origin: str = "start") -> tuple[str, ...]:
    """List the competing risks: events that end the chance of reaching a measure.

    Before the start, whatever else resolves a referral; after it, leaving the programme. Milestones, outcomes and
    claims may come after leaving, so once the programme has begun nothing competes with them: where they never do,
    those who have left count as waiting, and the shares are the same.

    Parameters
    ----------
    programme : Programme
    measure : str
        What is waited for.
    origin : str
        The event from which it is waited for.

    Examples
    --------
    >>> from perflib.rules.contract import load_programme
    >>> whp = load_programme("whp")
    >>> competing_events(whp, "start", "referral"), competing_events(whp, "job_start")
    (('did_not_attend', 'did_not_start'), ('exit',))
    >>> competing_events(whp, "outcome")
    ()
    """
    counted = {route.event for route in programme.routes}
    goes_on = {*programme.outcomes, *programme.milestones, *counted, *programme.claims}
    ends = [] if origin == "start" else [name for name in programme.resolves if name != "start"]
    if EXIT in programme.events and measure not in goes_on and measure not in programme.resolves:
        ends.append(EXIT)
    return tuple(name for name in ends if name not in (measure, origin))


def time_to(
    snapshot: Snapshot,
    measure: str,
    *,
    origin: str = "start",
    competing: Sequence[str] | None = None,
    clock: Clock = "event",
    keep: Flags | None = None,
    where: Where = None,
    level: float = 0.95,
) -> Incidence:
    """Estimate how long it takes from one event to another.

    Followed are the journeys in which the origin has happened, to the end of the reporting month. Of two things on one
    day the measure counts, so that an exit into a job is a job. A journey that reached the measure before the origin is
    left out and counted; a competing event before the origin is overlooked.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme; the first time it happened.
    origin : str
        An event; the first time it happened is day 0.
    competing : sequence of str, optional
        Events that end the chance of it; by default `competing_events`.
    clock : {'event', 'recorded'}
        Whether things count from the day they happened or the day that was first recorded. The origin is always the
        day it happened.
    keep : array of bool, shape (journeys,), optional
        Only these journeys.
    where : mapping, mask or callable, optional
        Only these, as for `cuts.mask`.
    level : float
        Of the limits.

    Returns
    -------
    Incidence
        Its first cause is `measure`, the others are `competing`.

    Raises
    ------
    ParameterError
        The programme has no such measure or event, or `clock` is none.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150. Dinse and Larson 1986, Biometrika 73,
    379-386.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> time_to(sample_snapshot(), "first_earnings").at([180, 365])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0  180      132   0.21
    1  365       73   0.30
    """
    ends = competing_events(snapshot.programme, measure, origin) if competing is None else competing
    names = (measure, *ends)
    duration, cause, before = _waits(snapshot, names, origin, clock)
    mine = cuts.mask(snapshot, where) & (True if keep is None else np.asarray(keep, dtype=bool))
    followed = mine & (duration >= 0)
    return cumulative_incidence(
        duration[followed], cause[followed], names, level=level, before=int((before & mine).sum())
    )


@remembered
def _waits(
    snapshot: Snapshot, names: tuple[str, ...], origin: str, clock: Clock
) -> tuple[NDArray[np.int64], NDArray[np.int64], Flags]:
    """Return how long each journey waited, -1 where it is not followed, for what, and whether it had come before."""
    if clock not in ("event", "recorded"):
        raise ParameterError(f"clock={clock!r}: give 'event' or 'recorded'.")
    begin = measures.first(snapshot, origin)["event"].to_numpy("datetime64[D]")
    end = np.datetime64(snapshot.as_of)
    stop, cause = np.full(len(begin), end), np.zeros(len(begin), dtype=np.int64)
    before = np.zeros(len(begin), dtype=bool)
    for place, name in reversed(list(enumerate(names, start=1))):
        reached = measures.first(snapshot, name)
        happened = reached["event"].to_numpy("datetime64[D]")
        before = happened < begin
        counted = reached[clock].to_numpy("datetime64[D]")
        # From the last to the first: of two on one day the one that is named first stands.
        sooner = ~before & (counted <= stop)
        stop, cause = np.where(sooner, counted, stop), np.where(sooner, place, cause)
    followed = ~np.isnat(begin) & ~before
    duration = np.where(followed, (stop - begin).astype(np.int64), -1)
    return duration, cause, before


def journey_waits(
    snapshot: Snapshot, names: Sequence[str], origin: str, clock: Clock = "event"
) -> tuple[NDArray[np.int64], NDArray[np.int64], Flags]:
    """Days that each journey waited for the first of some events, which of them came, and which had come before.

    Returns
    -------
    days, cause : ndarray of int, shape (journeys,)
        -1 days for a journey that is not followed; the cause is 0 while it waits, else the place in `names` from 1.
    before : ndarray of bool, shape (journeys,)
        Reached before the origin.
    """
    return _waits(snapshot, tuple(names), origin, clock)


def intervals(snapshot: Snapshot) -> list[tuple[str, str]]:
    """List the pairs of origin and measure whose times are reported, of those that the programme has.

    An assessment or interview that comes on or before the day of the start in most journeys is a step on the way to it;
    else it follows.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> intervals(sample_snapshot())[:2]
    [('referral', 'start'), ('referral', 'assessment')]
    """
    programme = snapshot.programme
    start = snapshot.journeys["start"]
    pairs = [("referral", "start")]
    for name in BEFORE_OR_AFTER:
        if name in programme.events:
            before = (snapshot.journeys[name] <= start).sum() > (snapshot.journeys[name] > start).sum()
            pairs += [("referral", name), (name, "start") if before else ("start", name)]
    pairs += [("start", name) for name in (*AGREED, "job_start", *programme.milestones, *programme.outcomes, EXIT)]
    known = {*programme.events, *programme.outcomes}
    return [pair for pair in dict.fromkeys([*pairs, *COURSE]) if known.issuperset(pair)]


def times(
    snapshot: Snapshot,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    by: By = None,
    clock: Clock = "event",
    where: Where = None,
) -> pd.DataFrame:
    """Summarise how long each step takes.

    Parameters
    ----------
    snapshot : Snapshot
    pairs : sequence of (origin, measure), optional
        By default `intervals` of the programme.
    by : str or sequence of str, optional
        One or several names, as for `cuts.labels`: then one row a step and value (or combination of values).
    clock : {'event', 'recorded'}
        By when things happened, or by when that was first recorded.
    where : mapping, mask or callable, optional
        Only these journeys, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a step (and value):

        - `origin`, `measure`, (`by`); `followed`, of whom `reached`, `competing` (something else came first) and
          `waiting`; `before` (left out).
        - `share`: the share that has reached it by the last day on which anybody was followed.
        - `median`, `lower`, `upper`: the day by which half of all have reached it; missing where half have not.
        - `reached_median`, `reached_p90`: the days by which 50 and 90 % had, of those who reach it at all.
        - `status`: 'no_data' where the extract holds no such event, 'nobody' where nobody is followed, else ''. Of a
          step of which there is no data only `followed` and `before` are given.

    References
    ----------
    SES provider guidance, chapter 7, paragraph 7.13; Group Work (JOBS II) guidance, chapter 6, paragraph 6.17.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> times(sample_snapshot(), [("start", "first_earnings")])[["followed", "reached", "competing", "waiting"]]
       followed  reached  competing  waiting
    0       233       56          0      177
    """
    rows, groups = [], _groups(snapshot, by, where)
    for origin, measure in intervals(snapshot.whole or snapshot) if pairs is None else pairs:
        lacking = measures.first(snapshot.whole or snapshot, measure)["event"].isna().all()
        for group, keep in groups:
            found = time_to(snapshot, measure, origin=origin, clock=clock, keep=keep)
            row = {"origin": origin, "measure": measure, **group, "followed": found.followed}
            row |= {"before": found.before, "status": "no_data" if lacking else "" if found.followed else "nobody"}
            rows.append(row if lacking else row | _summary(found))
    columns = ["origin", "measure", *cuts.names(by), "followed", "reached", "competing", "waiting", "before"]
    columns += ["share", "median", "lower", "upper", "reached_median", "reached_p90", "status"]
    return pd.DataFrame(rows, columns=columns)


def _groups(snapshot: Snapshot, by: By, where: Where) -> list[tuple[dict[str, str], Flags]]:
    if by is None:
        return [({}, cuts.mask(snapshot, where))]
    codes, found = cuts.groups(snapshot, by, where)
    names = cuts.names(by)
    return [(dict(zip(names, values, strict=True)), codes == number) for number, values in enumerate(found)]


def _summary(found: Incidence) -> dict[str, float]:
    reached = int(found.events[found.causes[0]].sum())
    median, lower, upper = found.quantile()
    return {
        "reached": reached,
        "competing": int(found.events[ANY].sum()) - reached,
        "waiting": int(found.censored.sum()),
        "share": found.share[found.causes[0]].iloc[-1] if found.followed else np.nan,
        "median": median,
        "lower": lower,
        "upper": upper,
        "reached_median": found.reached_quantile(),
        "reached_p90": found.reached_quantile(0.9),
    }
