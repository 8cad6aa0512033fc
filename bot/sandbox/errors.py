"""The refusals of the sandbox.

SandboxError
├── SlackError     a Web API or response_url call is refused, as Slack would
└── GestureError   what a person tried on the page cannot be done
"""

from collections.abc import Sequence
from typing import Any


class SandboxError(Exception):
    """Base of everything that the sandbox refuses."""


class SlackError(SandboxError):
    """A call is refused with one of Slack's error codes; `fields` join the response."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields

    @classmethod
    def with_messages(cls, code: str, problems: Sequence[str]) -> "SlackError":
        """Refuse with one line per problem where Slack puts them."""
        fields = {"response_metadata": {"messages": [f"[ERROR] {problem}" for problem in problems]}}
        if code == "invalid_blocks":
            fields["errors"] = list(problems)  # type: ignore[assignment]
        return cls(code, **fields)


class GestureError(SandboxError):
    """A person's gesture failed; the code is for programs, the sentence for the person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
