"""A month of a small team: questions, votes, corrections and reviews, through the knowledge base as the bot does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from knowledge import Answer, Feedback, KnowledgeBase, Question, Reason, Review, Scope, Surface, Turn, Verdict, Vote

PEOPLE = tuple(f"U0TEAM{number:03d}A" for number in range(1, 15))
REVIEWER = "U0REVIEW1"
OPERATOR = Scope(operator=True)

PAGES = {
    "it/passwords.md": """# Passwords

## Length

A password has at least 14 characters. Passwords are kept in the password manager and nowhere else.

## Lost passwords

Whoever lost a password writes to the IT desk, which resets it within one hour on working days.
""",
    "it/phones.md": """# Phones

## Ordering a phone

Company phones are ordered through the IT portal. A phone is replaced after three years.

## Lost phones

A lost phone is reported to the IT desk at once, so that it can be wiped.
""",
    "office/parking.md": """# Parking

## Places

The garage in Leipzig has 40 places. A place is booked one day ahead in the calendar "Garage".

## Bicycles

Bicycles are parked in the yard. A pump hangs beside the door of the yard.
""",
    "training.md": """# Training

## Budget

Every employee has a training budget of 1,200 euros a year. What is not spent expires on 31 December.

## Conferences

A conference counts as working time. The ticket is paid from the training budget.
""",
    "onboarding.md": """# Onboarding

## The first day

The first day begins at 9:00 at the reception. A buddy shows new colleagues around.

## The first month

After four weeks new colleagues talk with their manager about what they need.
""",
}

GOOD = (
    "How many days of annual leave do full-time employees get?",
    "Until when may unused days be carried over?",
    "How long is parental leave?",
    "Until when do I call in sick on the first day?",
    "What is the hotel limit in London?",
    "In which class are trains booked?",
    "What is the limit for a taxi ride?",
    "Within how many days do I send receipts to finance?",
    "Who orders new laptops?",
    "How long does the delivery of a laptop take?",
    "Where do I keep the recovery key?",
    "When is the office in Leipzig open?",
    "Where do visitors sign in?",
    "How many characters does a password have?",
    "After how many years is a phone replaced?",
    "How many places has the garage in Leipzig?",
    "Where are bicycles parked?",
    "How big is the training budget?",
    "Does a conference count as working time?",
    "At what time does the first day begin?",
    "When do new colleagues talk with their manager?",
    "Where are company phones ordered?",
)


@dataclass(slots=True)
class Month:
    """What was asked, by a name for each."""

    answers: dict[str, Answer] = field(default_factory=dict)

    def id(self, name: str) -> str:
        return self.answers[name].id


def in_channel(text: str, asker: str, **more: object) -> Question:
    return replace(Question(text, asker=asker, surface=Surface.CHANNEL, channel="C0TEAM001", team="T0TEAM001"), **more)


async def a_month(kb: KnowledgeBase, handbook: Path) -> Month:
    """Live through it."""
    for path, text in PAGES.items():
        (handbook / path).parent.mkdir(parents=True, exist_ok=True)
        (handbook / path).write_text(text, "utf-8")
    await kb.reindex_folder(handbook)
    month = Month()
    await _liked(kb, month)
    await _corrected(kb, month)
    await _left_out(kb, month)
    return month


async def _liked(kb: KnowledgeBase, month: Month) -> None:
    for number, text in enumerate(GOOD):
        answer = await kb.ask(in_channel(text, PEOPLE[number % len(PEOPLE)]))
        month.answers[text] = answer
        for step in range(1 + number % 3):
            await kb.give_feedback(Feedback(answer.id, PEOPLE[(number + step) % len(PEOPLE)], Vote.UP))
        if number % 4 == 0:
            await kb.review(Review(answer.id, REVIEWER, Verdict.APPROVE), scope=OPERATOR)


async def _corrected(kb: KnowledgeBase, month: Month) -> None:
    told = (
        ("meals", "What may I spend on meals?", "Meals are paid up to 45 euros per day.", Reason.INCOMPLETE),
        ("flights", "How are flights of four hours booked?", "Flights under six hours are booked in economy.", None),
        ("lost", "I lost my phone, what now?", "Report it to the IT desk at once, so that it can be wiped.", None),
        ("pump", "Is there a pump for bicycles?", "A pump hangs beside the door of the yard.", Reason.WRONG_FACT),
    )
    for number, (name, text, better, reason) in enumerate(told):
        month.answers[name] = answer = await kb.ask(in_channel(text, PEOPLE[number], thread=f"17.{number}"))
        reasons = (reason,) if reason else ()
        given = Feedback(answer.id, PEOPLE[number + 5], Vote.DOWN, reasons, correction=better)
        await kb.give_feedback(given)
    meals = await kb.latest_correction(month.id("meals"))
    await kb.review(Review(month.id("meals"), REVIEWER, Verdict.APPROVE, meals), scope=OPERATOR)
    text = "Tell your manager at least seven weeks before parental leave begins."
    month.answers["weeks"] = answer = await kb.ask(
        in_channel("When do I tell my manager about parental leave?", "U0TEAM003A")
    )
    await kb.review(Review(answer.id, REVIEWER, Verdict.EDIT, text=text), scope=OPERATOR)


async def _left_out(kb: KnowledgeBase, month: Month) -> None:
    """Ask what may not, or may only in part, be learned from."""
    month.answers["direct"] = await kb.ask(
        Question("What is the limit for tips?", asker="U0TEAM001A", surface=Surface.DIRECT, channel="D0DIRECT1")
    )
    month.answers["opted out"] = await kb.ask(in_channel("Which buddy shows me around?", "U0SILENT1"))
    month.answers["contested"] = await kb.ask(in_channel("Do refunds come with the next salary?", "U0TEAM002A"))
    month.answers["outdated"] = await kb.ask(in_channel("Which command turns on disk encryption?", "U0TEAM004A"))
    month.answers["bad"] = await kb.ask(in_channel("Who pays the ticket for a conference?", "U0TEAM006A"))
    month.answers["personal"] = await kb.ask(
        in_channel(
            "Who resets lost passwords? <@U0TEAM009A> could not, mail priya.raman@example.com or +49 341 1234567",
            "U0TEAM005A",
            history=(Turn("U0TEAM005A", "I am at jo@example.com"), Turn("assistant", "Thank you.")),
        )
    )
    up, down = Vote.UP, Vote.DOWN
    for name, person, vote, reasons in (
        ("direct", "U0TEAM001A", up, ()),
        ("opted out", "U0TEAM001A", up, ()),
        ("contested", "U0TEAM001A", up, ()),
        ("contested", "U0TEAM002A", down, ()),
        ("outdated", "U0TEAM004A", down, (Reason.OUTDATED_SOURCE,)),
        ("bad", "U0TEAM006A", down, (Reason.WRONG_FACT,)),
        ("personal", "U0TEAM005A", up, ()),
    ):
        await kb.give_feedback(Feedback(month.id(name), person, vote, reasons))
    await kb._store.consents.choose("user:U0SILENT1", takes_part=False)


async def with_a_model(kb: KnowledgeBase, month: Month) -> None:
    """Ask a model three things: one answer is corrected, one request is answered twice and judged both ways."""
    asked = ("What is the hotel limit in Zurich?", "What may a taxi ride cost?", "What may a taxi ride cost?")
    for number, (name, text) in enumerate(zip(("hotel", "taxi", "taxi again"), asked, strict=True)):
        month.answers[name] = answer = await kb.ask(in_channel(text, PEOPLE[number]))
        await kb.give_feedback(Feedback(answer.id, PEOPLE[number + 3], Vote.UP if name == "taxi" else Vote.DOWN))
    better = "In London and Zurich the limit is 210 euros."
    await kb.give_feedback(Feedback(month.id("hotel"), PEOPLE[3], Vote.DOWN, correction=better))


MODEL_SAYS = (
    'Up to 210 euros. [1: "In London and Zurich the limit is 210 euros."]\nEND',
    'A ride is paid up to 60 euros. [1: "| Taxi | 60 euros per ride | yes |"]\nEND',
    'A ride may cost 60 euros. [1: "| Taxi | 60 euros per ride | yes |"]\nEND',
)
