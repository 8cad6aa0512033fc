"""A LangChain loader as a source: exact by content, and whatever it does ends as one sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from knowledge import ConfigurationError, EmptySourceError, KnowledgeBase, Outcome, Question, Settings, SourceError
from knowledge.checking import examine_sources
from knowledge.settings import TeamFile

WIKI = """
import json, os, sys, time
from langchain_core.documents import Document

class Wiki:
    def __init__(self, pages, token="", mood="fine"):
        self.pages, self.token, self.mood = pages, token, mood

    def lazy_load(self):
        print("loading")  # what a loader prints is nobody's document
        for page in json.load(open(self.pages)):
            yield Document(page_content=page["text"], metadata=page["metadata"])
        if self.mood == "angry":
            raise RuntimeError(f"401 for token {self.token}\\nand more")
        if self.mood == "dead":
            os._exit(3)
        if self.mood == "slow":
            time.sleep(300)

def unfit():
    return object()
"""
LEAVE = {
    "text": "# Leave\n\nThere are 30 days of leave.",
    "metadata": {"source": "https://wiki/leave", "title": "Leave"},
}
DESK = {"text": "The desk booking opens at 8:00.", "metadata": {"source": "https://wiki/desk", "when": "today"}}


class Wiki:
    """A wiki of a file of pages, read through a loader in a module of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "our_wiki.py").write_text(WIKI)

    def write(self, *pages: dict[str, object]) -> None:
        (self.folder / "pages.json").write_text(json.dumps(pages))

    def settings(self, more: str = "", loader: str = "our_wiki.Wiki", **arguments: object) -> Settings:
        given = {"pages": str(self.folder / "pages.json"), **arguments}
        toml = ", ".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        (self.folder / "footnote.toml").write_text(
            f'[sources.wiki]\nloader = "{loader}"\narguments = {{ {toml} }}\n{more}'
        )
        team = TeamFile.load(self.folder / "footnote.toml")
        return Settings(home=self.folder / "home", team=team, team_given=True)


@pytest.fixture
def wiki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiki:
    monkeypatch.chdir(tmp_path)
    made = Wiki(tmp_path)
    made.write(LEAVE, DESK)
    return made


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[KnowledgeBase]:
    kb = await KnowledgeBase.open(settings)
    try:
        yield kb
    finally:
        await kb.close()


async def summary(settings: Settings, **options: bool) -> str:
    async with opened(settings) as kb:
        return (await kb.reindex("wiki", **options)).summary()


async def test_what_a_loader_gives_is_answered_with_a_link(wiki: Wiki) -> None:
    async with opened(wiki.settings()) as kb:
        await kb.reindex("wiki")
        answer = await kb.ask(Question("How many days of leave are there?"))
    assert answer.outcome is Outcome.ANSWERED
    chunk = answer.citations[0].chunk
    assert (chunk.title, chunk.url) == ("Leave", "https://wiki/leave")


async def test_only_a_change_of_content_counts(wiki: Wiki) -> None:
    settings = wiki.settings()
    assert await summary(settings) == "2 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
    wiki.write(DESK | {"metadata": {**DESK["metadata"], "when": "tomorrow"}}, LEAVE)
    assert await summary(settings) == "0 added, 0 changed, 2 unchanged, 0 removed, 0 failed"
    wiki.write(LEAVE | {"text": "There are 31 days."}, DESK)
    assert await summary(settings) == "0 added, 1 changed, 1 unchanged, 0 removed, 0 failed"
    wiki.write(LEAVE)
    assert await summary(settings) == "0 added, 1 changed, 0 unchanged, 1 removed, 0 failed"


async def test_parts_with_the_same_name_are_pages_of_one_document(wiki: Wiki) -> None:
    pages = [{"text": f"Rule {n} is about item {n}.", "metadata": {"source": "rules", "page": n}} for n in range(3)]
    wiki.write(*pages)
    async with opened(wiki.settings()) as kb:
        assert (await kb.reindex("wiki")).added == 1
        found = await kb.search(Question("Rule 2 about item 2"), k=1)
    assert found.passages[0].chunk.where == "p. 3"


async def test_documents_are_told_apart_by_the_entry_that_is_named(wiki: Wiki) -> None:
    wiki.write(*({"text": f"Page {n}.", "metadata": {"source": "one", "page_id": n}} for n in range(3)))
    assert (await summary(wiki.settings('key = "page_id"'))).startswith("3 added")
    with pytest.raises(SourceError, match="gives a document without 'other' in its metadata"):
        await summary(wiki.settings('key = "other"'))


async def test_what_is_not_said_of_a_document_does_not_make_it_another_one(wiki: Wiki) -> None:
    wiki.write({"text": "One.", "metadata": {}}, {"text": "Two.", "metadata": {}})
    settings = wiki.settings()
    await summary(settings)
    wiki.write({"text": "Two.", "metadata": {}}, {"text": "One.", "metadata": {}})
    assert await summary(settings) == "0 added, 0 changed, 2 unchanged, 0 removed, 0 failed"


@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("angry", r"^The loader of wiki stopped, and nothing was changed: RuntimeError: 401 for token …\.$"),
        ("dead", r"^The loader of wiki stopped, and nothing was changed: its process died\.$"),
        ("slow", r"^The loader of wiki took longer than 6 s; nothing was changed\. Raise `seconds`"),
    ],
)
async def test_a_loader_that_does_not_finish_changes_nothing(
    wiki: Wiki, monkeypatch: pytest.MonkeyPatch, mood: str, sentence: str
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", "xoxb-very-secret")
    await summary(wiki.settings())
    wiki.write()
    with pytest.raises(SourceError, match=sentence):
        await summary(wiki.settings("seconds = 6", mood=mood, token="${WIKI_TOKEN}"))
    async with opened(wiki.settings()) as kb:
        assert (await kb.ask(Question("How many days of leave are there?"))).outcome is Outcome.ANSWERED


async def test_a_loader_that_gives_nothing_asks_first(wiki: Wiki) -> None:
    await summary(wiki.settings())
    wiki.write()
    with pytest.raises(EmptySourceError, match=r"^The source wiki is empty; nothing was changed\."):
        await summary(wiki.settings())
    assert await summary(wiki.settings(), allow_empty=True) == "0 added, 0 changed, 0 unchanged, 2 removed, 0 failed"


@pytest.mark.parametrize(
    ("loader", "arguments", "sentence"),
    [
        ("nowhere.Wiki", {}, "sources.wiki.loader=nowhere.Wiki: there is no module nowhere"),
        ("our_wiki.Wiki", {"colour": "red"}, "sources.wiki.arguments does not fit Wiki: .*colour"),
        ("our_wiki.unfit", {}, "sources.wiki.arguments does not fit unfit"),
        ("langchain_community.document_loaders.TextLoader", {"x": 1}, "does not fit TextLoader"),
    ],
)
async def test_a_loader_that_cannot_be_made_is_told(
    wiki: Wiki, loader: str, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SourceError, match=f"^{sentence}" if sentence.startswith("sources") else sentence):
        await summary(wiki.settings(loader=loader, **arguments))


async def test_the_doctor_makes_a_loader_without_loading(wiki: Wiki) -> None:
    (good,) = await examine_sources(wiki.settings(mood="angry"))
    (bad,) = await examine_sources(wiki.settings(loader="our_wiki.Blog"))
    assert (good.ok, good.says) == (True, "our_wiki.Wiki can be made; nothing was loaded")
    assert (bad.ok, "sources.wiki.loader=our_wiki.Blog" in bad.says) == (False, True)


async def test_a_part_of_a_loaded_source_cannot_be_asked_for(wiki: Wiki) -> None:
    async with opened(wiki.settings()) as kb:
        with pytest.raises(SourceError, match="comes from a loader and has no folders"):
            await kb.reindex("wiki/policies")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ('path = "x"\nloader = "a.B"', "needs either a path or a loader"),
        ("", "needs either a path or a loader"),
        ('path = "x"\nkey = "id"', "key goes with a loader only"),
        ('loader = "a.B"\narguments = { t = "${NOT_SET_ANYWHERE}" }', "NOT_SET_ANYWHERE}, which is not set"),
    ],
)
def test_a_source_has_one_origin(tmp_path: Path, entries: str, sentence: str) -> None:
    (tmp_path / "footnote.toml").write_text(f"[sources.wiki]\n{entries}\n")
    with pytest.raises(ConfigurationError, match=sentence):
        TeamFile.load(tmp_path / "footnote.toml")
