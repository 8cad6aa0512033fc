"""Two processes with different settings on one database, as the command line starts them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.databases import rows
from tests.jobs.parts import ROOT

OTHER = {"FOOTNOTE_EMBEDDER": "tests.jobs.parts.SlowEmbedder"}


async def footnote(home: Path, *words: str, **settings: str) -> Any:
    environment = os.environ | {"FOOTNOTE_HOME": str(home), "PYTHONPATH": str(ROOT)} | settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, "--json", env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said)


def serving(home: Path) -> str:
    from knowledge import Settings

    query = "SELECT embedder_name FROM generations JOIN generation_roles ON generation = id WHERE role = 'serving'"
    return str(rows(Settings(home=home), query)[0][0])


async def test_another_embedder_takes_over_when_it_is_reindexed_with_and_not_before(tmp_path: Path, handbook: Path):
    home, question = tmp_path / "home", "How many days of annual leave do full-time employees get?"
    await footnote(home, "reindex", str(handbook))
    default = serving(home)
    answer, verified = await asyncio.gather(
        footnote(home, "ask", question, **OTHER), footnote(home, "reindex", "--verify", **OTHER)
    )
    assert "27 days" in answer["text"]
    assert [index["embedder"] for index in verified["indexes"]] == [default]
    assert serving(home) == default
    (handbook / "new.md").write_text("# Bicycles\n\nBicycles are leased for 36 months.\n")
    report, answer = await asyncio.gather(
        footnote(home, "reindex", str(handbook), **OTHER), footnote(home, "ask", question)
    )
    assert (report["added"], report["unchanged"], "27 days" in answer["text"]) == (1, 4, True)
    assert serving(home) == "slow-1"
    answer = await footnote(home, "ask", "For how many months are bicycles leased?")
    assert "36 months" in answer["text"]
