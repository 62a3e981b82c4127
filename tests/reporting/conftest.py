"""A browser for the pages that must be readable by everybody."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

Audit = Callable[[Path, int], dict[str, Any]]


@pytest.fixture(scope="session")
def audit() -> Iterator[Audit]:
    """Return a function that opens a page at a width, all details open, and says what axe and the network saw."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("there is no browser to check the pages in: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)

        def look(path: Path, width: int) -> dict[str, Any]:
            context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900})
            page = context.new_page()
            requests: list[str] = []
            page.on("request", lambda request: requests.append(request.url))
            page.goto(path.resolve().as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            page.evaluate(AXE)
            violations = page.evaluate("async () => (await axe.run(document)).violations")
            found = {
                "violations": [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in violations],
                "requests": [url for url in requests if not url.startswith(("file:", "data:"))],
                "width": page.evaluate("document.documentElement.scrollWidth"),
            }
            context.close()
            return found

        yield look
        browser.close()
