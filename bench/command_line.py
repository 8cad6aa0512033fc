"""How fast the command line starts, and how large the installation is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench.figures import Figure, at_most

ROOT = Path(__file__).parent.parent


def measure() -> list[Figure]:
    """Start `footnote --help` seven times; install the run-time dependencies anew and weigh them."""
    times = sorted(_seconds([sys.executable, "-m", "bot", "--help"]) for _ in range(7))
    figures = [at_most("footnote --help, median", times[3], 0.5, "s")]
    uv = ROOT / ".uv/bin/uv"
    if uv.exists():
        size, torch = _installation(uv)
        figures += [
            at_most("run-time dependencies as installed", size, 350, "MB"),
            at_most("… of them torch", torch, 0, ""),
        ]
    return figures


def _seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - start


def _installation(uv: Path) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name) / "venv"
        command = [
            str(uv),
            "sync",
            "--quiet",
            "--locked",
            "--no-dev",
            "--link-mode",
            "copy",
            "--python",
            sys.executable,
        ]
        subprocess.run(
            command,
            cwd=ROOT,
            check=True,
            stderr=subprocess.DEVNULL,
            env={"UV_PROJECT_ENVIRONMENT": str(environment), "PATH": "/usr/bin:/bin"},
        )
        size = sum(
            path.stat().st_blocks * 512 for path in environment.rglob("*") if path.is_file() and not path.is_symlink()
        )
        torch = len(list(environment.glob("lib/*/site-packages/torch")))
    return size / 1e6, torch
