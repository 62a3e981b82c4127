"""Months, reporting windows, quarters and working days.

Conventions, stated once:

- A month is a `pandas.Period` of frequency M. Arrays hold months as Periods, as datetime64, or as month
  numbers: months since January 1970, which is what `Period.ordinal` and numpy's ``datetime64[M]`` count.
- A window is a run of whole months. It never reaches back before the contract's first month: it is cut there,
  and its label says so. A contract that began after the 1st makes its first month a partial one.
- A working day is a Monday to Friday that is not a bank holiday of the nation. Day 0 of a clock is the day it
  starts, or the next working day when it starts on a day off. "Within n working days" means on or before
  working day n.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, TypeAlias, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from perflib.errors import ParameterError

Days: TypeAlias = NDArray[np.datetime64]

NATIONS = ("ENG", "WLS", "SCT", "NIR")
BASES = ("month", "rolling_3", "rolling_12", "cumulative")
QUARTER_BASES = ("financial", "calendar", "contract", "department")

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2040, 12, 31)
"""The days whose bank holidays are known; any other is an error, never a guess."""

_BEFORE_FIRST = int(np.datetime64(FIRST_DAY).astype(np.int64)) - 1  # numpy's number of the day before

_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NO_MONTH = np.iinfo(np.int64).min  # the month number that pandas and numpy use for NaT

# The month number of a quarter's last month, modulo 3: financial and calendar quarters end in March, the
# department's release quarters in February.
_LAST_MONTH = {"financial": 2, "calendar": 2, "department": 1}

# Days from 2000 to 2040 that the `holidays` package (0.109) names and the law does not.
_NOT_HOLIDAYS = {
    "SCT": ["2006-11-30"],  # St Andrew's Day Bank Holiday (Scotland) Act 2007 (asp 2): first kept in 2007
}


def month(value: str | pd.Period) -> pd.Period:
    """Parse a month given as YYYY-MM.

    Parameters
    ----------
    value : str or Period
        ``"2020-06"``, or a Period of frequency M, which is returned unchanged.

    Raises
    ------
    ParameterError
        Anything else, also ``"2020-6"``, ``"06/2020"`` and a date.

    Examples
    --------
    >>> month("2020-06")
    Period('2020-06', 'M')
    """
    if isinstance(value, pd.Period) and value.freqstr == "M":
        return value
    if isinstance(value, str) and re.fullmatch("[12][0-9]{3}-(0[1-9]|1[0-2])", value):
        return pd.Period(value, freq="M")
    raise ParameterError(f"month {str(value)!r}: write it as YYYY-MM, for example 2020-06.")


def day(value: str) -> date:
    """Parse a day given as YYYY-MM-DD.

    Raises
    ------
    ParameterError
        The value is not a day written so.

    Examples
    --------
    >>> day("2020-06-30")
    datetime.date(2020, 6, 30)
    """
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ParameterError(f"{value!r} is no day. Write it as 2020-06-30.") from None


@dataclass(frozen=True)
class Window:
    """A run of whole months, as `window`, `quarter` and `running_quarter` make them.

    Attributes
    ----------
    basis : str
        ``month``, ``rolling_<n>``, ``cumulative`` or ``quarter``.
    first, last : Period
        First and last month, both inside.
    full : int
        Months the basis asks for; for ``cumulative`` the months held.
    first_partial : bool
        The contract began after the 1st of `first`.
    so_far : bool
        A quarter still in progress.
    """

    basis: str
    first: pd.Period
    last: pd.Period
    full: int
    first_partial: bool = False
    so_far: bool = False

    @property
    def months(self) -> int:
        """Number of months held."""
        return self.last.ordinal - self.first.ordinal + 1

    @property
    def start(self) -> date:
        """First day of the first month, also when the contract began after it."""
        return self.first.start_time.date()

    @property
    def end(self) -> date:
        """Last day of the last month."""
        return self.last.end_time.date()

    @property
    def span(self) -> str:
        """The months by name: "March 2018", "October to December 2019", "December 2019 to February 2020"."""
        last = f"{_MONTH_NAMES[self.last.month - 1]} {self.last.year}"
        if self.first == self.last:
            return last
        year = "" if self.first.year == self.last.year else f" {self.first.year}"
        return f"{_MONTH_NAMES[self.first.month - 1]}{year} to {last}"

    @property
    def label(self) -> str:
        """What is held, with whatever keeps it from being whole.

        A month and a quarter go by name: "March 2018", "February to March 2018, 2 of 3 months". Rolling and
        cumulative windows go by length: "12 months", "3 of 12 months, first partial".
        """
        unit = "month" if self.full == 1 else "months"
        cut = self.months < self.full
        length = f"{self.months} of {self.full} {unit}" if cut else f"{self.months} {unit}"
        if self.basis in ("month", "quarter"):
            parts = [self.span, length + " so far" * self.so_far] if cut else [self.span]
        else:
            parts = [length]
        if self.first_partial:
            parts.append("partial" if self.basis == "month" else "first partial")
        return ", ".join(parts)

    @overload
    def contains(self, months: pd.Series[Any]) -> pd.Series[bool]: ...
    @overload
    def contains(self, months: pd.PeriodIndex | ArrayLike) -> NDArray[np.bool_]: ...
    def contains(self, months: Any) -> Any:
        """Mask the months that lie in the window; a missing month does not.

        Parameters
        ----------
        months : Series, PeriodIndex or array of shape (n,)
            Periods of frequency M, datetime64, or month numbers.

        Returns
        -------
        bool, the shape of `months`; a Series for a Series, with its index.

        Examples
        --------
        >>> held = window("rolling_3", month("2020-06"), date(2018, 1, 15))
        >>> held.contains(pd.period_range("2020-03", "2020-07", freq="M"))
        array([False,  True,  True,  True, False])
        """
        numbers = _month_numbers(months)
        inside = (numbers >= self.first.ordinal) & (numbers <= self.last.ordinal)
        return _like(months, inside)


def window(basis: str, month: pd.Period, first_day: date) -> Window:
    """Window of months that a period basis holds, seen in a report month.

    Parameters
    ----------
    basis : str
        ``month``; ``rolling_<n>``, the report month and the n - 1 before it; or ``cumulative``, every month
        from the contract's first.
    month : Period
        The report month.
    first_day : date
        The contract's first day.

    Raises
    ------
    ParameterError
        An unknown basis, or a month before the contract's first.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 6: in-month, rolling 3 and 12 months, cumulative.

    Examples
    --------
    >>> window("rolling_12", month("2018-03"), date(2018, 1, 15)).label
    '3 of 12 months, first partial'
    """
    held = month.ordinal - _started(month, first_day) + 1
    if basis == "cumulative":
        full = held
    elif basis == "month":
        full = 1
    elif rolling := re.fullmatch("rolling_([1-9][0-9]*)", basis):
        full = int(rolling[1])
    else:
        allowed = "month, cumulative or rolling_<n>, for example rolling_12"
        raise ParameterError(f"basis {basis!r}: must be {allowed}.")
    return _window(basis, month.ordinal - full + 1, month.ordinal, full, first_day)


def quarter(month: pd.Period, basis: str, first_day: date | None = None) -> Window | None:
    """Headline quarter: the last one ended by the report month.

    Parameters
    ----------
    month : Period
        The report month.
    basis : str
        ``financial`` (April to June, and so on); ``calendar`` (the same months under another name);
        ``contract`` (blocks of three months from the contract's first); ``department`` (the release quarters,
        which end in February, May, August and November).
    first_day : date, optional
        The contract's first day, at which a quarter is cut. Required by ``contract``.

    Returns
    -------
    Window, or None when no quarter has ended since the contract's first month.

    Raises
    ------
    ParameterError
        An unknown basis, ``contract`` without `first_day`, or a month before the contract's first.

    Examples
    --------
    >>> quarter(month("2020-02"), "financial").label
    'October to December 2019'
    """
    last = month.ordinal - (month.ordinal - _last_month(basis, first_day)) % 3
    if first_day is not None and last < _started(month, first_day):
        return None
    return _window("quarter", last - 2, last, 3, first_day)


def running_quarter(month: pd.Period, basis: str, first_day: date | None = None) -> Window | None:
    """Quarter in progress, up to the report month; it is shown "so far" and not rated.

    Parameters and errors are those of `quarter`.

    Returns
    -------
    Window, or None when the report month ends a quarter.

    Examples
    --------
    >>> running_quarter(month("2020-02"), "financial").label
    'January to February 2020, 2 of 3 months so far'
    """
    end = _quarter_end(month.ordinal, _last_month(basis, first_day))
    if first_day is not None:
        _started(month, first_day)
    if end == month.ordinal:
        return None
    return _window("quarter", end - 2, month.ordinal, 3, first_day, so_far=True)


@overload
def quarter_of(months: pd.Series[Any], basis: str, first_day: date | None = None) -> pd.Series[pd.Period]: ...
@overload
def quarter_of(months: pd.PeriodIndex | ArrayLike, basis: str, first_day: date | None = None) -> pd.PeriodIndex: ...
def quarter_of(months: Any, basis: str, first_day: date | None = None) -> Any:
    """Last month of the quarter that each month lies in, to group by.

    Parameters
    ----------
    months : Series, PeriodIndex or array of shape (n,)
        Periods of frequency M, datetime64, or month numbers. A missing month stays missing.
    basis, first_day
        As for `quarter`; the contract's start cuts nothing here.

    Returns
    -------
    PeriodIndex of frequency M and shape (n,); a Series for a Series, with its index and name.

    Examples
    --------
    >>> quarter_of(pd.PeriodIndex(["2019-12", "2020-01"], freq="M"), "department").astype(str).tolist()
    ['2020-02', '2020-02']
    """
    numbers = _month_numbers(months)
    ends = np.where(numbers == _NO_MONTH, numbers, _quarter_end(numbers, _last_month(basis, first_day)))
    quarters = pd.PeriodIndex(pd.arrays.PeriodArray(ends, dtype=pd.PeriodDtype("M")))
    return _like(months, quarters)


def _month_numbers(months: Any) -> NDArray[np.int64]:
    """Return months since January 1970, `_NO_MONTH` where missing."""
    if isinstance(getattr(months, "dtype", None), pd.PeriodDtype):
        periods = pd.PeriodIndex(months)
        if periods.freqstr != "M":
            raise TypeError(f"months must have frequency M, not {periods.freqstr}")
        return np.asarray(periods.asi8)
    values = np.asarray(months)
    return (values.astype("datetime64[M]") if values.dtype.kind == "M" else values).astype(np.int64)


def _first_month(first_day: date) -> int:
    return (first_day.year - 1970) * 12 + first_day.month - 1


def _started(month: pd.Period, first_day: date) -> int:
    """Return the contract's first month, having checked that it has come."""
    first = _first_month(first_day)
    if month.ordinal < first:
        raise ParameterError(
            f"month {month}: the contract began on {first_day:%Y-%m-%d}. Give {first_day:%Y-%m} or later."
        )
    return first


def _window(basis: str, first: int, last: int, full: int, first_day: date | None, *, so_far: bool = False) -> Window:
    """Return the months `first` to `last`, cut at the contract's first month."""
    partial = False
    if first_day is not None:
        begin = _first_month(first_day)
        first = max(first, begin)
        partial = first == begin and first_day.day > 1
    return Window(basis, pd.Period(ordinal=first, freq="M"), pd.Period(ordinal=last, freq="M"), full, partial, so_far)


def _last_month(basis: str, first_day: date | None) -> int:
    """Return the month number of a quarter's last month, modulo 3."""
    if basis == "contract":
        if first_day is None:
            raise ParameterError("quarter basis 'contract': needs the contract's first day.")
        return (_first_month(first_day) + 2) % 3
    if basis not in _LAST_MONTH:
        raise ParameterError(f"quarter basis {basis!r}: must be one of {', '.join(QUARTER_BASES)}.")
    return _LAST_MONTH[basis]


@overload
def _quarter_end(numbers: int, last_month: int) -> int: ...
@overload
def _quarter_end(numbers: NDArray[np.int64], last_month: int) -> NDArray[np.int64]: ...
def _quarter_end(numbers: int | NDArray[np.int64], last_month: int) -> int | NDArray[np.int64]:
    return numbers + (last_month - numbers) % 3


@dataclass(frozen=True, eq=False)
class WorkingDays:
    """The working days of a nation, from `working_days`.

    Dates are a Series, an array of shape (rows,) or a single day, and what comes back is of the same kind: a
    Series with the same index, name and dtype, an array of days, a `date` or a Timestamp. Times of day are
    dropped and a missing date stays missing. A date or a deadline outside 2000 to 2040 is a `ParameterError`.

    Attributes
    ----------
    nation : str
        One of `NATIONS`.
    holidays : array of datetime64[D]
        Mondays to Fridays that are not worked, in order: bank holidays and any extra days.
    """

    nation: str
    holidays: Days
    # The working days, numbered from 1; 0 is a missing day. Then, for each calendar day, `FIRST_DAY` being 1
    # and 0 again missing, the number of the first working day on or after it and of the last on or before it.
    # Looking up these tables takes a fraction of the time of numpy's busday functions.
    _days: Days = field(repr=False)
    _after: NDArray[np.int32] = field(repr=False)
    _before: NDArray[np.int32] = field(repr=False)

    @overload
    def day0(self, dates: pd.Series[Any]) -> pd.Series[pd.Timestamp]: ...
    @overload
    def day0(self, dates: date) -> date: ...
    @overload
    def day0(self, dates: ArrayLike) -> Days: ...
    def day0(self, dates: Any) -> Any:
        """Roll dates forward to working days: the day a clock counts from.

        Examples
        --------
        >>> working_days("ENG").day0(date(2020, 4, 4))  # a Saturday
        datetime.date(2020, 4, 6)
        """
        return self.deadline(dates, 0)

    @overload
    def deadline(self, dates: pd.Series[Any], n: ArrayLike) -> pd.Series[pd.Timestamp]: ...
    @overload
    def deadline(self, dates: date, n: int) -> date: ...
    @overload
    def deadline(self, dates: ArrayLike, n: ArrayLike) -> Days: ...
    def deadline(self, dates: Any, n: ArrayLike) -> Any:
        """Add n working days to the start of each clock: the last day of "within n working days".

        Parameters
        ----------
        dates : Series, array of shape (rows,), or date
            The days the clocks start.
        n : int, or array of shape (rows,)
            Working days allowed; the limit is inclusive.

        Notes
        -----
        What is done at the weekend after a Friday deadline is late: whether a thing was done in time is
        ``done <= deadline``. `count` gives an age, which does not grow over a weekend.

        Examples
        --------
        >>> england = working_days("ENG")
        >>> england.deadline(date(2020, 4, 4), 2), england.deadline(date(2020, 4, 3), 10)
        (datetime.date(2020, 4, 8), datetime.date(2020, 4, 21))
        """
        slots = _slots("dates", dates)
        numbers = np.where(slots == 0, 0, self._after[slots] + np.asarray(n))
        if ((numbers < (slots > 0)) | (numbers >= self._days.size)).any():
            raise ParameterError(f"dates: a deadline is outside {FIRST_DAY} to {LAST_DAY}. Correct the dates.")
        return _like_dates(dates, self._days[numbers])

    @overload
    def count(self, start: pd.Series[Any], end: Any) -> pd.Series[float]: ...
    @overload
    def count(self, start: ArrayLike | date, end: pd.Series[Any]) -> pd.Series[float]: ...
    @overload
    def count(self, start: ArrayLike | date, end: ArrayLike | date) -> NDArray[np.float64]: ...
    def count(self, start: Any, end: Any) -> Any:
        """Count working days gone by: the n for which `end` is working day n, counted from `start`.

        An `end` that is not a working day counts as the working day before it: an age stands still over a
        weekend. An `end` before day 0 gives a negative count: -1 for the working day before day 0, and for a
        weekend just before it.

        Parameters
        ----------
        start, end : Series, array of shape (rows,), or date
            Either may be a single day. Two Series must have the same index.

        Returns
        -------
        Whole numbers as float, NaN where either date is missing. A Series if either is one.

        Examples
        --------
        Open since 24 November 2020, seen on 31 December; 25 and 28 December were holidays.

        >>> float(working_days("ENG").count(date(2020, 11, 24), date(2020, 12, 31)))
        25.0
        """
        if isinstance(start, pd.Series) and isinstance(end, pd.Series) and not start.index.equals(end.index):
            raise ValueError("start and end must have the same index")
        begun, ended = _slots("start", start), _slots("end", end)
        elapsed = self._before[ended] - self._after[begun]
        counts = np.where((begun == 0) | (ended == 0), np.nan, elapsed)
        return _like(start if isinstance(start, pd.Series) else end, counts)

    @overload
    def is_working(self, dates: pd.Series[Any]) -> pd.Series[bool]: ...
    @overload
    def is_working(self, dates: ArrayLike | date) -> NDArray[np.bool_]: ...
    def is_working(self, dates: Any) -> Any:
        """Mask the dates that are working days; a missing date is not.

        Examples
        --------
        >>> working_days("SCT").is_working(np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[D]"))
        array([False,  True])
        """
        slots = _slots("dates", dates)
        return _like(dates, (self._before[slots] == self._after[slots]) & (slots > 0))


def working_days(nation: str, extra: Iterable[date] = ()) -> WorkingDays:
    """Working days of a nation, 2000 to 2040.

    Parameters
    ----------
    nation : str
        One of `NATIONS`: England, Wales, Scotland, Northern Ireland.
    extra : iterable of date
        More days that are not worked, from a parameter file.

    Raises
    ------
    ParameterError
        Any other nation, or an extra day outside 2000 to 2040.

    Notes
    -----
    Bank holidays include substitute days and the one-off days proclaimed up to 2026; later ones cannot be
    known yet. The closures of one office or one city are not bank holidays: give them as `extra`.

    References
    ----------
    Banking and Financial Dealings Act 1971; GOV.UK, UK bank holidays. The days come from the `holidays`
    package, by nation, without `_NOT_HOLIDAYS`.

    Examples
    --------
    >>> may = np.arange("2020-05-01", "2020-05-11", dtype="datetime64[D]")
    >>> may[working_days("ENG").is_working(may)].astype(str).tolist()
    ['2020-05-01', '2020-05-04', '2020-05-05', '2020-05-06', '2020-05-07']
    """
    if nation not in NATIONS:
        raise ParameterError(f"nation {nation!r}: must be one of {', '.join(NATIONS)}.")
    return _working_days(nation, tuple(extra))


@cache
def _working_days(nation: str, extra: tuple[date, ...]) -> WorkingDays:
    # Imported here because it takes half a second, which only those who count working days should pay.
    from holidays import country_holidays

    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    known = np.array([*country_holidays("GB", subdiv=nation, years=years)], dtype="datetime64[D]")
    wrong = np.array(_NOT_HOLIDAYS.get(nation, []), dtype="datetime64[D]")
    closed = np.array(extra, dtype="datetime64[D]")
    _slots("extra", closed)
    calendar = np.busdaycalendar(holidays=np.union1d(np.setdiff1d(known, wrong), closed))

    every_day = np.arange(np.datetime64(FIRST_DAY), np.datetime64(LAST_DAY) + 1)
    working = np.is_busday(every_day, busdaycal=calendar)
    before = np.cumsum(working)
    tables = (
        calendar.holidays,
        np.concatenate([[np.datetime64("NaT", "D")], every_day[working]]),
        np.concatenate([[0], before + ~working]).astype(np.int32),
        np.concatenate([[0], before]).astype(np.int32),
    )
    for table in tables:
        table.setflags(write=False)
    return WorkingDays(nation, *tables)


def since_first(dates: Any) -> Any:
    """Move dates before `FIRST_DAY` to it: nobody knows their working days, and nothing so old is in time.

    Records hold dates from 1950 on, and their clocks must not stop a report.

    Examples
    --------
    >>> since_first(pd.Series(pd.to_datetime(["1955-01-02", "2020-04-04"]))).dt.strftime("%Y-%m-%d").tolist()
    ['2000-01-01', '2020-04-04']
    """
    if isinstance(dates, pd.Series):
        return dates.mask(dates < pd.Timestamp(FIRST_DAY), pd.Timestamp(FIRST_DAY))
    return np.maximum(dates, np.datetime64(FIRST_DAY))


def _slots(name: str, dates: Any) -> NDArray[np.int64]:
    """Return the number of each calendar day, `FIRST_DAY` being 1; 0 where missing."""
    if isinstance(dates, pd.Series):  # pandas reads every kind of date, and refuses those with a time zone
        dates = dates.astype("datetime64[s]")
    days = np.asarray(None if dates is pd.NaT else dates, dtype="datetime64[D]")
    outside = (days < np.datetime64(FIRST_DAY)) | (days > np.datetime64(LAST_DAY))
    if outside.any():
        raise ParameterError(f"{name}: {days[outside][0]} is outside {FIRST_DAY} to {LAST_DAY}. Correct the date.")
    return np.where(np.isnat(days), 0, days.astype(np.int64) - _BEFORE_FIRST)


def _like(given: Any, values: Any) -> Any:
    """Return values as a Series if one was given, with its index and name."""
    return pd.Series(values, index=given.index, name=given.name) if isinstance(given, pd.Series) else values


def _like_dates(given: Any, days: Any) -> Any:
    """Return days as the kind of dates given."""
    if isinstance(given, pd.Series):
        return pd.Series(days, index=given.index, name=given.name).astype(given.dtype)
    if isinstance(given, pd.Timestamp) or given is pd.NaT:
        return pd.Timestamp(days)
    return days.item() if isinstance(given, date) else days
