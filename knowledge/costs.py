"""What the services charge for, counted since the start of the process; the metrics show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Costs:
    """One for a knowledge base, added to by every part that is paid for; it only ever grows."""

    input_tokens: int = 0
    """Read by a model and not from its cache; likewise below."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    embedding_tokens: int = 0
    read_units: int = 0
    """Of Pinecone, for searches and fetches."""
    rerank_units: int = 0
    """Of Pinecone, one for each request that was reranked."""
    micro_usd: float = 0.0
    """Millionths of a dollar for the tokens of models whose list price is known."""

    def add_tokens(self, usage: Mapping[str, int]) -> None:
        """Add what a model reports for one request."""
        self.input_tokens += usage.get("input_tokens", 0)
        self.output_tokens += usage.get("output_tokens", 0)
        self.cache_read_tokens += usage.get("cache_read_input_tokens", 0)
        self.cache_write_tokens += usage.get("cache_creation_input_tokens", 0)
