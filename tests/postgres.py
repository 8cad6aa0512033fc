"""A real Postgres for the tests: a cluster of its own in a temporary folder, on a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


def programs() -> Path | None:
    """Find the folder with initdb and pg_ctl; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return installed[0] if installed else None


def _as_server(command: list[str]) -> list[str]:
    """Postgres refuses to run as root: use its own account there."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


class Cluster:
    """A running server; every database in it is made for one test."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self.bin = bin_folder
        self._made = 0
        self._template: str | None = None

    def control(self, *words: str) -> None:
        command = [str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-s", *words]
        subprocess.run(_as_server(command), check=True, timeout=60, cwd="/", stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off -c max_connections=200"
        self.control("-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self.control("-m", mode, "stop")

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        return self._create("template1")

    def migrated_database(self) -> str:
        """Make a database that the release step has been through and return its URL; the first one takes a second."""
        if self._template is None:
            self._template = self._create("template1")
            command = [sys.executable, "-m", "alembic", "upgrade", "head"]
            environment = os.environ | {"DATABASE_URL": self._template}
            subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60, capture_output=True)
        return self._create(self._template.partition("@/")[2].partition("?")[0])

    def drop(self, url: str) -> None:
        """Remove a database, so that hundreds of them do not fill the disk."""
        name = url.partition("@/")[2].partition("?")[0]
        command = [str(self.bin / "dropdb"), "-h", str(self.folder), "-U", "postgres", "--force", name]
        subprocess.run(_as_server(command), check=True, timeout=60, cwd="/")

    def _create(self, template: str) -> str:
        self._made += 1
        name = f"test_{self._made}"
        options = ["-h", str(self.folder), "-U", "postgres", "-T", template, "-S", "file_copy"]
        subprocess.run(_as_server([str(self.bin / "createdb"), *options, name]), check=True, timeout=60, cwd="/")
        return f"postgresql://postgres@/{name}?host={self.folder}"


@contextmanager
def cluster(bin_folder: Path) -> Iterator[Cluster]:
    """Start a server for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="footnote-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        init = [str(bin_folder / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(_as_server(init), check=True, timeout=120, cwd="/", stdout=subprocess.DEVNULL)
        server = Cluster(folder, bin_folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
