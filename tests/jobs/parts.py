"""An embedder whose speed is known, and workers that can be killed."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from knowledge import Settings
from knowledge.errors import EmbedderUnavailableError
from knowledge.types import Vectors

ROOT = Path(__file__).parents[2]


class SlowEmbedder:
    """Embeds a text as its hash; each call takes as long as a service at a distance would."""

    name = "slow-1"
    dimensions = 8

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.texts = 0
        self.broken = False

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise EmbedderUnavailableError
        self.texts += len(texts)
        rows = [np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4") for text in texts]
        return np.array(rows, dtype=np.float32) / 2**32

    async def embed_query(self, text: str) -> Vectors:
        return (await self.embed_documents([text]))[0]


class GatedEmbedder(SlowEmbedder):
    """Embeds the first batch at once, the rest only after `go` was set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.come = asyncio.Event()

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.texts and len(texts) > 1:
            self.come.set()
            await self.go.wait()
        return await super().embed_documents(texts)


async def until(met: Callable[[], Awaitable[bool]], *, within: float = 30.0) -> float:
    """Wait for a condition; return how many seconds it took."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not await met():  # noqa: ASYNC110 - other processes send no event
            await asyncio.sleep(0.1)
    return time.monotonic() - began


@asynccontextmanager
async def worker_process(settings: Settings, documents: Path, seconds: float) -> AsyncIterator[Process]:
    given = [str(settings.home), settings.database_url or "", str(documents), str(seconds)]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.worker", *given, cwd=ROOT, stdout=PIPE
    )
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 60) == b"ready\n"
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
