"""What people see on each surface, through the real Bolt app over HTTP and Socket Mode."""

from __future__ import annotations

from bot.sandbox import SandboxServer
from bot.server import Server


async def test_a_mention_gets_one_answer_in_its_thread(sandbox: SandboxServer, either_bot: Server) -> None:
    asked = await sandbox.person("U0BEN").mention("C0GENERAL", "How many days of annual leave do we get?")
    answer = await sandbox.wait_for_answer(asked)
    print(answer.text, answer.blocks)
    assert "27" in answer.text
    assert answer.thread_ts == asked.ts
