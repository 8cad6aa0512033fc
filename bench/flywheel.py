"""Prove that feedback helps: simulated people vote on answers, and questions that were kept out are searched again.

    python bench/flywheel.py [--data DIR] [--questions N] [--seed N]

DIR holds a folder of documents and `questions.jsonl`, as `footnote eval` reads it, with "paths". Without it, a team is
made up whose documents call things by other names than its people do. A fifth of the votes is random, and one person
in twenty votes for what is wrong. Prints what the feedback changed, with 95 % intervals that draw whole documents.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.made_up_team import make_team
from knowledge import Answer, Feedback, KnowledgeBase, Outcome, Question, Reason, Settings, Vote
from knowledge.evaluating import Case, load_cases, ndcg, recall, relevance
from knowledge.gates import interval
from knowledge.types import Passage

PEOPLE = 60
HOSTILE = 0.05
"""Share of people who vote for what is wrong, and name wrong documents."""
RANDOM = 0.2
"""Share of votes that say nothing."""
VOTES = 3
"""Per answer."""
NAMES_DOCUMENT = 0.3
"""Share of the 👎 that come with the document that would have been right."""
KEPT_OUT = 0.3
"""Share of the questions that nobody asks before they are measured with."""
K = 50
OPENINGS = ("Can you tell me", "I would like to know", "Quick question for the team:", "Does anybody know")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for one question showed."""

    recall: float
    """Within the first five passages."""
    ndcg: float
    """Within the first ten."""
    dense_recall: float
    """Within the first five by their vectors alone."""


async def main() -> None:
    wanted = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        data = wanted.data or make_team(Path(folder) / "team", seed=wanted.seed)
        settings = Settings.load().model_copy(update={"home": Path(folder) / "home", "database_url": None})
        kb = await KnowledgeBase.open(settings.model_copy(update={"verified_answers": False}))
        try:
            print(json.dumps(await _prove(kb, data, wanted), indent=2))
        finally:
            await kb.close()


async def _prove(kb: KnowledgeBase, data: Path, wanted: argparse.Namespace) -> dict[str, object]:
    began, chance = perf_counter(), random.Random(wanted.seed)
    documents = next(path for path in sorted(data.iterdir()) if path.is_dir())
    await kb.reindex_folder(documents)
    cases = [case for case in load_cases(data / "questions.jsonl") if case.paths and case.answerable]
    cases = sorted(cases, key=_lot)[: wanted.questions]
    kept_out, asked = _split(cases)
    paraphrases = [_reworded(case, chance) for case in asked]
    before, before_new = await _all_found(kb, paraphrases), await _all_found(kb, kept_out)
    votes = await _let_people_vote(kb, asked, chance)
    await kb.learned.refresh()
    ranked, ranked_new = await _all_found(kb, paraphrases), await _all_found(kb, kept_out)
    learnt = await kb.teaching.learn()
    await kb.learned.refresh()
    adapted = await _all_found(kb, kept_out)
    return {
        "data": wanted.data.name if wanted.data else "made up",
        "questions_asked": len(asked),
        "questions_kept_out": len(kept_out),
        "votes": votes,
        "ranking_feedback": {
            "same questions in other words, nDCG@10": _change(paraphrases, before, ranked, "ndcg"),
            "questions nobody asked, nDCG@10": _change(kept_out, before_new, ranked_new, "ndcg"),
        },
        "adapter": {
            "gate": learnt.to_json(),
            "questions nobody asked, recall@5": _change(kept_out, ranked_new, adapted, "recall"),
            "questions nobody asked, nDCG@10": _change(kept_out, ranked_new, adapted, "ndcg"),
            "questions nobody asked, vectors alone, recall@5": _change(kept_out, ranked_new, adapted, "dense_recall"),
        },
        "seconds": round(perf_counter() - began, 1),
    }


def _lot(case: Case) -> bytes:
    return hashlib.sha256((case.group or case.question).encode()).digest()


def _split(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Keep whole groups out: a question in other words would give away what was asked."""
    kept_out = [case for case in cases if _lot(case)[-1] / 256 < KEPT_OUT]
    return kept_out, [case for case in cases if case not in kept_out]


def _reworded(case: Case, chance: random.Random) -> Case:
    """Ask the same in other words, mechanically: another opening, and one short word less."""
    words = case.question.rstrip("?").split()
    short = [place for place, word in enumerate(words) if len(word) <= 3]
    if short and len(words) > 4:
        del words[chance.choice(short)]
    return Case(f"{chance.choice(OPENINGS)} {' '.join(words)}?", paths=case.paths)


async def _all_found(kb: KnowledgeBase, cases: Sequence[Case]) -> list[Found]:
    return [await _found(kb, case) for case in cases]


async def _found(kb: KnowledgeBase, case: Case) -> Found:
    passages = (await kb.search(Question(case.question), k=K)).passages
    shown, by_vector = relevance(case, passages), relevance(case, _by_vector(passages))
    wanted = len(case.paths)
    return Found(recall(shown, wanted, 5), ndcg(shown, wanted), recall(by_vector, wanted, 5))


def _by_vector(passages: Sequence[Passage]) -> list[Passage]:
    """Put what was found in the order of the search by vectors alone."""
    return sorted(passages, key=lambda passage: -passage.scores.get("dense", -1.0))


async def _let_people_vote(kb: KnowledgeBase, cases: Sequence[Case], chance: random.Random) -> int:
    paths = sorted({path for case in cases for path in case.paths})
    votes = 0
    for case in cases:
        answer = await kb.ask(Question(case.question))
        for person in chance.sample(range(PEOPLE), VOTES):
            given = _opinion(answer, case, hostile=person < PEOPLE * HOSTILE, paths=paths, chance=chance)
            if answer.outcome is not Outcome.FAILED:
                votes += await kb.give_feedback(Feedback(answer.id, f"U{person}", **given))
    return votes


def _opinion(
    answer: Answer, case: Case, *, hostile: bool, paths: Sequence[str], chance: random.Random
) -> dict[str, object]:
    """Say what one person thinks: the truth, noise, or the opposite of the truth."""
    right = bool({citation.chunk.path for citation in answer.citations} & {*case.paths}) != hostile
    if chance.random() < RANDOM:
        right = chance.random() < 0.5
    if right:
        return {"vote": Vote.UP}
    names = chance.random() < NAMES_DOCUMENT
    named = chance.choice(paths) if hostile else case.paths[0]
    return {"vote": Vote.DOWN, "reasons": (Reason.WRONG_DOCUMENT,)} | (
        {"correction": "It says so there.", "sources": (named,)} if names else {}
    )


def _change(cases: Sequence[Case], before: Sequence[Found], after: Sequence[Found], name: str) -> dict[str, object]:
    ones, others = ([float(getattr(found, name)) for found in each] for each in (before, after))
    differences = [other - one for one, other in zip(ones, others, strict=True)]
    low, high = interval(differences, [case.paths[0] for case in cases])
    mean = sum(differences) / len(differences)
    return {
        "before": round(sum(ones) / len(ones), 4),
        "after": round(sum(others) / len(others), 4),
        "change": round(mean, 4),
        "interval": [low, high],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=lambda text: Path(text).resolve())
    parser.add_argument("--questions", type=int, default=900, help="at most so many, chosen by their hash")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
