"""The compatibility matrix: which backend goes by which name, imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from knowledge.errors import ConfigurationError
from knowledge.types import Exchange

EMBEDDERS = MappingProxyType(
    {
        "fastembed": "knowledge.adapters.fastembed_embedder.FastEmbedEmbedder",
        "langchain": "knowledge.adapters.langchain_embedder.LangChainEmbedder",
        "pinecone": "knowledge.adapters.pinecone_embedder.PineconeEmbedder",
        "wordllama": "knowledge.adapters.wordllama_embedder.WordLlamaEmbedder",
    }
)
INDEXES = MappingProxyType(
    {
        "embedded": "knowledge.adapters.embedded_index.EmbeddedIndex",
        "langchain": "knowledge.adapters.langchain_index.LangChainIndex",
        "pinecone": "knowledge.adapters.pinecone_index.PineconeIndex",
    }
)
RERANKERS = MappingProxyType(
    {
        "none": "knowledge.adapters.no_reranker.NoReranker",
        "pinecone": "knowledge.adapters.pinecone_reranker.PineconeReranker",
    }
)
JOBS = MappingProxyType(
    {
        "process": "knowledge.jobs.ProcessJobs",
        "procrastinate": "knowledge.adapters.procrastinate_jobs.ProcrastinateJobs",
    }
)
UNDERSTANDERS = MappingProxyType(
    {
        "claude": "knowledge.adapters.claude_understander.ClaudeUnderstander",
        "words": "knowledge.adapters.words_understander.WordsUnderstander",
    }
)
REDACTORS = MappingProxyType(
    {
        "none": "knowledge.datasets.redacting.NoRedactor",
        "patterns": "knowledge.datasets.redacting.PatternRedactor",
    }
)
ANSWERERS = MappingProxyType(
    {
        "claude": "knowledge.adapters.claude_answerer.ClaudeAnswerer",
        "extractive": "knowledge.adapters.extractive_answerer.ExtractiveAnswerer",
        "langchain": "knowledge.adapters.langchain_answerer.LangChainAnswerer",
    }
)

RENDERERS = MappingProxyType(
    {
        "claude": "knowledge.adapters.claude_request.render",
        "extractive": "knowledge.adapters.extractive_answerer.render",
        "langchain": "knowledge.adapters.langchain_answerer.render",
    }
)
"""What writes an answerer's request again: (exchange, prompts by name) → bytes."""


def build(table: Mapping[str, str], choice: str, *, variable: str, **parts: Any) -> Any:
    """Make the chosen backend: ours by its name with the parts it needs, anybody's by its dotted path without any.

    What follows a colon goes to the backend as its `argument`: `langchain:openai:gpt-5` names a model.
    Raises ConfigurationError that names the variable and the class.
    """
    name, colon, argument = choice.partition(":")
    ours = table.get(name)
    if colon:
        parts["argument"] = argument
    if ours is None and "." not in choice:
        known = ", ".join(sorted(table))
        raise ConfigurationError(f"{variable}={choice}: choose one of {known}, or the dotted path of a class.")
    found = _import(ours or choice, variable)
    try:
        return found.build(**parts) if ours else found()
    except ConfigurationError:
        raise
    except Exception as exc:
        raise ConfigurationError(f"{variable}={choice}: the class cannot be built: {_short(exc)}") from exc


def renderer(answerer: str) -> Callable[[Exchange, Mapping[str, str]], bytes] | None:
    """Return what writes this answerer's requests again; None for somebody else's answerer."""
    path = RENDERERS.get(answerer)
    return None if path is None else _import(path, "FOOTNOTE_ANSWERER")


def _import(path: str, variable: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as exc:
        raise ConfigurationError(f"{variable}={path}: there is no module {exc.name} on the Python path.") from exc
    except AttributeError as exc:
        raise ConfigurationError(f"{variable}={path}: the module {module} has no {name}.") from exc
    except Exception as exc:
        raise ConfigurationError(f"{variable}={path}: the module cannot be imported: {_short(exc)}") from exc


def _short(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
