"""Which column is which of ours, as one programme reads them, written down with the reasons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import yaml

from perflib.errors import counted
from perflib.records.cells import cut_short, form_of
from perflib.records.mapping import same
from perflib.records.proposal.names import ALIKE, LIKELY, PASSED_OVER, RECORDED, best, names_of, words
from perflib.records.proposal.sheets import Cells, Sheet
from perflib.records.schemas import REQUIRED_TABLES, TABLES
from perflib.rules.data_source import AS_IT_HAPPENED
from perflib.rules.programme import Programme

MANY = 100
"""A column with more different words is no list of codes."""

RARE = 5
"""Words that occur less often are typing errors, or might name somebody: they are not repeated."""


@dataclass(frozen=True)
class Proposal:
    """What a contract file may say of its source.

    Attributes
    ----------
    programme : Programme
        The one given, or the one whose events fit best.
    source : str
        The lines of `source:`, commented.
    history : {'appended', 'overwritten'}
    questions : sequence of str
        What was left to ask, as in the lines that begin with `# ?`.
    """

    programme: Programme
    source: str
    history: str
    questions: Sequence[str]


@dataclass(frozen=True)
class Pair:
    """A name of ours and the column that it most likely is."""

    ours: str
    column: Cells
    score: float
    rivals: Sequence[str]

    @property
    def doubt(self) -> str:
        """What speaks against it, as the end of a comment."""
        if self.rivals:
            return f"; not sure: also {', '.join(map(repr, self.rivals))}"
        return "" if self.score >= ALIKE else "; not sure: by a name that is only like it"


def pairs_of(columns: Sequence[Cells], score: Mapping[tuple[str, str], float]) -> list[Pair]:
    """Match our names with headers, the best pair first, each once; rivals are headers left over that fit as well."""
    by_header = {column.header: column for column in columns}
    taken: dict[str, str] = {}
    for ours, header in sorted(score, key=lambda pair: (-score[pair], pair)):
        if score[ours, header] >= LIKELY and ours not in taken and header not in taken.values():
            taken[ours] = header
    return [
        Pair(
            ours,
            by_header[header],
            score[ours, header],
            [
                other
                for other in by_header
                if other not in taken.values() and score[ours, other] >= max(LIKELY, score[ours, header] - 0.1)
            ],
        )
        for ours, header in taken.items()
    ]


def closest(word: str, names: Mapping[str, Sequence[Sequence[str]]]) -> str | None:
    """Return the code whose names agree best with a word, None if none is likely."""
    found = {code: best(words(word), own) for code, own in names.items()}
    code = max(found, key=lambda code: found[code], default=None)
    return code if code is not None and found[code] >= LIKELY else None


class Draft:
    """The mapping of some sheets, as one programme reads them."""

    def __init__(self, programme: Programme, sheets: Sequence[Sheet]) -> None:
        self.programme = programme
        self.sheets = sheets
        self.event_names = {
            code: names_of(code, event.label, *event.aliases) for code, event in programme.events.items()
        }
        self.plain = {table: sheet for table in TABLES for sheet in sheets if sheet.is_plain(table)}
        self.rest = [sheet for sheet in sheets if sheet.has_header and sheet not in self.plain.values()]
        self.long: list[tuple[Sheet, Cells]] = []
        self.wide: list[tuple[Sheet, list[Pair]]] = []
        for sheet in [] if "events" in self.plain else self.rest:
            events, column = self._wide_events(sheet), self._event_column(sheet)
            if column is not None and len(events) < 2 and sheet.dates:
                self.long.append((sheet, column))
            elif events:
                self.wide.append((sheet, events))
        people = [] if "participants" in self.plain else [(sheet, self._attributes(sheet)) for sheet in self.rest]
        self.people = max(people, key=lambda found: len(found[1]), default=None)
        self.lines: list[str] = []
        self.dated: list[tuple[str, Cells]] = []
        self.keys: list[tuple[str, str, Cells]] = []
        self.questions: list[str] = []

    @property
    def fit(self) -> float:
        """How much of the extract's events, and then of its customer groups, the programme knows."""
        shares = [self._known_events(column) for _, column in self.long]
        shares += [len(events) / len(sheet.own_dates) for sheet, events in self.wide]
        if "events" in self.plain:
            shares = [
                self._known_events(column) for column in self.plain["events"].columns if same(column.header) == "event"
            ]
        group = self.programme.group
        for column in self.plain["participants"].columns if "participants" in self.plain else ():
            if same(column.header) == group:
                shares.append(column.share(self._known_codes(group)))
        return sum(shares)

    def _wide_events(self, sheet: Sheet) -> list[Pair]:
        """Match date columns with events, in the programme's order."""
        score = {
            (code, column.header): best([word for word in column.words if word not in PASSED_OVER], names)
            for code, names in self.event_names.items()
            for column in sheet.own_dates
        }
        return sorted(pairs_of(sheet.own_dates, score), key=lambda pair: list(self.event_names).index(pair.ours))

    def _event_column(self, sheet: Sheet) -> Cells | None:
        """Return the column of a long sheet in which most words are events."""
        shares = [(self._known_events(column), column) for column in sheet.others if len(column.counts) <= MANY]
        share, column = max(shares, key=lambda found: found[0], default=(0.0, None))
        return column if share >= 0.5 else None

    def _known_events(self, column: Cells) -> float:
        return column.share([word for word in column.counts.index[:MANY] if self._event(word)])

    def _event(self, word: str) -> str | None:
        """Return the event that a word most likely means."""
        return self._known_event_words().get(word) or closest(word, self.event_names)

    def _known_codes(self, attribute: str) -> list[str]:
        codes = self.programme.attributes[attribute].codes
        return [word for code, entry in codes.items() for word in (code, *entry.aliases)]

    def _code_names(self, attribute: str) -> dict[str, list[tuple[str, ...]]]:
        codes = self.programme.attributes[attribute].codes
        return {code: [words(name) for name in (code, entry.label, *entry.aliases)] for code, entry in codes.items()}

    def _attributes(self, sheet: Sheet) -> list[Pair]:
        """Match columns with identifiers and attributes, by name and, where a list or a range is closed, by content."""
        score = {}
        for column in sheet.others:
            for ours in ("referral_id", "participant_id"):
                score[ours, column.header] = best(column.words, names_of(ours))
            for name, attribute in self.programme.attributes.items():
                named = best(column.words, names_of(name, attribute.label))
                if attribute.codes and len(column.counts) <= MANY:
                    known, names = self._known_codes(name), self._code_names(name)
                    fitting = [word for word in column.counts.index if word in known or closest(word, names)]
                    share = column.share(fitting)
                    named = named * (0.5 + share / 2) if named else LIKELY * (share == 1 and len(fitting) > 2)
                elif attribute.numeric:
                    named *= pd.to_numeric(column.cells, errors="coerce").notna().mean() if column.filled else 0
                score[name, column.header] = named
        order = ["referral_id", "participant_id", *self.programme.attributes]
        return sorted(pairs_of(sheet.others, score), key=lambda pair: order.index(pair.ours))

    # What is written.

    def proposal(self, folder: str, encoding: str) -> Proposal:
        """Return the lines of `source:`, each guess with its reason."""
        self._say(0, "source:")
        self._say(2, f"folder: {quoted(folder)}")
        if encoding != "utf-8":
            self._say(2, f"encoding: {encoding}", "the CSV files are not UTF-8")
        here = len(self.lines)
        self._ask(
            2, "known_to: YYYY-MM-DD, the day to which the extract is complete? Without it, the last recorded date."
        )
        for table, sheet in self.plain.items():
            self.lines.append(f"  # {table}: {sheet.place}, {counted(len(sheet.frame), 'row')}, in our columns")
            self._ask_of_codes(table, sheet)
            for column in sheet.columns:
                name = same(column.header)
                if name in TABLES[table] and TABLES[table][name].kind == "date":
                    self.dated.append((f"{table}.{name}", column))
                if name == "referral_id":
                    self.keys.append((table, sheet.place, column))
        read = [*self.plain.values()]
        if self.people or self.long or self.wide:
            self._say(2, "tables:")
        if self.people:
            read.append(self.people[0])
            self._write_people(*self.people)
        if self.long or self.wide:
            self._say(4, "events:")
        for sheet, events in self.wide:
            self._write_wide(sheet, events)
        for sheet, column in self.long:
            self._write_long(sheet, column)
        read += [sheet for sheet, _ in [*self.wide, *self.long]]
        for table in REQUIRED_TABLES:
            if table not in self.plain and not (self.people if table == "participants" else self.long or self.wide):
                self._ask(2, f"tables: {table}: which file or sheet holds it? None looks like it.")
        for sheet in self.sheets:
            if sheet not in read:
                names = ", ".join(column.header for column in sheet.columns) if sheet.has_header else "without names"
                self._ask(2, f"{sheet.place} ({counted(len(sheet.frame), 'row')}) is not read. Its columns: {names}")
        self._compare_identifiers()
        rest, self.lines = self.lines[here:], self.lines[:here]
        self._write_dates()
        self.lines += rest
        history = "overwritten" if self.wide else "appended"
        return Proposal(self.programme, "\n".join(self.lines), history, self.questions)

    def _write_dates(self) -> None:
        """Write how dates in figures are read, by what whole columns show; ask where they show nothing, or both."""
        found: dict[str, tuple[str, str]] = {}
        unsure, day_first = list[str](), False
        for key in dict.fromkeys(key for key, _ in self.dated):
            columns = [column for other, column in self.dated if other == key]
            by_month, by_day, unsaid, numbers, zoned, filled = (
                sum(getattr(column, name) for column in columns)
                for name in ("month_above_twelve", "day_above_twelve", "undecided", "day_numbers", "zoned", "filled")
            )
            if by_month and by_day:
                self._ask(
                    2,
                    f"dates: {key}: {counted(by_day, 'cell')} can be a date only with the day first, {by_month:,} only "
                    f"with the month first. Which are wrong?",
                )
            elif by_month:
                found[key] = (
                    "month_first",
                    f"{by_month:,} cells have a month above 12 with the day first, none otherwise",
                )
            elif unsaid and not by_day:
                unsure.append(key)
            day_first = day_first or by_day > 0
            if 2 * numbers > filled:
                found[key] = "excel_serial", f"{numbers:,} of {filled:,} cells are day numbers of Excel"
            elif numbers:
                self._ask(
                    2, f"dates: {key}: {numbers:,} of {filled:,} cells are day numbers of Excel: export them as dates"
                )
            if zoned:
                self.lines.append(f"  # {key}: {counted(zoned, 'instant')} with a zone: the day in the nation counts")
        whole = not day_first and {form for form, _ in found.values()} == {"month_first"}
        for key in unsure:
            assumed = "month first, as in other columns," if whole else "day first"
            self._ask(2, f"dates: {key}: no cell shows whether day or month comes first; {assumed} is assumed")
        if whole:
            self._say(2, "dates: month_first", "; ".join(f"{key}: {why}" for key, (_, why) in found.items()))
        elif found:
            self._say(2, "dates:")
            for key, (form, why) in found.items():
                self._say(4, f"{key}: {form}", why)

    def _compare_identifiers(self) -> None:
        """Ask about identifiers that were cut short, or that differ between the participants and another table."""
        people = next((column for table, _, column in self.keys if table == "participants"), None)
        for _, place, column in self.keys:
            words = pd.Series(column.cells.astype("str").str.strip().unique(), dtype="str")
            if cut := len(cut_short(words)):
                self._ask(
                    2,
                    f"{place}: {cut:,} different referral_id are numbers that a spreadsheet cut short: export as text",
                )
            if people is None or column is people:
                continue
            known = people.cells.astype("str").str.strip().unique()
            strange = words[~words.isin(known)]
            if 2 * len(strange) > len(words):
                self._ask(
                    2,
                    f"{place}: {len(strange):,} of {len(words):,} different referral_id are not the participants': "
                    f"{form_of(strange)} here, {form_of(known)} there",
                )

    def _ask_of_codes(self, table: str, sheet: Sheet) -> None:
        """Ask for what frequent words mean in a table that needs no mapping otherwise."""
        codes = {"event": list(self._known_event_words())} if table == "events" else {}
        if table == "participants":
            codes = {name: self._known_codes(name) for name, entry in self.programme.attributes.items() if entry.codes}
        for column in sheet.columns:
            unknown = column.counts[~column.counts.index.isin(codes.get(same(column.header), column.counts.index))]
            unknown = unknown[unknown >= RARE]
            if len(unknown):
                self._ask(2, f"{table}.{same(column.header)}: what do these mean: {self._listed(unknown.index)}?")

    def _listed(self, found: Iterable[str]) -> str:
        return ", ".join(quoted(word) for word in list(found)[:20])

    def _known_event_words(self) -> dict[str, str]:
        return {alias: code for code, event in self.programme.events.items() for alias in (code, *event.aliases)}

    def _say(self, indent: int, text: str, why: str = "") -> None:
        self.lines.append(" " * indent + text + (f"  # {why}" if why else ""))

    def _ask(self, indent: int, text: str) -> None:
        self.questions.append(text)
        self.lines.append(" " * indent + f"# ? {text}")

    def _place(self, sheet: Sheet, indent: int, first: str = "") -> None:
        self._say(indent - len(first), f"{first}file: {quoted(sheet.file)}", counted(len(sheet.frame), "row"))
        if sheet.sheet:
            self._say(indent, f"sheet: {quoted(sheet.sheet)}")

    def _write_people(self, sheet: Sheet, pairs: Sequence[Pair]) -> None:
        self._say(4, "participants:")
        self._place(sheet, 6)
        self._say(6, "columns:")
        for pair in pairs:
            differ = f"{pair.column.distinct:,} different in {pair.column.filled:,} cells"
            self._say(8, f"{pair.ours}: {quoted(pair.column.header)}", f"{differ}{pair.doubt}")
            if pair.ours == "referral_id":
                self.keys.append(("participants", sheet.place, pair.column))
        for name in ("referral_id", "participant_id"):
            if name not in [pair.ours for pair in pairs]:
                self._ask(8, f"{name}: which column?")
        codes = {pair.ours: self._codes(pair) for pair in pairs if self.programme.attributes.get(pair.ours)}
        self._write_codes(6, codes)
        used = {pair.column.header for pair in pairs}
        left = [column.header for column in sheet.others if column.header not in used]
        if left:
            self._ask(8, f"columns not read: {', '.join(left)}")

    def _codes(self, pair: Pair) -> dict[str, tuple[str | None, int]]:
        """Return each word that is no code of the programme's, with the code it most likely means and how often."""
        if not self.programme.attributes[pair.ours].codes:
            return {}
        known, names = self._known_codes(pair.ours), self._code_names(pair.ours)
        unknown = pair.column.counts[~pair.column.counts.index.isin(known)]
        return {str(word): (closest(str(word), names), int(count)) for word, count in unknown.items()}

    def _write_codes(self, indent: int, codes: Mapping[str, Mapping[str, tuple[str | None, int]]]) -> None:
        """Write the codes that can be guessed, and ask for those that cannot and are not rare."""
        codes = {name: found for name, found in codes.items() if found}
        if any(code for found in codes.values() for code, _ in found.values()):
            self._say(indent, "codes:")
        for name, found in codes.items():
            if any(code for code, _ in found.values()):
                self._say(indent + 2, f"{name}:")
            for word, (code, count) in found.items():
                if code:
                    self._say(indent + 4, f"{quoted(word)}: {code}", counted(count, "cell"))
            open_words = [word for word, (code, count) in found.items() if not code and count >= RARE]
            if open_words:
                self._ask(indent + 4, f"{name}: what do these mean: {self._listed(open_words)}?")

    def _write_key(self, sheet: Sheet, indent: int) -> None:
        """Write which column names the referral: that of the participants, or the one most like it."""
        key = (
            next((pair.column for pair in self.people[1] if pair.ours == "referral_id"), None) if self.people else None
        )
        names = [key.words] if key else []
        score = {("referral_id", c.header): best(c.words, [*names, *names_of("referral_id")]) for c in sheet.others}
        pairs = pairs_of(sheet.others, score)
        for pair in pairs:
            self.keys.append(("events", sheet.place, pair.column))
            self._say(
                indent, f"referral_id: {quoted(pair.column.header)}", f"{pair.column.distinct:,} different{pair.doubt}"
            )
        if not pairs:
            self._ask(indent, "referral_id: which column?")

    def _write_wide(self, sheet: Sheet, events: Sequence[Pair]) -> None:
        self._place(sheet, 8, "- ")
        self._say(8, "columns:")
        self._write_key(sheet, 10)
        self._say(8, "events:")
        recorded = {tuple(word for word in c.words if word not in RECORDED | PASSED_OVER): c for c in sheet.recorded}
        used = set()
        for pair in events:
            own = recorded.get(tuple(word for word in pair.column.words if word not in PASSED_OVER))
            used |= {pair.column.header, own.header if own else ""}
            why = f"{pair.column.said}{pair.doubt}" + ("" if own else "; no recorded column")
            told = quoted(own.header) if own else AS_IT_HAPPENED
            self.dated += [("events.event_date", pair.column), *([("events.recorded_date", own)] if own else [])]
            self._say(10, f"{pair.ours}: {{date: {quoted(pair.column.header)}, recorded: {told}}}", why)
        for column in sheet.dates:
            if column.header not in used:
                self._ask(10, f"{quoted(column.header)}: {column.said}: of which event?")

    def _write_long(self, sheet: Sheet, event: Cells) -> None:
        self._place(sheet, 8, "- ")
        self._say(8, "columns:")
        self._write_key(sheet, 10)
        self._say(10, f"event: {quoted(event.header)}", f"{self._known_events(event):.0%} of its words are events")
        score = {
            (ours, c.header): best(c.words, names_of(ours))
            for ours in ("event_date", "recorded_date")
            for c in sheet.dates
        }
        pairs = {pair.ours: pair for pair in pairs_of(sheet.dates, score)}
        for pair in pairs.values():
            self.dated.append((f"events.{pair.ours}", pair.column))
            self._say(10, f"{pair.ours}: {quoted(pair.column.header)}", f"{pair.column.said}{pair.doubt}")
        if "event_date" not in pairs:
            self._ask(10, "event_date: which column?")
        elif "recorded_date" not in pairs:
            self._say(10, f"recorded_date: {AS_IT_HAPPENED}", "no recorded column")
        for column in sheet.dates:
            if column.header not in [pair.column.header for pair in pairs.values()]:
                self._ask(10, f"{quoted(column.header)}: {column.said}: is it event_date or recorded_date?")
        unknown = event.counts[~event.counts.index.isin(self._known_event_words())]
        self._write_codes(8, {"event": {str(word): (self._event(str(word)), int(n)) for word, n in unknown.items()}})


def quoted(text: str) -> str:
    """Return a text as YAML, in quotation marks where it needs them."""
    try:
        plain = yaml.safe_load(f"{{a: {text}}}") == {"a": text}
    except yaml.YAMLError:
        plain = False
    return text if plain and "\n" not in text else json.dumps(text, ensure_ascii=False)
