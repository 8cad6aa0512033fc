"""The bot in a process of its own, to be killed: `python -m tests.bot.other_process CONFIG`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from pydantic import SecretStr

from bot.server import serve
from knowledge import EscalationSettings, KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.bot import answerers


async def main(config: dict[str, str]) -> None:
    team = TeamFile(
        sources={"handbook": SourceSettings(path=Path(config["handbook"]))},
        escalation=EscalationSettings(channel="C0HELP"),
    )
    settings = Settings(
        home=Path(config["home"]),
        slack_bot_token=SecretStr(config["bot_token"]),
        slack_app_token=SecretStr(config["app_token"]),
        slack_api_url=config["api_url"],
        lease=2.0,
    ).with_team(team)
    kb = await KnowledgeBase.open(settings, answerer=getattr(answerers, config["answerer"])())
    await serve(kb, settings)
    await kb.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
