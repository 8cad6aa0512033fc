"""A made-up team whose documents call things by other names than its people do: what a model cannot know beforehand.

For a whole month it also has offices whose documents use people's words, prices that have gone up since they were
written down, pay that only the leads may read about, and questions that no document answers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSTEMS = {
    "Aurora": "the billing system",
    "Bramble": "the customer database",
    "Cinder": "the login service",
    "Drift": "the mail gateway",
    "Ember": "the warehouse scanner",
    "Fathom": "the search cluster",
    "Gable": "the payroll tool",
    "Harrow": "the ticket queue",
    "Inlet": "the file share",
    "Juniper": "the phone system",
    "Keel": "the build server",
    "Lantern": "the monitoring dashboard",
    "Merrow": "the online shop",
    "Nettle": "the visitor kiosk",
}
"""What the documents say → what people say."""
SUBJECTS = {
    "Snapshots": ("Snapshots of {name} are taken every {number} hours.", "How often is a backup made of {said}?"),
    "Custodian": ("The custodian of {name} sits in room {number}.", "Where do I find whoever looks after {said}?"),
    "Window": ("Planned works on {name} happen after {number} o'clock.", "When may {said} be down for maintenance?"),
    "Admission": ("Admission to {name} needs form {number}.", "What do I fill in to get access to {said}?"),
    "Retention": ("{name} discards its records after {number} months.", "How long is data kept in {said}?"),
    "Pager": ("Out of hours, {name} is covered by rota {number}.", "Who is on call for {said} at night?"),
    "Ceiling": ("{name} admits at most {number} sessions.", "How many users can be on {said} at the same time?"),
    "Lineage": ("{name} replaced its forerunner in version {number}.", "Since which release do we use {said}?"),
}
FOOTER = "Changes to this page go through the usual review."
ASKED = ("{question}", "About {said}: {rest}", "{question} I could not find it anywhere.")

CITIES = ("Leipzig", "Porto", "Gdansk", "Turin", "Aarhus", "Lyon", "Graz", "Bergen", "Utrecht", "Seville")
AT_AN_OFFICE = {
    "Opening": (
        "The office in {city} opens at 8:{number}.",
        ("When does the office in {city} open?", "At what time does the office in {city} open?"),
    ),
    "Garage": (
        "The garage in {city} has {number} places.",
        ("How many places does the garage in {city} have?", "How many places has the garage in {city}?"),
    ),
    "Visitors": (
        "Visitors in {city} sign in on floor {number}.",
        ("On which floor do visitors in {city} sign in?", "Where do visitors in {city} sign in?"),
    ),
    "First aid": (
        "The first aid kit in {city} hangs in room {number}.",
        ("In which room does the first aid kit in {city} hang?", "Where does the first aid kit in {city} hang?"),
    ),
}
LUNCH = "Lunch in the canteen in {city} costs {number} euros."
ASKED_OF_LUNCH = (
    "What does lunch in the canteen in {city} cost?",
    "How much does lunch in the canteen in {city} cost?",
)
LEVELS = ("two", "three", "four")
PAY = "The salary band for engineers at level {level} begins at {number},000 euros."
UNWRITTEN = (
    ("Which dentists does the company insurance cover?", "Are dentists covered by the company insurance?"),
    ("How do I borrow the company van?", "Can I borrow the company van at the weekend?"),
    ("Who waters the plants during the holidays?", "Who looks after the plants during the holidays?"),
    ("Is there a discount for the gym?", "Do we get a discount at the gym?"),
    ("Can I bring my dog to work?", "Are dogs allowed at work?"),
    ("What is the password of the guest wireless network?", "How do guests get on the wireless network?"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that people ask in several wordings, and what is true of it."""

    questions: tuple[str, ...]
    truth: str = ""
    """As a person would write it; empty where nobody knows."""
    source: str = ""
    path: str = ""
    """The document that says so; empty where none does."""
    written: str = ""
    """What stands there: what was true once, where that is not the truth."""
    heading: str = ""

    @property
    def outdated(self) -> bool:
        """Whether the document says what is true no longer."""
        return bool(self.written) and self.written != self.truth


def system_facts(chance: random.Random) -> list[Fact]:
    """Say everything about the systems, which people call by other names than the documents do."""
    facts = []
    for name, said in SYSTEMS.items():
        for subject, (statement, question) in SUBJECTS.items():
            truth = statement.format(name=name, number=chance.randint(2, 90))
            asked = question.format(said=said)
            rest = asked[:1].lower() + asked[1:].replace(said, "it")
            wordings = tuple(form.format(question=asked, said=said, rest=rest) for form in ASKED)
            path = f"{name.lower()}/{subject.lower()}.md"
            facts.append(Fact(wordings, truth, "systems", path, truth, subject))
    return facts


def office_facts(chance: random.Random) -> list[Fact]:
    """Say everything about the offices; every third price of a lunch has gone up since it was written down."""
    facts = []
    for place, city in enumerate(CITIES):
        path = f"{city.lower()}.md"
        for subject, (statement, questions) in AT_AN_OFFICE.items():
            truth = statement.format(city=city, number=chance.randint(10, 59))
            facts.append(Fact(_all(questions, city=city), truth, "offices", path, truth, subject))
        price = chance.randint(4, 9)
        written, truth = (LUNCH.format(city=city, number=price + more) for more in (0, 2 * (place % 3 == 0)))
        facts.append(Fact(_all(ASKED_OF_LUNCH, city=city), truth, "offices", path, written, "Lunch"))
    return facts


def pay_facts(chance: random.Random) -> list[Fact]:
    """Say what only the leads may read."""
    facts = []
    for level in LEVELS:
        truth = PAY.format(level=level, number=chance.randint(50, 90))
        question = f"Where does the salary band for engineers at level {level} begin?"
        facts.append(Fact((question,), truth, "pay", "bands.md", truth, f"Level {level}"))
    return facts


def unwritten_facts() -> list[Fact]:
    """Name what people ask and no document says."""
    return [Fact(questions) for questions in UNWRITTEN]


def make_team(folder: Path, *, seed: int) -> Path:
    """Write the documents about the systems, and the questions; return the folder."""
    facts = system_facts(random.Random(seed))
    _write_documents(folder / "documents", facts)
    write_questions(folder / "questions.jsonl", facts)
    return folder


def make_offices_too(folder: Path, *, seed: int) -> list[Fact]:
    """Write a folder of documents for each source, `systems`, `offices` and `pay`; return all there is to ask."""
    chance = random.Random(seed)
    facts = [*system_facts(chance), *office_facts(chance), *pay_facts(chance)]
    for source in dict.fromkeys(fact.source for fact in facts):
        _write_documents(folder / source, [fact for fact in facts if fact.source == source])
    return [*facts, *unwritten_facts()]


def write_questions(file: Path, facts: Iterable[Fact]) -> None:
    """Write a file of questions with known answers, as `footnote eval` reads it."""
    lines = [
        json.dumps({"question": question, "paths": [fact.path], "group": fact.path})
        for fact in facts
        for question in fact.questions
    ]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def _all(texts: Sequence[str], **given: object) -> tuple[str, ...]:
    return tuple(text.format(**given) for text in texts)


def _write_documents(folder: Path, facts: Sequence[Fact]) -> None:
    for path in dict.fromkeys(fact.path for fact in facts):
        title = path.removesuffix(".md").partition("/")[0].capitalize()
        said = "\n\n".join(f"## {fact.heading}\n\n{fact.written} {FOOTER}" for fact in facts if fact.path == path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"# {title}\n\n{said}\n", "utf-8")
