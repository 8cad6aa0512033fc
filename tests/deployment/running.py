"""The environment of docs/deploy.md as real processes: two `web`, two `worker`, Postgres, Pinecone, Claude, Slack.

Nothing is simplified but the services: Postgres is a real server of its own, the rest are the strict stand-ins. Run it
and try it in a browser: `python -m tests.deployment.running [FOLDER]`, with a folder of documents or without.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bot.sandbox import App, SandboxServer, Workspace
from tests.postgres import Cluster, cluster, programs
from tests.standins import messages_api, pinecone_api
from tests.standins.messages_api import MessagesApi
from tests.standins.pinecone_api import PineconeApi

ROOT = Path(__file__).parents[2]
ADMIN = "U0ADA"
WEB, WORKER = ("web1", "web2"), ("worker1", "worker2")
STARTING_SECONDS = 90.0


@dataclass
class Member:
    """One process, with the port on which it tells how it is."""

    name: str
    port: int
    process: Process
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=5) as client:
            return await client.get(path)

    async def metric(self, name: str) -> float:
        """Return one number of its metrics; 0 where there is none yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", (await self.get("/metrics")).text, re.MULTILINE)
        return float(found[1]) if found else 0.0


@dataclass
class Balancer:
    """What a platform puts in front of the `web` processes: one address, each connection to the next that answers."""

    ports: list[int]
    served: list[int] = field(default_factory=list)
    """The port that each connection went to."""

    async def serve(self) -> asyncio.Server:
        turns = itertools.cycle(self.ports)
        return await asyncio.start_server(lambda reader, writer: self._pass_on(reader, writer, turns), "127.0.0.1", 0)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turns: itertools.cycle[int]
    ) -> None:
        with suppress(OSError):
            for _ in self.ports:
                port = next(turns)
                with suppress(ConnectionRefusedError):
                    there, back = await asyncio.open_connection("127.0.0.1", port)
                    self.served.append(port)
                    await asyncio.gather(_copy(reader, back), _copy(there, writer))
                    break
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass
class Deployment:
    """Everything that runs."""

    members: dict[str, Member]
    sandbox: SandboxServer
    pinecone: PineconeApi
    claude: MessagesApi
    balancer: Balancer
    database_url: str

    def web_of(self, port: int) -> Member:
        return next(member for member in self.members.values() if member.port == port)


def documented_environment(kind: str) -> dict[str, str]:
    """Read the environment of a kind of process from the block in docs/deploy.md, as an operator would copy it."""
    page = (ROOT / "docs/deploy.md").read_text("utf-8")
    block = re.search(r"```sh\n(# every process\n.*?)```", page, re.DOTALL)
    assert block is not None
    shared, _, own = block[1].partition(f"# {kind}\n")
    lines = [*shared.partition("\n# web")[0].splitlines(), *own.partition("\n# ")[0].splitlines()]
    return dict(re.findall(r"^(\w+)=(\S*)", "\n".join(lines), re.MULTILINE))


@asynccontextmanager
async def deployment(
    server: Cluster, folder: Path, documents: Path, *, sandbox_port: int = 0, **changed: str
) -> AsyncIterator[Deployment]:
    """Run the release step, then every process, until the block ends."""
    async with AsyncExitStack() as running:
        pinecone = running.enter_context(pinecone_api.serving(PineconeApi()))
        claude = await running.enter_async_context(messages_api.serving(MessagesApi()))
        workspace = Workspace(app=App.from_manifest(json.loads((ROOT / "bot/manifest.json").read_text("utf-8"))))
        sandbox = await running.enter_async_context(SandboxServer(workspace, port=sandbox_port))
        database_url = server.new_database()
        config = folder / "footnote.toml"
        config.write_text(f'[sources.handbook]\npath = "{documents}"\n[admins]\nusers = ["{ADMIN}"]\n')
        real = {
            "DATABASE_URL": database_url,
            "SLACK_BOT_TOKEN": workspace.app.bot_token,
            "SLACK_SIGNING_SECRET": workspace.app.signing_secret,
            "PINECONE_API_KEY": pinecone.key,
            "ANTHROPIC_API_KEY": claude.key,
            "FOOTNOTE_CONFIG": str(config),
        }
        elsewhere = {
            "SLACK_API_URL": sandbox.api_url,
            "PINECONE_CONTROLLER_HOST": pinecone.url,
            "ANTHROPIC_BASE_URL": claude.url,
        }
        await _release(real | elsewhere)
        members = {}
        for name in (*WEB, *WORKER):
            own = {"FOOTNOTE_HOME": str(folder / name), "PORT": str(_free_port()), "FOOTNOTE_HOST": "127.0.0.1"}
            environment = _filled_in(name.rstrip("12"), real | own) | elsewhere | changed
            members[name] = await _started(name, environment, folder)
            running.push_async_callback(_ended, members[name])
        balancer = Balancer([members[name].port for name in WEB])
        front = await running.enter_async_context(await balancer.serve())
        sandbox.http.request_url = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}/slack/events"
        await asyncio.gather(*(_ready(member) for member in members.values()))
        yield Deployment(members, sandbox, pinecone, claude, balancer, database_url)


def _filled_in(kind: str, real: Mapping[str, str]) -> dict[str, str]:
    """Take the documented environment with the values that exist here; a variable without one keeps its own."""
    return {name: real.get(name, value) for name, value in documented_environment(kind).items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def _release(environment: Mapping[str, str]) -> None:
    """Run the release step twice at once, as two deployments at the same time would."""
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    runs = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=_base() | environment, stderr=DEVNULL)
        for _ in range(2)
    ]
    assert [await run.wait() for run in runs] == [0, 0]


def _base() -> dict[str, str]:
    """The environment without anything of ours."""
    own = ("FOOTNOTE_", "SLACK_", "ANTHROPIC_", "PINECONE_", "DATABASE_", "PORT")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


async def _started(name: str, environment: Mapping[str, str], folder: Path) -> Member:
    command = {"web": "serve", "worker": "worker"}[name.rstrip("12")]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", command),
            cwd=folder,
            env=_base() | environment | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )
    return Member(name, int(environment["PORT"]), process, log)


async def _ready(member: Member) -> None:
    async with asyncio.timeout(STARTING_SECONDS):
        while True:
            assert member.alive, f"{member.name} ended: {member.log.read_text()[-2000:]}"
            with suppress(httpx.HTTPError):
                if (await member.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.2)


async def _ended(member: Member) -> None:
    if member.alive:
        member.process.kill()
    await member.process.wait()


async def main(documents: Path) -> None:
    """Run everything until interrupted."""
    found = programs()
    if found is None:
        sys.exit("Postgres is not installed.")
    with cluster(found) as server, tempfile.TemporaryDirectory() as name:
        async with deployment(server, Path(name), documents, sandbox_port=3000) as deployed:
            told = ", ".join(f"{member.name} on {member.port}" for member in deployed.members.values())
            print(f"{told}\nSlack is at {deployed.sandbox.page_url}: type /reindex handbook, then ask.", flush=True)  # noqa: T201
            await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs").resolve()))
