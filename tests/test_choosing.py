"""Choosing the parts: a key turns its service on, a variable overrides it, and what is half set is refused."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge import ConfigurationError, KnowledgeBase, Settings

PARTS = ("index", "embedder", "reranker", "answerer", "understander")


def chosen(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Load the settings with this environment and return the names of the parts."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    return {part: getattr(settings, part) for part in PARTS}


LOCAL = {
    "index": "embedded",
    "embedder": "wordllama",
    "reranker": "none",
    "answerer": "extractive",
    "understander": "words",
}
PINECONE = {"index": "pinecone", "embedder": "pinecone", "reranker": "pinecone"}
CLAUDE = {"answerer": "claude", "understander": "claude"}


@pytest.mark.parametrize(
    ("environment", "changed"),
    [
        ({}, {}),
        ({"PINECONE_API_KEY": "pcsk_1"}, PINECONE),
        ({"PINECONE_API_KEY": ""}, {}),
        ({"PINECONE_API_KEY": "pcsk_1", "FOOTNOTE_INDEX": "embedded"}, PINECONE | {"index": "embedded"}),
        ({"PINECONE_API_KEY": "pcsk_1", "FOOTNOTE_EMBEDDER": "wordllama"}, PINECONE | {"embedder": "wordllama"}),
        ({"PINECONE_API_KEY": "pcsk_1", "FOOTNOTE_RERANKER": "none"}, PINECONE | {"reranker": "none"}),
        (
            {"PINECONE_API_KEY": "pcsk_1", "FOOTNOTE_EMBEDDER": "pinecone:multilingual-e5-large"},
            PINECONE | {"embedder": "pinecone:multilingual-e5-large"},
        ),
        ({"ANTHROPIC_API_KEY": "sk-ant-1"}, CLAUDE),
        ({"ANTHROPIC_API_KEY": "sk-ant-1", "FOOTNOTE_ANSWERER": "extractive"}, {"understander": "claude"}),
        ({"FOOTNOTE_CLAUDE": "bedrock", "FOOTNOTE_CLAUDE_REGION": "eu-central-1"}, CLAUDE),
        ({"PINECONE_API_KEY": "pcsk_1", "ANTHROPIC_API_KEY": "sk-ant-1"}, PINECONE | CLAUDE),
    ],
)
def test_a_key_turns_its_service_on_and_each_part_can_be_chosen_otherwise(
    environment: dict[str, str], changed: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    assert chosen(environment, monkeypatch) == LOCAL | changed


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PINECONE_INDEX": "team"}, "PINECONE_INDEX is set, but PINECONE_API_KEY is not"),
        ({"PINECONE_CONTROLLER_HOST": "http://proxy"}, "PINECONE_CONTROLLER_HOST is set, but PINECONE_API_KEY is not"),
        ({"FOOTNOTE_PINECONE_NAMESPACE": "it"}, "FOOTNOTE_PINECONE_NAMESPACE is set, but PINECONE_API_KEY is not"),
        ({"FOOTNOTE_INDEX_ARGUMENTS": '{"a": 1}'}, "FOOTNOTE_INDEX_ARGUMENTS is set, but FOOTNOTE_INDEX names no"),
        ({"FOOTNOTE_EMBEDDER_ARGUMENTS": '{"a": 1}'}, "FOOTNOTE_EMBEDDER_ARGUMENTS is set, but FOOTNOTE_EMBEDDER"),
        ({"FOOTNOTE_ANSWERER_URL": "http://models"}, "FOOTNOTE_ANSWERER_URL is set, but FOOTNOTE_ANSWERER names no"),
        ({"FOOTNOTE_CLAUDE_REGION": "eu-central-1"}, "FOOTNOTE_CLAUDE_REGION is set, but FOOTNOTE_CLAUDE is not"),
    ],
)
def test_what_is_half_configured_is_refused_with_what_is_missing(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(ConfigurationError, match=said) as caught:
        chosen(environment, monkeypatch)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "environment",
    [
        {"PINECONE_INDEX": "team", "FOOTNOTE_INDEX": "embedded"},
        {"FOOTNOTE_INDEX_ARGUMENTS": "{}", "FOOTNOTE_INDEX": "langchain:a.Store"},
        {"FOOTNOTE_ANSWERER_URL": "http://models", "FOOTNOTE_FALLBACK": "langchain:openai:x"},
    ],
)
def test_what_is_set_on_purpose_is_not_half_configured(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    chosen(environment, monkeypatch)


@pytest.mark.parametrize("part", ["FOOTNOTE_INDEX", "FOOTNOTE_EMBEDDER", "FOOTNOTE_RERANKER"])
async def test_a_part_of_pinecone_without_a_key_refuses_the_start(part: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(part, "pinecone")
    with pytest.raises(ConfigurationError, match=f"{part}=pinecone needs PINECONE_API_KEY"):
        await KnowledgeBase.open(Settings.load())
