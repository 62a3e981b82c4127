"""Control charts of the measures that a programme charts, with stated changes and months still being recorded."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from perflib.analysis import cohorts, control_charts, expected, journey, measures
from perflib.analysis.counts import monthly
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.programme import Trend

PER_LABELS = {
    "on_programme": "participants on the programme",
    "out_of_work": "participants on the programme without a job",
}


@dataclass(frozen=True, eq=False)
class TrendChart:
    """The trend of one measure.

    Attributes
    ----------
    measure : str
    label : str
        What is charted, in words; `unit` of each point: 'a month', 'for each 100 ...'.
    per : str or None
        Whom the denominators count, in words; None where counts are charted.
    by_cohort : bool
        Whether a point is a start cohort, not a month in which things happened.
    chart : trends.ControlChart
    shift : trends.Shift or None
        Where the series stands at its end, when that is not where it stood before, by as much as matters.
    recorded : Series
        The share of each month's events that is expected to be recorded yet; NaN where there are too few to say.
    seasonal : trends.Seasonal or None
        None with less than two years of complete months.
    """

    measure: str
    label: str
    per: str | None
    by_cohort: bool
    chart: control_charts.ControlChart
    shift: control_charts.Shift | None
    recorded: pd.Series
    seasonal: control_charts.Seasonal | None

    @property
    def scale(self) -> int:
        """By what the chart's values are multiplied to be shown: 100 where there are denominators."""
        return 100 if self.per else 1

    @property
    def unstable(self) -> bool:
        """Whether more than half of the complete points are signalled: the series then has no level to be judged by."""
        judged = self.chart.points[self.chart.points["complete"]]
        return bool(judged["signal"].notna().mean() > 0.5)

    @property
    def unit(self) -> str:
        """What a point of the chart is, in words."""
        return f"for each 100 {self.per}" if self.per else "a month"


def trend_of(snapshot: Snapshot, rule: Trend) -> TrendChart:
    """Chart one measure, with the contract's stated changes and without the months still being recorded.

    A month is complete when it has ended, and at least 95 % of its events are expected to be recorded; where there are
    too few events to estimate that, when `recording_allowance` days have passed since its end. A cohort is complete at
    an age when the month in which it reached that age is.

    Parameters
    ----------
    snapshot : Snapshot
    rule : rules.programme.Trend
        The measure, and what it is charted for each of.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> trend_of(snapshot, snapshot.programme.trends[0]).chart.points["value"].tail(2).tolist()
    [24.0, 15.0]
    """
    when = measures.occurrences(snapshot, rule.measure)
    when = when[when["recorded"] >= when["event"]]
    months = snapshot.months
    recorded = control_charts.completeness(when["event"], when["recorded"], snapshot.known_at, months)
    waited = months.to_timestamp(how="end").normalize() + pd.Timedelta(days=snapshot.contract.recording_allowance)
    complete = (recorded >= control_charts.INCOMPLETE) | (recorded.isna() & (waited <= pd.Timestamp(snapshot.known_at)))
    complete &= months <= expected.last_month(snapshot)
    changes = snapshot.contract.stated_changes(rule.measure)
    label, per = snapshot.programme.label(rule.measure), None
    if rule.at_age is not None:
        reached = cohorts.triangle(snapshot, rule.measure).rate_at(rule.at_age)
        months = pd.PeriodIndex(reached.index)
        complete = pd.Series(complete.reindex(months + rule.at_age).to_numpy(dtype=bool), index=months)
        label, per = f"{label} within {rule.at_age} months", "starts"
        chart = control_charts.control_chart(
            reached["outcomes"], reached["starts"], "p_prime", complete=complete, changes=changes
        )
    elif rule.per is not None:
        per = PER_LABELS[rule.per]
        chart = control_charts.control_chart(
            monthly(snapshot, [rule.measure])[rule.measure],
            journey.caseload(snapshot)[rule.per],
            "u_prime",
            complete=complete,
            changes=changes,
        )
    else:
        counts = monthly(snapshot, [rule.measure])[rule.measure]
        chart = control_charts.control_chart(counts, complete=complete, changes=changes, floor=0)
    seasonal = control_charts.seasonal(chart.points["value"].where(complete)) if len(chart.points) else None
    shift = control_charts.shift(chart)
    if shift is not None and not snapshot.contract.least_difference.matters(shift.after, shift.before):
        shift = None
    return TrendChart(rule.measure, label, per, rule.at_age is not None, chart, shift, recorded, seasonal)


@remembered
def all_trends(snapshot: Snapshot) -> list[TrendChart]:
    """Chart every measure that the programme file lists under `trends`; those without a point yet are left out.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> [trend.measure for trend in all_trends(sample_snapshot())][:3]
    ['referral', 'start', 'job_start']
    """
    charts = [trend_of(snapshot, rule) for rule in snapshot.programme.trends if _has_points(snapshot, rule)]
    return [trend for trend in charts if len(trend.chart.points)]


def _has_points(snapshot: Snapshot, rule: Trend) -> bool:
    return rule.at_age is None or len(snapshot.months) > rule.at_age
