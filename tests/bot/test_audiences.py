"""Who may see what: every place, audience, person and surface with each other, against the whole bot: no leak."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.sandbox import App, SandboxServer, Workspace
from bot.sandbox.nouns import Channel, Message, User, UserGroup
from bot.server import Server
from knowledge import (
    AdminSettings,
    AnswerRequest,
    DraftSentence,
    EscalationSettings,
    KnowledgeBase,
    Quote,
    Review,
    Scope,
    Settings,
    SourceSettings,
    TeamFile,
    Verdict,
)
from tests.bot.answerers import QuotingAnswerer
from tests.bot.conftest import MANIFEST, BotFactory
from tests.bot.test_surfaces import answers, whisper

PEOPLE = ("U0ADA", "U0BEN", "U0CHLOE", "U0GUS")
"""An admin, two colleagues, a guest."""
PLACES = ("C0GENERAL", "C0LEADS", "G0TRIO", "C0PARTNER")
"""A public channel, a private one, a direct message of several people, a channel shared with another company."""
AUDIENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "everyone": {},
    "general": {"channels": ("C0GENERAL",)},
    "leads": {"channels": ("C0LEADS",)},
    "trio": {"channels": ("G0TRIO",)},
    "partner": {"channels": ("C0PARTNER",)},
    "ada": {"users": ("U0ADA",)},
    "guest": {"users": ("U0GUS",)},
    "payroll": {"usergroups": ("S0PAY",)},
    "mixed": {"channels": ("C0LEADS",), "users": ("U0CHLOE",), "usergroups": ("S0PAY",)},
}
PAYROLL = ("U0BEN", "U0GUS")
ASKED = "What are the vault codes of the departments?"
FOLLOW_UP = "And what are the vault codes of the departments?"
DECLINED = "decline: What are the vault codes of the departments?"
CODE = re.compile(r"(\w+)-7\d{4}")


def seen_in(channel: str) -> set[str]:
    """What everybody in a channel may see: the promise, written down a second time."""
    return {"everyone"} | {name for name, named in AUDIENCES.items() if channel in named.get("channels", ())}


def seen_by(person: str) -> set[str]:
    """What one person may see where nobody reads along."""
    by_name = {name for name, named in AUDIENCES.items() if person in named.get("users", ())}
    by_group = {name for name, named in AUDIENCES.items() if named.get("usergroups") and person in PAYROLL}
    return {"everyone"} | by_name | by_group


class ObeyingAnswerer(QuotingAnswerer):
    """A model that an attacker has won: says everything that it was given, passages and conversation."""

    def sentences(self, request: AnswerRequest) -> list[DraftSentence]:
        if request.asked.startswith("decline"):
            return []
        told = [
            DraftSentence(text, (Quote(number, text),))
            for number, passage in enumerate(request.passages)
            for text in re.findall(r"The vault code[^.]+\.", passage.chunk.text)
        ]
        said = " ".join(turn.text for turn in request.question.history)
        return [*told, *([DraftSentence(f"Earlier: {said}", ())] if said else [])]


def codes(*shown: Any) -> set[str]:
    return set(CODE.findall(str(shown)))


def everything(message: Message) -> set[str]:
    return codes(message.text, message.blocks, message.metadata)


def team(root: Path, audiences: dict[str, dict[str, Any]] = AUDIENCES) -> TeamFile:
    return TeamFile(
        sources={name: SourceSettings(path=root / name, **named) for name, named in audiences.items()},
        admins=AdminSettings(users=("U0ADA",)),
        escalation=EscalationSettings(channel="C0HELP"),
    )


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    app = App.from_manifest(MANIFEST)
    workspace = Workspace(
        app=app,
        users=[
            User("U0ADA", "ada", "Ada", admin=True),
            User("U0BEN", "ben", "Ben"),
            User("U0CHLOE", "chloé", "Chloé"),
            User("U0GUS", "gus", "Gus", guest=True),
        ],
        channels=[
            Channel("C0GENERAL", "general", {*PEOPLE, app.user_id}),
            Channel("C0HELP", "help", {*PEOPLE, app.user_id}),
            Channel("C0LEADS", "leads", {*PEOPLE, app.user_id}, private=True),
            Channel("G0TRIO", "ada--ben--gus", {*PEOPLE, app.user_id}, private=True, group=True),
            Channel("C0PARTNER", "partner", {*PEOPLE, app.user_id}, shared=True),
        ],
        user_groups=[UserGroup("S0PAY", "payroll", PAYROLL)],
    )
    async with SandboxServer(workspace, retry_delays=(0.2,)) as server:
        yield server


@pytest.fixture(scope="module")
def departments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each audience with one secret in it, and a `home` in which all are indexed; tests copy that."""
    root = tmp_path_factory.mktemp("departments")
    for name in AUDIENCES:
        (root / name).mkdir()
        text = f"# The {name} department\n\nThe vault code of the {name} department is {name}-7{len(name):04d}.\n"
        (root / name / f"{name}.md").write_text(text, "utf-8")
    asyncio.run(_index(Settings(home=root / "home").with_team(team(root))))
    return root


async def _index(settings: Settings) -> None:
    kb = await KnowledgeBase.open(settings, answerer=ObeyingAnswerer())
    for name in AUDIENCES:
        await kb.reindex(name)
    await kb.close()


@pytest.fixture
def bot_settings(tmp_path: Path, sandbox: SandboxServer, departments: Path) -> Settings:
    shutil.copytree(departments / "home", tmp_path / "home")
    app = sandbox.workspace.app
    return Settings(
        home=tmp_path / "home",
        slack_bot_token=SecretStr(app.bot_token),
        slack_signing_secret=SecretStr(app.signing_secret),
        slack_api_url=sandbox.api_url,
        port=0,
        passages=30,
    ).with_team(team(departments))


@pytest.fixture
def answerer() -> QuotingAnswerer:
    return ObeyingAnswerer()


async def ask_everywhere(sandbox: SandboxServer, places: Iterable[str]) -> dict[tuple[str, str], Message]:
    """Ask as everybody in each place by a mention."""
    asked = {(place, who): await sandbox.person(who).mention(place, ASKED) for place in places for who in PEOPLE}
    return {key: await sandbox.wait_for_answer(question, timeout=15) for key, question in asked.items()}


async def test_in_a_channel_everybody_gets_what_the_channel_may_see_and_nothing_of_their_own(
    sandbox: SandboxServer, bot: Server
) -> None:
    for (place, who), answer in (await ask_everywhere(sandbox, PLACES)).items():
        expected = set() if place == "C0PARTNER" else seen_in(place)
        assert everything(answer) == expected, (place, who)


async def test_a_follow_up_in_a_thread_shows_no_more_than_the_question_before(
    sandbox: SandboxServer, bot: Server, answerer: QuotingAnswerer
) -> None:
    for place in ("C0GENERAL", "C0LEADS"):
        for who in PEOPLE:
            person = sandbox.person(who)
            asked = await person.mention(place, ASKED)
            first = await sandbox.wait_for_answer(asked, timeout=15)
            # What only one person sees in that channel is no part of the thread.
            await person.command(place, f"/ask {ASKED}")
            again = await person.say(place, FOLLOW_UP, thread_ts=asked.ts)
            second = await sandbox.wait_for_answer(again, lambda m, ts=first.ts: m.ts != ts, timeout=15)
            assert everything(second) == seen_in(place), (place, who)
    quoted = [turn.text for request in answerer.asked for turn in request.question.history]
    assert any(codes(text) for text in quoted)
    assert codes(*quoted) <= seen_in("C0GENERAL") | seen_in("C0LEADS")


async def test_alone_with_the_bot_everybody_gets_their_own_and_the_public_ones(
    sandbox: SandboxServer, bot: Server
) -> None:
    for who in PEOPLE:
        person = sandbox.person(who)
        asked = await person.dm(ASKED)
        first = await sandbox.wait_for_answer(asked, timeout=15)
        assert everything(first) == seen_by(who)
        again = await person.dm(FOLLOW_UP, thread_ts=asked.ts)
        second = await sandbox.wait_for_answer(again, lambda m, ts=first.ts: m.ts != ts, timeout=15)
        assert everything(second) == seen_by(who), second.text


async def test_ask_shows_its_asker_theirs_and_the_channels_and_shares_only_what_the_channel_may_see(
    sandbox: SandboxServer, bot: Server
) -> None:
    for place in (*PLACES, *(sandbox.person(who).direct_message for who in PEOPLE)):
        for who in PEOPLE:
            person, private = sandbox.person(who), place.startswith("D")
            if private and place != person.direct_message:
                continue
            start = sandbox.workspace.new_ts()
            await person.command(place, f"/ask {ASKED}")
            said = "do not answer" if place == "C0PARTNER" else "vault code"
            answer = await sandbox.wait_for_message(place, whisper(said, to=who), timeout=15, after=start)
            own = set() if place == "C0PARTNER" else seen_by(who) | (set() if private else seen_in(place))
            assert everything(answer) == own, (place, who)
            assert ("Share in channel" in str(answer.blocks)) == (not private and place != "C0PARTNER")
            if not private and place != "C0PARTNER":
                await person.click(answer, "share_answer")
                told = "Shared in this channel" if own <= seen_in(place) else "I did not share this"
                await sandbox.wait_for_message(place, whisper(told, to=who), timeout=15, after=start)
        for message in answers(sandbox, place):
            assert everything(message) <= (set() if place.startswith("D") else seen_in(place))


async def test_a_human_is_told_nothing_that_the_humans_channel_may_not_see(sandbox: SandboxServer, bot: Server) -> None:
    for who in PEOPLE:
        declined = await sandbox.wait_for_answer(await sandbox.person(who).dm(DECLINED), timeout=15)
        await sandbox.person(who).click(declined, "ask_human")
    await sandbox.wait_until(lambda: len(answers(sandbox, "C0HELP")) == len(PEOPLE))
    for message in answers(sandbox, "C0HELP"):
        named = set(re.findall(r"The (\w+) department", str(message.blocks)))
        assert named == {"everyone"}


async def test_where_outsiders_read_a_human_is_told_the_question_alone(
    sandbox: SandboxServer, start: BotFactory, bot_settings: Settings
) -> None:
    sandbox.workspace.channels["C0HELP"].shared = True
    async with start():
        declined = await sandbox.wait_for_answer(await sandbox.person("U0ADA").dm(DECLINED), timeout=15)
        await sandbox.person("U0ADA").click(declined, "ask_human")
        passed = await sandbox.wait_for_message("C0HELP", lambda message: "vault" in message.text)
    assert not re.findall(r"The \w+ department", str(passed.blocks))


async def test_the_lists_of_sources_name_only_what_their_reader_may_see(sandbox: SandboxServer, bot: Server) -> None:
    homes = sandbox.workspace.homes
    for who in PEOPLE:
        person = sandbox.person(who)
        await person.open_home()
        home = await sandbox.wait_until(lambda who=who: homes.get(who))
        may = set(AUDIENCES) if who == "U0ADA" else seen_by(who)
        assert set(re.findall(r"(\w+): 1 document", str(home.body))) == may
        for place in PLACES:
            start = sandbox.workspace.new_ts()
            await person.command(place, "/reindex")
            listed = await sandbox.wait_for_message(place, whisper("everyone: 1 doc", to=who), after=start)
            assert set(re.findall(r"(\w+): 1 document", listed.text)) == may | (
                set() if who == "U0ADA" else seen_in(place)
            )


async def test_an_answer_that_a_reviewer_approved_is_given_again_only_to_those_who_may_see_it(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    original = await sandbox.wait_for_answer(await sandbox.person("U0ADA").mention("C0LEADS", ASKED), timeout=15)
    answer_id = original.metadata["event_payload"]["answer_id"]
    judged = await kb.review(Review(answer_id, "U0ADA", Verdict.APPROVE), scope=Scope(operator=True))
    assert judged.verified is not None
    for (place, who), answer in (await ask_everywhere(sandbox, ("C0GENERAL", "C0LEADS", "G0TRIO"))).items():
        assert everything(answer) == seen_in(place), (place, who)
        assert ("Verified by" in str(answer.blocks)) == (place == "C0LEADS")


async def test_a_change_of_audience_holds_for_the_next_question_whoever_reindexes(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase, bot_settings: Settings, departments: Path
) -> None:
    """Another process, started with a new `footnote.toml`, closes a source; this one still has the old file."""
    person = sandbox.person("U0BEN")
    asked = await person.mention("C0GENERAL", ASKED)
    first = await sandbox.wait_for_answer(asked, timeout=15)
    assert "general" in everything(first)
    await person.command("C0GENERAL", f"/ask {ASKED}")
    private = await sandbox.wait_for_message("C0GENERAL", whisper("vault code"), timeout=15)

    closed = {**AUDIENCES, "general": {"channels": ("C0LEADS",)}, "payroll": {"users": ("U0ADA",)}}
    other = await KnowledgeBase.open(bot_settings.with_team(team(departments, closed)))
    await other.close()
    await kb.reindex("general")

    again = await person.say("C0GENERAL", FOLLOW_UP, thread_ts=asked.ts)
    second = await sandbox.wait_for_answer(again, lambda message: message.ts != first.ts, timeout=15)
    assert everything(second) == {"everyone"}
    after = sandbox.workspace.new_ts()
    await person.click(private, "share_answer")
    await sandbox.wait_for_message("C0GENERAL", whisper("I did not share this"), timeout=15, after=after)
    fresh = await sandbox.wait_for_answer(await person.dm(ASKED), timeout=15)
    assert everything(fresh) == {"everyone", "mixed"}
