"""Starting with Pinecone: what does not fit refuses the start, what is away is named and used once it is back."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge import ConfigurationError, KnowledgeBase, Outcome, Question, Settings, SourceSettings, TeamFile
from tests.standins.pinecone_api import PineconeApi, serving

QUESTION = "How many days of annual leave do full-time employees get?"
AWAY, SILENT = "Pinecone could not be reached. Try again in a moment.", "It does not answer."
ROOT = Path(__file__).parents[2]


def by_key(pinecone_settings: Settings, **changed: object) -> Settings:
    """The settings as the key alone makes them: everything is Pinecone's."""
    given = {"index": "pinecone", "embedder": "pinecone", "reranker": "pinecone", "embedder_dimensions": 384}
    return pinecone_settings.model_copy(update=given | changed)


async def start(settings: Settings) -> None:
    """Do what a server does before it takes its first question."""
    kb = await KnowledgeBase.open(settings)
    try:
        await kb.warm_up()
    finally:
        await kb.close()


def other_dimensions(api: PineconeApi) -> dict[str, object]:
    text = {"type": "string", "full_text_search": {"language": "en"}}
    vector = {"type": "dense_vector", "dimension": 1024, "metric": "cosine"}
    api.add_index("footnote", {"embedding": vector, "title": text, "body": text})
    return {}


def made_by_somebody_else(api: PineconeApi) -> dict[str, object]:
    api.add_index("footnote", {"values": {"type": "dense_vector", "dimension": 384, "metric": "cosine"}})
    return {}


def key_of_another_project(api: PineconeApi) -> dict[str, object]:
    api.key = "pcsk_other"
    return {}


@pytest.mark.parametrize(
    ("misfit", "said"),
    [
        (other_dimensions, "compares vectors of 1024 dimensions by cosine, the embedder makes 384"),
        (made_by_somebody_else, "was not made for Footnote"),
        (key_of_another_project, "does not accept PINECONE_API_KEY"),
        (lambda _: {"embedder": "pinecone:gone-v1"}, "FOOTNOTE_EMBEDDER=pinecone:gone-v1: Pinecone has no such model"),
        (lambda _: {"reranker": "pinecone:gone-v1"}, "FOOTNOTE_RERANKER=pinecone:gone-v1: Pinecone has no such model"),
        (lambda _: {"embedder_dimensions": 100}, "FOOTNOTE_EMBEDDER_DIMENSIONS=100"),
    ],
)
async def test_what_does_not_fit_refuses_the_start_with_one_sentence(
    api: PineconeApi,
    pinecone_settings: Settings,
    misfit: Callable[[PineconeApi], dict[str, object]],
    said: str,
):
    changed = misfit(api)
    with pytest.raises(ConfigurationError, match=said) as caught:
        await start(by_key(pinecone_settings, **changed))
    assert len(str(caught.value)) < 400
    assert "pcsk" not in str(caught.value)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_command_ends_with_exit_code_2(api: PineconeApi, command: str):
    made_by_somebody_else(api)
    environment = os.environ | {
        "PINECONE_API_KEY": api.key,
        "PINECONE_CONTROLLER_HOST": api.url,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run([sys.executable, "-m", "bot", command], env=environment, capture_output=True, timeout=60)
    assert done.returncode == 2
    said = [line for line in done.stderr.decode().splitlines() if line.startswith("footnote: ")]
    assert len(said) == 1
    assert "was not made for Footnote" in said[0]


async def test_a_service_that_is_away_at_the_start_is_named_and_used_once_it_is_back(
    pinecone_settings: Settings, handbook: Path
):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    team = TeamFile(sources={"handbook": SourceSettings(path=handbook)})
    kb = await KnowledgeBase.open(by_key(pinecone_settings, pinecone_host=f"http://127.0.0.1:{port}").with_team(team))
    await kb.warm_up()
    ready = await kb.ready()
    assert ready["database"] == "ok"
    assert {ready["embedder"], ready["index"]} <= {AWAY, SILENT}
    with serving(PineconeApi(port=port), "127.0.0.1"):
        assert set((await kb.ready()).values()) == {"ok"}
        await kb.reindex("handbook")
        assert (await kb.ask(Question(QUESTION))).outcome is Outcome.ANSWERED
    await kb.close()


async def test_an_index_that_comes_back_as_another_one_fails_with_words_for_people_and_a_cause_for_the_log(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path
):
    team = TeamFile(sources={"handbook": SourceSettings(path=handbook)})
    kb = await KnowledgeBase.open(by_key(pinecone_settings).with_team(team))
    await kb.reindex("handbook")
    api.indexes.clear()
    other_dimensions(api)
    answers = [await kb.ask(Question(QUESTION)) for _ in range(2)]
    assert {answer.outcome for answer in answers} == {Outcome.FAILED}
    assert "Tell whoever runs this bot" in answers[-1].text
    assert "1024 dimensions" in answers[-1].reason
    assert "1024 dimensions" in (await kb.ready())["index"]
    await kb.close()


async def test_a_part_that_hangs_is_named_before_whoever_asks_loses_patience(
    api: PineconeApi, pinecone_settings: Settings
):
    kb = await KnowledgeBase.open(by_key(pinecone_settings))
    await kb.check()
    api.fail("/embed", 0, times=9)
    async with asyncio.timeout(3):
        assert await kb.ready() == {"database": "ok", "embedder": SILENT, "index": "ok"}
    await kb.close()
