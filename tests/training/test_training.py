"""Real trainers load every file of a real export, drop no row and take two steps; the recipes run as they are written.

Needs the packages of `requirements.txt` in `.train`, which `make test-train` puts there; nothing is downloaded here.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from knowledge import Settings
from tests.datasets.conftest import Exported, lived

PYTHON = Path(__file__).parent.parent.parent / ".train/bin/python"
WANTED = os.environ.get("FOOTNOTE_TEST_TRAINING") == "1"

pytestmark = [
    pytest.mark.training,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not WANTED, reason="trains models: see make test-train"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp("training")
    return asyncio.run(lived(Settings(home=root / "home"), root))


def trained(folder: Path, *words: str) -> str:
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HOME": str(folder.parent / "hub")}
    environment = {**os.environ, **offline, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([PYTHON, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_file_loads_and_trains_and_no_row_is_dropped(exported: Exported, tmp_path: Path):
    folder = exported.folder("shaped")
    program = Path(__file__).parent / "every_file.py"
    kept = json.loads(trained(folder, str(program), str(tmp_path)).splitlines()[-1])
    listed = {each["path"]: each["rows"] for each in exported.manifest("shaped")["files"]}
    assert kept == {
        path: rows for path, rows in listed.items() if path.partition("/")[0] not in {"eval", "provenance.jsonl"}
    }
    assert len(kept) >= 15


@pytest.mark.parametrize("words", [("sft", "--merge"), ("raft",), ("dpo",), ("kto",), ("sft", "--full")], ids=" ".join)
def test_the_recipe_for_generators_runs(exported: Exported, tmp_path: Path, words: tuple[str, ...]):
    told = trained(exported.folder("shaped"), "train_trl.py", *words, "--smoke", "--out", str(tmp_path / "out"))
    count = len(exported.rows("shaped", words[0], "train"))
    assert f"{count} rows, the longest of" in told
    kept = "adapter_model.safetensors" if "--full" not in words else "model.safetensors"
    assert (tmp_path / "out" / kept).exists()
    assert (tmp_path / "out/merged/model.safetensors").exists() is ("--merge" in words)


def test_the_recipe_refuses_a_length_that_would_cut_rows(exported: Exported):
    done = subprocess.run(
        [PYTHON, "train_trl.py", "sft", "--smoke", "--max-length", "256"],
        cwd=exported.folder("shaped"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "would cut rows" in done.stderr


@pytest.mark.parametrize("name", ["embedder", "reranker"])
def test_the_recipes_for_retrieval_run(exported: Exported, tmp_path: Path, name: str):
    told = trained(exported.folder("shaped"), f"train_{name}.py", "--smoke", "--out", str(tmp_path / "out"))
    assert "'before': 0." in told
    assert (tmp_path / "out/model.safetensors").exists()
