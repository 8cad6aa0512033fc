"""What Claude costs: the list prices of Anthropic's own API, as published on the day below."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from knowledge.costs import Costs

AS_OF = "2026-10-24"
"""https://platform.claude.com/docs/en/about-claude/pricing"""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, which are millionths of a dollar per token."""

    input: float
    output: float
    cache_write: float
    """For five minutes."""
    cache_read: float
    long_prompt: Price | None = None
    """From `LONG_PROMPT` tokens on, for every token of the request."""


LONG_PROMPT = 100_000
PRICES = MappingProxyType(
    {
        "claude-opus-5-5": Price(4, 20, 5, 0.2),
        "claude-sonnet-5-5": Price(2, 10, 2.5, 0.1),
        "claude-sonnet-5": Price(2, 10, 2.5, 0.2),
        "claude-haiku-5-5": Price(0.1, 0.5, 0.125, 0.01, long_prompt=Price(0.5, 2.5, 0.625, 0.05)),
        "claude-haiku-4-5": Price(1, 5, 1.25, 0.1),
    }
)
_DATED = re.compile(r"-\d{8}$")


def charge(costs: Costs, model: str, usage: Mapping[str, int]) -> None:
    """Add one request to what was spent: its tokens, and what they cost where the price is known."""
    costs.add_tokens(usage)
    costs.micro_usd += cost_micro_usd(model, usage) or 0.0


def cost_micro_usd(model: str, usage: Mapping[str, int]) -> float | None:
    """Return what one request cost in millionths of a US dollar; None for a model that is not in the list."""
    price = PRICES.get(_DATED.sub("", model))
    if price is None:
        return None
    read, written = usage.get("cache_read_input_tokens", 0), usage.get("cache_creation_input_tokens", 0)
    fresh = usage.get("input_tokens", 0)
    if price.long_prompt is not None and fresh + read + written > LONG_PROMPT:
        price = price.long_prompt
    paid = fresh * price.input + read * price.cache_read + written * price.cache_write
    return paid + usage.get("output_tokens", 0) * price.output
