"""What the tables hold, counted again from the extract's own rows; and for extracts of which little can be said."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.analysis import counts
from perflib.disclosure import presenter
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.errors import DisclosureError
from perflib.records.loading import load_snapshot
from perflib.reporting import data_quality
from perflib.reporting.cohort_trends import tables

INTERNAL = Presenter(Disclosure())
EXTERNAL = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))
TABLES = (
    tables.flow_table,
    tables.against_promises,
    tables.referral_results,
    tables.time_to_start,
    tables.participants,
    tables.cohort_table,
    tables.conversion,
    tables.mix,
    tables.final_rates,
    tables.positions,
    data_quality.maturity,
    data_quality.not_used,
    data_quality.completeness,
    data_quality.oddities,
)


def rows(table, show=INTERNAL):
    """Return the lines of a table by what stands in their first column."""
    lines = show.table(table).data["rows"]
    return {next(iter(line.values())): line for line in lines}


@pytest.fixture(scope="module")
def journeys(town_place):
    """Return a row a referral of `town`, with the date of each event that was known on 28 May 2020, from the files."""
    folder = town_place.root / "extracts" / "town"
    people = pd.read_csv(folder / "participants.csv", index_col="referral_id")
    events = pd.read_csv(folder / "events.csv", parse_dates=["event_date", "recorded_date"])
    known = events[(events["event_date"] <= "2020-03-31") & (events["recorded_date"] <= "2020-05-28")]
    happened = known.pivot(index="referral_id", columns="event", values="event_date")
    recorded = known.pivot(index="referral_id", columns="event", values="recorded_date")
    return people.join(happened).join(recorded.add_suffix("_recorded"))


def since(dates, first):
    return int((dates >= first).sum())


@pytest.mark.requirement("KS-11", "KS-19")
def test_flows_count_each_measure_in_each_period(town_snapshot, journeys):
    shown = rows(tables.flow_table(town_snapshot))
    firsts = {"In month": "2020-03-01", "Rolling 3 months": "2020-01-01", "Rolling 12 months": "2019-04-01"}
    firsts |= {"Since day one": "2019-01-01"}
    for label, event in {
        "Referrals": "referral",
        "Starts": "start",
        "Job starts": "job_start",
        "Leavers": "exit",
    }.items():
        counted = {header: since(journeys[event], first) for header, first in firsts.items()}
        assert shown[label] == {"Measure": label} | counted
    assert shown["Job outcomes"]["Since day one"] == journeys["job_outcome"].notna().sum()


def test_a_window_that_the_contract_is_too_young_for_is_named_with_its_months(town_place):
    table = tables.flow_table(load_snapshot("town", "2019-05", params=town_place.params))
    headers = [column.header for column in table.columns.values()]
    assert headers[3] == "Rolling 12 months (5 of 12 months)"


@pytest.mark.requirement("SES-15", "SES-35")
def test_promises_stand_beside_what_happened(town_snapshot, journeys):
    """12 starts a month were promised to February 2020, for March none: so no period that holds March is compared."""
    table = tables.against_promises(town_snapshot)
    lines = INTERNAL.table(table).data["rows"]
    assert {line["Measure"] for line in lines} == {"Job outcomes"}
    earlier = load_snapshot("town", "2020-02", "2020-05-28", town_snapshot.contract.path.parents[1])
    lines = INTERNAL.table(tables.against_promises(earlier)).data["rows"]
    (line,) = (line for line in lines if (line["Measure"], line["Basis"]) == ("Starts", "Rolling 3 months"))
    starts = since(journeys["start"][journeys["start"] < "2020-03-01"], "2019-12-01")
    recorded = int(counts.monthly(earlier, ["start"], "recorded")["start"].tail(3).sum())
    expects = float(counts.expected_recorded(earlier, ["start"])["start"].tail(3).sum())
    assert expects == pytest.approx(36, rel=0.05)
    assert line == {
        "Measure": "Starts",
        "Basis": "Rolling 3 months",
        "Period": line["Period"],
        "Recorded": recorded,
        "Expected so far": round(expects),
        "Difference": round(recorded - expects),
        "Recorded for each 100 expected": round(100 * recorded / expects),
        "Status": line["Status"],
        "Happened so far": starts,
        "Of these recorded, about %": line["Of these recorded, about %"],
    }
    assert line["Status"] in ("in line", "significantly below", "significantly above")
    assert line["Of these recorded, about %"] > 90


def test_every_referral_has_one_result(town_snapshot, journeys):
    """Of all that are resolved, so many started: those still open are neither above nor below the line."""
    shown = rows(tables.referral_results(town_snapshot))
    assert list(shown) == [f"{month:%b %Y}" for month in pd.period_range("2019-04", "2020-03", freq="M")]
    month = journeys["referral"].dt.to_period("M")
    for at, line in zip(pd.period_range("2019-04", "2020-03", freq="M"), shown.values(), strict=True):
        mine = journeys[month == at]
        started, absent = mine["start"].notna().sum(), mine["did_not_attend"].notna().sum()
        assert line["Referrals"] == len(mine) == started + absent + line["Still open"]
        assert (line["Starts"], line["Did not attend"], line["Did not start"]) == (started, absent, 0)
        assert line["Started, of those resolved"] == round(started / (started + absent), 3)


def test_waits_are_of_those_who_started_in_the_period(town_snapshot, journeys):
    shown = rows(tables.time_to_start(town_snapshot))
    days = (journeys["start"] - journeys["referral"]).dt.days[journeys["start"] >= "2020-01-01"]
    line = shown["Rolling 3 months"]
    assert (line["Starts"], line["Median (days)"], line["Nine in ten within (days)"]) == (
        len(days),
        days.median(),
        days.quantile(0.9),
    )


def test_characteristics_are_those_of_starters(town_snapshot, journeys):
    shown = rows(tables.participants(town_snapshot))
    starters = journeys[journeys["start"].notna()]
    women = starters[starters["sex"] == "F"]
    assert shown["Sex: Female"] == {
        "Characteristic": "Sex: Female",
        "In month": since(women["start"], "2020-03-01"),
        "Last 12 months": since(women["start"], "2019-04-01"),
        "Since day one": len(women),
        "Share of all starts": round(len(women) / len(starters), 2),
    }
    assert (shown["Everybody"]["Since day one"], shown["Everybody"]["Share of all starts"]) == (len(starters), 1)
    young = starters[starters["age"].between(16, 24)]
    assert shown["Age at referral: 16 to 24"]["Since day one"] == len(young)
    for attribute in ("Customer group", "Sex", "Age at referral", "Ethnic group", "Disability", "Priority group"):
        parts = [line["Since day one"] for name, line in shown.items() if name.startswith(f"{attribute}: ")]
        assert sum(parts) == len(starters)


def test_each_cohort_stands_at_its_own_age(town_snapshot, journeys):
    shown = rows(tables.cohort_table(town_snapshot))
    cohort = journeys["start"].dt.to_period("M")
    for at, line in zip(pd.period_range("2019-01", "2020-03", freq="M"), shown.values(), strict=True):
        mine = journeys[cohort == at]
        assert line["Age (months)"] == (pd.Period("2020-03", "M") - at).n
        recorded = (mine["job_outcome_recorded"] <= "2020-03-31").sum()
        assert (line["Starts"], line["Recorded"]) == (len(mine), recorded)
        assert line["State"] == "open"
        assert line["95% from"] <= line["Recorded"] <= line["95% to"]
        if line["Starts"]:
            assert line["Difference"] == pytest.approx(line["Recorded"] - line["Expected so far"], abs=0.11)


def test_a_cohort_without_a_start_or_a_profile_is_not_judged(town_snapshot, journeys):
    """The profiles of the first one hold from June 2019; of the second nothing is promised at all."""
    contract = town_snapshot.contract
    since = pd.Period("2019-06", "M")
    later = tuple(profile.model_copy(update={"since": since}) for profile in contract.profiles)
    snapshots = [replace(town_snapshot, contract=contract.model_copy(update={"profiles": p})) for p in (later, ())]
    partly, none = (rows(tables.cohort_table(snapshot)) for snapshot in snapshots)
    started = set(journeys["start"].dropna().dt.strftime("%b %Y"))
    for month, line in partly.items():
        judged = month in started and pd.Period(pd.Timestamp(month), "M") >= since
        assert (line["Status"] is not None) == judged
    assert all("Status" not in line for line in none.values())


@pytest.mark.requirement("WHP-02")
def test_each_level_is_that_of_its_own_group_or_area(town_snapshot, journeys):
    shown = rows(tables.conversion(town_snapshot))
    starters = journeys[journeys["start"].notna()]
    parts = {
        "tMPL 1: contract package area": starters,
        "tMPL 2: disability group": starters[starters["customer_group"] == "disability"],
        "tMPL 3: early access group": starters[starters["customer_group"] == "early_access"],
        "tMPL 4: long-term unemployed group": starters[starters["customer_group"] == "ltu"],
        "tMPL 5: devolution deal area (GM)": starters[starters["devolution_area"] == "GM"],
    }
    end = "2020-03-31"
    assert {name: (line["Starts"], line["Recorded"]) for name, line in shown.items()} == {
        name: (len(part), (part["job_outcome_recorded"] <= end).sum()) for name, part in parts.items()
    }


def test_outside_a_ratio_is_of_the_counts_as_they_are_shown(town_snapshot):
    for line in rows(tables.conversion(town_snapshot), EXTERNAL).values():
        if line["Recorded"] != "[c]" and line["Expected so far"]:
            assert line["Recorded for each 100 expected"] == round(100 * line["Recorded"] / line["Expected so far"])


def test_a_verdict_on_few_is_hidden_with_their_number(town_snapshot):
    for table, number, verdict in (
        (tables.conversion(town_snapshot), "Recorded", "Status"),
        (tables.cohort_table(town_snapshot), "Recorded", "Status"),
    ):
        lines = rows(table, EXTERNAL).values()
        assert {line[verdict] for line in lines if line[number] == "[c]"} == {"[c]"}


def test_the_mix_and_performance_add_up_to_the_difference_from_the_tenders_promise(town_snapshot):
    for line in rows(tables.mix(town_snapshot)).values():
        apart = line["Effect of the mix"] + line["Within groups"]
        assert apart == pytest.approx(line["Recorded"] - line["Expected so far of the tender's mix"], abs=0.11)


def test_final_rates_are_of_final_cohorts_alone(wales):
    """Those that started by July 2018: 31 July and 639 + 130 days is 7 September 2020.

    No claim names its outcome: a self-employed one counts with any claim by day 700 that was not rejected last.
    """
    snapshot = wales("2020-09")
    path = Path(__file__).parents[2] / "answers" / "whp-wales-part" / "events.parquet"
    first = pd.read_parquet(path).pivot_table("event_date", "referral_id", "event", aggfunc="min")
    first = first.apply(pd.to_datetime)
    final = first[first["start"] < "2018-08-01"]
    day = final.sub(final["start"], axis="index").apply(lambda column: column.dt.days)
    stands = ~(final["claim_rejected"] > final[["claim_submitted", "claim_paid"]].max(axis=1))
    own = (day["self_employed_outcome"] <= 639) & (day["claim_submitted"] <= 700) & stands
    line = rows(tables.final_rates(snapshot))["tMPL 1: contract package area"]
    assert line["Starts in final cohorts"] == len(final)
    assert line["Outcomes"] == ((day["job_outcome"] <= 639) | own).sum() > 100
    assert line["Conversion"] == round(line["Outcomes"] / len(final), 3)
    assert line["Tender level"] is None


def test_everybody_who_started_stands_at_one_stage(town_snapshot, journeys):
    shown = rows(tables.positions(town_snapshot))
    stages = [header for header in next(iter(shown.values())) if header not in ("Cohort", "Starts")]
    assert all(line["Starts"] == sum(line[stage] for stage in stages) for line in shown.values())
    assert sum(line["Job outcomes"] for line in shown.values()) == journeys["job_outcome"].notna().sum()
    happy = journeys[["job_outcome", "earnings_2000", "earnings_1000", "first_earnings"]].notna().any(axis=1)
    left = journeys["exit"].notna() & ~happy
    assert sum(line["Left"] for line in shown.values()) == left.sum()


def test_the_cohorts_that_become_final_next_come_first(wales):
    shown = rows(data_quality.maturity(wales("2020-09")))
    assert list(shown) == [f"{month:%b %Y}" for month in pd.period_range("2018-08", periods=12, freq="M")]
    assert shown["Aug 2018"]["Final from"] == "8 Oct 2020"  # 31 August 2018 and 769 days
    assert shown["Aug 2018"]["Age (months)"] == 25


@pytest.fixture
def faulty(place):
    """Return a snapshot of `town` with four ages, two repeats and one unknown event that cannot be used."""
    place.contract()
    folder = place.extract()
    events = pd.read_csv(folder / "events.csv")
    pd.concat([events, events.head(2), events.head(1).assign(event="teleported")]).to_csv(
        folder / "events.csv", index=False
    )
    people = pd.read_csv(folder / "participants.csv")
    people["age"] = people["age"].astype(float)
    people.loc[[0, 10, 20, 30], "age"] = [-1, 5, 200, 17.5]
    people.to_csv(folder / "participants.csv", index=False)
    return load_snapshot("town", "2020-03")


def test_what_is_not_used_is_counted_with_its_first_rows(faulty):
    """The header is row 1; what was added comes last."""
    last = len(Path("extracts/town/events.csv").read_text().splitlines())
    shown = rows(data_quality.not_used(faulty))
    assert shown["repeat of another row"]["First rows in the file"] == f"{last - 2}, {last - 1}"
    assert shown["not an event of the programme"]["First rows in the file"] == f"{last}"
    ages = shown["not a whole number from 16 to 100"]
    assert (ages["Count"], ages["Column"], ages["First rows in the file"]) == (4, "age", "2, 12, 22, 32")


def test_what_is_not_used_is_for_internal_readers(faulty):
    assert EXTERNAL.table(data_quality.not_used(faulty)).data["kind"] == "withheld"


def test_a_characteristic_is_recorded_where_its_cell_can_be_used(faulty):
    line = rows(data_quality.completeness(faulty))["Age at referral"]
    assert (line["Referrals"], line["Recorded"], line["Share"]) == (210, 206, round(206 / 210, 3))


def test_what_looks_wrong_is_counted(edge, edge_snapshot):
    shown = INTERNAL.table(data_quality.oddities(edge_snapshot)).data
    found = {line["What"]: line["Count"] for line in shown.get("rows", [])}
    early = ["starts dated before their referral"]
    early.append("starts dated before the contract's first month: in totals, in no month's count")
    expected = dict.fromkeys(early, 12) if edge.name == "starts-before-referrals" else {}
    assert found == expected


@pytest.mark.parametrize("show", [INTERNAL, EXTERNAL], ids=["internal", "external"])
def test_every_table_is_shown_or_says_why_not_for_every_extract(show, edge_snapshot):
    for make in TABLES:
        shown = show.table(make(edge_snapshot))
        text = BeautifulSoup(shown.html, "html.parser").get_text(" ")
        assert not re.search(r"\b(nan|(?<!group: )None|NaT|inf)\b", text), text
        if shown.data["kind"] == "withheld":
            assert re.match("Nothing to show: |This is for internal readers", shown.data["text"])
        else:
            cells = BeautifulSoup(shown.html, "html.parser").find_all(["th", "td"])
            assert all(cell.text.strip() for cell in cells), shown.data["caption"]


def test_no_table_shows_a_small_or_unrounded_count_outside(edge_snapshot):
    """Nor as words, which no rule would reach."""
    for make in TABLES:
        shown = EXTERNAL.table(make(edge_snapshot)).data
        headers = [column["header"] for column in shown.get("columns", []) if column["kind"] in ("count", "text")]
        counts = pd.Series([line[header] for line in shown.get("rows", []) for header in headers], dtype=object)
        numbers = pd.to_numeric(counts, errors="coerce").dropna()
        assert ((numbers == 0) | (numbers >= 10) & (numbers % 5 == 0)).all(), shown["caption"]


def test_an_unknown_column_is_refused(town_snapshot):
    """A table that forgets what a number is made of must not be shown: the frame lacks the counts."""
    table = tables.time_to_start(town_snapshot)
    with pytest.raises(DisclosureError, match="'starts'"):
        EXTERNAL.table(presenter.Table(table.frame.drop(columns="starts"), table.caption, table.columns))
    assert np.isfinite(rows(table)["Since day one"]["Median (days)"])
