"""The code in docs/langchain.md is run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from knowledge import KnowledgeBase, Settings
from knowledge.adapters.langchain_retriever import FootnoteRetriever
from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder
from tests.langchain.chat_models import Librarian, Parrot
from tests.langchain.stores import needs, pgvector, pgvector_url

PAGE = (Path(__file__).parents[2] / "docs/langchain.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def block(word: str, language: str = "python") -> str:
    (found,) = [each for each in blocks(language) if word in each]
    return found


def run(code: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(code, "docs/langchain.md", "exec"), names)
    return names


def settings_of(code: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in shlex.split(code))


ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def indexed(handbook: Path) -> None:
    """A knowledge base under FOOTNOTE_HOME, filled and closed again."""
    import asyncio

    async def fill() -> None:
        kb = await KnowledgeBase.open(Settings.load())
        await kb.reindex_folder(handbook)
        await kb.close()

    asyncio.run(fill())


def test_the_retriever_of_the_page_prints_what_it_finds(indexed: None, capsys: pytest.CaptureFixture[str]):
    run(block("asyncio.run(main())"))
    assert "leave.md Leave policy > Annual leave" in capsys.readouterr().out


def test_the_program_without_an_event_loop_prints_who_orders(indexed: None, capsys: pytest.CaptureFixture[str]):
    run(block("with footnote_retriever"))
    assert "Priya Raman" in capsys.readouterr().out


async def test_the_chain_of_the_page_answers_from_passages(kb: KnowledgeBase):
    answering = run(block("def answering"))["answering"]
    chain = answering(FootnoteRetriever(kb=kb), Parrot())
    said = await chain.ainvoke("How many days of paid annual leave are there?")
    assert "27 days of paid annual leave" in said
    assert said.endswith("Question: How many days of paid annual leave are there?")


async def test_the_agent_of_the_page_searches_and_answers(kb: KnowledgeBase):
    researcher = run(block("def researcher"))["researcher"]
    agent = researcher(FootnoteRetriever(kb=kb), Librarian())
    messages = (await agent.ainvoke({"messages": [HumanMessage("Who orders laptops?")]}))["messages"]
    (found,) = [message for message in messages if isinstance(message, ToolMessage)]
    assert found.artifact[0].metadata["path"] == "it/laptops.md"
    assert isinstance(messages[-1], AIMessage)
    assert "Priya Raman" in messages[-1].content


def test_the_settings_for_a_vector_store_work_on_a_real_postgres(handbook: Path):
    needs("langchain_postgres")
    server = pgvector()
    url = server.new_database().replace("postgresql://", "postgresql+psycopg://")
    given = settings_of(block("FOOTNOTE_INDEX=", "sh"))
    arguments = json.loads(given["FOOTNOTE_INDEX_ARGUMENTS"])
    arguments["connection"]["url"] = url
    # In processes of their own: langchain-postgres remembers the dimension of its tables while a process lives.
    environment = os.environ | given | {"FOOTNOTE_INDEX_ARGUMENTS": json.dumps(arguments)}
    for words in (["reindex", str(handbook)], ["ask", "How many days of annual leave are there?"]):
        command = [sys.executable, "-m", "bot", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
    assert "27 days" in done.stdout


async def test_the_function_of_the_page_opens_a_table(tmp_path: Path):
    needs("langchain_postgres")
    from langchain_postgres import PGEngine

    engine = PGEngine.from_connection_string(pgvector_url())
    await engine.ainit_vectorstore_table("of_the_page", WordLlamaEmbedder.dimensions, overwrite_existing=True)
    await engine.close()
    path = tmp_path / "ourteam_stores.py"
    path.write_text(block("async def table"), "utf-8")
    arguments = {
        "engine": {"()": "langchain_postgres.PGEngine.from_connection_string", "url": pgvector_url()},
        "name": "of_the_page",
    }
    with on_the_python_path(tmp_path):
        kb = await KnowledgeBase.open(
            Settings(home=tmp_path / "home", index="langchain:ourteam_stores.table", index_arguments=arguments)
        )
    ready = await kb.ready()
    await kb.close()
    assert ready["index"] == "ok"


@contextmanager
def on_the_python_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def test_the_settings_for_an_embedding_model_are_read(monkeypatch: pytest.MonkeyPatch):
    given = settings_of(block("FOOTNOTE_EMBEDDER=", "sh"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.embedder == "langchain:openai:text-embedding-3-small"
    assert settings.embedder_arguments == {"dimensions": 512}
