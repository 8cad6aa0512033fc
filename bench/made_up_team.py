"""A made-up team whose documents call things by other names than its people do: what a model cannot know beforehand."""

from __future__ import annotations

import json
import random
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


def make_team(folder: Path, *, seed: int) -> Path:
    """Write the documents and the questions; return the folder."""
    chance = random.Random(seed)
    lines = []
    for name, said in SYSTEMS.items():
        for subject, (statement, question) in SUBJECTS.items():
            path = f"{name.lower()}/{subject.lower()}.md"
            said_there = statement.format(name=name, number=chance.randint(2, 90))
            _write(folder / "documents" / path, f"# {name}\n\n## {subject}\n\n{said_there} {FOOTER}\n")
            asked = question.format(said=said)
            rest = asked[:1].lower() + asked[1:].replace(said, "it")
            lines += [
                json.dumps(
                    {"question": form.format(question=asked, said=said, rest=rest), "paths": [path], "group": path}
                )
                for form in ASKED
            ]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
