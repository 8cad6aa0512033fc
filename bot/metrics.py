"""What an operator can watch: Prometheus metrics, every label from a closed set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from knowledge import Answer, Costs, Outcome, SourceStatus

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_KNOWN_ERRORS = frozenset(
    "ratelimited not_in_channel channel_not_found is_archived invalid_auth missing_scope invalid_blocks "
    "msg_blocks_too_long msg_too_long expired_trigger_id message_not_in_streaming_state message_not_found "
    "thread_not_found internal_error fatal_error service_unavailable timeout connection token_revoked "
    "account_inactive invalid_arguments streaming_state_conflict user_not_in_channel".split()
)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.acknowledged = Histogram(
            "bot_ack_seconds", "Delivery to acknowledgement.", buckets=_FAST, registry=registry
        )
        self.answered = Histogram("bot_answer_seconds", "Delivery to visible answer.", buckets=_SLOW, registry=registry)
        self.answers = Counter("bot_answers_total", "Answers by how they ended.", ["outcome"], registry=registry)
        self.rejected = Counter(
            "bot_citations_rejected_total", "Sentences left without a true footnote.", ["reason"], registry=registry
        )
        self.duplicates = Counter(
            "bot_duplicate_events_total", "Deliveries that had arrived before.", registry=registry
        )
        self.taken_over = Counter(
            "bot_taken_over_total", "Deliveries taken over from a process that went silent.", registry=registry
        )
        self.ambiguous = Counter(
            "bot_outbox_ambiguous_total", "Posts of which nobody knows whether they arrived.", registry=registry
        )
        self.upstream_errors = Counter(
            "bot_upstream_errors_total", "Errors of services.", ["service", "kind"], registry=registry
        )
        self.blocks = Counter(
            "bot_security_blocks_total", "Requests and actions that were refused.", ["kind"], registry=registry
        )
        self.queue_depth = Gauge("bot_queue_depth", "Questions that wait for a worker.", registry=registry)
        self.queue_oldest = Gauge(
            "bot_queue_oldest_seconds", "How long the oldest of them has waited.", registry=registry
        )
        self.index_age = Gauge(
            "bot_index_age_seconds", "Age of the source that was indexed longest ago.", registry=registry
        )

    def watch_costs(self, costs: Costs) -> None:
        """Show what the services were paid for, as it stands when the metrics are asked for."""
        self.registry.register(_CostsCollector(costs))

    def watch_queue(self, depth: Callable[[], float], oldest: Callable[[], float]) -> None:
        """Read the queue's gauges when they are asked for."""
        self.queue_depth.set_function(depth)
        self.queue_oldest.set_function(oldest)

    def upstream_error(self, service: str, kind: str) -> None:
        """Count an error; a kind we have no name for is `other`, so that labels stay few."""
        self.upstream_errors.labels(service, kind if kind in _KNOWN_ERRORS else "other").inc()

    def answer(self, answer: Answer, seconds: float) -> None:
        """Count an answer that became visible."""
        self.answers.labels("truncated" if answer.shortened else _OUTCOMES[answer.outcome]).inc()
        self.answered.observe(seconds)
        if answer.outcome is Outcome.FAILED:
            self.upstream_error("knowledge", "other")
        unsupported = sum(not sentence.supported for sentence in answer.sentences)
        if unsupported:
            self.rejected.labels("unsupported").inc(unsupported)

    def sources(self, sources: Sequence[SourceStatus]) -> None:
        """Note how old the index is."""
        indexed = [source.indexed_at for source in sources if source.indexed_at is not None]
        if indexed:
            oldest = min(then if then.tzinfo else then.replace(tzinfo=UTC) for then in indexed)
            self.index_age.set((datetime.now(UTC) - oldest).total_seconds())

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)


class _CostsCollector(Collector):
    """Counters that somebody else keeps."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        costs = self._costs
        tokens = CounterMetricFamily("bot_tokens", "Tokens that models have read and written.", labels=["type"])
        for kind in ("input", "output", "cache_read", "cache_write", "embedding"):
            tokens.add_metric([kind], getattr(costs, f"{kind}_tokens"))
        yield tokens
        yield CounterMetricFamily(
            "bot_cost_usd", "What Claude's tokens cost by its price list, in US dollars.", value=costs.micro_usd / 1e6
        )
        yield CounterMetricFamily("bot_read_units", "Pinecone's units for searches.", value=costs.read_units)
        yield CounterMetricFamily("bot_rerank_units", "Pinecone's units for reranking.", value=costs.rerank_units)


_OUTCOMES = {"answered": "answered", "declined": "abstained", "failed": "failed"}
