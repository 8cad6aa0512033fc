"""The bot as an operator starts it: `footnote serve` or `footnote worker` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from knowledge import Settings

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def command(word: str, settings: Settings, config: Path, **more: str) -> AsyncIterator[Process]:
    """Run `footnote <word>` with the settings' home, database and Slack until the block ends."""
    assert settings.slack_bot_token is not None
    environment = {
        "DATABASE_URL": settings.database_url or "",
        "FOOTNOTE_HOME": str(settings.home),
        "FOOTNOTE_CONFIG": str(config),
        "SLACK_BOT_TOKEN": settings.slack_bot_token.get_secret_value(),
        "SLACK_API_URL": settings.slack_api_url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", word, cwd=ROOT, env=os.environ | environment | more, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def logged(process: Process, event: str) -> str:
    """Wait until it logs this; return the line."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while event not in (line := (await process.stderr.readline()).decode()):
            assert line, "the process has ended"
        return line
