"""What every report says of rows and cells that are not used: a banner, one line, the account at the end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from perflib.batch import run
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.errors import DataError
from perflib.records.account import Account, ColumnAccount, Complaint, TableAccount
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import Snapshot
from perflib.reporting import front_matter
from perflib.reporting.losses import BANNER, account, not_used
from perflib.rules.contract import BUILT_IN

INTERNAL, EXTERNAL = Disclosure("internal"), Disclosure("external", 10, 5, False)
COLUMNS = ["table", "row", "column", "value", "reason", "effect"]


def lossy(set_aside: int, cells: int = 0) -> Snapshot:
    """Take the sample and pretend that rows of its 1,000 events were set aside, and cells could not be used."""
    snapshot = load_snapshot("whp-sample", "2020-06")
    rows = [("events", n + 2, "event_date", "soon", "is no date", "row not used") for n in range(set_aside)]
    rows += [("participants", n + 2, "age", "-3", "below 16", "cell counted as not recorded") for n in range(cells)]
    rows += [("events", 5000, "", "", "repeat of another row", "counted once")]
    events = TableAccount("events", "rows", 1001, 1, records=1000, used=999 - set_aside, repeats=1, set_aside=set_aside)
    complaint = Complaint(
        "events", "event_date", "is no date", "row not used", set_aside, 1, "events.csv row 2", "soon"
    )
    columns = (ColumnAccount("events", "event_date", 1000, set_aside),) if set_aside else ()
    return replace(
        snapshot,
        set_aside=pd.DataFrame(rows, columns=COLUMNS),
        account=Account((events,), (complaint,) if set_aside else (), columns),
    )


def test_where_nothing_is_lost_the_first_screen_says_nothing_of_it() -> None:
    assert not_used(lossy(0)) is None
    page = Presenter(INTERNAL)(front_matter.front(lossy(0))).html
    assert "not used" not in page
    assert BANNER not in page


def test_a_little_that_is_lost_is_one_line_on_the_first_screen() -> None:
    (said,) = as_text(not_used(lossy(12, cells=3)), INTERNAL)
    assert said.startswith("12 rows and 3 cells of the extract are not used (1.2% of its rows), most often")
    assert "is no date" in said
    page = Presenter(INTERNAL)(front_matter.front(lossy(12, cells=3))).html
    assert page.index("12 rows and 3 cells") < page.index("Quarters are")
    assert BANNER not in page
    (one,) = as_text(not_used(lossy(1)), INTERNAL)
    assert one.startswith("1 row of the extract is not used")


def test_what_is_lost_is_rounded_and_hidden_for_readers_outside() -> None:
    (said,) = as_text(not_used(lossy(12, cells=3)), EXTERNAL)
    assert "10 rows and fewer than 10 cells" in said
    (few,) = as_text(not_used(lossy(7)), EXTERNAL)
    assert "7" not in few
    assert few.startswith("Fewer than 10 rows of the extract are not used, most often")
    assert as_text(not_used(lossy(1)), EXTERNAL) == [few]  # nor may it be told by the grammar that it is one
    assert "%" not in few


def test_above_the_tolerance_a_banner_comes_first_and_says_what_to_mend() -> None:
    page = Presenter(INTERNAL)(front_matter.front(lossy(300))).html
    assert page.index(BANNER) < page.index("Quarters are")
    assert "300 of 1,000" in page
    outside = Presenter(EXTERNAL)(front_matter.front(replace(lossy(300)))).html
    assert BANNER in outside
    assert "300" not in outside


def test_a_run_stops_above_the_tolerance_and_says_how_to_go_on() -> None:
    with pytest.raises(DataError, match=r"300 of 1,000 .*is no date.* --accept-losses"):
        run.check_tolerance(lossy(300))
    run.check_tolerance(lossy(12))


def test_the_digest_of_a_reports_key_changes_with_the_account() -> None:
    assert run._state(lossy(12)) != run._state(lossy(13))
    whole = lossy(12)
    other = replace(whole, account=Account(tuple(replace(t, files=("a.csv",)) for t in whole.account.tables)))
    assert run._state(whole) != run._state(other)


def test_the_account_is_the_equation_with_a_row_for_each_table() -> None:
    shown = Presenter(INTERNAL).table(account(lossy(12))).data["rows"]
    (row,) = shown
    assert row["Records"] == row["Used"] + row["Repeats"] + row["Set aside"] + row["Of later months"]
    assert Presenter(EXTERNAL).table(account(lossy(12))).data["kind"] == "withheld"


@pytest.mark.parametrize("path", sorted((BUILT_IN.parent / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_report_opens_with_its_losses_and_ends_with_the_account(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[1].endswith("show(front_matter.front(snapshot))")
    assert code[-1] == "show(front_matter.closing(snapshot))"
