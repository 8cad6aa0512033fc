"""What a Pinecone document index keeps and finds: eventually visible writes, cosine, BM25 and filters, all for real."""

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import Stemmer

Json = dict[str, Any]

_WORD = re.compile(r"\w+")
LONGEST_TOKEN = 40
"""Characters: longer ones are not indexed."""
K1, B = 1.2, 0.75


class RefusedError(Exception):
    """The service answers with a 4xx and this message."""

    def __init__(
        self, message: str, status: int = 400, code: str = "INVALID_ARGUMENT", *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {} if retry_after is None else {"retry-after": str(retry_after)}


@dataclass(frozen=True)
class Stored:
    """A document with what its fields are searched by."""

    fields: Json
    vectors: Mapping[str, np.ndarray]
    tokens: Mapping[str, Counter[str]]


@dataclass
class Write:
    """One accepted change and when reads begin to see it."""

    lsn: int
    visible_at: float
    apply: Callable[[State], None]


@dataclass
class State:
    """The documents as one read sees them."""

    lsn: int = 0
    documents: dict[str, Stored] = field(default_factory=dict)
    postings: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    lengths: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def put(self, name: str, document: Stored) -> None:
        self.drop(name)
        self.documents[name] = document
        for searched, counts in document.tokens.items():
            self.lengths[searched][name] = counts.total()
            for token, count in counts.items():
                self.postings[searched, token][name] = count

    def drop(self, name: str) -> None:
        old = self.documents.pop(name, None)
        if old is None:
            return
        for searched, counts in old.tokens.items():
            del self.lengths[searched][name]
            for token in counts:
                del self.postings[searched, token][name]

    def nearest(self, searched: str, vector: np.ndarray, allowed: Iterable[str], k: int) -> list[tuple[str, float]]:
        """Rank by cosine."""
        names = list(allowed)
        if not names:
            return []
        matrix = np.stack([self.documents[name].vectors[searched] for name in names])
        scores = matrix @ (vector / np.linalg.norm(vector))
        order = np.argsort(-scores, kind="stable")[:k]
        return [(names[i], float(scores[i])) for i in order]

    def bm25(self, fields: Iterable[str], words: Mapping[str, set[str]], allowed: set[str]) -> dict[str, float]:
        """Score by BM25 over each field, summed."""
        scores: dict[str, float] = defaultdict(float)
        for searched in fields:
            lengths = self.lengths[searched]
            average = sum(lengths.values()) / len(lengths) if lengths else 0.0
            for token in words[searched]:
                having = self.postings.get((searched, token), {})
                idf = math.log(1 + (len(lengths) - len(having) + 0.5) / (len(having) + 0.5))
                for name, count in having.items():
                    if name in allowed:
                        norm = K1 * (1 - B + B * lengths[name] / average)
                        scores[name] += idf * count * (K1 + 1) / (count + norm)
        return scores


class Namespace:
    """A log of writes; a read sees those that are old enough for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.writes: list[Write] = []
        self._clock = clock
        self._head = State()
        self._applied = 0

    def add(self, apply: Callable[[State], None], lag: float) -> int:
        """Accept a change that reads see after `lag` seconds, and never before an earlier one."""
        earlier = self.writes[-1].visible_at if self.writes else 0.0
        visible_at = max(self._clock() + lag, earlier)
        self.writes.append(Write(len(self.writes) + 1, visible_at, apply))
        return len(self.writes)

    def read(self, behind: float = 0.0) -> State:
        """Return what a read sees now, or one that is served by a copy so many seconds behind."""
        if behind:
            return _replayed(self.writes, self._clock() - behind)
        self._applied = _advance(self._head, self.writes, self._applied, self._clock())
        return self._head


def _replayed(writes: list[Write], until: float) -> State:
    state = State()
    _advance(state, writes, 0, until)
    return state


def _advance(state: State, writes: list[Write], applied: int, until: float) -> int:
    while applied < len(writes) and writes[applied].visible_at <= until:
        writes[applied].apply(state)
        state.lsn = writes[applied].lsn
        applied += 1
    return applied


class Schema:
    """The searched fields of an index; everything else on a document is metadata."""

    def __init__(self, fields: Mapping[str, Json]) -> None:
        self.fields = dict(fields)

    @property
    def dense(self) -> dict[str, int]:
        return {name: spec["dimension"] for name, spec in self.fields.items() if spec["type"] == "dense_vector"}

    @property
    def text(self) -> dict[str, Json]:
        return {name: spec["full_text_search"] for name, spec in self.fields.items() if spec["type"] == "string"}

    def tokens(self, searched: str, text: str) -> list[str]:
        """Analyse a text as the field is configured."""
        found = [token for token in _WORD.findall(text.lower().replace("_", " ")) if len(token) <= LONGEST_TOKEN]
        if not self.text[searched].get("stemming"):
            return found
        return [str(stem) for stem in Stemmer.Stemmer("english").stemWords(found)]

    def store(self, document: Json) -> Stored:
        """Make a document searchable."""
        vectors = {name: _unit(document[name]) for name in self.dense}
        tokens = {name: Counter(self.tokens(name, document[name])) for name in self.text if name in document}
        return Stored(document, vectors, tokens)


def _unit(values: list[float]) -> np.ndarray:
    vector = np.asarray(values, dtype=np.float64)
    return vector / np.linalg.norm(vector)


def matches(condition: Json, document: Stored, schema: Schema) -> bool:
    """Say whether a document passes a metadata filter."""
    return all(_matches_one(name, wanted, document, schema) for name, wanted in condition.items())


def _matches_one(name: str, wanted: Any, document: Stored, schema: Schema) -> bool:
    if name == "$and":
        return all(matches(part, document, schema) for part in wanted)
    if name == "$or":
        return any(matches(part, document, schema) for part in wanted)
    if name == "$not":
        return not matches(wanted, document, schema)
    operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    value = document.fields.get(name)
    return all(_COMPARISONS[operator](value, operand) for operator, operand in operators.items())


def _any_of(value: Any, operand: list[Any]) -> bool:
    return any(one in operand for one in value) if isinstance(value, list) else value in operand


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, operand: operand in value if isinstance(value, list) else value == operand,
    "$ne": lambda value, operand: value != operand,
    "$in": _any_of,
    "$nin": lambda value, operand: not _any_of(value, operand),
    "$gt": lambda value, operand: value is not None and value > operand,
    "$gte": lambda value, operand: value is not None and value >= operand,
    "$lt": lambda value, operand: value is not None and value < operand,
    "$lte": lambda value, operand: value is not None and value <= operand,
    "$exists": lambda value, operand: (value is not None) == operand,
}


def check_filter(condition: Any, schema: Schema) -> None:
    """Refuse what the service refuses in a filter."""
    if not isinstance(condition, dict) or not condition:
        raise RefusedError("filter must be a non-empty object")
    for name, wanted in condition.items():
        if name in {"$and", "$or"}:
            if not isinstance(wanted, list) or not wanted:
                raise RefusedError(f"{name} takes a non-empty list")
            for part in wanted:
                check_filter(part, schema)
        elif name == "$not":
            check_filter(wanted, schema)
        else:
            _check_predicate(name, wanted, schema)


def _check_predicate(name: str, wanted: Any, schema: Schema) -> None:
    if name.startswith("$"):
        raise RefusedError(f"unknown operator {name}")
    operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    for operator, operand in operators.items():
        if operator not in _COMPARISONS:
            raise RefusedError(f"unknown operator {operator}")
        if name in schema.fields:
            raise RefusedError(f"field {name} is searched, it takes no {operator}")
        if operator in {"$in", "$nin"} and (not isinstance(operand, list) or not 1 <= len(operand) <= 10_000):
            raise RefusedError(f"{operator} takes a list of 1 to 10000 values")
