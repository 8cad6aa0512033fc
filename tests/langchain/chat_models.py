"""Chat models for the tests: small ones that do what they are written to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable


class Parrot(BaseChatModel):
    """Says what it was told last."""

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return _said(AIMessage(str(messages[-1].content)))


class Librarian(Parrot):
    """Searches with the first tool it was given, then says what the tool found."""

    tool: str = ""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self.model_copy(update={"tool": tools[0].name})

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if isinstance(messages[-1], ToolMessage):
            return super()._generate(messages)
        call = {"name": self.tool, "args": {"query": str(messages[-1].content)}, "id": "call_1"}
        return _said(AIMessage("", tool_calls=[call]))


def _said(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])
