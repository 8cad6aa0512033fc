"""`python -m bench [NAME…]`: measures everything, or what is named."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import answering, command_line, first_words, indexing, jobs, month, pinecone, reading, slack
from bench.figures import Figure, print_machine, print_table

MEASUREMENTS: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
    "start": ("The command line", command_line.measure),
    "slack": ("In Slack (the sandbox), over 10,000 chunks", slack.measure),
    "words": ("Claude's answers, with a stand-in", first_words.measure),
    "read": ("Reading files", reading.measure),
    "index": ("Indexing", indexing.measure),
    "jobs": ("Indexing with several workers on Postgres", jobs.measure),
    "pinecone": ("Pinecone, a stand-in at a distance", pinecone.measure),
    "month": ("A month of a made-up team", month.measure),
    "answer": ("Answering, one question at a time", answering.measure),
    "large": ("Answering, 100,000 chunks", answering.measure_large),
}


def main(names: list[str]) -> int:
    """Run the measurements; 1 when a figure was missed."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    print_machine()
    missed = 0
    for name in names or MEASUREMENTS:
        title, measure = MEASUREMENTS[name]
        figures = measure()
        print_table(f"{name}: {title}", figures)
        missed += sum(figure.met is False for figure in figures)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
