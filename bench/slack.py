"""What people in Slack notice: time to ready, first visible sign, the answer, acknowledgements under load, memory."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, time

from bench import corpus
from bench.figures import Figure, at_most, percentile
from bot.sandbox import SandboxServer
from knowledge import KnowledgeBase, Settings

ROOT = Path(__file__).parent.parent
FILES = 1_000
QUESTIONS = 60
BURST = 200
REINDEXED = 5_000
"""Files of another source that are brought in while people go on asking."""
FIRST_SIGNS = {"assistant.threads.setStatus", "chat.postMessage", "chat.startStream", "agents.sessions.setStatus"}


async def run() -> list[Figure]:
    """Index once, then run `footnote serve` as a process of its own against the sandbox."""
    with tempfile.TemporaryDirectory() as name:
        home, docs, more = Path(name) / "home", Path(name) / "docs", Path(name) / "more"
        facts = corpus.write(docs, FILES, sections=9)
        corpus.write(more, REINDEXED, seed=8)
        team = Path(name) / "footnote.toml"
        team.write_text(f'[sources.more]\npath = "{more}"\nwatch = false\n[admins]\nusers = ["U0ADA"]\n', "utf-8")
        kb = await KnowledgeBase.open(Settings(home=home))
        report = await kb.reindex_folder(docs)
        await kb.close()
        async with SandboxServer() as sandbox:
            start = perf_counter()
            async with _serving(sandbox, home, team) as process:
                await sandbox.wait_until_connected(60)
                ready = perf_counter() - start
                sample = random.Random(2).sample(facts, QUESTIONS + 1)
                await _ask(sandbox, sample.pop())
                signs, answers = zip(*[await _ask(sandbox, fact) for fact in sample], strict=True)
                meanwhile, reindexing = await _ask_while_reindexing(sandbox, sample)
                acknowledged = await _burst(sandbox)
                memory = _memory(process.pid)
    return [
        Figure("chunks indexed", report.chunks, ""),
        at_most("serve: start to ready, index built", ready, 4, "s"),
        at_most("mention to first visible sign, p95", percentile(signs, 95), 150, "ms"),
        Figure("mention to answer, p50", percentile(answers, 50), "ms"),
        at_most("mention to answer, p95", percentile(answers, 95), 400, "ms"),
        at_most(f"… while {REINDEXED:,} other files are reindexed, p95", percentile(meanwhile, 95), 400, "ms"),
        Figure("… which take", reindexing, "s"),
        at_most(f"acknowledgement of {BURST} deliveries at once, p99", percentile(acknowledged, 99), 500, "ms"),
        at_most("… the slowest", max(acknowledged), 2500, "ms"),
        at_most("memory of the serving process", memory, 400, "MB"),
    ]


async def _ask(sandbox: SandboxServer, fact: tuple[str, int, str]) -> tuple[float, float]:
    calls, start, begun = len(sandbox.workspace.calls), perf_counter(), time()
    message = await sandbox.person("U0ADA").mention("C0GENERAL", corpus.question(fact))
    answer = await sandbox.wait_for_answer(message, timeout=20)
    whole = (perf_counter() - start) * 1000
    assert str(fact[1]) in (answer.text or ""), answer.text
    first = next(call for call in sandbox.workspace.calls[calls:] if call.method in FIRST_SIGNS)
    return (first.time - begun) * 1000, whole


async def _ask_while_reindexing(sandbox: SandboxServer, facts: list[tuple[str, int, str]]) -> tuple[list[float], float]:
    """Ask the same questions one after the other until another source is in the index."""
    start = perf_counter()
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex more")
    reported = asyncio.create_task(
        sandbox.wait_for_message("C0GENERAL", lambda message: f"{REINDEXED} added" in message.text, timeout=300)
    )
    asked = itertools.cycle(facts)
    times: list[float] = []
    while not reported.done():
        times.append((await _ask(sandbox, next(asked)))[1])
    await reported
    return times, perf_counter() - start


async def _burst(sandbox: SandboxServer) -> list[float]:
    """Type many commands at once; each returns when the app has acknowledged it."""

    async def one(number: int) -> float:
        start = perf_counter()
        await sandbox.person("U0BEN").command("C0GENERAL", f"/ask what is the limit number {number}?")
        return (perf_counter() - start) * 1000

    return list(await asyncio.gather(*(one(number) for number in range(BURST))))


@asynccontextmanager
async def _serving(sandbox: SandboxServer, home: Path, team: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    app = sandbox.workspace.app
    environment = {
        "PATH": os.environ["PATH"],
        "FOOTNOTE_HOME": str(home),
        "FOOTNOTE_CONFIG": str(team),
        "FOOTNOTE_LOG_LEVEL": "ERROR",
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_API_URL": sandbox.api_url,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024 / 1e6


def measure() -> list[Figure]:
    """Measure in the sandbox."""
    return asyncio.run(run())
