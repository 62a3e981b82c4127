"""From an executed notebook to one HTML page: self-contained, accessible, the same bytes each time.

The page asks the network for nothing and runs no script, and says so in its Content-Security-Policy. What a notebook
shows must have come through `present`, so that it is disclosed and described; anything else is refused, with the cell
and the remedy. Code is folded away at the end of each section; the cells tagged `parameters` and
`injected-parameters` are left out, since the head of the page says what they say. Standard error is left out too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from perflib.batch.page_style import STYLE, TEMPLATES
from perflib.disclosure.html import MIME, anchor
from perflib.errors import RenderError

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ACTIVE = {"script", "iframe", "object", "embed", "link", "style", "form", "input", "button", "video", "audio"}


def render(
    notebook: NotebookNode | Path | str,
    *,
    title: str,
    facts: Mapping[str, str] | None = None,
    provenance: Sequence[str] = (),
) -> str:
    """Return an executed notebook as one HTML page.

    Parameters
    ----------
    notebook : NotebookNode or path
        Its one first-level heading is the heading of the page.
    title : str
        The title of the browser's tab.
    facts : mapping of str to str, optional
        What stands at the head of the page: contract, month, known at, audience.
    provenance : sequence of str
        Sentences at the foot of the page.

    Returns
    -------
    str
        HTML that depends on nothing but the arguments: no times, cell ids or execution counts.

    Raises
    ------
    RenderError
        If a cell failed, printed, or shows something that did not come through `present`; if a figure has no
        alternative text, a table no caption, a heading level is skipped, or there is not one first-level heading.
    """
    node: Any = notebook
    if isinstance(notebook, Path | str):
        node = nbformat.reads(Path(notebook).read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    problems = [f"cell {number}: {problem}" for number, problem in _outputs(node)]
    if not problems:
        page = {"title": title, "facts": dict(facts or {}), "provenance": list(provenance), "style": STYLE}
        html, _ = _exporter().from_notebook_node(node, resources={"page": page})
        soup = BeautifulSoup(html, "html.parser")
        problems = list(_faults(soup))
    if problems:
        raise RenderError("; ".join(problems))
    _add_contents(soup)
    return str(soup)


class _PageExporter(HTMLExporter):
    """nbconvert's HTML exporter with our template, and without its style sheets and scripts."""

    template_name = "template"
    extra_template_basedirs = [str(TEMPLATES.parent)]  # noqa: RUF012
    exclude_anchor_links = True

    @property
    def default_config(self) -> Config:
        config = Config(super().default_config)
        config.CSSHTMLHeaderPreprocessor.enabled = False
        return config

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        """Do as any exporter with a template: for what it does besides, `HTMLExporter` would parse the page anew."""
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)


@cache
def _exporter() -> HTMLExporter:
    return _PageExporter()  # type: ignore[no-untyped-call]


def _outputs(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield the number of each cell with an output that may not be shown, and what to do about it."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.output_type == "error":
                yield number, f"failed with {output.ename}; mend it and run the notebook again"
            elif output.output_type == "stream":
                if output.name == "stdout" and output.text.strip():
                    yield number, "prints text; make it a sentence and show() it"
            elif MIME in data:
                if "text/html" not in data:
                    yield number, "has an output without its HTML; run the notebook again"
            elif "dataframe" in data.get("text/html", "") or "<table" in data.get("text/html", ""):
                yield number, "shows a bare data frame; make it a Table and show() it"
            elif any(kind.startswith("image/") for kind in data):
                yield number, "shows a bare image; draw it in a Figure and show() that"
            else:
                kinds = ", ".join(sorted(data)) or "nothing"
                yield (
                    number,
                    f"shows a bare value ({kinds}); show() it as a sentence or a Table, or end the line with ;",
                )


def _faults(soup: BeautifulSoup) -> Iterator[str]:
    """Yield what makes the page unfit to be read, with the cell."""
    level, first = 0, 0
    for element in _elements(soup):
        if element.name == "img":
            if not str(element.get("alt", "")).strip():
                yield f"{_cell(element)}: an image has no alternative text; say in words what there is to see"
            if not str(element.get("src", "")).startswith("data:"):
                yield f"{_cell(element)}: an image is not part of the page; draw it in a Figure and show() that"
        elif element.name == "table":
            caption = element.find("caption")
            if caption is None or not caption.get_text(strip=True):
                yield f"{_cell(element)}: a table has no caption; make it a Table and show() it"
        elif element.name in _ACTIVE:
            yield f"{_cell(element)}: <{element.name}> has no place in a report; take it out"
        elif element.name in _HEADINGS:
            own = _HEADINGS.index(element.name) + 1
            if own > level + 1:
                skipped = f"level {level + 1} before level {own}"
                heading = element.get_text(strip=True)
                yield f"{_cell(element)}: heading {heading!r} skips a level; put one of {skipped}"
            level, first = own, first + (own == 1)
    if first != 1:
        yield f"the notebook has {first} first-level headings (#); it must have one"


def _elements(soup: BeautifulSoup) -> Iterator[Tag]:
    """Yield the elements of the page's main part, in their order: there may be ten thousand, so once for all checks."""
    main = soup.find("main")
    assert main is not None
    return (element for element in main.descendants if isinstance(element, Tag))


def _cell(element: Tag) -> str:
    cell = element.find_parent(attrs={"data-cell": True})
    return f"cell {cell['data-cell']}" if isinstance(cell, Tag) else "the page"


def _add_contents(soup: BeautifulSoup) -> None:
    """Give each heading an address and list those of level 2 and 3 in the contents."""
    contents: Any = soup.select_one("#contents ol")
    used: dict[str, int] = {}
    for heading in [element for element in _elements(soup) if element.name in _HEADINGS]:
        words = anchor(heading.get_text())
        used[words] = used.get(words, 0) + 1
        heading["id"] = words if used[words] == 1 else f"{words}-{used[words]}"
        if heading.name in ("h2", "h3"):
            item = soup.new_tag("li", attrs={"class": heading.name})
            link = soup.new_tag("a", href=f"#{heading['id']}")
            link.string = heading.get_text(" ", strip=True)
            item.append(link)
            contents.append(item)
