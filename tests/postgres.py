"""A real Postgres for the tests: a cluster of its own in a temporary folder, on a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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

    def control(self, *words: str) -> None:
        command = [str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-s", *words]
        subprocess.run(_as_server(command), check=True, timeout=60, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off -c max_connections=200"
        self.control("-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self.control("-m", mode, "stop")

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._made += 1
        name = f"test_{self._made}"
        command = [str(self.bin / "createdb"), "-h", str(self.folder), "-U", "postgres", name]
        subprocess.run(_as_server(command), check=True, timeout=60)
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
        subprocess.run(_as_server(init), check=True, timeout=120, stdout=subprocess.DEVNULL)
        server = Cluster(folder, bin_folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
