"""What the documents say is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.cli import app
from knowledge import Reason, Settings

ROOT = Path(__file__).parent.parent


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def variables() -> set[str]:
    """Every environment variable that the settings read."""
    own = {"team", "team_given", "team_path"}
    return {
        str(field.validation_alias or f"FOOTNOTE_{name.upper()}")
        for name, field in Settings.model_fields.items()
        if name not in own
    }


@pytest.mark.parametrize("path", [".env.example", "docs/configuration.md"])
def test_every_setting_is_documented_and_nothing_else(path: str):
    named = set(re.findall(r"\b(?:FOOTNOTE|SLACK|ANTHROPIC|PINECONE|DATABASE)_[A-Z_]*[A-Z]\b|\bPORT\b", text(path)))
    assert named == variables()


def test_every_scope_of_the_manifest_is_explained():
    scopes = json.loads(text("bot/manifest.json"))["oauth_config"]["scopes"]
    wanted = {*scopes["bot"], *scopes["bot_optional"]}
    for path in ("README.md", "docs/slack.md"):
        table = "\n".join(line for line in text(path).splitlines() if line.startswith("| `"))
        assert set(re.findall(r"`([a-z_]+:[a-z]+|commands)`", table)) == wanted, path


def test_every_reason_code_is_explained():
    assert set(re.findall(r"\| `([a-z_]+)` \|", text("docs/feedback.md"))) == {reason.value for reason in Reason}


def test_every_command_of_the_documents_exists():
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    pages = [ROOT / "README.md", ROOT / "Procfile", *sorted((ROOT / "docs").glob("*.md"))]
    code = "\n".join(
        line
        for page in pages
        for line in re.findall(r"`[^`\n]+`|^\$ .*|^web:.*|^worker:.*", page.read_text("utf-8"), re.MULTILINE)
    )
    named = set(re.findall(r"(?<!@)\bfootnote ([a-z]+)\b", code))
    assert named
    assert named <= known


def test_every_link_between_the_documents_leads_somewhere():
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", text("README.md"))) <= targets
