"""The bot in a process of its own, to be killed: `python -m tests.bot.other_process CONFIG`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot import reindex_message
from bot.server import serve
from knowledge import KnowledgeBase, Settings, TeamFile
from tests.bot import answerers
from tests.jobs import parts


async def main(config: dict[str, Any]) -> None:
    settings = Settings(
        home=Path(config["home"]),
        slack_bot_token=SecretStr(config["bot_token"]),
        slack_app_token=SecretStr(config["app_token"]),
        slack_api_url=config["api_url"],
        lease=2.0,
    ).with_team(TeamFile.model_validate(config["team"]))
    embedder = getattr(parts, config["embedder"])() if config["embedder"] else None
    reindex_message.URL_MOMENTS = (0.0,)
    kb = await KnowledgeBase.open(settings, answerer=getattr(answerers, config["answerer"])(), embedder=embedder)
    await serve(kb, settings)
    await kb.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
