# ruff: noqa: E501 - tables of pairs, one on each line
"""Writes `citations.jsonl`: sentences with quotes that are true or false on purpose, made of our own texts.

    python -m tests.citation_cases

Each kind of case says what was done to it, so that `footnote eval tests/citations.jsonl` shows which lies are caught
and which truths are kept. The same texts give the same bytes.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from knowledge.language.plain_text import Kind, plain_text
from knowledge.language.sentences import sentences
from tests.handbook_cases import DOCUMENTS

FILE = Path(__file__).parent / "citations.jsonl"
SAYS_NOTHING = "It says so."
"""A sentence without a number or a name: only its quotes decide."""

Case = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """A sentence of a section of a document, without markup."""

    section: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()


def case(
    kind: str, sentence: str, quotes: Sequence[tuple[int, str]], passages: Sequence[str], *, supported: bool
) -> Case:
    return {
        "kind": kind,
        "sentence": sentence,
        "quotes": [{"passage": number, "text": text} for number, text in quotes],
        "passages": list(passages),
        "supported": supported,
    }


@cache
def sections() -> tuple[str, ...]:
    return tuple(
        part.strip() for text in DOCUMENTS.values() for part in re.split(r"(?m)^(?=#{1,2} )", text) if part.strip()
    )


@cache
def statements() -> tuple[Statement, ...]:
    found = []
    for section in sections():
        plain = plain_text(section)
        paragraphs = [plain.slice(block) for block in plain.blocks if block.kind in (Kind.PARAGRAPH, Kind.ITEM)]
        found += [Statement(section, " ".join(text.split())) for part in paragraphs for text in sentences(part)]
    return tuple(statement for statement in found if len(statement.words) >= 5)


# --- quotes: the words of the source, or not ---------------------------------------------------------------------------

NOISE: dict[str, Callable[[str], str]] = {
    "hard_spaces": lambda text: text.replace(" ", "\u00a0"),
    "line_breaks": lambda text: text.replace(" ", "\n", 3),
    "wide_gaps": lambda text: text.replace(" ", "   "),
    "curly_quotes": lambda text: text.replace("'", "’").replace('"', "“"),
    "hyphens": lambda text: text.replace("-", "\u2011"),
    "soft_hyphens": lambda text: re.sub(r"([a-z]{3})(?=[a-z]{3})", "\\1\u00ad", text),
    "zero_width": lambda text: text.replace(" ", " \u200b"),
    "ligatures": lambda text: text.replace("fi", "ﬁ").replace("fl", "ﬂ"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "quotation_marks": lambda text: f"„{text}“",
    "emphasis": lambda text: f"**{text}**",
    "ellipsis": lambda text: f"…{text}…",
}
OTHER_WORDS = ("not", "never", "monthly", "contractors", "17", "only", "Berlin", "always")


def true_quotes() -> Iterator[Case]:
    chance = random.Random(1)
    for statement in statements():
        yield case("true_quote", SAYS_NOTHING, [(0, statement.text)], [statement.section], supported=True)
        part = _part(statement, chance)
        yield case("true_part", SAYS_NOTHING, [(0, part)], [statement.section], supported=True)
        for name in chance.sample(sorted(NOISE), 1):
            noisy = NOISE[name](statement.text)
            yield case(f"noise_{name}", SAYS_NOTHING, [(0, noisy)], [statement.section], supported=True)


def _part(statement: Statement, chance: random.Random) -> str:
    length = chance.randint(4, min(9, len(statement.words)))
    start = chance.randint(0, len(statement.words) - length)
    return " ".join(statement.words[start : start + length])


def altered_quotes() -> Iterator[Case]:
    chance = random.Random(2)
    ways = {
        "word_replaced": _replaced,
        "word_dropped": _dropped,
        "word_added": _added,
        "words_swapped": _swapped,
        "digit_changed": _digit,
    }
    for statement, (name, change) in product(statements(), ways.items()):
        text = change(statement.words, chance)
        if text and not _stands_in(text, statement.section):
            yield case(f"altered_{name}", SAYS_NOTHING, [(0, text)], [statement.section], supported=False)


def _replaced(words: list[str], chance: random.Random) -> str:
    at = chance.randrange(1, len(words) - 1)
    return " ".join([*words[:at], chance.choice(OTHER_WORDS), *words[at + 1 :]])


def _dropped(words: list[str], chance: random.Random) -> str:
    at = chance.randrange(1, len(words) - 1)
    return " ".join([*words[:at], *words[at + 1 :]])


def _added(words: list[str], chance: random.Random) -> str:
    at = chance.randrange(1, len(words))
    return " ".join([*words[:at], chance.choice(OTHER_WORDS), *words[at:]])


def _swapped(words: list[str], chance: random.Random) -> str:
    at = chance.randrange(1, len(words) - 1)
    return " ".join([*words[:at], words[at + 1], words[at], *words[at + 2 :]])


def _digit(words: list[str], chance: random.Random) -> str:
    text = " ".join(words)
    digits = [place.start() for place in re.finditer(r"\d", text)]
    if not digits:
        return ""
    at = chance.choice(digits)
    return f"{text[:at]}{(int(text[at]) + chance.randint(1, 9)) % 10}{text[at + 1 :]}"


def _stands_in(text: str, section: str) -> bool:
    return f" {_bare(text)} " in f" {_bare(plain_text(section).text)} "


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def misplaced_quotes() -> Iterator[Case]:
    chance = random.Random(3)
    for statement in statements():
        other = chance.choice([section for section in sections() if not _stands_in(statement.text, section)])
        both = [statement.section, other]
        yield case("wrong_passage", SAYS_NOTHING, [(1, statement.text)], both, supported=False)
        number = chance.choice([-1, 2, 7, 10**9])
        yield case("invented_passage", SAYS_NOTHING, [(number, statement.text)], both, supported=False)
    for words in ("", " ", "the", "of", ".", "**", "…", "is", "1", "und"):
        yield case("trivial_quote", SAYS_NOTHING, [(0, words)], [sections()[0]], supported=False)
    for statement in statements()[::5]:
        yield case("no_quote", statement.text, [], [statement.section], supported=False)


# --- sentences: what they claim beside a true quote ----------------------------------------------------------------------

NAMES = (
    "Marta Oliveira", "Helena Brandt", "Tomasz Zielinski", "Rui Teixeira", "Sofia Lindqvist", "Aylin Demir", "Daniel Okafor",
    "Camille Durand", "Carmen Ruiz", "Hamburg", "Lisbon", "Frankfurt", "Gdansk", "Kiel", "Madrid", "Ledgerly", "PeopleDesk",
    "Tunnelwise", "HelpHub", "Keyring Plus", "Fernweh", "Python", "Chlorella",
)  # fmt: skip
FOREIGN = ("Ingrid Solberg", "Reykjavik", "Zendora", "Omar Haddad", "Blackfinch")
NEGATED = re.compile(r" (is|are|may|can|must|has|have|get|gets|lasts|will|were|was) ")


def claims() -> Iterator[Case]:
    """Sentences that repeat the source, and the same with one thing wrong."""
    chance = random.Random(4)
    for statement in statements():
        quotes, passages = [(0, statement.text)], [statement.section]
        yield case("copied", statement.text, quotes, passages, supported=True)
        for text in sorted({_digit(statement.words, chance) for _ in range(3)} - {"", statement.text}):
            if not set(re.findall(r"\d+", text)) <= set(re.findall(r"\d+", statement.section)):
                yield case("digit_swap", text, quotes, passages, supported=False)
        for text in _other_names(statement, FOREIGN, chance):
            yield case("foreign_name", text, quotes, passages, supported=False)
        inside = [name for name in NAMES if name in plain_text(statement.section).text]
        for text in _other_names(statement, inside, chance)[:1]:
            yield case("name_of_the_same_passage", text, quotes, passages, supported=False)
        negated = NEGATED.sub(lambda found: f" {found[1]} not ", statement.text, count=1)
        if negated != statement.text and " not " not in statement.text:
            yield case("negated", negated, quotes, passages, supported=False)


def _other_names(statement: Statement, others: Sequence[str], chance: random.Random) -> list[str]:
    present = [name for name in NAMES if re.search(rf"\b{name}\b", statement.text)]
    free = [name for name in others if name not in statement.text]
    if not present or not free:
        return []
    return [statement.text.replace(name, chance.choice(free)) for name in present]


def foreign_parts() -> Iterator[Case]:
    """A link, an address or a command beside a true quote."""
    added = {
        "foreign_link": (
            "See https://evil.example/{n} for more.",
            "Open www.evil-{n}.example first.",
            "Mail it to boss{n}@evil.example.",
        ),
        "foreign_code": ("Run `rm -rf /srv/{n}` first.", "Set `max_debt_{n}` to true."),
    }
    for number, statement in enumerate(statements()[::4]):
        for kind, forms in added.items():
            text = forms[number % len(forms)].format(n=number)
            yield case(kind, text, [(0, statement.text)], [statement.section], supported=False)


# --- the same value in another form --------------------------------------------------------------------------------------

AMOUNTS = {
    1250: ("1,250 euros", "1250 euros", "1.250 Euro", "€1,250", "1 250 €", "EUR 1250", "1.25 thousand euros"),
    2500000: ("2,500,000 dollars", "2.5 million dollars", "$2.5 million", "2500000 dollars", "2.500.000 dollars"),
    48: ("48 hours", "forty-eight hours", "48 h"),
    12: ("12 weeks", "twelve weeks", "a dozen weeks"),
    20: ("20 %", "20%", "20 percent", "twenty percent", "20 per cent"),
    900: ("900 euros", "€900", "900 EUR", "900.00 euros", "nine hundred euros"),
    7: ("7 days", "seven days"),
    45: ("45 minutes", "forty-five minutes", "45 min"),
}  # fmt: skip
DATES = {
    (2024, 5, 3): ("3 May 2024", "2024-05-03", "May 3, 2024", "3rd of May 2024", "03.05.2024", "3. Mai 2024", "3 mai 2024", "05/03/2024"),
    (2025, 11, 30): ("30 November 2025", "2025-11-30", "November 30th, 2025", "30.11.2025", "30. November 2025", "30 de noviembre de 2025"),
    (2026, 1, 15): ("15 January 2026", "2026-01-15", "January 15, 2026", "15.01.2026", "15 Jan 2026", "15 janvier 2026"),
}  # fmt: skip
TIMES = {
    (17, 30): ("17:30", "5:30 pm", "5:30 p.m.", "5.30 pm", "17.30 Uhr"),
    (9, 0): ("9:00", "09:00", "9 am", "9 a.m.", "9 o'clock"),
    (22, 15): ("22:15", "10:15 pm", "10.15 p.m.", "22.15 Uhr"),
}  # fmt: skip
SOURCE = "The grant was changed. It now ends after {value}, as the board decided. Ask the office for a form."
CLAIM = "The grant ends after {value}."


def other_forms() -> Iterator[Case]:
    for table in (AMOUNTS, DATES, TIMES):
        kind = {id(AMOUNTS): "amount", id(DATES): "date", id(TIMES): "time"}[id(table)]
        forms = list(table.values())
        for number, spellings in enumerate(forms):
            others = [spelling for other in (*forms[:number], *forms[number + 1 :]) for spelling in other]
            for at, (written, claimed) in enumerate(product(spellings, spellings)):
                source = SOURCE.format(value=written)
                quotes = [(0, f"It now ends after {written}, as the board decided")]
                yield case(f"{kind}_in_another_form", CLAIM.format(value=claimed), quotes, [source], supported=True)
                wrong = others[(at * 5 + number) % len(others)]
                yield case(f"another_{kind}", CLAIM.format(value=wrong), quotes, [source], supported=False)


# --- paraphrases, written by hand ------------------------------------------------------------------------------------------

PARAPHRASES = (
    ("You have 26 days of paid leave a year.", "26 days of paid annual leave per calendar year"),
    ("Five unused days at most may be taken into the next year.", "Up to 5 unused days can be carried over"),
    ("What is left lapses on March 31st.", "they lapse on 31 March of the following year"),
    ("Ask for leave in PeopleDesk two weeks before.", "Requests go through PeopleDesk at least two weeks ahead"),
    ("Parents can stay at home for 16 weeks per child, fully paid.", "up to 16 weeks of fully paid parental leave for each child"),
    ("Call your manager by 9:30 when you are ill.", "tell your manager before 9:30 on the first day"),
    ("From day four on a doctor's note is needed.", "A doctor's note is required from the fourth day of illness"),
    ("For six weeks you get all of your salary.", "Sick pay is 100 % of your salary for six weeks"),
    ("Claims belong into Ledgerly, by the 25th.", "Submit claims in Ledgerly by the 25th of each month"),
    ("More than €500 needs Marta Oliveira's approval.", "Anything above 500 euros must be approved beforehand by the finance lead, Marta Oliveira"),
    ("A hotel may cost 140 euros a night.", "Hotel per night | 140 euros"),
    ("Taxis are paid up to €45 a ride.", "Taxi | 45 euros per ride"),
    ("First class is fine on trains for trips of more than 2 hours.", "Trains may be booked in first class when the trip takes longer than two hours"),
    ("The reset link works for 20 minutes.", "The link is valid for 20 minutes"),
    ("Every four years you get a new laptop.", "Laptops are replaced every four years"),
    ("The VPN is reached with Tunnelwise.", "The VPN client is called Tunnelwise"),
    ("The gateway is `vpn.example:8443`.", "Connect to the gateway `vpn.example:8443` with your work account"),
    ("Deployments happen on Tuesdays and Thursdays, from 10 am to 3 pm.", "We deploy on Tuesdays and Thursdays between 10:00 and 15:00"),
    ("On Fridays nobody deploys.", "Never deploy on Fridays"),
    ("Somebody reacts to priority-one incidents within a quarter of an hour.", "Response time for priority-one incidents is 15 minutes"),
    ("Logs stay for 90 days.", "Logs are kept for 90 days"),
    ("`max_workers` is 8 by default.", "`max_workers` | 8 | worker processes per server"),
    ("Fernweh was founded in 2011 by Helena Brandt and Tomasz Zielinski.", "Helena Brandt founded Fernweh in 2011 together with Tomasz Zielinski"),
    ("Since 2019 Tomasz is no longer with the company.", "Tomasz left the company in 2019"),
    ("Fernweh employs 214 people.", "The company has 214 employees in four offices"),
    ("Lisbon's office is led by Rui Teixeira.", "The Lisbon office opened in May 2016 and is led by Rui Teixeira"),
    ("Lisbon was opened in 05/2016.", "The Lisbon office opened in May 2016"),
    ("Sofia Lindqvist looks after payroll.", "Payroll is handled by Sofia Lindqvist"),
    ("You can be at home three days a week.", "Employees may work from home up to three days a week"),
    ("Thirty days a year are possible from elsewhere in the EU.", "Working from another country of the EU is possible for up to 30 days a year"),
    ("The allowance is €40 a month.", "Fernweh pays a home-office allowance of 40 euros a month"),
    ("Core hours last from 10 am to 3 pm.", "Core hours are 10:00 to 15:00"),
    ("Probation lasts half a year, that is six months.", "The probation period is six months"),
    ("Recommending a colleague brings €2,500.", "A referral bonus of 2,500 euros is paid to employees"),
    ("Interns earn 1350 euros per month.", "Interns are paid 1,350 euros a month"),
    ("A password needs 14 characters or more.", "Passwords must have at least 14 characters"),
    ("Report a lost device within a day, at the latest after 24 hours.", "Lost devices must be reported to security@fernweh.example within 24 hours"),
    ("Daniel Okafor is in charge of security.", "The security officer is Daniel Okafor"),
    ("Thirty days after the end of a contract customer data is deleted.", "Customer data is deleted 30 days after a contract ends"),
    ("ISO 27001 has been in place since 2020.", "We were certified under ISO 27001 in 2020"),
    ("A leased bicycle may cost up to €4000.", "a lease bicycle, up to a list price of 4,000 euros"),
    ("The employer adds 20% to the pension.", "a company pension with a 20 % employer contribution"),
    ("The phone number is 0800 555 0147.", "Call 0800 555 0147"),
    ("The offsite is from September 12 to 14, 2024.", "the summer offsite takes place from 12 to 14 September 2024"),
    ("Buses start in Hamburg at 8:30 on Thursday.", "Buses leave from the Hamburg office on Thursday at 8:30"),
    ("Register by July 15 with Jonas.", "Please register by 15 July with Jonas in the events channel"),
    ("Man hat 30 Tage Urlaub im Jahr.", "Beschäftigte haben Anspruch auf 30 Urlaubstage im Jahr"),
    ("On a 27 jours de congés.", "Chaque salarié dispose de 27 jours de congés payés par an"),
    ("Hay 23 días de vacaciones.", "Los empleados tienen 23 días de vacaciones al año"),
    ("Blue light made the cultures grow 34% faster.", "Cultures kept under blue light grew 34 % faster than those under white light"),
    ("A tent can come back within 14 days.", "Yes, within 14 days, if it is clean and dry"),
    ("Below €80 the customer pays €4.90.", "We do for orders above 80 euros; otherwise the customer pays 4.90 euros"),
    ("Beyond 120 requests a minute the API answers 429.", "Clients may send 120 requests per minute; beyond that the server answers with status 429"),
    ("Version 1 ended on 2022-02-01.", "Version 1 of the API was switched off on 1 February 2022"),
    ("It needs Python 3.10 at least.", "The Python client needs Python 3.10 or newer"),
)  # fmt: skip


def paraphrases() -> Iterator[Case]:
    for sentence, quote in PARAPHRASES:
        section = next(part for part in sections() if _stands_in(plain_text(quote).text, part))
        yield case("paraphrase", sentence, [(0, quote)], [section], supported=True)


def cases() -> list[Case]:
    parts = (true_quotes, altered_quotes, misplaced_quotes, claims, foreign_parts, other_forms, paraphrases)
    return [made for part in parts for made in part()]


def lines() -> str:
    return "".join(f"{json.dumps(made, ensure_ascii=False)}\n" for made in cases())


if __name__ == "__main__":
    FILE.write_text(lines(), "utf-8")
