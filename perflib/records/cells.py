"""What a cell means: the one place that says so, for CSV, Excel, Parquet and databases alike.

Conventions
-----------
- **Blank.** A cell without text is blank, and so is one of the words that stand for a blank: NULL, \\N, NaN, None, N/A,
  the error cells of Excel, a lone dash. Capitals and spaces around them do not matter. A contract's `missing:` adds
  words or takes them away. A word that is a code of the column is that code. In `referral_id`, `participant_id` and
  `unit_id` such a word is an identifier where the participants or units table lists that very word, once.
- **Days.** 2020-12-31, 31/12/2020, 31 Dec 2020 or 31-December-2020, from 1950 to 2039. The time of day is left out:
  24:00 is the next day. An instant with a zone (Z, +01:00) is the day in the contract's nation at that moment; without
  one the day is as it stands. Every nation of the United Kingdom keeps the time of Europe/London.
- **The order of day and month** is never guessed. It is day first, or as `dates:` says for all, a table or a column.
  Excel's day numbers (43101) are read where `dates:` says excel_serial, and named for what they are elsewhere.
- **Numbers.** Whole numbers have no point: 12.0 in a column of numbers is 12. Zeros in front are kept, never added.
- **Identifiers.** A number that a spreadsheet cut short (1.23457E+15) is none.
- True and false are y and n.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.rules.data_source import EVERY_DATE, DateForm

if TYPE_CHECKING:
    from perflib.rules.contract import Contract

LONDON = ZoneInfo("Europe/London")
ZONES = dict.fromkeys(("ENG", "WLS", "SCT", "NIR"), LONDON)
"""The time that each nation keeps."""

FIRST_DATE, LAST_DATE = pd.Timestamp("1950-01-01"), pd.Timestamp("2039-12-31")
"""Days outside are typing errors: nobody on a programme was born much before, and no calendar reaches further."""

EXCEL_ERRORS = frozenset(
    f"#{word}"
    for word in (
        *("n/a", "null!", "div/0!", "value!", "ref!", "name?", "num!", "getting_data", "spill!", "calc!"),
        *("field!", "blocked!", "connect!", "unknown!", "busy!", "external!", "python!"),
        "formula without a saved value",
    )
)
UNSAVED = "#formula without a saved value"
"""Stands for a formula that no spreadsheet has worked out: the file holds no value of it."""

DASHES = ("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212")
MISSING_WORDS = EXCEL_ERRORS.union(
    DASHES, ("null", "\\n", "nan", "none", "n/a", "nat", "<na>", "<null>", "(null)", "[null]")
)
"""Words that stand for a blank cell, in small letters."""

_SPACES = [chr(point) for point in range(0x3001) if chr(point).isspace()]

KNOWN_IDS = ("referral_id", "participant_id", "unit_id")
"""Columns in which such a word may be an identifier."""

CUT_SHORT = re.compile(r"[+-]?(?:\d[.,]\d+E[+-]?\d+|\dE[+-]\d+)", re.IGNORECASE)
"""A number of more digits than a spreadsheet shows: 1.23457E+15."""

FEW = 2_000
"""So many distinct cells are looked through one by one."""

EXACT = 2**53
"""From here on a number with a binary fraction does not tell one whole number from the next."""

EXACT_IN_EXCEL = 10**15
"""Excel keeps fifteen digits of a number."""

MONTHS = [pd.Timestamp(2000, month, 1).month_name().casefold() for month in range(1, 13)]  # in English
_SECONDS = r"(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_CLOCK = rf"(?:,?\s+(?P<hour>\d{{1,2}}):{_SECONDS}\s*(?P<half>[ap]m)?{_ZONE})?"
ISO = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:[T ](?P<hour>\d{{2}}):{_SECONDS}{_ZONE})?", re.I
)
FIGURES = re.compile(rf"(?P<first>\d{{1,2}})/(?P<other>\d{{1,2}})/(?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE)
NAMED = re.compile(rf"(?P<day>\d{{1,2}})[ -](?P<name>[a-z]{{3,9}})[ -](?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE)
SHORT_YEAR = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(?:\s.*)?")
SERIAL = re.compile(r"(\d{1,5})(?:\.\d+)?")

PLAIN_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
PLAIN_FIGURES = r"\d{1,2}/\d{1,2}/\d{4}"

EPOCHS = {"excel_serial": date(1899, 12, 30), "excel_serial_1904": date(1904, 1, 1)}

NOT_A_DATE = "not a date"
MONTH_FIRST_ONLY = "a date only with the month first"
DAY_FIRST_ONLY = "a date only with the day first"
DAY_NUMBER = "a day number of Excel, not a date"
TWO_FIGURES = "a year of two figures"
CUT = "a number that a spreadsheet cut short"
RANGE = f"not between {FIRST_DATE.year} and {LAST_DATE.year}"

REMEDIES = {
    NOT_A_DATE: "Write dates as 2020-12-31 or 31/12/2020.",
    MONTH_FIRST_ONLY: "If the whole column is so, put `dates: {{{column}: month_first}}` under `source:`.",
    DAY_FIRST_ONLY: "If the whole column is so, put `dates: {{{column}: day_first}}` under `source:`.",
    DAY_NUMBER: "If the whole column is so, put `dates: {{{column}: excel_serial}}` under `source:`.",
    TWO_FIGURES: "Write years with four figures.",
    CUT: "Export the column as text.",
    RANGE: "Correct the year, or leave the cell blank.",
}
"""What to do, by reason; `column` stands for the table and column."""


@dataclass(frozen=True)
class Reading:
    """How the cells of one contract's extract are read.

    Attributes
    ----------
    missing : frozenset of str
        Words that stand for a blank, in small letters.
    dates : mapping of str to str
        How dates in figures are read, by `table.column`, table or `default`.
    zone : ZoneInfo
        The time that counts for instants.
    listed : mapping of str to frozenset of str
        By column, words that stand for a blank elsewhere and are identifiers here.
    """

    missing: frozenset[str] = MISSING_WORDS
    dates: Mapping[str, DateForm] = field(default_factory=dict)
    zone: ZoneInfo = LONDON
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract) -> Reading:
        """Return what a contract file says of its cells."""
        source, zone = contract.source, ZONES[contract.nation]
        given = getattr(source, "missing", None)
        if given is None:
            return cls(zone=zone)
        words = MISSING_WORDS.union(given.add).difference(given.remove)
        return cls(words, getattr(source, "dates", {}), zone)

    def form(self, table: str, column: str) -> DateForm:
        """Return how the dates of a column are read.

        >>> Reading(dates={"events": "month_first"}).form("events", "event_date")
        'month_first'
        """
        places = (f"{table}.{column}", table, EVERY_DATE)
        return next((self.dates[place] for place in places if place in self.dates), "day_first")

    def blank(self, values: pd.Series, column: str = "", codes: Collection[str] = ()) -> NDArray[np.bool_]:
        """Mask the distinct values of a column that are blank.

        >>> Reading().blank(pd.Series(["R1", " null ", "", "-", None])).tolist()
        [False, True, True, True, True]
        """
        blank = values.isna().to_numpy(copy=True)
        if not _is_text(values):
            return blank
        likely = np.flatnonzero(~blank)
        if len(likely) > FEW:
            begins = values.astype("str").str.slice(0, 1).isin(self._beginnings)
            likely = np.flatnonzero(begins.to_numpy() & ~blank)  # few of a million
        words, listed = self.missing.difference(codes) | {""}, self.listed.get(column, frozenset())
        texts = [str(cell).strip() for cell in values.iloc[likely]]
        held = [text.lower() in words and text not in listed for text in texts]
        blank[likely[np.array(held, dtype=bool)]] = True
        return blank

    @cached_property
    def _beginnings(self) -> set[str]:
        """How a cell may begin that is blank."""
        first = {word[0] for word in self.missing if word}
        return {"", *_SPACES, *first, *(letter.upper() for letter in first)}


def listed_words(cells: pd.Series, missing: Collection[str]) -> frozenset[str]:
    """Return the words for a blank that a column lists once, as an identifier would be."""
    places, words = pd.factorize(cells)
    if not _is_text(cells) or not len(words):
        return frozenset()
    text = pd.Series(words).astype("str").str.strip()
    likely = np.flatnonzero(text.str.lower().isin(missing).to_numpy())
    times = np.bincount(places[places >= 0], minlength=len(text))
    counts = pd.Series(times[likely]).groupby(text.iloc[likely].to_numpy()).sum()
    return frozenset(str(word) for word in counts.index[counts == 1])


def _is_text(values: pd.Series) -> bool:
    kind = values.cat.categories.dtype if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype
    return pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)


# --------------------------------------------------------------------------------------------------------------- dates


def read_dates(
    values: pd.Series, form: DateForm = "day_first", zone: ZoneInfo = LONDON
) -> tuple[pd.Series, dict[int, str]]:
    """Read days, and say why a cell that holds something is none.

    Parameters
    ----------
    values : Series
        Distinct cells: text, or dates and instants of a file that has types.
    form : str
        How dates in figures are read.
    zone : ZoneInfo
        The time that counts for instants with a zone.

    Returns
    -------
    days : Series of datetime64[s]
        NaT where a cell is blank or no date.
    reasons : dict of int to str
        By position, why a cell that holds something is no date.

    Examples
    --------
    >>> days, reasons = read_dates(pd.Series(["31/12/2020", "2020-06-30T23:30:00Z", "12/31/2020", "43101"]))
    >>> days.dt.strftime("%Y-%m-%d").tolist()
    ['2020-12-31', '2020-07-01', nan, nan]
    >>> reasons
    {2: 'a date only with the month first', 3: 'a day number of Excel, not a date'}
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        there = values.dt.tz_convert(zone).dt.tz_localize(None) if values.dt.tz is not None else values
        return there.dt.normalize().astype("datetime64[s]"), {}
    text = values.astype("str").str.strip()
    days = pd.Series(pd.NaT, index=text.index, dtype="datetime64[s]", name=values.name)
    iso = _matches(text, PLAIN_ISO)
    days[iso] = pd.to_datetime(text[iso].str[:10], format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")
    if form in ("day_first", "month_first"):
        order = "%d/%m/%Y" if form == "day_first" else "%m/%d/%Y"
        figures = _matches(text, PLAIN_FIGURES)
        days[figures] = pd.to_datetime(text[figures], format=order, errors="coerce").astype("datetime64[s]")
    reasons: dict[int, str] = {}
    rest = np.flatnonzero((days.isna() & values.notna() & (text != "")).to_numpy())
    found: dict[int, date] = {}
    for position, cell in zip(rest.tolist(), text.iloc[rest], strict=True):
        read = _one_date(str(cell), form, zone)
        if isinstance(read, date):
            found[position] = read
        else:
            reasons[position] = read
    if found:
        days.iloc[list(found)] = np.array(list(found.values()), dtype="datetime64[D]").astype("datetime64[s]")
    return days, reasons


def parse_dates(values: pd.Series) -> pd.Series:
    """Read UK and ISO dates, day first; NaT for anything else.

    >>> parse_dates(pd.Series(["31/12/2020", "31-Dec-2020", "30/02/2020"])).dt.strftime("%Y-%m-%d").tolist()
    ['2020-12-31', '2020-12-31', nan]
    """
    return read_dates(values)[0]


def _matches(text: pd.Series, pattern: str) -> pd.Series:
    return text.str.fullmatch(pattern).fillna(False).astype(bool)


def _one_date(cell: str, form: DateForm, zone: ZoneInfo) -> date | str:
    """Return the day that a cell means, or why it means none."""
    if found := ISO.fullmatch(cell):
        return _day(found, int(found["year"]), int(found["month"]), int(found["day"]), zone) or NOT_A_DATE
    if found := NAMED.fullmatch(cell):
        name = found["name"].casefold()
        month = next((number for number, known in enumerate(MONTHS, 1) if known.startswith(name)), 0)
        return _day(found, int(found["year"]), month, int(found["day"]), zone) or NOT_A_DATE
    if found := FIGURES.fullmatch(cell):
        first, other, year = int(found["first"]), int(found["other"]), int(found["year"])
        by_day, by_month = _day(found, year, other, first, zone), _day(found, year, first, other, zone)
        if form == "day_first":
            return by_day or (MONTH_FIRST_ONLY if by_month else NOT_A_DATE)
        if form == "month_first":
            return by_month or (DAY_FIRST_ONLY if by_day else NOT_A_DATE)
        return NOT_A_DATE  # between day numbers Excel leaves those dates as text that it took for the other order
    if found := SERIAL.fullmatch(cell):
        if form in EPOCHS:
            return EPOCHS[form] + timedelta(days=int(found[1]))
        day = EPOCHS["excel_serial"] + timedelta(days=int(found[1]))
        return DAY_NUMBER if FIRST_DATE.date() <= day <= LAST_DATE.date() else NOT_A_DATE
    return TWO_FIGURES if SHORT_YEAR.fullmatch(cell) else NOT_A_DATE


def _day(found: re.Match[str], year: int, month: int, day: int, zone: ZoneInfo) -> date | None:
    """Return the day of a date with a time and zone, None where the calendar or the clock has no such thing."""
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if half := found.groupdict().get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half.casefold() == "pm")
    midnight = hour == 24
    if midnight and (minute or second):
        return None
    try:
        moment = datetime.combine(date(year, month, day), time(0 if midnight else hour, minute, second))
        moment += timedelta(days=midnight)
        return (moment if found["zone"] is None else _local(moment, found["zone"], zone)).date()
    except (ValueError, OverflowError):
        return None


def _local(moment: datetime, offset: str, zone: ZoneInfo) -> datetime:
    if offset[0] not in "+-":
        return moment.replace(tzinfo=UTC).astimezone(zone)
    digits = offset[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if offset[0] == "-" else 1)
    return moment.replace(tzinfo=timezone(ahead)).astimezone(zone)


# ------------------------------------------------------------------------------------------------------ codes and ids


def parse_codes(values: pd.Series, aliases: Mapping[str, str] | None = None, *, fold: bool = True) -> pd.Series:
    """Trim (and casefold) each text, apply aliases, and make blanks missing.

    >>> parse_codes(pd.Series(["Disability ", "EARLY_ENTRY", " "]), {"early_entry": "early_access"}).tolist()
    ['disability', 'early_access', nan]
    """
    text = values.astype("str").str.strip()
    text = text.str.casefold() if fold else text
    return (text.replace(dict(aliases)) if aliases else text).mask(text == "")


def cut_short(values: pd.Series) -> NDArray[np.intp]:
    """Return the positions of numbers that a spreadsheet cut short.

    >>> cut_short(pd.Series(["1.23457E+15", "12E4", "R1"])).tolist()
    [0]
    """
    if not _is_text(values):
        return np.array([], dtype=np.intp)
    text = values.astype("str")
    likely = np.arange(len(text))
    if len(text) > FEW:  # such a number has its point or E in the second place, or a sign or blank before it
        begins = text.str.slice(1, 2).isin([".", ",", "E", "e"]) | text.str.slice(0, 1).isin(["+", "-", *_SPACES])
        likely = np.flatnonzero(begins.to_numpy())
    return likely[
        np.array([CUT_SHORT.fullmatch(str(cell).strip()) is not None for cell in text.iloc[likely]], dtype=bool)
    ]


# ---------------------------------------------------------------------------------------------------- cells with types


def text_of(cell: Any, exact: int = EXACT) -> str | None:
    """Write a cell that has a type as a CSV file would have it.

    Of a whole number that its type cannot hold exactly, only the leading digits are written: 1.23457E+15. An instant
    keeps its zone.

    >>> [text_of(cell) for cell in (True, 4.0, Decimal("4.50"), datetime(2020, 6, 30, 9, 5), date(2020, 6, 30), 0.1)]
    ['y', '4', '4.50', '2020-06-30 09:05:00', '2020-06-30', '0.1']
    >>> text_of(1.23457e15, EXACT_IN_EXCEL)
    '1.23457E+15'
    """
    match cell:
        case None | "":
            return None
        case str():
            return cell
        case bool() | np.bool_():
            return "y" if cell else "n"
        case datetime():
            return _of_moment(cell)
        case date():
            return cell.isoformat()
        case float() | np.floating():
            return _of_float(float(cell), exact)
        case bytes():  # of a database that does not say its encoding
            return cell.decode()
        case Decimal():
            return None if cell.is_nan() else f"{cell:f}"
        case _:
            return str(cell)


def _of_moment(moment: datetime) -> str | None:
    if moment != moment:  # pandas' NaT
        return None
    if moment.tzinfo is None and (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds")


def _of_float(number: float, exact: int) -> str | None:
    if number != number:
        return None
    if not number.is_integer():
        return repr(number)
    return f"{number:.0f}" if abs(number) < exact else re.sub(r"\.?0+E", "E", f"{number:.14E}")


NUMBER = re.compile(r"-?\d+(\.\d+)?")


def without_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Write whole numbers without a point in columns that hold nothing but numbers and blanks.

    It is how they are written where other cells of the column are blank.
    """
    for position in range(frame.shape[1]):
        values = frame.iloc[:, position]
        first = values.first_valid_index()
        if first is None or not NUMBER.fullmatch(str(values.loc[first]).strip()):
            continue
        places, unique = pd.factorize(values)
        words = [str(word).strip() for word in unique]
        numbers = [NUMBER.fullmatch(word) is not None for word in words]
        known = all(number or word.casefold() in MISSING_WORDS for number, word in zip(numbers, words, strict=True))
        if known and any(word.endswith(".0") for word in words):
            texts = pd.array([word.removesuffix(".0") for word in words], dtype="str")
            frame.isetitem(position, texts.take(places, allow_fill=True))
    return frame


# ---------------------------------------------------------------------------------------------------------------- form

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MARKS = {" ": "space", "-": "hyphen", ".": "point", "/": "slash", "_": "underscore", ":": "colon"}


def form_of(identifiers: Iterable[str]) -> str:
    """Describe the form that most identifiers have, never what they say.

    >>> form_of(["00012", "00013"]), form_of(["AB-12.0"])
    ('five digits', 'two capitals, one hyphen, two digits, one point, one digit')
    """
    forms = pd.Series([_form(str(one)) for one in identifiers], dtype="str").value_counts(sort=False)
    if forms.empty:
        return "nothing"
    best = min(forms.index[forms == forms.max()])
    return f"{best} (most)" if len(forms) > 1 else str(best)


def _form(text: str) -> str:
    parts: list[list[Any]] = []
    for letter in text:
        kind = (
            "digit"
            if letter.isdigit()
            else ("capital" if letter.isupper() else "small letter")
            if letter.isalpha()
            else _MARKS.get(letter, "mark")
        )
        if parts and parts[-1][0] == kind:
            parts[-1][1] += 1
        else:
            parts.append([kind, 1])
    words = [
        f"{_COUNTS[count] if count < len(_COUNTS) else count} {kind}{'s' if count > 1 else ''}" for kind, count in parts
    ]
    return ", ".join(words) if len(words) < 8 else f"{len(text)} characters"
