"""What can be said of an exported folder without a trainer: columns, hashes, provenance, splits, and nobody's name."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

COLUMNS = {
    "sft": ["prompt", "completion"],
    "dpo": ["prompt", "chosen", "rejected"],
    "kto": ["prompt", "completion", "label"],
    "raft": ["prompt", "completion"],
    "embed": ["query", "positive", "negative"],
    "rerank": ["query", "passage", "label"],
    "eval": ["question", "paths", "reference_answer", "answerable"],
}


def problems(folder: Path, *, private: Iterable[str]) -> list[str]:
    """Return what is wrong; `private` are ids and names that may stand in no byte."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    provenance = [json.loads(line) for line in (folder / "provenance.jsonl").read_text("utf-8").splitlines()]
    lines = {each["path"]: (folder / each["path"]).read_bytes() for each in manifest["files"]}
    found = [
        f"{each['path']} is not what the manifest says"
        for each in manifest["files"]
        if (each["sha256"], each["rows"]) != (_hash(lines[each["path"]]), lines[each["path"]].count(b"\n"))
    ]
    return [*found, *_rows(lines, provenance), *_splits(provenance), *_private(folder, private)]


def _rows(files: dict[str, bytes], provenance: list[dict[str, str]]) -> list[str]:
    found, rows = [], Counter[tuple[str, str, str]]()
    for path, content in files.items():
        kind, _, split = path.removesuffix(".jsonl").partition("/")
        if kind not in COLUMNS:
            continue
        for line in content.splitlines():
            rows[_hash(line), kind, split] += 1
            if list(json.loads(line)) != COLUMNS[kind]:
                found.append(f"{path} has other columns")
    told = Counter((each["row_sha256"], each["kind"], each["split"]) for each in provenance)
    return [*found, *(["rows and provenance do not belong together"] if rows != told else [])]


def _splits(provenance: list[dict[str, str]]) -> list[str]:
    splits = defaultdict(set)
    for each in provenance:
        splits[each["group_id"]].add(each["split"])
    return [f"group {group} is in {sorted(found)}" for group, found in splits.items() if len(found) > 1]


def _private(folder: Path, private: Iterable[str]) -> list[str]:
    texts = {path: path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}
    return [f"{path.name} names {word}" for word in private for path, text in texts.items() if word in text]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
