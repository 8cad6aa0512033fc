"""Builders of the sets that teach a model to write: sft, dpo, kto, raft (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from knowledge.adapters.quoted_request import DECLINE, reply
from knowledge.datasets.rows import Kind, Left, Row
from knowledge.datasets.weighing import STANDS, Basis, Better, Standing, Weighed
from knowledge.datasets.writing import (
    Cited,
    Lines,
    cited,
    completion,
    details,
    is_whole,
    lines,
    prompt,
    said,
    says_the_same,
)
from knowledge.types import Chunk, Outcome, Passage

WITHOUT_SOURCE = 20
"""Percent of the RAFT rows whose sources are taken away, so that they teach to decline (RAFT's P is 80 %)."""

_UNCITED = "a sentence stands there without a true footnote, or the answer was cut"

Found = Iterable[Row | Left]


def sft(one: Weighed) -> Found:
    """Approved answers and what people wrote instead."""
    fault = _not_for_generators(one)
    if fault:
        yield Left(Kind.SFT, fault)
        return
    if one.standing is Standing.GOOD:
        yield from _completed(Kind.SFT, one)
    for better in _usable(one, Kind.SFT):
        yield better if isinstance(better, Left) else _better_row(Kind.SFT, one, *better)
    if one.standing in {Standing.BAD, Standing.CONTESTED, Standing.OPEN} and not one.better:
        yield Left(Kind.SFT, STANDS[one.standing])


def dpo(one: Weighed) -> Found:
    """What people wrote instead, against the answer to the same request."""
    fault = _not_for_generators(one) or _no_negative(one)
    if fault:
        yield Left(Kind.DPO, fault)
        return
    if not one.better and one.standing is not Standing.GOOD:
        yield Left(Kind.DPO, "nobody wrote what would have been right")
    for better in _usable(one, Kind.DPO):
        yield better if isinstance(better, Left) else _pair(one, *better)


def kto(one: Weighed) -> Found:
    """Answers with their thumbs, and what people wrote instead."""
    fault = _not_for_generators(one)
    if fault:
        yield Left(Kind.KTO, fault)
        return
    if one.standing is Standing.GOOD:
        yield from _completed(Kind.KTO, one, label=True)
    elif one.standing is Standing.BAD:
        fault = _no_negative(one)
        yield (
            Left(Kind.KTO, fault)
            if fault
            else _row(Kind.KTO, one, {"completion": said(completion(one.exchange)), "label": False})
        )
    else:
        yield Left(Kind.KTO, STANDS[one.standing])
    for better in _usable(one, Kind.KTO):
        yield better if isinstance(better, Left) else _better_row(Kind.KTO, one, *better, label=True)


def raft(one: Weighed) -> Found:
    """Answers among passages that mislead, and declines where the source is missing."""
    fault = _not_for_generators(one)
    if fault:
        yield Left(Kind.RAFT, fault)
        return
    if one.standing is Standing.GOOD and one.exchange.answer.outcome is Outcome.ANSWERED:
        yield _mixed(one, lines(one.exchange)) if is_whole(one.exchange) else Left(Kind.RAFT, _UNCITED)
        return
    whole = [each for each in _usable(one, Kind.RAFT) if not isinstance(each, Left) and each[1].whole]
    yield from (_mixed(one, grounded.lines, better) for better, grounded in whole)
    if not whole:
        yield Left(Kind.RAFT, "no answer that was approved names its passages")


def _not_for_generators(one: Weighed) -> str:
    exchange = one.exchange
    if exchange.answer.outcome is Outcome.FAILED:
        return "a service had failed: that says nothing of an answer"
    if exchange.verified_id is not None:
        return "a verified answer was given again"
    return "" if exchange.passages else "nothing had been found that could be answered from"


def _no_negative(one: Weighed) -> str:
    if one.blames_retrieval:
        return "the dislike blames what was found, not how it was answered"
    if one.exchange.answer.outcome is not Outcome.ANSWERED:
        return "a decline is disliked for what was not found"
    return ""


def _completed(kind: Kind, one: Weighed, **label: bool) -> Found:
    """Make the row of an answer as it was shown."""
    if one.exchange.answer.outcome is Outcome.ANSWERED and not is_whole(one.exchange):
        yield Left(kind, _UNCITED)
        return
    yield _row(kind, one, {"completion": said(completion(one.exchange)), **label})


def _usable(one: Weighed, kind: Kind) -> Iterator[tuple[Better, Cited] | Left]:
    """Yield what people wrote instead, as far as a generator may learn it from the passages that it had."""
    for better in one.better:
        grounded = cited(better.text, one.exchange.passages)
        if one.standing is Standing.CONTESTED and better.basis is not Basis.REVIEW:
            yield Left(kind, STANDS[Standing.CONTESTED])
        elif not grounded.whole and (one.blames_retrieval or _names_another(better, one.exchange.passages)):
            yield Left(kind, "the correction rests on a document that was not found")
        else:
            yield better, grounded


def _names_another(better: Better, passages: Sequence[Passage]) -> bool:
    """Say whether the sources that a person names are none of the passages'."""
    return bool(better.sources) and not any(
        _is_from(passage.chunk, name) for passage in passages for name in better.sources
    )


def _is_from(chunk: Chunk, name: str) -> bool:
    wanted = name.strip().strip("/").casefold()
    known = {chunk.path, f"{chunk.source}/{chunk.path}", chunk.title, chunk.url or chunk.path}
    return any(wanted == each.strip("/").casefold() for each in known)


def _better_row(kind: Kind, one: Weighed, better: Better, grounded: Cited, **label: bool) -> Row:
    row = _row(kind, one, {"completion": said(reply(grounded.lines)), **label})
    more = {**row.details, "grounded": grounded.whole}
    return replace(row, basis=better.basis, origin=better.origin.value, people=better.people, details=more)


def _pair(one: Weighed, better: Better, grounded: Cited) -> Row | Left:
    chosen, rejected = reply(grounded.lines), completion(one.exchange)
    if chosen == rejected:
        return Left(Kind.DPO, "the correction says the same as the answer")
    row = _row(Kind.DPO, one, {"chosen": said(chosen), "rejected": said(rejected)})
    return replace(
        row,
        basis=better.basis,
        origin="+".join(dict.fromkeys([better.origin.value, row.origin])),
        people=better.people,
        details={**row.details, "grounded": grounded.whole},
    )


def regenerated(weighed: Sequence[Weighed]) -> Iterator[Row]:
    """Pair answers to the very same request of which one is liked and the other disliked."""
    requests: dict[bytes, list[Weighed]] = {}
    for one in weighed:
        if one.exchange.request and not _not_for_generators(one):
            requests.setdefault(hashlib.sha256(one.exchange.request).digest(), []).append(one)
    for same in requests.values():
        good = [one for one in same if one.standing is Standing.GOOD and is_whole(one.exchange)]
        bad = [one for one in same if one.standing is Standing.BAD and not _no_negative(one)]
        yield from (_opposed(one, other) for one, other in product(good, bad) if _differ(one, other))


def _differ(one: Weighed, other: Weighed) -> bool:
    return completion(one.exchange) != completion(other.exchange)


def _opposed(one: Weighed, other: Weighed) -> Row:
    data = {"chosen": said(completion(one.exchange)), "rejected": said(completion(other.exchange))}
    row = _row(Kind.DPO, one, data)
    origins = dict.fromkeys([row.origin, other.written_by])
    more = {**row.details, "rejected_answer_id": other.id}
    return replace(row, origin="+".join(origins), people=(*one.people, *other.people), details=more)


def _mixed(one: Weighed, told: Lines, better: Better | None = None) -> Row | Left:
    """Shuffle the sources among the passages that nobody cited, or take them away."""
    passages = one.exchange.passages
    oracles = sorted({number for _, quotes in told for number, _ in quotes})
    sources = [passages[number - 1] for number in oracles]
    others = [passage for number, passage in enumerate(passages, 1) if number not in oracles]
    foreign = [passage for passage in others if not any(says_the_same(passage, source, told) for source in sources)]
    if not foreign:
        return Left(Kind.RAFT, "every passage that was found is cited: there is nothing to be led astray by")
    declines = _draw(one.id, "without its source") % 100 < WITHOUT_SOURCE
    shown = _shuffled(one.id, foreign if declines else [*sources, *foreign], unlike=passages)
    places = {passage.chunk.id: number for number, passage in enumerate(shown, 1)}
    moved = [(text, [(places.get(passages[n - 1].chunk.id, 0), words) for n, words in quotes]) for text, quotes in told]
    row = _row(Kind.RAFT, one, {"completion": said(DECLINE if declines else reply(moved))}, shown=shown)
    more = {**row.details, "source": "taken away" if declines else "among others"}
    if better is None:
        return replace(row, details=more)
    return replace(row, basis=better.basis, origin=better.origin.value, people=better.people, details=more)


def _shuffled(seed: str, passages: Sequence[Passage], *, unlike: Sequence[Passage]) -> list[Passage]:
    """Order by a draw that is the same every time; another order than the one that was shown, where there is one."""
    order = sorted(passages, key=lambda passage: _draw(seed, passage.chunk.id))
    return order[1:] + order[:1] if order == list(unlike) else order


def _draw(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()[:8])


def _row(kind: Kind, one: Weighed, data: Mapping[str, Any], *, shown: Sequence[Passage] | None = None) -> Row:
    """Put the prompt before what it leads to."""
    passages = one.exchange.passages if shown is None else shown
    return Row(
        kind=kind,
        data={"prompt": prompt(one.exchange, passages), **data},
        answer_id=one.id,
        basis=one.basis,
        origin=one.written_by,
        people=one.people,
        target=repr(data),
        details=details(one.exchange) | {"chunks": [passage.chunk.id for passage in passages]},
    )
