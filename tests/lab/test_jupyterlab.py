"""A real JupyterLab in a real browser: a notebook opened, run, changed and run again, with completion and tooltip."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

TOKEN = "perflib"
ERROR = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type*='jupyter.error']"
FIRST, LATER = 30_000, 120_000
"""Milliseconds that the first page and a whole run may take."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def lab(place, perflib) -> Iterator[str]:
    """The address of a JupyterLab that serves a copy of a notebook for the contract `town`."""
    place.contract()
    place.extract()
    assert perflib("open", "cohort_trends", "town", "2020-03", "--no-launch").status == 0
    port = free_port()
    options = [f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--allow-root", "--no-browser"]
    options += [
        "--LabApp.news_url=",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.root_dir=.",
    ]
    log = (place.root / "lab.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], cwd=place.root, stdout=log, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    else:
        server.kill()
        pytest.fail(f"JupyterLab did not start: {(place.root / 'lab.log').read_text()[-2000:]}")
    yield f"{address}/lab/tree/work/town/2020-03/cohort_trends.ipynb?token={TOKEN}&reset"
    server.terminate()
    server.wait(30)
    log.close()


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("there is no browser to open JupyterLab in: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def run_all(page: Page) -> None:
    """Run all cells, and wait until the kernel is idle again and nothing waits to be run."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_timeout(2000)
    prompts = page.locator(".jp-InputPrompt", has_text="[*]")
    expect(prompts).to_have_count(0, timeout=LATER)
    expect(page.locator("[data-status='idle']").first).to_be_attached(timeout=LATER)


def turn(page: Page, pixels: int) -> None:
    """Turn the wheel over the notebook: JupyterLab holds only the cells that are in sight."""
    page.mouse.move(760, 500)
    for _ in range(4):  # heights are known only once cells have been in sight
        page.mouse.wheel(0, pixels)
        page.wait_for_timeout(500)


@pytest.mark.slow
def test_a_notebook_is_run_changed_and_run_again_with_completion_and_tooltip(lab, page, place):
    page.goto(lab)
    page.locator(".jp-Notebook").wait_for(timeout=FIRST)
    page.wait_for_timeout(3000)
    run_all(page)
    notebook = page.locator(".jp-Notebook")
    assert page.locator(ERROR).count() == 0, page.locator(ERROR).first.inner_text()
    turn(page, 100_000)
    page.wait_for_timeout(1000)
    expect(notebook.get_by_text("Where these figures come from").last).to_be_visible(timeout=FIRST)
    for _ in range(40):  # back to the last figure
        if notebook.locator("figure img").count():
            break
        page.mouse.wheel(0, -600)
        page.wait_for_timeout(250)
    expect(notebook.locator("figure img").last).to_be_attached(timeout=FIRST)
    page.screenshot(path=place.root / "first.png")

    turn(page, -100_000)
    page.wait_for_timeout(1000)
    parameters = notebook.locator(".jp-CodeCell", has_text="# Parameters").last  # the cell that `perflib open` adds
    parameters.scroll_into_view_if_needed()
    parameters.locator(".cm-content").click()
    text = parameters.locator(".cm-content").inner_text().replace("2020-03", "2020-02")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    run_all(page)
    assert page.locator(ERROR).count() == 0
    turn(page, -100_000)
    expect(notebook.get_by_text("February 2020").first).to_be_visible(timeout=FIRST)

    parameters.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.type("snapshot.jour", delay=50)
    page.wait_for_timeout(1000)
    page.keyboard.press("Tab")
    page.wait_for_timeout(3000)
    if page.locator(".jp-Completer").is_visible():  # several names: the first is taken
        expect(page.locator(".jp-Completer")).to_contain_text("journeys")
        page.keyboard.press("Enter")
    expect(parameters.locator(".cm-content")).to_contain_text("snapshot.journeys", timeout=FIRST)
    page.keyboard.press("Enter")
    page.keyboard.type("load_snapshot(")
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".jp-Tooltip")).to_contain_text("known_at", timeout=FIRST)
    page.screenshot(path=place.root / "last.png")
