"""What the Messages API refuses, as the service does in version 2026-10-21: each rule returns its complaint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

VERSION = "2026-10-21"
MODELS = {"claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5", "claude-sonnet-5"}
NO_EFFORT = {"claude-haiku-4-5"}
EFFORTS = {"low", "medium", "high", "xhigh", "max"}
FIELDS = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "stop_sequences", "metadata",
    "output_config", "thinking", "cache_control", "service_tier", "container", "inference_geo",
}  # fmt: skip
SAMPLING = {"temperature", "top_p", "top_k"}
BLOCK_FIELDS = {
    "text": {"type", "text", "citations", "cache_control"},
    "search_result": {"type", "source", "title", "content", "citations", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "document": {"type", "source", "title", "context", "citations", "cache_control"},
}
REQUIRED = {
    "text": {"text"},
    "search_result": {"source", "title", "content"},
    "tool_result": {"tool_use_id"},
    "tool_use": {"id", "name", "input"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
    "document": {"source"},
}
ALLOWED_IN = {
    "user": {"text", "search_result", "tool_result", "document"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
MOST_BREAKPOINTS = 4


def signature(thinking: str) -> str:
    """Sign a thought, so that an altered one is recognised when it comes back."""
    return hashlib.sha256(f"stand-in {thinking}".encode()).hexdigest()


def complaints(body: Any) -> Iterator[str]:
    """Yield everything that the service would refuse in a request's body."""
    if not isinstance(body, dict):
        yield "the body must be an object"
        return
    for rule in (_fields, _numbers, _model_options, _system, _tools, _messages, _tool_order, _citations, _breakpoints):
        yield from rule(body)


def blocks(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every content block of the messages with its role; those in tool results after the block they stand in."""
    for message in body.get("messages", []):
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield message["role"], block
            if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
                yield from ((message["role"], inner) for inner in block["content"])


def search_results(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the search results in the order in which citations count them."""
    return [block for _, block in blocks(body) if block.get("type") == "search_result"]


def _fields(body: dict[str, Any]) -> Iterator[str]:
    for name in sorted(set(body) & SAMPLING):
        yield f"{name}: sampling parameters are not supported"
    for name in sorted(set(body) - FIELDS - SAMPLING):
        yield f"{name}: Extra inputs are not permitted"
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            yield f"{name}: Field required"


def _numbers(body: dict[str, Any]) -> Iterator[str]:
    limit = body.get("max_tokens", 1)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= 128_000:
        yield "max_tokens: must be between 0 and 128000"
    if not isinstance(body.get("stream", False), bool):
        yield "stream: must be a boolean"


def _model_options(body: dict[str, Any]) -> Iterator[str]:
    config = body.get("output_config", {})
    if set(config) - {"effort", "format"} or config.get("effort", "low") not in EFFORTS:
        yield "output_config: invalid"
    if "effort" in config and body.get("model") in NO_EFFORT:
        yield "output_config.effort: not supported by this model"
    if body.get("thinking", {}).get("type") == "disabled" and str(body.get("model")).startswith("claude-sonnet-5-5"):
        yield 'thinking: use "between_tools" with this model'
    if body.get("tool_choice", {}).get("type") in {"any", "tool"}:
        yield "tool_choice: forced tool use is not supported by this model"


def _system(body: dict[str, Any]) -> Iterator[str]:
    system = body.get("system", [])
    if isinstance(system, str):
        return
    for block in system:
        if block.get("type") != "text" or set(block) - {"type", "text", "cache_control"} or not block.get("text"):
            yield "system: only text blocks"


def _tools(body: dict[str, Any]) -> Iterator[str]:
    for tool in body.get("tools", []):
        if set(tool) - {"name", "description", "input_schema", "type", "cache_control", "strict"}:
            yield "tools: Extra inputs are not permitted"
        if not TOOL_NAME.fullmatch(tool.get("name", "")) or tool.get("input_schema", {}).get("type") != "object":
            yield "tools: a name and an object schema are required"
    if "tool_choice" in body and not body.get("tools"):
        yield "tool_choice: may only be specified while providing tools"


def _messages(body: dict[str, Any]) -> Iterator[str]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
        return
    if messages[0].get("role") != "user":
        yield "messages: first message must use the user role"
    if messages[-1].get("role") != "user":
        yield "messages: this model does not support assistant message prefill"
    for message in messages:
        if set(message) != {"role", "content"} or message["role"] not in ALLOWED_IN:
            yield "messages: role and content are required"
            return
        if not message["content"]:
            yield "messages: all messages must have non-empty content"
    for role, block in blocks(body):
        yield from _block(role, block)


def _block(role: str, block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type", "")
    if kind not in ALLOWED_IN[role]:
        yield f"messages: {kind} blocks are not permitted in {role} messages"
        return
    if set(block) - BLOCK_FIELDS[kind]:
        yield f"messages: {kind}: Extra inputs are not permitted: {sorted(set(block) - BLOCK_FIELDS[kind])}"
    if REQUIRED[kind] - set(block):
        yield f"messages: {kind}: Field required"
    elif kind == "text":
        yield from _text(role, block)
    elif kind == "search_result":
        yield from _search_result(block)
    elif kind == "thinking" and block["signature"] != signature(block["thinking"]):
        yield "messages: thinking blocks cannot be modified"


def _text(role: str, block: dict[str, Any]) -> Iterator[str]:
    if not isinstance(block["text"], str) or not block["text"].strip():
        yield "messages: text content blocks must be non-empty"
    if role == "user" and block.get("citations"):
        yield "messages: citations are not permitted on user text"


def _search_result(block: dict[str, Any]) -> Iterator[str]:
    if not block["content"] or not block["source"] or not block["title"]:
        yield "search_result: source, title and content must not be empty"
    for part in block["content"]:
        if part.get("type") != "text":
            yield "search_result: only text blocks"
            continue
        if part.get("citations"):
            yield "search_result: citations are not permitted on text inside"
        if not part.get("text", "").strip():
            yield "search_result: text content blocks must be non-empty"


def _tool_order(body: dict[str, Any]) -> Iterator[str]:
    """Every tool call is answered in the very next message, and nothing else is."""
    calls: set[str] = set()
    for message in body.get("messages", []):
        content = message["content"] if isinstance(message["content"], list) else []
        answered = {block.get("tool_use_id") for block in content if block.get("type") == "tool_result"}
        if answered != calls:
            yield "messages: tool_use ids without tool_result blocks, or the reverse"
        calls = {block["id"] for block in content if block.get("type") == "tool_use"}


def _citations(body: dict[str, Any]) -> Iterator[str]:
    enabled = {bool(result.get("citations", {}).get("enabled")) for result in search_results(body)}
    if len(enabled) > 1:
        yield "search_result: citations must be enabled on all or none of the search results"


def _breakpoints(body: dict[str, Any]) -> Iterator[str]:
    if _marked(body) > MOST_BREAKPOINTS:
        yield f"cache_control: a maximum of {MOST_BREAKPOINTS} blocks may be provided"


def _marked(value: Any) -> int:
    if isinstance(value, dict):
        return ("cache_control" in value) + sum(_marked(part) for part in value.values())
    return sum(_marked(part) for part in value) if isinstance(value, list) else 0
