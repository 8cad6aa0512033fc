"""A synthetic company's documents: the same words for the same number, so that runs can be compared."""

from __future__ import annotations

import random
from pathlib import Path

_SYLLABLES = (
    "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru pla sce tri vro sta".split()
)
_COMMON = (
    "the of to and in is for on with by as at from are this be which every after before when each team report review "
    "customer project system request process data form manager office account service policy travel budget invoice"
).split()
_UNITS = "euros days hours people percent weeks requests tickets".split()


def facts(count: int, *, seed: int = 7) -> list[tuple[str, int, str]]:
    """Return (invented name, number, unit) triples, each of which one document states."""
    rng = random.Random(seed)
    return [(_name(rng), rng.randint(2, 999), rng.choice(_UNITS)) for _ in range(count)]


def write(folder: Path, files: int, *, sections: int = 1, seed: int = 7) -> list[tuple[str, int, str]]:
    """Write Markdown files of `sections` sections of about 160 words; return the facts, one per file."""
    rng = random.Random(seed)
    stated = facts(files, seed=seed)
    words = [_name(rng) for _ in range(4000)]
    for number, (name, amount, unit) in enumerate(stated):
        path = folder / f"part-{number % 97:02d}" / f"{name}-{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = [f"# The {name} procedure\n", f"The limit of the {name} procedure is {amount} {unit}.\n"]
        body += [f"## {rng.choice(words)} {rng.choice(words)}\n\n{_paragraph(rng, words)}\n" for _ in range(sections)]
        path.write_text("\n".join(body), "utf-8")
    return stated


def question(fact: tuple[str, int, str]) -> str:
    """Ask for a fact."""
    return f"What is the limit of the {fact[0]} procedure?"


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(3)) + str(rng.randint(10, 99))[:1].replace("1", "n")


def _paragraph(rng: random.Random, words: list[str]) -> str:
    sentences = []
    for _ in range(11):
        chosen = [rng.choice(_COMMON) if rng.random() < 0.6 else rng.choice(words) for _ in range(14)]
        sentences.append(" ".join(chosen).capitalize() + ".")
    return " ".join(sentences)
