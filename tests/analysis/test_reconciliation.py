"""The department's figures beside our own, and one source beside another: small extracts, worked by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.analysis import counts
from perflib.analysis import reconciliation as recon
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, load_extract, take_snapshot
from perflib.rules.contract import Contract, FolderSource

EVENTS = ("referral_id", "event", "event_date", "recorded_date", "source")
PACK = ("figure", "month", "basis", "value", "recorded_date")
SERIES = ("series", "month", "value", "recorded_date", "source")
few = settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])


def table(text: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a line a row: the columns in order, '-' for a blank, then `name=value` for any other."""
    rows = []
    for line in filter(str.strip, text.splitlines()):
        words = line.split()
        plain = ["" if word == "-" else word for word in words if "=" not in word]
        rows.append(dict(zip(columns, plain, strict=False)) | dict(word.split("=") for word in words if "=" in word))
    return pd.DataFrame(rows).reindex(columns=list(dict.fromkeys([*columns, *(name for row in rows for name in row)])))


Snap = Callable[..., Snapshot]


@pytest.fixture
def snap(contract: Callable[..., Contract], tmp_path: Path) -> Snap:
    """Return a function that writes an extract and takes a snapshot of it.

    `people` are a line a referral: its id, then attributes; of referrals not named there nothing is known but a person
    of their own.
    """

    def make(
        events: str,
        people: str = "",
        month: str = "2020-06",
        known_at: str | None = "2020-07-10",
        keys: dict[str, object] | None = None,
        **tables: pd.DataFrame,
    ) -> Snapshot:
        happened = table(events, EVENTS)
        named = table(people, ("referral_id",))
        others = [name for name in happened["referral_id"].unique() if not name.startswith("stray")]
        rest = pd.DataFrame({"referral_id": [name for name in others if name not in set(named["referral_id"])]})
        persons = pd.concat([named, rest], ignore_index=True).astype("str")
        person = "person-" + persons["referral_id"]
        persons["participant_id"] = persons.get("participant_id", person).fillna(person)
        for name, frame in {"participants": persons, "events": happened, **tables}.items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
        source = FolderSource(folder=str(tmp_path), known_to="2020-12-31")
        rules = contract(**{"first_day": "2020-01-01", **(keys or {})})
        return take_snapshot(load_extract(rules.model_copy(update={"source": source})), month, known_at)

    return make


def pack(text: str) -> pd.DataFrame:
    return table(text, PACK)


def line(
    snapshot: Snapshot, figure: str, month: str, basis: str = "month", group: str = "", area: str = ""
) -> pd.Series:
    """Return one line of the comparison."""
    found = recon.with_mi_pack(snapshot)
    at = {"figure": figure, "month": pd.Period(month, "M"), "basis": basis, "group": group, "area": area}
    (row,) = (row for _, row in found.iterrows() if all(row[name] == value for name, value in at.items()))
    return row


def sizes(row: pd.Series) -> dict[str, int]:
    """Return the reasons of one line that explain anything, and what is left."""
    return {name: int(row[name]) for name in (*recon.REASONS, "unexplained") if row[name]}


# The planted pack. It was made on 5 June for May, and on 6 July for June; we look at June on 10 July.
#
# Starts of May, as we know them now: A, B, C, F: 4. The department's: A, F, D, E and one of which nothing is known: 5.
#   B was recorded on 9 June, after the pack:                 late       -1
#   C is in the CRM only:                                     one_source -1
#   D was 29 May until it was corrected to 2 June on 20 June: corrected  +1
#   E is dated 20 May but recorded on 18 May, so not used:    set_aside  +1
#   and 5 - 4 - (-1 - 1 + 1 + 1) =                            unexplained +1
# Starts of June: D and G in both: no difference.
# First earnings of H and I happened in May and were recorded in June; those of J both in June; K's happened in June and
# were recorded on 2 July. The pack counts by the month of recording: May 0; June H, I, J = 3. Ours: May 2, June 2.
PLANTED = """
A referral 2020-04-01 2020-04-01 prap
B referral 2020-04-01 2020-04-01 prap
C referral 2020-04-01 2020-04-01 prap
D referral 2020-04-01 2020-04-01 prap
E referral 2020-04-01 2020-04-01 prap
F referral 2020-04-01 2020-04-01 prap
G referral 2020-04-01 2020-04-01 prap
H referral 2020-04-01 2020-04-01 prap
I referral 2020-04-01 2020-04-01 prap
J referral 2020-04-01 2020-04-01 prap
K referral 2020-04-01 2020-04-01 prap
A start 2020-05-04 2020-05-04 prap
B start 2020-05-11 2020-06-09 prap
C start 2020-05-12 2020-05-12 crm
D start 2020-05-29 2020-05-29 prap
D start 2020-06-02 2020-06-20 prap
E start 2020-05-20 2020-05-18 prap
F start 2020-05-25 2020-05-25 crm
F start 2020-05-25 2020-05-26 prap
G start 2020-06-10 2020-06-11 prap
H first_earnings 2020-05-28 2020-06-03 hmrc
I first_earnings 2020-05-30 2020-06-04 hmrc
J first_earnings 2020-06-10 2020-06-12 hmrc
K first_earnings 2020-06-29 2020-07-02 hmrc
"""
THE_PACK = """
start 2020-05-01 month 5 2020-06-05
start 2020-06-01 month 2 2020-07-06
first_earnings 2020-05-31 month 0 2020-06-05
first_earnings 2020-06-01 month 3 2020-07-06
"""


@pytest.fixture
def planted(snap: Snap) -> Snapshot:
    return snap(PLANTED, mi_pack=pack(THE_PACK))


@pytest.mark.requirement("WHP-22")
def test_the_five_planted_differences_are_found_and_sized(planted):
    may = line(planted, "start", "2020-05")

    assert may[["own", "pack", "difference"]].tolist() == [4, 5, 1]
    assert sizes(may) == {"late": -1, "corrected": 1, "one_source": -1, "set_aside": 1, "unexplained": 1}
    assert may["made"] == pd.Timestamp("2020-06-05")
    assert may["label"] == "Starts"
    june = line(planted, "start", "2020-06")
    assert (june["own"], june["pack"], sizes(june)) == (2, 2, {})


@pytest.mark.requirement("WHP-22")
def test_a_pack_that_counts_by_the_day_of_recording_is_seen_to(planted):
    """June by recording: H and I of May come in (+2), K of 2 July is out (-1)."""
    may, june = (line(planted, "first_earnings", month) for month in ("2020-05", "2020-06"))

    assert (may["own"], may["pack"], sizes(may)) == (2, 0, {"clock": -2})
    assert (june["own"], june["pack"], sizes(june)) == (2, 3, {"clock": 1})
    assert (june["clock_used"], june["unit"]) == ("recorded", "referrals")
    assert line(planted, "start", "2020-05")["clock_used"] == "event"


@pytest.mark.requirement("WHP-22")
def test_the_referrals_behind_each_reason_are_named(planted):
    rows = recon.rows_behind(planted, "start", "2020-05")

    found = {row["referral_id"]: (row["reason"], row["effect"]) for row in rows.to_dict("records")}
    assert found == {
        "B": ("late", -1),
        "C": ("one_source", -1),
        "D": ("corrected", 1),
        "E": ("set_aside", 1),
    }
    d = rows.set_index("referral_id").loc["D"]
    assert (str(d["now"].date()), str(d["then"].date())) == ("2020-06-02", "2020-05-29")
    assert d["participant_id"] == "person-D"
    clock = recon.rows_behind(planted, "first_earnings", "2020-06", "clock")
    assert dict(zip(clock["referral_id"], clock["effect"], strict=True)) == {"H": 1, "I": 1, "K": -1}
    assert recon.rows_behind(planted, "start", "2020-06").empty


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("start", "2020-05", "lat"), "reason 'lat': did you mean 'late'"),
        (("strt", "2020-05"), "difference:strt: the MI pack has no such figure; did you mean 'start'"),
        (("start", "2020-04"), "the MI pack has no month figure of 2020-04"),
    ],
)
def test_rows_behind_says_what_it_cannot_find(planted, asked, message):
    with pytest.raises(ParameterError, match=message):
        recon.rows_behind(planted, *asked)


@pytest.mark.requirement("WHP-22")
def test_windows_and_cohorts_are_counted_as_the_pack_counts_them(snap):
    """Starts: April A; May B, C (late); June D. Seen now: rolling 3 in June 4, cumulative 4; the pack of 6 July knew C.

    The pack of May, of 5 June, did not: rolling 3 and cumulative 3 now, 2 then. Of the cohort of April, A's outcome of
    20 June was recorded on 25 June: 1 now, and none in the pack that was made on 5 June.
    """
    events = """
    A referral 2020-04-01 2020-04-01 -
    B referral 2020-04-01 2020-04-01 -
    C referral 2020-04-01 2020-04-01 -
    D referral 2020-04-01 2020-04-01 -
    A start 2020-04-20 2020-04-20 -
    B start 2020-05-20 2020-05-20 -
    C start 2020-05-21 2020-06-20 -
    D start 2020-06-10 2020-06-10 -
    A job_outcome 2020-06-20 2020-06-25 -
    """
    figures = """
    start 2020-05-01 rolling_3 2 2020-06-05
    start 2020-05-01 cumulative 2 2020-06-05
    start 2020-05-01 cohort 1 2020-06-05
    start 2020-06-01 rolling_3 4 2020-07-06
    start 2020-06-01 rolling_12 4 2020-07-06
    outcome 2020-04-01 cohort 0 2020-06-05
    """
    snapshot = snap(events, mi_pack=pack(figures))

    for basis, own in (("rolling_3", 3), ("cumulative", 3), ("cohort", 2)):
        may = line(snapshot, "start", "2020-05", basis)
        assert (may["own"], sizes(may)) == (own, {"late": -1})
    assert line(snapshot, "start", "2020-06", "rolling_3")["own"] == 4
    assert sizes(line(snapshot, "start", "2020-06", "rolling_12")) == {}
    april = line(snapshot, "outcome", "2020-04", "cohort")
    assert (april["own"], sizes(april)) == (1, {"late": -1})


@pytest.mark.requirement("WHP-22")
def test_a_cohort_that_somebody_was_moved_to_since_is_corrected_not_late(snap):
    """A's start was 30 April when the pack was made, and is 2 May now: the April cohort had A's outcome, May has it."""
    events = """
    A referral 2020-04-01 2020-04-01 -
    A start 2020-04-30 2020-04-30 -
    A start 2020-05-02 2020-06-20 -
    A job_outcome 2020-05-30 2020-06-01 -
    """
    figures = "outcome 2020-04-01 cohort 1 2020-06-05\noutcome 2020-05-01 cohort 0 2020-06-05"
    snapshot = snap(events, mi_pack=pack(figures))

    assert sizes(line(snapshot, "outcome", "2020-04", "cohort")) == {"corrected": 1}
    assert sizes(line(snapshot, "outcome", "2020-05", "cohort")) == {"corrected": -1}


@pytest.mark.requirement("WHP-22")
def test_a_record_withdrawn_since_was_in_the_pack(snap):
    events = """
    A referral 2020-04-01 2020-04-01 prap
    B referral 2020-04-01 2020-04-01 prap
    A start 2020-05-04 2020-05-04 prap
    B start 2020-05-05 2020-05-05 prap
    B start 2020-05-05 2020-06-20 prap action=withdraw
    """
    row = line(snap(events, mi_pack=pack("start 2020-05-01 month 2 2020-06-05")), "start", "2020-05")

    assert (row["own"], sizes(row)) == (1, {"corrected": 1})


@pytest.mark.requirement("WHP-22")
def test_an_outcome_whose_claim_came_after_the_pack_is_late(snap):
    """The outcome was recorded on 1 June, before the pack; without a claim it did not count until 20 June."""
    events = """
    A referral 2020-01-02 2020-01-02 -
    B referral 2020-01-02 2020-01-02 -
    A start 2020-01-10 2020-01-10 -
    B start 2020-01-10 2020-01-10 -
    A self_employed_outcome 2020-05-30 2020-06-01 -
    A claim_submitted 2020-06-20 2020-06-20 -
    B self_employed_outcome 2020-05-28 2020-05-28 -
    B claim_submitted 2020-06-01 2020-06-01 -
    """
    row = line(snap(events, mi_pack=pack("outcome 2020-05-01 month 1 2020-06-05")), "outcome", "2020-05")

    assert (row["own"], sizes(row)) == (2, {"late": -1})


@pytest.mark.requirement("WHP-22")
def test_people_who_return_may_be_counted_once(snap):
    """P has two referrals that started in May, Q two in June; the pack counts people, in each window once."""
    events = """
    A referral 2020-04-01 2020-04-01 -
    B referral 2020-04-20 2020-04-20 -
    C referral 2020-04-01 2020-04-01 -
    D referral 2020-05-20 2020-05-20 -
    A start 2020-05-04 2020-05-04 -
    B start 2020-05-25 2020-05-25 -
    C start 2020-06-01 2020-06-01 -
    D start 2020-06-20 2020-06-20 -
    """
    people = "A participant_id=P\nB participant_id=P\nC participant_id=Q\nD participant_id=Q"
    figures = "start 2020-05-01 month 1 2020-06-05\nstart 2020-06-01 month 1 2020-07-06"
    snapshot = snap(events, people, mi_pack=pack(figures))

    row = line(snapshot, "start", "2020-05")
    assert (row["own"], row["unit"], sizes(row)) == (2, "people", {"returns": -1})
    assert recon.rows_behind(snapshot, "start", "2020-05", "returns")["referral_id"].tolist() == ["B"]


@pytest.mark.requirement("WHP-22")
@pytest.mark.parametrize(("june", "own_counted"), [(2, True), (1, False)])
def test_how_a_pack_counts_is_told_by_two_months_never_by_one(snap, june, own_counted):
    """In May and June each one start is in PRaP and one in the CRM only. A pack of 2 and 2 holds the CRM's, too.

    In one of 2 and 1 May has one more, which need not be the CRM's; the cumulative 3 says nothing new.
    """
    events = "\n".join(f"{name} referral 2020-04-01 2020-04-01 prap" for name in "ABCD")
    events += """
    A start 2020-05-04 2020-05-04 prap
    B start 2020-05-25 2020-05-25 crm
    C start 2020-06-01 2020-06-01 prap
    D start 2020-06-20 2020-06-20 crm
    """
    figures = f"""
    start 2020-05-01 month 2 2020-06-05
    start 2020-06-01 month {june} 2020-07-06
    start 2020-06-01 cumulative {2 + june} 2020-07-06
    """
    snapshot = snap(events, mi_pack=pack(figures))

    may = line(snapshot, "start", "2020-05")
    assert may["own_counted"] == own_counted
    assert sizes(may) == ({} if own_counted else {"one_source": -1, "unexplained": 1})


@pytest.mark.requirement("WHP-22")
def test_two_records_in_conflict_explain_both_months(snap):
    """Two rows of one day: we use the earlier, of April; the department has the later, of May."""
    events = """
    A referral 2020-04-01 2020-04-01 prap
    A start 2020-04-30 2020-05-02 prap
    A start 2020-05-01 2020-05-02 prap
    """
    figures = "start 2020-04-01 month 0 2020-06-05\nstart 2020-05-01 month 1 2020-06-05"
    snapshot = snap(events, mi_pack=pack(figures))

    assert sizes(line(snapshot, "start", "2020-04")) == {"set_aside": -1}
    assert sizes(line(snapshot, "start", "2020-05")) == {"set_aside": 1}


@pytest.mark.requirement("WHP-22")
def test_records_of_unknown_referrals_explain_no_more_than_is_left(snap):
    """Three starts of referrals that the participants table lacks; the pack counts one more than we do."""
    events = "A referral 2020-04-01 2020-04-01 prap\nA start 2020-05-04 2020-05-04 prap\n"
    events += "\n".join(f"stray-{i} start 2020-05-1{i} 2020-05-1{i} prap" for i in range(3))
    more, same = (snap(events, mi_pack=pack(f"start 2020-05-01 month {n} 2020-06-05")) for n in (2, 1))

    assert sizes(line(more, "start", "2020-05")) == {"set_aside": 1}
    assert len(recon.rows_behind(more, "start", "2020-05", "set_aside")) == 3
    assert sizes(line(same, "start", "2020-05")) == {}


@pytest.mark.requirement("WHP-22")
def test_rows_not_used_count_once_a_referral_and_only_if_the_pack_can_have_had_them(snap):
    """B has two unusable starts, one start more at most; C's was recorded on 9 June, after the pack. It says 2 more."""
    events = """
    A referral 2020-04-01 2020-04-01 prap
    B referral 2020-04-01 2020-04-01 prap
    C referral 2020-04-01 2020-04-01 prap
    A start 2020-05-04 2020-05-04 prap
    B start 2020-05-20 2020-05-18 prap
    B start 2020-05-21 2020-05-19 prap
    stray-1 start 2020-05-20 2020-06-09 prap
    """
    snapshot = snap(events, mi_pack=pack("start 2020-05-01 month 3 2020-06-05"))

    assert sizes(line(snapshot, "start", "2020-05")) == {"set_aside": 1, "unexplained": 1}


@pytest.mark.requirement("WHP-22")
def test_a_row_not_used_of_what_is_counted_already_explains_nothing(snap):
    """A's second row of each event is dated after it was recorded. So is B's start, and that is in the CRM only."""
    events = """
    A referral 2020-01-02 2020-01-02 prap
    B referral 2020-01-02 2020-01-02 prap
    A start 2020-01-10 2020-01-10 prap
    B start 2020-01-20 2020-01-18 crm
    A exit 2020-05-04 2020-05-04 prap
    A exit 2020-05-05 2020-05-03 prap
    A job_outcome 2020-05-04 2020-05-04 hmrc
    A job_outcome 2020-05-05 2020-05-03 hmrc
    """
    figures = """
    exit 2020-05-01 month 2 2020-06-05
    outcome 2020-01-01 cohort 2 2020-06-05
    start 2020-01-01 month 2 2020-06-05
    """
    found = recon.with_mi_pack(snap(events, mi_pack=pack(figures)))

    assert found["figure"].tolist() == ["exit", "outcome", "start"]
    assert [sizes(row) for _, row in found.iterrows()] == [{"unexplained": 1}] * 3


@pytest.mark.requirement("WHP-22")
def test_a_record_withdrawn_and_restored_since_explains_nothing(snap):
    """A's start was in the pack and is in our figure, though the row that stands was recorded after the pack."""
    events = """
    A referral 2020-04-01 2020-04-01 prap
    A start 2020-05-04 2020-05-04 prap
    A start 2020-05-04 2020-06-08 prap action=withdraw
    A start 2020-05-04 2020-06-09 prap
    """
    row = line(snap(events, mi_pack=pack("start 2020-05-01 month 1 2020-06-05")), "start", "2020-05")

    assert (row["own"], sizes(row)) == (1, {})


@pytest.mark.requirement("WHP-22")
def test_of_a_cohort_each_referral_counts_once_and_nothing_after_the_report_month(snap):
    """A's two jobs count as one, B's of June is after the report month, May: for us, and for what was known then."""
    events = """
    A referral 2020-04-01 2020-04-01 -
    B referral 2020-04-01 2020-04-01 -
    A start 2020-04-10 2020-04-10 -
    B start 2020-04-10 2020-04-10 -
    A job_start 2020-05-01 2020-05-02 -
    A job_start 2020-05-20 2020-05-21 -
    B job_start 2020-06-02 2020-06-03 -
    """
    figures = pack("job_start 2020-04-01 cohort 1 2020-06-05")
    row = line(snap(events, month="2020-05", mi_pack=figures), "job_start", "2020-04", "cohort")

    assert (row["own"], sizes(row)) == (1, {})


@pytest.mark.requirement("WHP-22")
def test_nothing_is_in_one_source_only_where_the_department_records_no_such_event(snap):
    """Every start is in the CRM only: the extract does not hold the department's starts at all."""
    events = """
    A referral 2020-04-01 2020-04-01 prap
    A start 2020-05-04 2020-05-04 crm
    """
    row = line(snap(events, mi_pack=pack("start 2020-05-01 month 0 2020-06-05")), "start", "2020-05")

    assert sizes(row) == {"unexplained": -1}


@pytest.mark.requirement("WHP-22")
def test_groups_and_areas_are_compared_by_themselves(snap):
    events = """
    A referral 2020-04-01 2020-04-01 -
    B referral 2020-04-01 2020-04-01 -
    C referral 2020-04-01 2020-04-01 -
    A start 2020-05-04 2020-05-04 -
    B start 2020-05-05 2020-06-20 -
    C start 2020-05-06 2020-05-06 -
    """
    people = """
    A customer_group=ltu devolution_area=GM
    B customer_group=ltu
    C customer_group=disability devolution_area=GM
    """
    figures = """
    start 2020-05-01 month 1 2020-06-05 group=ltu
    start 2020-05-01 month 2 2020-06-05 area=GM
    start 2020-05-01 month 1 2020-06-05 group=disability area=GM
    start 2020-05-01 month 0 2020-06-05 group=early_entry
    """
    snapshot = snap(events, people, mi_pack=pack(figures))

    ltu = line(snapshot, "start", "2020-05", group="ltu")
    assert (ltu["own"], sizes(ltu)) == (2, {"late": -1})
    assert line(snapshot, "start", "2020-05", area="GM")["own"] == 2
    assert line(snapshot, "start", "2020-05", group="disability", area="GM")["own"] == 1
    assert line(snapshot, "start", "2020-05", group="early_access")["own"] == 0  # an alias of the programme


@pytest.mark.requirement("WHP-22")
def test_a_group_that_was_corrected_since_is_corrected(snap):
    """A was in the disability group when the pack was made; since 20 June the attributes say ltu."""
    events = "A referral 2020-04-01 2020-04-01 -\nA start 2020-05-04 2020-05-04 -"
    history = table(
        """
        A customer_group disability 2020-04-01 2020-04-01
        A customer_group ltu 2020-04-01 2020-06-20
        """,
        ("referral_id", "attribute", "value", "from_date", "recorded_date"),
    )
    figures = "start 2020-05-01 month 1 2020-06-05 group=disability\nstart 2020-05-01 month 0 2020-06-05 group=ltu"
    snapshot = snap(events, attributes=history, mi_pack=pack(figures))

    assert sizes(line(snapshot, "start", "2020-05", group="disability")) == {"corrected": 1}
    assert sizes(line(snapshot, "start", "2020-05", group="ltu")) == {"corrected": -1}


@pytest.mark.requirement("WHP-22")
def test_what_cannot_be_compared_is_listed_and_says_why(snap):
    figures = """
    smiles 2020-05-01 month 5 2020-06-05
    start 2020-05-01 month many 2020-06-05
    start 2020-05-01 weekly 5 2020-06-05
    start 2020-05-01 rolling_3 inf 2020-06-05
    start 2019-12-01 month 5 2020-06-05
    start 2020-06-01 month 5 2020-05-30
    start 2020-05-01 month 5 2020-06-05 group=tall
    start 2020-05-01 month 5 2020-06-05 area=Atlantis
    exit 2020-05-01 month 5 2020-06-05
    exit 2020-05-20 month 6 2020-06-05
    start 2020-07-01 month 5 2020-07-05
    """
    found = recon.with_mi_pack(snap("A referral 2020-04-01 2020-04-01 -", mi_pack=pack(figures)))

    why = {(row["figure"], row["basis"], row["group"], row["area"]): row["problem"] for _, row in found.iterrows()}
    assert why["smiles", "month", "", ""] == "not an event or outcome of the programme"
    assert why["start", "weekly", "", ""] == "not a basis"
    assert why["start", "rolling_3", "", ""] == "not a number"
    assert why["start", "month", "tall", ""] == "not a customer group of the programme"
    assert why["start", "month", "", "Atlantis"] == "no referral is of this area"
    assert why["exit", "month", "", ""] == "two values recorded on one day"
    plain = found[(found["figure"] == "start") & (found["basis"] == "month") & (found["group"] == "")]
    problems = dict(zip(plain["month"].astype("str"), plain["problem"], strict=False))
    assert problems["2019-12"] == "before the contract's first month"
    assert problems["2020-06"] == "made before its month began"
    assert "not a number" in plain["problem"].tolist()
    assert "2020-07" not in problems  # after the report month: had not come then
    assert found["own"].isna().all()
    assert found.loc[found["figure"] == "smiles", "pack"].item() == 5


@pytest.mark.requirement("WHP-22")
def test_the_pack_last_recorded_holds_and_a_blank_basis_is_the_month(snap):
    """A pack restated on 1 July counts what was recorded by then."""
    events = """
    A referral 2020-04-01 2020-04-01 -
    A start 2020-05-04 2020-06-09 -
    """
    figures = "start 2020-05-01 - 0 2020-06-05\nstart 2020-05-31 month 1 2020-07-01"
    found = recon.with_mi_pack(snap(events, mi_pack=pack(figures)))

    assert found[["own", "pack", "unexplained"]].to_numpy().tolist() == [[1, 1, 0]]


def test_only_the_months_asked_for_are_compared(planted):
    assert recon.with_mi_pack(planted, months=1)["month"].astype("str").unique().tolist() == ["2020-06"]


@pytest.mark.requirement("WHP-22")
def test_an_overwritten_extract_says_that_it_cannot_be_looked_at_as_known_then(snap):
    """Of D's start only the last row is left; it was recorded after the pack, so it seems late."""
    events = "D referral 2020-04-01 2020-04-01 -\nD start 2020-05-28 2020-06-20 -"
    figures = pack("start 2020-05-01 month 1 2020-06-05")
    overwritten, appended = (
        line(snap(events, mi_pack=figures, keys={"history": history}), "start", "2020-05")
        for history in ("overwritten", "appended")
    )

    assert not overwritten["as_known"]
    assert appended["as_known"]
    assert sizes(overwritten) == {"late": -1, "unexplained": 1}


@pytest.mark.requirement("WHP-22")
def test_without_a_pack_there_is_no_comparison(snap):
    snapshot = snap("A referral 2020-04-01 2020-04-01 -")

    assert recon.with_mi_pack(snapshot) is None
    with pytest.raises(ParameterError, match="the extract has no MI pack"):
        recon.rows_behind(snapshot, "start", "2020-05")


# Laws

FIGURES = ("start", "job_start", "outcome")
DAYS = [str(day.date()) for day in pd.date_range("2020-04-01", "2020-06-30", freq="5D")]


@st.composite
def happenings(draw: st.DrawFn) -> str:
    """Return the events of a few referrals: corrected, withdrawn, late, of two sources, dated too early."""
    lines = []
    for i in range(draw(st.integers(4, 14))):
        lines.append(f"R{i} referral 2020-04-01 2020-04-01 prap")
        for _ in range(draw(st.integers(0, 6))):
            event = draw(st.sampled_from(["start", "start", "job_start", "job_outcome"]))
            day, recorded = draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))
            source = draw(st.sampled_from(["crm", "prap"]))
            action = draw(st.sampled_from(["record", "record", "record", "withdraw"]))
            lines.append(f"R{i} {event} {day} {recorded} {source} action={action}")
    return "\n".join(lines)


LINES = [(figure, month, basis) for figure in FIGURES for month in ("04", "05") for basis in ("month", "cumulative")]


@pytest.mark.requirement("WHP-22")
@given(events=happenings(), values=st.lists(st.integers(0, 15), min_size=len(LINES), max_size=len(LINES)))
@few
def test_reasons_and_what_is_left_add_up_to_the_difference(snap, events, values):
    figures = "\n".join(
        f"{figure} 2020-{month}-01 {basis} {value} 2020-06-05"
        for (figure, month, basis), value in zip(LINES, values, strict=True)
    )
    snapshot = snap(events, mi_pack=pack(figures))
    found = recon.with_mi_pack(snapshot)

    assert (found["pack"] - found["own"] == found["difference"]).all()
    assert (found[[*recon.REASONS, "unexplained"]].sum(axis="columns") == found["difference"]).all()
    for figure in FIGURES:
        row = line(snapshot, figure, "2020-05")
        behind = recon.rows_behind(snapshot, figure, "2020-05")

        by_reason = behind.groupby("reason")["effect"].sum()
        for name in recon.REASONS:
            if name != "set_aside":
                assert by_reason.get(name, 0) == row[name]


@pytest.mark.requirement("WHP-22")
@given(events=happenings())
@few
def test_a_pack_made_from_what_was_known_that_day_is_explained_whole(snap, events):
    """The extract is looked at as `take_snapshot` gives it for the day: what differs since is late or corrected."""
    events = events.replace(" crm", " prap")
    then = counts.monthly(snap(events, known_at="2020-06-05"), FIGURES)
    lines = [(figure, month) for figure in FIGURES for month in ("2020-04", "2020-05")]
    figures = "\n".join(f"{figure} {month}-01 month {then.loc[month, figure]} 2020-06-05" for figure, month in lines)
    snapshot = snap(events, mi_pack=pack(figures))
    now = counts.monthly(snapshot, FIGURES)

    for figure, month in lines:
        row = line(snapshot, figure, month)
        assert row["own"] == now.loc[month, figure]
        assert row["late"] + row["corrected"] == row["difference"]
        assert {*sizes(row)} <= {"late", "corrected"}


# One source beside another

# Starts of May: A in both, recorded in the CRM on Thursday 7 May and in PRaP on Monday 11 May: 4 days, but the next
# working day, since Friday 8 May was a bank holiday in 2020. B in both, with dates of 12 and 13 May, recorded on 12 and
# 14 May: 2 days, and not the next. C in the CRM only, D in PRaP only. E is of June in the CRM, but was withdrawn there:
# PRaP only. F is of July, which had not come; the participants table does not know the stray.
TWO_SOURCES = """
A referral 2020-04-01 2020-04-01 prap
B referral 2020-04-01 2020-04-01 prap
C referral 2020-04-01 2020-04-01 prap
D referral 2020-04-01 2020-04-01 prap
E referral 2020-04-01 2020-04-01 prap
A start 2020-05-07 2020-05-07 crm
A start 2020-05-07 2020-05-11 prap
B start 2020-05-12 2020-05-12 crm
B start 2020-05-13 2020-05-14 prap
C start 2020-05-14 2020-05-14 crm
D start 2020-05-15 2020-05-15 prap
E start 2020-06-02 2020-06-02 crm
E start 2020-06-02 2020-06-05 crm action=withdraw
E start 2020-06-02 2020-06-04 prap
F referral 2020-04-01 2020-04-01 prap
F start 2020-07-01 2020-07-02 crm
stray-1 start 2020-05-15 2020-05-15 crm
A exit 2020-06-20 2020-06-20 crm
"""


@pytest.mark.requirement("WL-18", "SES-10")
def test_the_two_sources_are_compared_event_by_event(snap):
    found = recon.sources(snap(TWO_SOURCES))

    assert found["event"].tolist() == ["start", "start"]  # referrals are in PRaP only, leavers in the CRM only
    may, june = found.set_index(found["month"].astype("str")).loc[["2020-05", "2020-06"]].to_dict("records")
    assert {name: may[name] for name in ("both", "first_only", "second_only", "dates_differ", "next_day")} == {
        "both": 2,
        "first_only": 1,
        "second_only": 1,
        "dates_differ": 1,
        "next_day": 1,
    }
    assert (may["median"], may["longest"]) == (3, 4)  # of 2 and 4
    assert may["p90"] == pytest.approx(3.8)  # 2 + 0.9 x 2
    assert (june["both"], june["first_only"], june["second_only"]) == (0, 0, 1)
    assert np.isnan(june["longest"])


@pytest.mark.requirement("WL-18")
def test_the_same_event_under_two_numbers_is_one(snap):
    """Each system numbers its own records; a record corrected in one source is compared as corrected."""
    events = """
    A referral 2020-04-01 2020-04-01 prap
    A start 2020-05-07 2020-05-07 crm event_id=c-1
    A start 2020-05-06 2020-05-09 crm event_id=c-1
    A start 2020-05-06 2020-05-08 prap event_id=p-1
    """
    (row,) = recon.sources(snap(events)).to_dict("records")

    assert (row["both"], row["dates_differ"], row["median"]) == (1, 0, 1)  # first recorded on 7 and 8 May


@pytest.mark.requirement("WL-18")
def test_a_source_that_the_extract_does_not_have_cannot_be_compared(snap):
    snapshot = snap(TWO_SOURCES)

    assert recon.sources(snapshot, ("crm", "hmrc")) is None
    assert recon.sources(snapshot, ("prap", "crm"))["first_only"].tolist() == [1, 1]


@pytest.mark.requirement("WHP-21")
def test_milestones_and_outcomes_by_source(snap):
    """Of outcomes the source is that of the one that counts: A's employed one, not the later claim.

    C's two are of one day, and one outcome: the one that comes first by name, job_outcome.
    """
    events = """
    A referral 2020-01-02 2020-01-02 prap
    B referral 2020-01-02 2020-01-02 prap
    C referral 2020-01-02 2020-01-02 prap
    A start 2020-01-10 2020-01-10 prap
    B start 2020-01-10 2020-01-10 prap
    C start 2020-01-10 2020-01-10 prap
    A first_earnings 2020-02-10 2020-03-10 hmrc
    B first_earnings 2020-02-10 2020-03-10 hmrc
    B first_earnings 2020-02-08 2020-02-08 crm
    C first_earnings 2020-02-10 2020-03-10 -
    A job_outcome 2020-05-10 2020-05-20 hmrc
    A self_employed_outcome 2020-05-20 2020-05-20 claim
    B self_employed_outcome 2020-05-20 2020-05-20 claim
    C job_outcome 2020-05-10 2020-05-20 hmrc
    C self_employed_outcome 2020-05-10 2020-05-20 claim
    """
    mix = recon.source_mix(snap(events)).set_index(["measure", "source"])

    assert mix["count"].to_dict() == {
        ("first_earnings", "hmrc"): 2,
        ("first_earnings", "not recorded"): 1,
        ("outcome", "claim"): 1,
        ("outcome", "hmrc"): 2,
    }
    assert mix.loc[("first_earnings", "hmrc"), "share"] == pytest.approx(2 / 3)
    assert mix.loc[("outcome", "hmrc"), "label"] == "Job outcomes"


# Labour market


@pytest.mark.requirement("WL-25")
def test_labour_market_series_have_their_source_vintage_and_revisions(snap):
    """May was published as 120, again as 120 (no revision), then as 118 and 119; July had not come."""
    series = table(
        """
        claimant_count 2020-04-01 100 2020-05-15 ONS
        claimant_count 2020-05-01 120 2020-06-16 ONS
        claimant_count 2020-05-31 120 2020-06-17 ONS
        claimant_count 2020-05-01 118 2020-07-01 ONS
        claimant_count 2020-05-01 119 2020-07-09 ONS-second
        claimant_count 2020-05-01 117 2020-08-09 ONS
        claimant_count 2020-07-01 130 2020-07-09 ONS
        vacancies 2020-05-01 few 2020-06-16 ONS
        """,
        SERIES,
    )
    found = recon.labour_market(snap("A referral 2020-04-01 2020-04-01 -", labour_market=series))

    assert found["series"].tolist() == ["claimant_count", "claimant_count", "vacancies"]
    april, may, vacancies = found.to_dict("records")
    assert (april["value"], april["revisions"], april["problem"]) == (100, 0, "")
    assert (may["value"], may["source"], may["revisions"]) == (119, "ONS-second", 2)
    assert may["vintage"] == pd.Timestamp("2020-07-09")
    assert (np.isnan(vacancies["value"]), vacancies["problem"]) == (True, "not a number")


@pytest.mark.requirement("WL-25")
def test_labour_market_that_was_not_supplied_is_none(snap):
    assert recon.labour_market(snap("A referral 2020-04-01 2020-04-01 -")) is None
