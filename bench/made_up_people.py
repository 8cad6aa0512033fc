"""Made-up people in the sandbox: they ask, vote by the buttons, correct in the form, and review in the Home tab."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.made_up_team import Fact
from bot.review_blocks import GIVEN_AGAIN
from bot.sandbox import Channel, Message, SandboxServer, User

ADMIN, REVIEWER = "U0ADA", "U0VERA"
SILENT = "U0PERSON07"
"""Opts out on the first day."""
PEOPLE = tuple(f"U0PERSON{number:02}" for number in range(1, 25))
HOSTILE = frozenset({"U0PERSON13"})
"""Votes for what is wrong and corrects what is right."""
PUBLIC = ("C0GENERAL", "C0ITDESK", "C0OFFICES")
LEADS, QUIET, HELP = "C0LEADS", "C0QUIET", "C0HELP"
"""A private channel that may read about pay; one that takes no part; where questions go to people."""
NOISE = 0.15
"""Share of votes that say nothing."""
FINDS_IT_CLUMSY = 0.1
"""Share of right answers that somebody would have put otherwise."""
ASKER_VOTES, OTHERS_VOTE, NAMES_DOCUMENT = 0.7, 0.35, 0.6
LOOK_ON = 3
"""Others who may vote on what was asked in a channel."""
PATIENCE = 30.0
"""Seconds for whatever the bot shows next."""
REVIEWED_AT_ONCE, AT_ONCE = 12, 4


def users() -> list[User]:
    """Return everybody."""
    staff = [User(ADMIN, "ada", "Ada Okafor", admin=True), User(REVIEWER, "vera", "Vera Stone")]
    return [*staff, *(User(each, each[2:].lower(), f"Person {each[-2:]}") for each in PEOPLE)]


def channels(app_user: str) -> list[Channel]:
    """Return the channels, with everybody and the app in them."""
    everybody = {ADMIN, REVIEWER, *PEOPLE, app_user}
    public = [Channel(each, each[2:].lower(), set(everybody)) for each in (*PUBLIC, QUIET, HELP)]
    return [*public, Channel(LEADS, "leads", {ADMIN, *PEOPLE[:3], app_user}, private=True)]


@dataclass(frozen=True, slots=True)
class Asking:
    """One question that somebody will ask."""

    fact: Fact
    wording: int
    person: str
    place: str
    """A channel's id, `ask` or `direct`."""
    chance: random.Random

    @property
    def text(self) -> str:
        """The question."""
        return self.fact.questions[self.wording % len(self.fact.questions)]


def plan(facts: Sequence[Fact], *, days: int, a_day: int, seed: int) -> list[list[Asking]]:
    """Decide who asks what, where and when; every fact is asked before one is asked again."""
    chance = random.Random(seed)
    order: list[Fact] = []
    while len(order) < days * a_day:
        order += chance.sample(list(facts), len(facts))
    asked: Counter[str] = Counter()
    planned = []
    for number, fact in enumerate(order[: days * a_day]):
        person, place = chance.choice(PEOPLE), _place(fact, chance)
        if place == LEADS:
            person = chance.choice(PEOPLE[:3])
        wording = asked[fact.questions[0]]
        asked[fact.questions[0]] += 1
        planned.append(Asking(fact, wording, person, place, random.Random(f"{seed} {number}")))
    return [planned[day * a_day : (day + 1) * a_day] for day in range(days)]


def _place(fact: Fact, chance: random.Random) -> str:
    if fact.source == "pay":
        return LEADS
    if chance.random() < 0.2:
        return chance.choice(("ask", "direct", "direct", QUIET))
    return chance.choice(PUBLIC)


@dataclass(slots=True)
class Team:
    """The people of one workspace, and what they have done so far."""

    sandbox: SandboxServer
    facts: Mapping[str, Fact]
    """By every wording of their questions."""
    done: Counter[str] = field(default_factory=Counter)
    verified: dict[str, Fact] = field(default_factory=dict)
    """Questions whose answers are given again since the reviewer approved or wrote them."""
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    """Each person does one thing at a time."""

    async def live(self, asking: Asking) -> None:
        """Ask a question; the asker, and others who read along, say what they think of the answer."""
        answer = await self._ask(asking)
        self.done["questions"] += 1
        self.done["declined"] += answer.text.startswith("I could not find this")
        chance, voters = asking.chance, []
        wanted = "Was this right?" in str(answer.blocks)
        if wanted or chance.random() < ASKER_VOTES:
            voters.append(asking.person)
        if asking.place in PUBLIC:
            others = chance.sample([each for each in PEOPLE if each != asking.person], LOOK_ON)
            voters += [each for each in others if chance.random() < OTHERS_VOTE]
        for person in voters:
            await self._judge(person, answer, asking)
        if not asking.fact.path and asking.place in PUBLIC and chance.random() < 0.3:
            await self.sandbox.person(asking.person).click(answer, "ask_human")
            self.done["ask_human"] += 1

    def _alone(self, name: str) -> asyncio.Lock:
        return self.locks.setdefault(name, asyncio.Lock())

    async def _ask(self, asking: Asking) -> Message:
        async with self._alone(asking.person):
            return await self._answer(asking)

    async def _answer(self, asking: Asking) -> Message:
        person = self.sandbox.person(asking.person)
        if asking.place == "ask":
            before = self.sandbox.workspace.new_ts()
            await person.command(PUBLIC[0], f"/ask {asking.text}")

            def is_answer(message: Message) -> bool:
                return message.ephemeral_to == asking.person and "answer_feedback" in str(message.blocks)

            return await self.sandbox.wait_for_message(PUBLIC[0], is_answer, PATIENCE, after=before)
        if asking.place == "direct":
            said = await person.dm(asking.text)
        else:
            said = await person.mention(asking.place, asking.text)
        return await self.sandbox.wait_for_answer(said, lambda message: bool(message.blocks), PATIENCE)

    async def _judge(self, name: str, answer: Message, asking: Asking) -> None:
        """Press a button as this person would; after 👎 fill in the form, or close it."""
        chance, fact = asking.chance, asking.fact
        right = (_says(answer.text, fact.truth) if fact.truth else not fact.path) != (name in HOSTILE)
        if chance.random() < NOISE:
            right = chance.random() < 0.5
        right = right and chance.random() > FINDS_IT_CLUMSY
        self.done["👍" if right else "👎"] += 1
        async with self._alone(name):
            await self._press(name, answer, fact, chance, right=right)

    async def _press(self, name: str, answer: Message, fact: Fact, chance: random.Random, *, right: bool) -> None:
        person = self.sandbox.person(name)
        await person.click(answer, "answer_feedback", value="up:" if right else "down:")
        if right:
            return
        form = await self.sandbox.wait_for_modal(name, PATIENCE)
        told = self._told(answer, fact, chance, hostile=name in HOSTILE)
        self.done["corrections"] += "correction" in told
        await person.submit(form, told)

    def _told(self, answer: Message, fact: Fact, chance: random.Random, *, hostile: bool) -> dict[str, Any]:
        if hostile:
            wrong = chance.choice([each for each in self.facts.values() if each.path and each is not fact])
            return {"reason": ["wrong_fact"], "correction": wrong.truth, "sources": wrong.path}
        if not fact.path:
            return {"reason": ["should_have_said_dont_know"], "comment": "Nobody has written that down."}
        if fact.outdated and _says(answer.text, fact.written):
            return {"reason": ["outdated_source"], "comment": "It has gone up.", "correction": fact.truth}
        if _says(answer.text, fact.truth):
            return {"reason": ["too_long_or_style"], "correction": f"{fact.heading}: {fact.truth}"}
        declined = answer.text.startswith("I could not find this")
        reason = "refused_but_answer_exists" if declined else "wrong_document"
        if chance.random() > NAMES_DOCUMENT:
            return {"reason": [reason]}
        return {"reason": [reason], "correction": fact.truth, "sources": fact.path}

    async def opt_out(self, name: str) -> None:
        """Switch the use of one's own words off in the Home tab."""
        person = self.sandbox.person(name)
        await person.open_home()
        homes = self.sandbox.workspace.homes
        await self.sandbox.wait_until(lambda: name in homes, PATIENCE)
        await person.click_in_view(homes[name], "consent_out")
        await self.sandbox.wait_until(lambda: "Your choice is kept" in str(homes[name].body), PATIENCE)

    async def review(self) -> None:
        """Go through what waits in the reviewer's Home tab, one item after the other."""
        reviewer, homes = self.sandbox.person(REVIEWER), self.sandbox.workspace.homes
        homes.pop(REVIEWER, None)
        await reviewer.open_home()
        await self.sandbox.wait_until(lambda: REVIEWER in homes, PATIENCE)
        for _ in range(REVIEWED_AT_ONCE):
            item = _waiting(homes[REVIEWER].body["blocks"])
            if item is None:
                return
            await self._decide(item)
            await self.sandbox.wait_until(lambda item=item: _waiting(homes[REVIEWER].body["blocks"]) != item, PATIENCE)
            if GIVEN_AGAIN in str(homes[REVIEWER].body):
                self.verified[item.question] = self.facts[item.question]

    async def _decide(self, item: _Waiting) -> None:
        """Approve what is right, write what is right where it is known, leave the rest to others."""
        reviewer, view = self.sandbox.person(REVIEWER), self.sandbox.workspace.homes[REVIEWER]
        fact = self.facts[item.question]
        said = item.correction or item.answer
        right = bool(fact.truth) and _says(said, fact.truth)
        if not fact.path:
            action = "review_reject" if item.correction else "review_unsure"
        elif right:
            action = "review_approve"
        else:
            action = "review_reject" if item.correction or fact.outdated else "review_edit"
        self.done[action] += 1
        await reviewer.click_in_view(view, action)
        if action == "review_edit":
            form = await self.sandbox.wait_for_modal(REVIEWER, PATIENCE)
            await reviewer.submit(form, {"text": fact.truth, "note": "as it stands in the documents"})

    async def day(self, askings: Sequence[Asking]) -> None:
        """Live through one day, some questions at a time."""
        for start in range(0, len(askings), AT_ONCE):
            await asyncio.gather(*map(self.live, askings[start : start + AT_ONCE]))

    async def ask_again(self, most: int = 8) -> dict[str, bool]:
        """Ask what was approved in other words, as somebody else; say of each whether the verified answer was given."""
        given = {}
        for question, fact in list(self.verified.items())[-most:]:
            other = next(each for each in fact.questions if each != question)
            asking = Asking(fact, fact.questions.index(other), PEOPLE[-1], PUBLIC[0], random.Random(0))
            given[other] = "Verified by" in str((await self._ask(asking)).blocks)
        return given


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What the Home tab shows a reviewer."""

    target: str
    question: str
    answer: str
    correction: str


def _waiting(blocks: Sequence[Mapping[str, Any]]) -> _Waiting | None:
    texts = [str(block["text"]["text"]) for block in blocks if block["type"] == "section"]
    buttons = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
    target = next((str(each["value"]) for each in buttons if each["action_id"] == "review_approve"), None)
    if target is None:
        return None

    def after(name: str) -> str:
        return next((text.removeprefix(f"{name}: ") for text in texts if text.startswith(f"{name}: ")), "")

    return _Waiting(target, after("Question"), after("Answer"), after("Correction to judge"))


def _says(text: str, truth: str) -> bool:
    """Whether a text says this, whatever stands around it."""
    return truth.rstrip(".") in text
