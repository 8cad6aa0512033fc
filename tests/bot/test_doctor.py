"""The doctor tries each part for real, and each thing that can be wrong has its own sentence that says what to do."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from bot.cli import app as command_line
from bot.doctor import examine
from bot.sandbox import SandboxServer
from knowledge import AdminSettings, Finding, Settings, SourceSettings, TeamFile
from tests.postgres import Cluster
from tests.standins.messages_api import MessagesApi
from tests.standins.pinecone_api import PineconeApi


def replaced(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)


async def found(settings: Settings) -> dict[str, Finding]:
    return {finding.part: finding for finding in await examine(settings)}


def broken(findings: dict[str, Finding]) -> dict[str, str]:
    return {part: finding.says for part, finding in findings.items() if not finding.ok}


async def test_where_everything_is_right_everything_is_named(production: Settings, pinecone: PineconeApi) -> None:
    findings = await found(production)
    assert broken(findings) == {}
    says = {part: finding.says for part, finding in findings.items()}
    assert says["embedder"] == "Pinecone's llama-text-embed-v2, 384 dimensions"
    assert says["index"] == "Pinecone index footnote, 384 dimensions, 0 chunks for this embedder"
    assert says["reranker"] == "Pinecone's bge-reranker-v2-m3"
    assert (says["answerer"], says["understander"]) == ("claude-sonnet-5-5", "claude-haiku-5-5")
    assert "revision" in says["database"]
    assert says["slack"].startswith("footnote in ")
    assert says["slack scopes"] == "all that are needed"
    assert says["slack events"] == "Socket Mode may be opened"
    assert says["clock"] == "right to the minute"
    assert says["source handbook"].startswith("3 files in ")
    assert set(pinecone.indexes) == {"footnote"}


# --- Slack ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "part", "said"),
    [
        ({"slack_bot_token": SecretStr("xoxb-wrong")}, "slack", "SLACK_BOT_TOKEN is refused (invalid_auth)"),
        ({"slack_bot_token": None}, "slack", "SLACK_BOT_TOKEN is missing"),
        ({"slack_api_url": "http://127.0.0.1:9/api/"}, "slack", "cannot be reached"),
        ({"slack_app_token": SecretStr("xapp-wrong")}, "slack events", "SLACK_APP_TOKEN is refused (invalid_auth)"),
        ({"slack_signing_secret": None}, "slack events", "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET"),
    ],
)
async def test_what_is_wrong_with_the_tokens_is_said(
    bot_settings: Settings, changes: dict[str, Any], part: str, said: str
) -> None:
    wrong = broken(await found(replaced(bot_settings, **changes)))
    assert said in wrong.pop(part)
    assert set(wrong) <= {"slack events"}  # who cannot be reached, cannot be reached for anything
    assert "wrong" not in str(wrong)


async def test_a_scope_that_the_token_lacks_is_named(bot_settings: Settings, sandbox: SandboxServer) -> None:
    app = sandbox.workspace.app
    sandbox.workspace.app = replace(app, bot_scopes=app.bot_scopes - {"channels:history", "im:history"})
    wrong = broken(await found(bot_settings))
    assert wrong == {
        "slack scopes": "the token lacks channels:history, im:history: paste bot/manifest.json into the app's manifest "
        "and install the app again"
    }


async def test_user_groups_need_a_scope_only_where_they_are_named(
    bot_settings: Settings, sandbox: SandboxServer
) -> None:
    app = sandbox.workspace.app
    sandbox.workspace.app = replace(app, bot_scopes=(app.bot_scopes - {"usergroups:read"}) | {"files:read"})
    findings = await found(bot_settings)
    assert broken(findings) == {}
    assert findings["slack scopes"].says == "all that are needed; not needed: files:read"
    team = bot_settings.team.model_copy(update={"admins": AdminSettings(usergroups=("S0ADMINS",))})
    assert "usergroups:read" in broken(await found(bot_settings.with_team(team)))["slack scopes"]


async def test_an_app_token_without_its_scope_is_told_which_one(bot_settings: Settings, sandbox: SandboxServer) -> None:
    app = sandbox.workspace.app
    sandbox.workspace.app = replace(app, app_scopes=frozenset({"authorizations:read"}))
    wrong = broken(await found(replaced(bot_settings, slack_app_token=SecretStr(app.app_token))))
    assert "connections:write" in wrong["slack events"]


@pytest.mark.parametrize(("ahead", "said"), [(-400, "400 seconds ahead of"), (90, "90 seconds behind")])
async def test_a_wrong_clock_is_noticed_before_slacks_requests_are_refused(
    bot_settings: Settings, sandbox: SandboxServer, ahead: int, said: str
) -> None:
    sandbox.faults.clock_ahead = ahead
    (says,) = broken(await found(bot_settings)).values()
    assert said.partition(" ")[2] in says
    assert abs(int(says.split()[0]) - abs(ahead)) <= 2


async def test_a_slack_that_fails_for_now_is_not_blamed_on_the_token(
    bot_settings: Settings, sandbox: SandboxServer
) -> None:
    sandbox.faults.error("auth.test", "internal_error")
    assert broken(await found(bot_settings)) == {
        "slack": "Slack answers internal_error: look at https://slack-status.com and try again"
    }


# --- Pinecone and Claude ----------------------------------------------------------------------------------------------


def other_dimensions(pinecone: PineconeApi, _claude: MessagesApi) -> None:
    text = {"type": "string", "full_text_search": {"language": "en"}}
    vector = {"type": "dense_vector", "dimension": 1024, "metric": "cosine"}
    pinecone.add_index("footnote", {"embedding": vector, "title": text, "body": text})


def index_that_does_not_search(pinecone: PineconeApi, _claude: MessagesApi) -> None:
    pinecone.fail("/search", 500, times=99)


def embedding_that_fails(pinecone: PineconeApi, _claude: MessagesApi) -> None:
    pinecone.fail("/embed", 500, times=99)


def models_gone(pinecone: PineconeApi, _claude: MessagesApi) -> None:
    pinecone.fail("/models", 500, times=99)


def claude_key_revoked(_pinecone: PineconeApi, claude: MessagesApi) -> None:
    claude.key = "sk-ant-another"


@pytest.mark.parametrize(
    ("happens", "changes", "wrong"),
    [
        (other_dimensions, {}, {"index": "the embedder makes 384 for cosine. Choose another name in PINECONE_INDEX"}),
        (index_that_does_not_search, {}, {"index": "does not"}),
        (embedding_that_fails, {}, {"embedder": "does not"}),
        (models_gone, {}, {"embedder": "does not", "reranker": "does not"}),
        (None, {"embedder": "pinecone:old-v1"}, {"embedder": "It has llama-text-embed-v2, multilingual-e5-large"}),
        (None, {"reranker": "pinecone:old-v1"}, {"reranker": "It has bge-reranker-v2-m3"}),
        (
            None,
            {"pinecone_api_key": SecretStr("pcsk_wrong")},
            dict.fromkeys(("index", "embedder", "reranker"), "Pinecone does not accept PINECONE_API_KEY"),
        ),
        (claude_key_revoked, {}, dict.fromkeys(("answerer", "understander"), "does not accept ANTHROPIC_API_KEY")),
        (None, {"model": "claude-9"}, {"answerer": "FOOTNOTE_MODEL=claude-9: Claude has no such model"}),
        (None, {"small_model": "claude-9"}, {"understander": "FOOTNOTE_SMALL_MODEL=claude-9"}),
        (
            None,
            {"anthropic_base_url": "http://127.0.0.1:9"},
            dict.fromkeys(("answerer", "understander"), "could not be reached"),
        ),
    ],
)
async def test_what_a_service_does_not_do_is_said_of_that_part_alone(
    production: Settings,
    pinecone: PineconeApi,
    claude: MessagesApi,
    happens: Callable[[PineconeApi, MessagesApi], None] | None,
    changes: dict[str, Any],
    wrong: dict[str, str],
) -> None:
    if happens is not None:
        happens(pinecone, claude)
    says = broken(await found(replaced(production, **changes)))
    assert set(says) == set(wrong)
    for part, words in wrong.items():
        assert words in says[part]
    assert not any(secret in str(says) for secret in ("pcsk_", "sk-ant-", "xoxb-"))


# --- This machine -----------------------------------------------------------------------------------------------------


async def test_local_parts_are_told_what_works_better(bot_settings: Settings) -> None:
    findings = await found(bot_settings)
    assert broken(findings) == {}
    assert "FOOTNOTE_EMBEDDER=fastembed finds better passages" in findings["embedder"].says
    assert "ANTHROPIC_API_KEY lets Claude write" in findings["answerer"].says


async def test_production_is_told_nothing_of_the_kind(production: Settings) -> None:
    assert not any("fastembed" in finding.says for finding in await examine(production))


async def test_sources_that_cannot_be_read_are_named_with_their_path(bot_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.md").write_text("no folder")
    paths = {"gone": "does not exist", "empty": "is empty: put documents there", "file.md": "is not a folder"}
    team = TeamFile(sources={name: SourceSettings(path=tmp_path / name) for name in paths})
    wrong = broken(await found(bot_settings.with_team(team)))
    for name, said in paths.items():
        assert said in wrong[f"source {name}"]
        assert str(tmp_path / name) in wrong[f"source {name}"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_that_may_not_be_read_is_named(bot_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "docs/closed").mkdir(parents=True)
    (tmp_path / "docs/closed").chmod(0)
    team = TeamFile(sources={"docs": SourceSettings(path=tmp_path / "docs")})
    assert "closed may not be read" in broken(await found(bot_settings.with_team(team)))["source docs"]


async def test_no_documents_is_said_with_the_command_that_brings_some(bot_settings: Settings, tmp_path: Path) -> None:
    wrong = broken(await found(replaced(bot_settings, home=tmp_path / "new")))
    assert wrong == {"documents": "0 documents in 2 sources: index a folder with `footnote reindex DIR`"}


async def test_a_database_of_another_revision_is_said_with_the_way_out(
    bot_settings: Settings, postgres: Cluster, tmp_path: Path
) -> None:
    new = replaced(bot_settings, database_url=postgres.new_database())
    assert "run `alembic upgrade head`" in broken(await found(new))["database"]
    away = replaced(bot_settings, database_url="postgresql://127.0.0.1:9/nothing")
    assert "The database did not answer" in broken(await found(away))["database"]
    with sqlite3.connect(bot_settings.home / "footnote.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version of Footnote" in broken(await found(bot_settings))["database"]
    migrated = replaced(bot_settings, database_url=postgres.migrated_database())
    assert (await found(migrated))["database"].says.startswith("Postgres, revision ")


# --- The command ------------------------------------------------------------------------------------------------------


def test_a_program_gets_one_object_and_the_exit_code(monkeypatch: pytest.MonkeyPatch, company: Path) -> None:
    shutil.copytree(company / "home", Path.cwd() / "home")
    done = CliRunner().invoke(command_line, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (0, True)
    assert {"configuration", "database", "embedder", "index", "slack"} <= {check["part"] for check in told["checks"]}
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "only-half")
    done = CliRunner().invoke(command_line, ["doctor", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["ok"]) == (1, False)
    monkeypatch.setenv("PINECONE_INDEX", "team")
    done = CliRunner().invoke(command_line, ["doctor", "--json"])
    (check,) = json.loads(done.stdout)["checks"]
    assert done.exit_code == 2
    assert "PINECONE_API_KEY is not" in check["says"]


def test_a_person_gets_a_line_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_INDEX", "pinecone")
    done = CliRunner().invoke(command_line, ["doctor"])
    assert done.exit_code == 1
    assert "FAIL parts: FOOTNOTE_INDEX=pinecone needs PINECONE_API_KEY." in done.stdout
    assert all(line[:4] in {"ok  ", "FAIL"} for line in done.stdout.splitlines())
