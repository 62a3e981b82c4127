"""The index of the reports folder."""

import random
from time import perf_counter

import pytest
from bs4 import BeautifulSoup

from perflib.batch.index_page import Entry, write_index

ENTRIES = [
    Entry("whp-north", "2020-05", "cohort_trends", "Cohort trends", "kept", "whp-north/2020-05/cohort_trends.html"),
    Entry("whp-north", "2020-06", "cohort_trends", "Cohort trends", "made", "whp-north/2020-06/cohort_trends.html"),
    Entry(
        "whp-north", "2020-06", "standards", "Standards", "failed", error="events.csv: event_date is missing <add it>"
    ),
    Entry("whp-wales", "2020-06", "cohort_trends", "Cohort trends", "made", "whp-wales/2020-06/cohort_trends.html"),
]


def index(tmp_path, entries=ENTRIES):
    path = tmp_path / "index.html"
    write_index(path, entries)
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_each_report_is_linked_once_from_its_latest_month_or_an_earlier_one(tmp_path):
    page = index(tmp_path)
    assert [link["href"] for link in page.main.find_all("a")] == [
        "whp-north/2020-06/cohort_trends.html",
        "whp-wales/2020-06/cohort_trends.html",
        "whp-north/2020-05/cohort_trends.html",
    ]
    assert [head.text for head in page.table.thead.find_all("th")] == ["Contract", "May 2020"]
    assert [row.th.text for row in page.table.tbody.find_all("tr")] == ["whp-north"]


def test_a_spreadsheet_comes_last_and_is_no_report(tmp_path):
    book = Entry("whp-wales", "2020-06", "tables", "All tables", "made", "whp-wales/2020-06/tables.xlsx")
    page = index(tmp_path, [book, *ENTRIES])
    assert [link["href"].rpartition("/")[2] for link in page.select(".latest div:nth-of-type(2) a")] == [
        "cohort_trends.html",
        "tables.xlsx",
    ]
    assert "3 reports of 2 contracts" in page.header.text


@pytest.mark.parametrize(
    ("month", "words"),
    [("2020-06", "Jun 2020"), ("2020-05", "May 2020, 1 month behind"), ("2019-12", "Dec 2019, 6 months behind")],
)
def test_a_contract_says_how_many_months_it_is_behind_the_newest(tmp_path, month, words):
    page = index(tmp_path, [ENTRIES[1], Entry("whp-wales", month, "n", "N", "made", "n.html")])
    assert [line.text for line in page.select(".latest p")] == ["Jun 2020", words]


def test_what_was_issued_says_so_with_its_revision_beside_it_and_what_changed_first(tmp_path):
    names = {
        "summary": "Summary",
        "trends": "A report whose title comes before the page of changes",
        "changes": "Changes",
    }
    entries = [
        Entry("whp-north", "2020-06", name, title, "made", f"{edition}/{name}.html", edition=edition)
        for edition in ("revision", "issued 6 July 2020")
        for name, title in names.items()
        if (edition, name) != ("issued 6 July 2020", "changes")
    ]
    page = index(tmp_path, entries)
    (cell,) = page.select(".latest > div")
    assert [part.get("href", part.text) for part in cell.find_all(["a", "p"])] == [
        "Jun 2020",
        "Issued 6 July 2020",
        "issued 6 July 2020/trends.html",
        "issued 6 July 2020/summary.html",
        "Revision",
        "revision/changes.html",
        "revision/trends.html",
        "revision/summary.html",
    ]
    assert [words.text for words in page.select(".latest p")] == ["Jun 2020", "Issued 6 July 2020", "Revision"]
    assert len({link.text for link in cell.find_all("a")}) == 5  # each says which edition it is of
    assert "4 reports of 1 contract" in page.header.text


def test_links_to_the_latest_month_come_first_and_can_be_told_apart(tmp_path):
    links = [link.text for link in index(tmp_path).select(".latest a")]
    assert links == ["Cohort trends, whp-north, Jun 2020", "Cohort trends, whp-wales, Jun 2020"]


def test_failures_are_listed_with_their_error_and_not_linked(tmp_path):
    page = index(tmp_path)
    assert [item.text.strip() for item in page.select(".failures li")] == [
        "whp-north, Jun 2020: Standards events.csv: event_date is missing <add it>"
    ]
    assert page.header.p.text == "3 reports of 2 contracts over 2 months"


def test_the_order_of_the_entries_does_not_matter(tmp_path):
    shuffled = random.Random(1).sample(ENTRIES, len(ENTRIES))
    assert str(index(tmp_path)) == str(index(tmp_path, shuffled))


def test_names_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    page = index(
        tmp_path,
        [Entry(evil, "2020-06", evil, evil, "made", '"><script>'), Entry(evil, "2020-06", "x", evil, "failed")],
    )
    assert page.find("script") is None
    assert evil in page.text


def test_an_empty_folder_says_so(tmp_path):
    assert "There are no reports yet." in index(tmp_path, []).text


@pytest.mark.parametrize("entries", [ENTRIES, []], ids=["some", "none"])
def test_the_index_reads_well_for_everybody_and_asks_the_network_for_nothing(audit, tmp_path, entries):
    index(tmp_path, entries)
    for width in (1280, 320):
        found = audit(tmp_path / "index.html", width)
        assert (found["violations"], found["requests"], found["width"]) == ([], [], width)


def test_1800_reports_take_less_than_a_tenth_of_a_second(tmp_path):
    months = [f"{year}-{month:02d}" for year in (2018, 2019, 2020) for month in range(1, 13)]
    entries = [Entry(f"C{c:02d}", m, "n", "Cohort trends", "made", "x.html") for c in range(50) for m in months]
    write_index(tmp_path / "index.html", entries)
    times = []
    for _ in range(5):
        start = perf_counter()
        write_index(tmp_path / "index.html", entries)
        times.append(perf_counter() - start)
    assert min(times) < 0.1
