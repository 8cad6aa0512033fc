"""`footnote demo` as a stranger meets it: one command, a page in a browser, an answer, a thumb in the database."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.conftest import missing
from tests.standins.pinecone_api import PineconeApi, serving

ROOT = Path(__file__).parent.parent
ANSWER = "In London and Zurich the limit is 210 euros."


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("Chromium")
    return found


@asynccontextmanager
async def demo(*words: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Run the command; yield the page's address and what was printed until it was ready."""
    command = [sys.executable, "-m", "bot", "demo", "--port", str(free_port()), *words]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    printed: list[str] = []
    try:
        async with asyncio.timeout(60):
            while not any(line.startswith("Ask away") for line in printed):
                line = (await process.stdout.readline()).decode()
                assert line, f"the demo ended: {printed}"
                printed.append(line.rstrip())
        yield printed[0].removeprefix("Footnote is at "), printed
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@asynccontextmanager
async def page(chromium: str, url: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        opened = await browser.new_page(viewport={"width": 1280, "height": 860})
        await opened.goto(url)
        yield opened
        await browser.close()


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home / "footnote.db") as database:
        return database.execute(query).fetchall()


async def test_a_question_is_asked_answered_and_corrected_in_the_page(chromium: str, handbook: Path, tmp_path: Path):
    async with demo("--docs", str(handbook)) as (url, _), page(chromium, url) as tab:
        await tab.get_by_test_id("composer").fill("@footnote What is the hotel limit in Zurich?")
        await tab.keyboard.press("Enter")
        thread = tab.get_by_test_id("thread-pane")
        await expect(thread).to_contain_text(ANSWER, timeout=15_000)
        await expect(thread).to_contain_text("Travel expenses › Hotels")

        await thread.get_by_test_id("feedback-down").click()
        form = tab.get_by_test_id("modal")
        await expect(form).to_be_visible()
        assert rows(tmp_path / "home", "SELECT person, vote FROM feedback") == [("U0ADA", "down")]
        await form.get_by_text("The source is out of date").click()
        await form.get_by_test_id("text-input").nth(1).fill("230 euros since May")
        await form.get_by_test_id("modal-submit").click()
        await expect(form).to_be_hidden()
        await expect(tab.locator("body")).to_contain_text("What you wrote is kept with the answer")
    stored = rows(tmp_path / "home", "SELECT person, reasons, correction FROM remarks")
    assert stored == [("U0ADA", '["outdated_source"]', "230 euros since May")]


async def test_a_reviewer_goes_through_the_queue_in_the_home_tab(chromium: str, handbook: Path, tmp_path: Path):
    async with demo("--docs", str(handbook)) as (url, _), page(chromium, url) as tab:
        thread, form, home = (tab.get_by_test_id(name) for name in ("thread-pane", "modal", "home"))
        for question, correction in (
            ("How many days of annual leave are there?", ""),
            ("What is the hotel limit in Zurich?", "In London and Zurich the limit is 210 euros, breakfast included."),
        ):
            await tab.get_by_test_id("composer").fill(f"@footnote {question}")
            await tab.keyboard.press("Enter")
            await expect(thread).to_contain_text("[1]", timeout=15_000)
            await thread.get_by_test_id("feedback-down").click()
            await form.get_by_test_id("text-input").nth(1).fill(correction)
            await form.get_by_test_id("modal-submit").click()
            await expect(form).to_be_hidden()
            await tab.get_by_test_id("thread-close").click()
        await tab.locator("[data-testid=channel-link][data-kind=im]").click()
        await tab.get_by_test_id("home-tab").click()
        for text in ("To review: 2", "Somebody has said what would have been right", "Correction to judge: In London"):
            await expect(home).to_contain_text(text)
        await expect(home).to_contain_text(f"Travel expenses › Hotels — “{ANSWER}”")
        await home.get_by_role("button", name="Reject").click()
        for text in ("Rejected: it is not given again.", "To review: 1", "27 days of paid annual leave"):
            await expect(home).to_contain_text(text)
        await home.get_by_role("button", name="Edit").click()
        field = form.get_by_test_id("text-input").first
        await expect(field).to_have_value(re.compile("27 days of paid annual leave"))
        await field.fill("Full-time employees get 27 days of paid annual leave per calendar year.")
        await form.get_by_test_id("modal-submit").click()
        await expect(home).to_contain_text("Edited. From now on it is given to the same question.")
        await expect(home).to_contain_text("Nothing waits for a verdict.")
    verdicts = rows(tmp_path / "home", "SELECT reviewer, verdict FROM reviews ORDER BY id")
    assert verdicts == [("U0ADA", "reject"), ("U0ADA", "edit")]


async def test_a_key_for_pinecone_in_the_shell_changes_nothing(monkeypatch: pytest.MonkeyPatch, handbook: Path):
    with serving(PineconeApi()) as api:
        monkeypatch.setenv("PINECONE_API_KEY", api.key)
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", api.url)
        async with demo("--docs", str(handbook)) as (_, printed):
            assert "4 documents" in printed[1]
        assert api.calls == []


async def test_the_page_and_the_command_line_say_the_same(chromium: str, handbook: Path, tmp_path: Path):
    async with demo("--docs", str(handbook)) as (url, _), page(chromium, url) as tab:
        await tab.get_by_test_id("composer").fill("/ask What is the hotel limit in Zurich?")
        await tab.keyboard.press("Enter")
        answer = tab.get_by_test_id("message").filter(has_text=ANSWER)
        await expect(answer).to_contain_text("Only visible to you", timeout=15_000)
        await tab.get_by_test_id("composer").fill("@footnote Who won the world cup in 1990?")
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_test_id("thread-pane")).to_contain_text("I could not find this", timeout=15_000)
        await expect(tab.get_by_test_id("thread-pane")).to_contain_text("Ask a human")
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "ask", "What is the hotel limit in Zurich?"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asked.communicate()
    assert said.decode().startswith(ANSWER)


async def test_the_demo_of_our_own_documents_answers_what_it_suggests(chromium: str):
    async with demo() as (url, printed), page(chromium, url) as tab:
        assert re.search(r"\d+ documents in \d+ chunks", printed[1])
        suggestions = tab.get_by_test_id("suggestion")
        await expect(suggestions).to_have_count(3)
        questions = [await suggestions.nth(number).inner_text() for number in range(3)]
        for question in questions:
            await tab.get_by_test_id("composer").fill(f"/ask {question}")
            await tab.keyboard.press("Enter")
        answered = tab.get_by_test_id("message").filter(has_text="[1]")
        await expect(answered).to_have_count(3, timeout=20_000)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


async def test_a_port_in_use_is_one_sentence(taken_port: int):
    command = [sys.executable, "-m", "bot", "demo", "--port", str(taken_port)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().startswith(f"footnote: Port {taken_port} cannot be used")
