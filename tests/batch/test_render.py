"""The page: what is refused, what it holds, and whether everybody can read it."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

from perflib.batch.render import render
from perflib.disclosure.chart_style import label_ends, series_styles
from perflib.disclosure.presenter import (
    MIME,
    Figure,
    Notice,
    Presenter,
    Table,
    Tiles,
    count,
    month,
    percent,
    status,
    text,
)
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import sentence
from perflib.errors import RenderError

show = Presenter(Disclosure("external", suppress_below=10, round_to=5))


def heading():
    return new_markdown_cell("# Cohort trends\n\nWhat this quarter shows.")


def cell(shown, source="show(t)", **options):
    data = shown if isinstance(shown, dict) else shown._repr_mimebundle_()
    return new_code_cell(source, outputs=[new_output("execute_result", data=data)], **options)


def page(*cells, **options):
    return render(new_notebook(cells=[heading(), *cells]), **{"title": "Cohort trends", **options})


def demo():
    frame = pd.DataFrame(
        {
            "month": pd.period_range("2019-01", periods=12, freq="M"),
            "referrals": range(120, 180, 5),
            "starts": [*range(90, 145, 5), 4],
        }
    )
    columns = {
        "month": month("Month"),
        "referrals": count("Referrals"),
        "starts": count("Starts"),
        "rate": percent("Referrals started", "starts", "referrals"),
    }

    def draw(axes, data):
        for key, style in zip(("referrals", "starts"), series_styles(2), strict=True):
            axes.plot(data["month"].dt.to_timestamp(), data[key], label=columns[key].header, **style)
        label_ends(axes)

    units = pd.DataFrame({"unit": ["Ashfield", "Calder", "Etherow"], "rating": ["Green", "Amber", "Red"]})
    tiles = Tiles(
        {"starts": 412, "few": 3}, {"starts": count("Starts"), "few": count("Leavers")}, {"starts": sentence("12 more")}
    )
    flows = Table(frame, "Referrals and starts by month, with the share of referrals that started", columns)
    cells = [
        cell(show(Notice(sentence("These figures have not been published."), "Restricted."))),
        heading(),
        cell(show(tiles)),
        new_markdown_cell("## Flows\n\nA *start* is a referral that started.\n\n> Not a person.\n\n### By month"),
        cell(show([sentence("Starts rose."), sentence("Referrals rose.")])),
        cell(show(Figure(flows, draw, "Starts rose with referrals", "Two lines that rise."))),
        new_markdown_cell("### Units\n\n1. One\n2. Two"),
        cell(show(Table(units, "Ratings", {"unit": text("Unit"), "rating": status("Rating")}))),
        cell(show(flows)),
        cell(show(Table(frame.iloc[:0], "Leavers", columns, empty="nobody has left"))),
        new_markdown_cell("## Method\n\nSee `counts`."),
    ]
    return new_notebook(cells=cells)


FACTS = {"Contract": "North", "Month": "June 2020", "Known at": "10 July 2020", "Audience": "External"}


def test_the_page_reads_well_for_everybody_and_asks_the_network_for_nothing(audit, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(demo(), title="Cohort trends", facts=FACTS, provenance=["Version 1."]), encoding="utf-8")
    for width in (1280, 320):
        found = audit(path, width)
        assert (found["violations"], found["requests"], found["width"]) == ([], [], width)


def test_the_page_may_load_nothing_and_run_nothing():
    html = render(demo(), title="Cohort trends")
    policy = BeautifulSoup(html, "html.parser").find(attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html


BARE = {"text/plain": "   n\n0  1", "text/html": "<div><table class='dataframe'><tr><td>1</td></tr></table></div>"}


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ([new_output("execute_result", data=BARE)], "cell 2: shows a bare data frame"),
        ([new_output("display_data", data={"image/png": "aGk="})], "cell 2: shows a bare image"),
        ([new_output("execute_result", data={"text/plain": "42"})], r"cell 2: shows a bare value \(text/plain\)"),
        ([new_output("display_data", data={"text/html": "<b>42</b>"})], "cell 2: shows a bare value"),
        ([new_output("display_data", data={MIME: {"kind": "text"}})], "cell 2: has an output without its HTML"),
        ([new_output("stream", name="stdout", text="42")], "cell 2: prints text"),
        ([new_output("error", ename="KeyError", evalue="P-17", traceback=["line 1"])], "cell 2: failed with KeyError"),
    ],
    ids=["frame", "image", "value", "html", "json", "print", "error"],
)
def test_what_did_not_come_through_the_presenter_is_refused(outputs, says):
    with pytest.raises(RenderError, match=says) as error:
        page(new_code_cell("x", outputs=outputs))
    assert "\n" not in str(error.value)
    assert "P-17" not in str(error.value)


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ('<figure><img alt=" " src="data:,"></figure>', "no alternative text"),
        ('<img src="data:,">', "no alternative text"),
        ('<img alt="A line." src="chart.png">', "an image is not part of the page"),
        ("<table><tr><td>1</td></tr></table>", "a table has no caption"),
        ("<table><caption> </caption><tr><td>1</td></tr></table>", "a table has no caption"),
        ("<script>alert(1)</script>", "<script> has no place"),
        ('<iframe src="x"></iframe>', "<iframe> has no place"),
    ],
)
def test_what_cannot_be_read_by_all_is_refused_in_outputs_and_in_prose(html, says):
    for second in (cell({"text/html": html, MIME: {"kind": "text"}}), new_markdown_cell(html)):
        with pytest.raises(RenderError, match=f"cell 2: .*{says}"):
            page(second)


def test_a_markdown_table_has_no_caption_and_is_refused():
    with pytest.raises(RenderError, match="cell 2: a table has no caption"):
        page(new_markdown_cell("| a | b |\n|---|---|\n| 1 | 2 |"))


def test_a_skipped_heading_level_is_refused():
    with pytest.raises(RenderError, match="cell 3: heading 'Detail' skips a level"):
        page(new_markdown_cell("## Part"), new_markdown_cell("#### Detail"))


@pytest.mark.parametrize("number", [0, 2])
def test_a_page_has_one_first_level_heading(number):
    with pytest.raises(RenderError, match=rf"has {number} first-level headings \(#\)"):
        render(new_notebook(cells=[heading() for _ in range(number)]), title="x")


def test_all_faults_are_told_at_once():
    bad = [new_code_cell("x", outputs=[new_output("stream", name="stdout", text="42")]) for _ in range(2)]
    with pytest.raises(RenderError, match=r"cell 2: .*; cell 3: "):
        page(*bad)


def test_standard_error_is_left_out():
    warned = cell(show(sentence("Fine.")))
    warned.outputs.insert(0, new_output("stream", name="stderr", text="FutureWarning: mind"))
    assert "FutureWarning" not in page(warned)
    assert "Fine." in page(warned)


def test_the_same_notebook_gives_the_same_page_whatever_ran_it():
    first, again = demo(), demo()
    for number, one in enumerate(again.cells):
        one.id = f"other-{number}"
        one.metadata["papermill"] = {"duration": 1.5, "start_time": "2026-11-22T05:00:00"}
        if one.cell_type == "code":
            one.execution_count = number + 7
    again.metadata["papermill"] = {"duration": 9.0}
    assert render(first, title="x") == render(again, title="x")


def test_a_notebook_can_be_given_by_path(tmp_path):
    path = tmp_path / "report.ipynb"
    path.write_text(writes(demo()), encoding="utf-8")
    assert render(path, title="x") == render(str(path), title="x") == render(demo(), title="x")


def test_rendering_leaves_the_notebook_as_it_was():
    notebook = demo()
    before = writes(notebook)
    render(notebook, title="x")
    assert writes(notebook) == before


def test_contents_list_the_headings_of_level_2_and_3_with_addresses_of_their_own():
    parts = [new_markdown_cell("## Same\n\n### Detail\n\n#### Small"), new_markdown_cell("## Same")]
    html = BeautifulSoup(page(*parts), "html.parser")
    links = [(link.text, link["href"]) for link in html.select("#contents a")]
    assert links == [("Same", "#same"), ("Detail", "#detail"), ("Same", "#same-2")]
    assert all(html.find(id=href[1:]) for _, href in links)


def test_code_is_folded_once_a_section_and_escaped_and_parameters_are_left_out():
    said = show(sentence("Fine."))
    html = BeautifulSoup(
        page(
            new_code_cell("contract = 'a'", metadata={"tags": ["parameters"]}),
            new_code_cell("contract = 'b'", metadata={"tags": ["injected-parameters"]}),
            new_markdown_cell("## One"),
            cell(said, "first = '<b>'"),
            cell(said, "second"),
            new_markdown_cell("## Two"),
            cell(said, "third"),
        ),
        "html.parser",
    )
    folds = [[code.text for code in fold.find_all("code")] for fold in html.select("details.code")]
    assert folds == [["first = '<b>'", "second"], ["third"]]
    assert not html.select("details[open]")


def test_title_facts_and_provenance_are_on_the_page_and_escaped():
    html = page(title="A & <b>", facts={"Contract": "<i>North</i>"}, provenance=["Made from <x>."])
    soup = BeautifulSoup(html, "html.parser")
    assert soup.title.text == "A & <b>"
    assert [item.text for item in soup.select(".facts dt, .facts dd")] == ["Contract", "<i>North</i>"]
    assert soup.footer.p.text == "Made from <x>."
