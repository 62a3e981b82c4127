"""What a notebook may display: disclosed in every form, described, escaped, the same each time."""

import base64
import json
import re
from itertools import combinations
from urllib.parse import unquote

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.disclosure.chart_style import PALETTE, chart_style, label_ends, series_styles
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import (
    MIME,
    Figure,
    Notice,
    Presenter,
    Table,
    Tiles,
    count,
    date,
    month,
    number,
    percent,
    staff,
    status,
    text,
)
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import ByAudience, Count, FirstOf, IfShown, Name, name_list, sentence
from perflib.errors import RenderError

INTERNAL = Presenter(Disclosure("internal"))
EXTERNAL = Presenter(Disclosure("external", suppress_below=10, names=False))
MONTHS = pd.period_range("2020-01", periods=4, freq="M")


def flows(starts=(40, 50, 60, 70), **options):
    frame = pd.DataFrame({"month": MONTHS, "referrals": [80, 90, 90, 90], "starts": starts})
    columns = {
        "month": month("Month"),
        "referrals": count("Referrals"),
        "starts": count("Starts"),
        "rate": percent("Referrals started", "starts", "referrals"),
    }
    return Table(frame, "Referrals and starts by month", columns, **options)


def draw(axes, data):
    axes.plot(data["month"].dt.to_timestamp(), data["starts"], label="Starts")
    label_ends(axes)


def chart(data=None, **options):
    given = {"caption": "Starts rose", "alt": "A line that rises.", **options}
    return Figure(data or flows(), draw, **given)


def bundle(shown):
    return shown._repr_mimebundle_()


def soup(shown):
    return BeautifulSoup(shown.html, "html.parser")


def image(shown):
    head, _, content = soup(shown).img["src"].partition(",")
    return base64.b64decode(content) if head.endswith(";base64") else unquote(content).encode()


def test_a_table_has_a_caption_headers_of_rows_and_columns_in_a_named_box_that_scrolls():
    html = soup(INTERNAL(flows()))
    assert html.table.caption.text == "Referrals and starts by month"
    assert [th["scope"] for th in html.thead.find_all("th")] == ["col"] * 4
    assert [th["scope"] for th in html.tbody.find_all("th")] == ["row"] * 4
    assert html.find(role="group")["tabindex"] == "0"
    assert [cell.text for cell in html.tbody.tr.find_all(["th", "td"])] == ["Jan 2020", "80", "40", "50.0%"]
    assert all("num" in cell["class"] for cell in html.tbody.find_all("td"))


def test_a_hidden_cell_is_marked_and_explained_and_a_missing_one_says_what_is_missing():
    frame = pd.DataFrame({"group": ["A", "B"], "starts": [3, 40], "rate": [np.nan, 0.5]})
    columns = {"group": text("Group"), "starts": count("Starts"), "rate": percent("Rate", missing="too young")}
    shown = EXTERNAL(Table(frame, "Starts", columns))
    assert [cell.text for cell in soup(shown).tbody.find_all("td")] == ["[c]", "too young", "40", "50.0%"]
    assert "fewer than 10" in soup(shown).find(class_="notes").text
    assert shown.data["rows"] == [
        {"Group": "A", "Starts": "[c]", "Rate": None},
        {"Group": "B", "Starts": 40, "Rate": 0.5},
    ]


@pytest.mark.parametrize("make", [EXTERNAL, lambda table: EXTERNAL(chart(table))], ids=["table", "figure"])
def test_no_form_of_a_display_depends_on_a_hidden_number(make):
    # Two sets of figures that differ only in a count below 10: whatever is displayed must be the same, byte for byte.
    assert bundle(make(flows(starts=(40, 3, 60, 70)))) == bundle(make(flows(starts=(40, 8, 60, 70))))


def test_alternative_text_and_drawing_are_given_disclosed_data_and_declared_columns_only():
    seen = []

    def alt(data):
        seen.append(data)
        return "A line."

    data = flows(starts=(40, 3, 60, 70))
    data.frame["name"] = "Jones"
    EXTERNAL(Figure(data, lambda _, frame: seen.append(frame), "Starts", alt))
    for frame in seen:
        assert list(frame) == ["month", "referrals", "starts", "rate"]
        assert frame["starts"].isna().tolist() == frame["rate"].isna().tolist() == [False, True, False, False]


def test_text_is_escaped_wherever_it_comes_from():
    evil = '<script>alert("x")</script>'
    frame = pd.DataFrame({"a": [evil], "b": [evil], "n": [40]})
    columns = {"a": text(f"A {evil}"), "b": status("B"), "n": count("N")}
    table = Table(frame, evil, columns, note=evil)
    displays = [
        INTERNAL(table),
        INTERNAL(Figure(table, lambda *_: None, evil, evil)),
        INTERNAL([sentence("{a}", a=Name(evil)), sentence("{a}", a=Name(evil))]),
        INTERNAL(Notice(sentence("{a}", a=Name(evil)), evil)),
        INTERNAL(Tiles({"n": 40}, {"n": count(evil)}, {"n": sentence("{a}", a=Name(evil))})),
        INTERNAL(Table(frame.iloc[:0], evil, columns, empty=evil)),
    ]
    for shown in displays:
        assert "<script" not in shown.html
        assert "alert" in soup(shown).get_text() + str(soup(shown).img)


@pytest.mark.requirement("WL-46")
def test_staff_are_named_only_to_an_audience_that_may_see_names():
    frame = pd.DataFrame({"who": ["P. Smith"], "starts": [40]})
    table = Table(frame, "Starts by caseworker", {"who": staff("Caseworker"), "starts": count("Starts")})
    assert "P. Smith" in INTERNAL(table).html
    for shown in (EXTERNAL(table), EXTERNAL(Figure(table, draw, "Starts by caseworker", "Bars."))):
        assert "Smith" not in json.dumps(bundle(shown))
        assert "names members of staff" in shown.html


def test_an_internal_table_is_replaced_by_a_sentence_for_others():
    table = flows(internal_only=True)
    assert INTERNAL(table).data["kind"] == "table"
    assert EXTERNAL(table).data["kind"] == EXTERNAL(chart(table)).data["kind"] == "withheld"


def test_nothing_to_show_is_said_and_why():
    empty = flows(empty="no outcome has been recorded yet")
    none = Table(empty.frame.iloc[:0], empty.caption, empty.columns, empty=empty.empty)
    for shown in (INTERNAL(none), INTERNAL(chart(none))):
        assert "Nothing to show: no outcome has been recorded yet." in shown.html
        assert soup(shown).img is soup(shown).table is None


def test_a_chart_without_a_single_number_to_draw_is_not_drawn():
    frame = pd.DataFrame({"month": MONTHS, "starts": [1, 2, 3, 4]})
    data = Table(frame, "Starts", {"month": month("Month"), "starts": count("Starts")})
    assert "too small to be shown" in EXTERNAL(chart(data)).html


def test_a_figure_is_an_image_with_alternative_text_a_caption_and_its_numbers():
    shown = INTERNAL(chart())
    html = soup(shown)
    assert html.figure.img["alt"] == shown.data["alt"] == "A line that rises."
    assert html.figure.figcaption.text == "Starts rose"
    assert html.figure.details.table.caption.text == shown.data["table"] == "Referrals and starts by month"
    assert shown.data["rows"][0] == {"Month": "Jan 2020", "Referrals": 80, "Starts": 40, "Referrals started": 0.5}


@pytest.mark.parametrize("raster", [False, True])
def test_the_same_figure_gives_the_same_bytes_whatever_the_settings_around_it(raster):
    first = bundle(INTERNAL(chart(raster=raster)))
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        again = bundle(INTERNAL(chart(raster=raster)))
        assert mpl.rcParams["font.size"] == 30
    assert first == again


def test_drawing_leaves_no_figure_open_and_no_setting_changed():
    before = dict(mpl.rcParams)
    INTERNAL(chart())
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_a_chart_of_many_numbers_is_a_png_and_others_svg_without_a_date():
    frame = pd.DataFrame({"x": range(600), "y": range(600)})
    many = Table(frame, "Many", {"x": text("X"), "y": count("Y")})
    large = INTERNAL(Figure(many, lambda axes, data: axes.plot(data["y"]), "Many", "A line."))
    assert image(large).startswith(b"\x89PNG")
    small = image(INTERNAL(chart())).decode()
    assert "<svg" in small
    assert "<dc:date>" not in small
    assert "DejaVu" not in small


def test_panels_are_drawn_on_axes_of_their_own():
    shapes = []
    INTERNAL(Figure(flows(), lambda axes, _: shapes.append(axes.shape), "Panels", "Two.", panels=(1, 2)))
    assert shapes == [(2,)]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda: Table(flows().frame, " ", flows().columns), "has no caption"),
        (lambda: Table(flows().frame, "x", {}), "needs a header"),
        (lambda: Table(flows().frame, "x", {"month": month("A"), "starts": count("A")}), "header of its own, not 'A'"),
        (lambda: chart(caption=""), "has no caption"),
        (lambda: INTERNAL(chart(alt="  ")), "'Starts rose' has no alternative text"),
        (lambda: INTERNAL(chart(alt=lambda _: "")), "'Starts rose' has no alternative text"),
    ],
)
def test_what_is_not_described_is_refused(fault, says):
    with pytest.raises(RenderError, match=says):
        fault()


def test_key_figures_are_pairs_of_label_and_value_and_headlines_by_key():
    values = {"starts": 1234, "outcomes": 40, "few": 4, "final": 160}
    columns = {
        "starts": count("Starts"),
        "few": count("Leavers"),
        "rate": percent("Outcome rate", "outcomes", "final"),
        "few_rate": percent("Leaving rate", "few", "final"),
    }
    shown = EXTERNAL(Tiles(values, columns, {"starts": sentence("{n} more than in May", n=Count(12))}))
    pairs = [[item.text for item in pair.find_all(["dt", "dd"])] for pair in soup(shown).dl.find_all("div")]
    assert pairs == [
        ["Starts", "1,234", "12 more than in May"],
        ["Leavers", "fewer than 10"],
        ["Outcome rate", "25.0%"],
        ["Leaving rate", "not shown"],
    ]
    assert shown.data["values"] == {"starts": 1234, "few": "[c]", "rate": 0.25, "few_rate": "[c]"}


def test_a_count_hidden_for_another_is_not_said_to_be_small():
    shown = EXTERNAL(Tiles({"n": 155, "d": 160}, {"n": count("N"), "r": percent("R", "n", "d")}))
    assert shown.data["shown"] == {"n": "not shown", "r": "not shown"}
    assert shown.data["values"] == {"n": "[c]", "r": "[c]"}
    assert "155" not in json.dumps(bundle(shown))


def test_one_sentence_is_a_paragraph_and_more_are_a_list():
    one, two = sentence("One."), sentence("Two.")
    assert soup(INTERNAL(one)).p.text == soup(INTERNAL([one])).p.text == "One."
    assert [item.text for item in soup(INTERNAL([one, two])).find_all("li")] == ["One.", "Two."]


def test_a_notice_is_marked_as_a_note():
    assert (
        soup(INTERNAL(Notice(sentence("Targets are invented.")))).find(role="note").text
        == "Please note Targets are invented."
    )


@pytest.mark.parametrize("content", ["41 started.", 41, ["41 started."], pd.DataFrame({"n": [41]})])
def test_what_no_rule_of_disclosure_is_known_for_is_not_shown(content):
    with pytest.raises(TypeError, match="give a Table, Figure, Tiles, Notice or Sentence"):
        EXTERNAL(content)


def test_a_banner_and_a_remark_are_sentences_too():
    for make in (lambda: Notice("9 outcomes."), lambda: Tiles({"n": 40}, {"n": count("N")}, {"n": "9 more"})):
        with pytest.raises(TypeError, match="text in a sentence is Name"):
            make()


@pytest.mark.parametrize("content", [None, [], [None], ByAudience(sentence("One.")), FirstOf()])
def test_nothing_is_shown_as_nothing(content):
    shown = EXTERNAL(content)
    assert (shown.html, shown.data) == ("", {"kind": "group", "items": []})


def test_a_section_is_one_output_in_its_order_and_sentences_that_follow_each_other_are_one_list():
    one, two, three = (sentence("{word}.", word=Name(word)) for word in ("One", "Two", "Three"))
    shown = INTERNAL([one, two, flows(), [three], [one], chart()])
    kinds = [(item["kind"], item.get("sentences")) for item in shown.data["items"]]
    assert kinds == [
        ("text", ["One.", "Two."]),
        ("table", None),
        ("text", ["Three."]),
        ("text", ["One."]),
        ("figure", None),
    ]
    assert shown.html == "".join(INTERNAL(part).html for part in ([one, two], flows(), three, one, chart()))


def test_a_part_for_one_audience_stands_in_its_place_or_not_at_all():
    section = [sentence("One."), ByAudience([sentence("Two."), flows()], sentence("Not shown here."))]
    assert [item["kind"] for item in INTERNAL(section).data["items"]] == ["text", "table"]
    assert INTERNAL(section).data["items"][0]["sentences"] == ["One.", "Two."]
    assert EXTERNAL(section).data["sentences"] == ["One.", "Not shown here."]


def test_no_sentence_holds_a_small_count_wherever_it_stands():
    small = sentence("outcomes recorded: {n}.", n=Count(9))
    for content in (
        small,
        [small],
        Notice(small),
        Tiles({"n": 40}, {"n": count("N")}, {"n": small}),
        flows(note=small),
        Table(flows().frame, small, flows().columns),
        chart(Table(flows().frame, small, flows().columns, note=small)),
        IfShown(Count(40), small),
    ):
        text = soup(EXTERNAL(content)).get_text()
        assert "outcomes recorded: fewer than 10." in text
        assert "9." not in text


def test_what_is_shown_holds_the_frame_that_the_audience_may_see():
    assert EXTERNAL(flows(starts=(40, 3, 60, 70))).frame["starts"].isna().tolist() == [False, True, False, False]
    assert INTERNAL(chart()).frame["starts"].tolist() == [40, 50, 60, 70]


def test_units_are_called_as_the_audience_may_know_them_and_sorted_so():
    names = Names({"Zeta": "Unit 1", "Alpha": "Unit 2"}, {"all": "Whole contract"}, otherwise="a team")
    frame = pd.DataFrame({"unit": ["Alpha", "Zeta", "all", "T9"], "with": [["Zeta", "all"], [], ["T9"], ["Alpha"]]})
    columns = {"unit": text("Unit", names=names), "with": text("With", names=names, missing="none")}
    table = Table(frame, "Units", columns, order=("unit",))
    assert INTERNAL(table).data["rows"] == [
        {"Unit": "Alpha", "With": "Zeta and Whole contract"},
        {"Unit": "T9", "With": "Alpha"},
        {"Unit": "Whole contract", "With": "T9"},
        {"Unit": "Zeta", "With": None},
    ]
    assert EXTERNAL(table).data["rows"] == [
        {"Unit": "Unit 1", "With": None},
        {"Unit": "Unit 2", "With": "Unit 1 and Whole contract"},
        {"Unit": "Whole contract", "With": "a team"},
        {"Unit": "a team", "With": "Unit 2"},
    ]
    said = [sentence("{units} differ.", units=name_list(["x"])), sentence("{unit} is new.", unit=names["Zeta"])]
    assert INTERNAL(said).data["sentences"] == ["x differ.", "Zeta is new."]
    assert EXTERNAL(said).data["sentences"] == ["x differ.", "Unit 1 is new."]


def test_every_display_has_html_json_and_plain_text_without_numbers():
    tiles = INTERNAL(Tiles({"n": 41}, {"n": count("N")}))
    for shown in (INTERNAL(flows()), INTERNAL(chart()), tiles, INTERNAL(sentence("{n} started.", n=Count(41)))):
        data = bundle(shown)
        assert set(data) == {"text/html", "text/plain", MIME}
        assert not re.search(r"\d", data["text/plain"])
        json.dumps(data[MIME], allow_nan=False)


def test_values_are_printed_as_people_write_them():
    assert count("n").text(1234567.0) == "1,234,567"
    assert number("n", places=2).text(-0.001) == "0.00"
    assert number("n", signed=True).text(2.0) == "+2.0"
    assert percent("n", places=0).text(0.126) == "13%"
    assert month("m").text(pd.Timestamp("2020-06-30")) == "Jun 2020"
    assert month("m").text("All") == "All"
    assert date("d").text(pd.Timestamp("2020-06-05")) == "5 Jun 2020"
    assert date("d", missing="not yet").text(pd.NaT) == "not yet"


def test_palette_stands_out_from_the_page_by_3_to_1():
    # Relative luminance and contrast as WCAG 2.2 defines them.
    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    assert all(1.05 / (luminance(colour) + 0.05) >= 3 for colour in PALETTE)


def test_series_differ_in_dash_or_marker_as_well_as_colour():
    styles = series_styles(6)
    for one, other in combinations(styles, 2):
        assert one["color"] != other["color"]
        assert (one["linestyle"], one["marker"]) != (other["linestyle"], other["marker"])


def test_labels_at_line_ends_keep_apart_and_inside_the_axes():
    with chart_style():
        axes = mpl.figure.Figure().subplots()
        for name, end in (("A", 1.0), ("B", 1.5), ("C", 100.0), ("hidden", np.nan)):
            axes.plot([0, 1], [end, end], label=name)
        axes.set_ylim(0, 100)
        label_ends(axes, gap=0.1)
    heights = {label.get_text(): label.xy[1] for label in axes.texts}
    assert set(heights) == {"A", "B", "C"}
    assert heights["B"] - heights["A"] >= 10
    assert heights["A"] >= 5
    assert heights["C"] <= 100


def test_dollar_signs_in_a_name_are_no_formula_in_a_chart():
    frame = pd.DataFrame({"group": ["$_{$", "$x$"], "starts": [20, 30]})
    table = Table(frame, "Starts", {"group": text("Group"), "starts": count("Starts")})

    def draw(axes, data):
        axes.bar(data["group"], data["starts"], label="$_{$")
        axes.set_xlabel("$_{$")
        axes.annotate("$_{$", (0, 20))
        axes.legend()

    shown = Presenter(Disclosure()).figure(Figure(table, draw, "Starts", "Bars."))
    picture = BeautifulSoup(shown.html, "html.parser").find("img")["src"]
    assert unquote(picture).count("$_{$") >= 4
    assert "$x$" in unquote(picture)
