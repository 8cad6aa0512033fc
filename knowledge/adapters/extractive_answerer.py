"""Answers with the documents' own sentences: no model, no network; declines when no sentence says what is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from knowledge.covering import (
    Candidate, Frequency, Signals, _ALIKE, alike, bases, covered, is_steps, matches, new_words, signals, synonymous, weights,
)
from knowledge.lexical import fold, terms
from knowledge.plain_text import plain_text
from knowledge.ports import AnswerEvent, AnswerRequest, Embedder
from knowledge.questions import Asked, Expected, asked
from knowledge.statements import statements
from knowledge.types import Passage, Vectors

_LOOKED_AT = 14


class ExtractiveAnswerer:
    name = "extractive"

    def __init__(self, embedder: Embedder, document_frequency: Frequency | None = None) -> None:
        self._embedder = embedder
        self._frequency = document_frequency
        self._vectors: dict[str, Vectors] = {}

    async def scored(self, text: str, passages: Sequence[Passage]):
        question = asked(text)
        candidates = [c for number, p in enumerate(passages) for c in _candidates(number, p)]
        frequency = self._frequency or _local(candidates)
        weight = weights(question, frequency)
        lexical = [(matches(question, c), c) for c in candidates if new_words(question, c)]
        from knowledge.covering import fits
        pre = sorted(lexical, key=lambda hc: -(covered(hc[0], weight) + 0.15 * fits(question, hc[1].statement) + 0.1 * hc[1].rank))[:_LOOKED_AT]
        if not pre:
            return question, []
        texts = [f"{c.statement.lead} {c.statement.text}".strip() for _, c in pre]
        open_words = [w for i, w in enumerate(question.surface) if not question.names[i] and any(h[i] < 0.7 for h, _ in pre)]
        words = {w for _, c in pre for w in _surface(c)} | set(open_words) if open_words else set()
        fresh = [w for w in words if w not in self._vectors]
        vecs = await self._embedder.embed_documents([text, *texts, *fresh])
        self._vectors.update(zip(fresh, vecs[1 + len(texts):], strict=True))
        cos = vecs[1:1 + len(texts)] @ vecs[0]
        out = []
        for (held, c), co in zip(pre, cos, strict=True):
            soft = list(held)
            surf = _surface(c) if open_words else ()
            for i, w in enumerate(question.surface):
                if held[i] < _ALIKE and not question.names[i]:
                    bound = c.own | c.lead | c.heading
                    s = 1.0 if synonymous(question.words[i][0] if question.words[i] else "", bound) else alike(w, surf, self._vectors)
                    soft[i] = max(held[i], _ALIKE * s)
            out.append((signals(question, c, weight, soft, float(co), frequency), c))
        return question, out


def _surface(c: Candidate) -> list[str]:
    return [w for w in {fold(w.strip(".,;:()[]\"'`")) for w in f"{c.statement.lead} {c.statement.heading} {c.statement.text}".split()} if w.isalpha() and len(w) > 2]


def _candidates(number: int, passage: Passage):
    plain = plain_text(passage.chunk.text)
    around = bases(plain.text)
    place = bases((f"{passage.chunk.title} {passage.chunk.heading} {passage.chunk.path.replace('/', ' ')}"))
    for s in statements(passage, plain):
        if s.text:
            yield Candidate(s, number, passage.score, bases((s.text)), bases((s.lead)), bases((s.before)), bases((s.heading)), place, around)


def _local(candidates):
    n = {c.passage: c.around for c in candidates}
    def f(term: str) -> float:
        return sum(term in a for a in n.values()) / max(len(n), 1) * 0.02
    return f
