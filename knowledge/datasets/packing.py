"""A dataset as a folder of bytes: files, manifest, provenance and card; the same input makes the same bytes (pure)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import version
from typing import Any

from knowledge.datasets import building
from knowledge.datasets.card import card
from knowledge.datasets.curating import Curated, Placed
from knowledge.datasets.recipes import shapes
from knowledge.datasets.rows import GENERATOR_KINDS, Kind, line, sha256
from knowledge.datasets.splits import Split

SCHEMA = 1
"""Of manifest and provenance."""
KTO_BALANCE = (1.0, 4 / 3)
"""Where desirable weight * thumbs up / (undesirable weight * thumbs down) should lie (KTO, arXiv 2402.01306)."""

_RECIPES = {
    "train_trl.py": GENERATOR_KINDS,
    "train_embedder.py": frozenset({Kind.EMBED}),
    "train_reranker.py": frozenset({Kind.RERANK}),
    "files.py": frozenset(Kind) - {Kind.EVAL},
    "shapes.py": GENERATOR_KINDS,
    "requirements.txt": frozenset(Kind) - {Kind.EVAL},
}
"""Which recipe is of use for which kinds."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest says besides what the rows say themselves."""

    filters: Mapping[str, Any]
    seen: Mapping[str, int]
    """How many exchanges there were, and how many were left out before anything was built, by reason."""
    time_range: tuple[str, str] | None
    """When the first and the last of the exchanges were asked: ISO 8601, UTC."""
    redactor: str
    embedders: tuple[str, ...] = ()
    parent: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """Everything that is written."""

    id: str
    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    answers: frozenset[str]
    """Ids of the answers that the rows rest on."""
    until: tuple[str, ...] = ()
    """How long the targets can be used, and what they want besides."""
    findings: tuple[str, ...] = ()
    """What the targets would refuse."""


@dataclass(slots=True)
class _Files:
    """Files with their rows, as they are made."""

    texts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, path: str, lines: Sequence[str]) -> None:
        if lines:
            self.texts[path] = "".join(f"{each}\n" for each in lines)
            self.rows[path] = len(lines)

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"path": path, "sha256": sha256(text), "rows": self.rows[path], "bytes": len(text.encode())}
            for path, text in sorted(self.texts.items())
        ]


def snapshot_id(sets: Sequence[Curated], facts: Facts) -> str:
    """Name a dataset by its rows, where they come from and how they were chosen; not by when, and after which."""
    rows = sorted(line(_provenance(each)) for one in sets for each in one.rows)
    made = {"schema": SCHEMA, "rows": rows, "made_by": _versions(facts), "filters": dict(facts.filters)}
    return sha256(line(made))[:32]


def pack(sets: Sequence[Curated], facts: Facts, targets: Sequence[shapes.Target]) -> Folder:
    """Lay everything out as it will stand in the folder."""
    data, shaped = _Files(), _Files()
    placed = [each for one in sets for each in one.rows]
    for (kind, split), lines in _lines(placed).items():
        data.add(f"{kind}/{split}.jsonl", lines)
    data.add("provenance.jsonl", [line(_provenance(each)) for each in placed])
    findings = [finding for target in targets for finding in _shape(target, placed, shaped)]
    manifest = _manifest(sets, facts, data, shaped)
    recipes = _recipes(sets)
    texts = {**data.texts, **shaped.texts, **recipes}
    texts["manifest.json"] = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    until = [f"`{target.folder}`: {target.until}" for target in targets if target.until]
    texts["README.md"] = card(manifest, until, findings)
    return Folder(
        id=manifest["id"],
        files={path: text.encode() for path, text in sorted(texts.items())},
        manifest=manifest,
        answers=frozenset(_answers(placed)),
        until=tuple(until),
        findings=tuple(findings),
    )


def _lines(placed: Sequence[Placed]) -> dict[tuple[Kind, Split], list[str]]:
    found: dict[tuple[Kind, Split], list[str]] = {}
    for each in placed:
        found.setdefault((each.row.kind, each.split), []).append(each.text)
    return found


def _answers(placed: Sequence[Placed]) -> list[str]:
    details = [each.row.details.get("rejected_answer_id") for each in placed]
    return [*(each.row.answer_id for each in placed), *(answer_id for answer_id in details if answer_id)]


def _provenance(placed: Placed) -> dict[str, Any]:
    row = placed.row
    return {
        "row_sha256": placed.sha256,
        "kind": row.kind.value,
        "split": placed.split.value,
        "group_id": placed.group_id,
        "answer_id": row.answer_id,
        "basis": row.basis.value,
        "origin": row.origin,
        "raters": list(row.people),
        "redactions": dict(placed.redactions),
        **row.details,
    }


def _shape(target: shapes.Target, placed: Sequence[Placed], files: _Files) -> list[str]:
    found: list[str] = []
    for (kind, split), lines in _lines(placed).items():
        if kind not in target.shapes:
            continue
        rows = shapes.convert(target, kind, [json.loads(each) for each in lines])
        shaped = [line(row) for row in rows]
        files.add(f"{target.folder}/{kind}/{split}.jsonl", shaped)
        found += shapes.findings(target, kind, split, shaped)
    return found


# --- The manifest ----------------------------------------------------------------------------------------------------


def _manifest(sets: Sequence[Curated], facts: Facts, data: _Files, shaped: _Files) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "id": snapshot_id(sets, facts),
        "parent": facts.parent,
        "files": data.listed(),
        "shaped": shaped.listed(),
        "kinds": {one.kind.value: _about(one) for one in sets},
        "exchanges": dict(facts.seen),
        "time_range": list(facts.time_range) if facts.time_range else None,
        "filters": dict(facts.filters),
        "versions": _versions(facts),
        "notes": list(facts.notes),
    }


def _about(one: Curated) -> dict[str, Any]:
    about: dict[str, Any] = {
        "rows": len(one.rows),
        "splits": {split.value: sum(each.split is split for each in one.rows) for split in Split},
        "groups": len({each.group_id for each in one.rows}),
        "basis": _counted(each.row.basis.value for each in one.rows),
        "origin": _counted(each.row.origin for each in one.rows),
        "people": len({person for each in one.rows for person in each.row.people}),
        "redactions": dict(sum((Counter(each.redactions) for each in one.rows), Counter[str]())),
        "longest_row_characters": max((len(each.text) for each in one.rows), default=0),
        "left_out": dict(sorted(one.left.items())),
        "note": one.note,
    }
    if one.kind is Kind.KTO and one.rows:
        about["kto"] = kto_weights(one.rows)
    if any(each.row.details.get("grounded") is False for each in one.rows):
        about["ungrounded"] = sum(each.row.details.get("grounded") is False for each in one.rows)
    return about


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def kto_weights(rows: Sequence[Placed]) -> dict[str, float]:
    """Compute weights from the training rows so that neither side outweighs the other.

    The rarer side gets the larger weight; weights stay 1 where the counts are balanced or one side is empty.
    """
    labels = [each.row.data["label"] for each in rows if each.split is Split.TRAIN]
    up, down = labels.count(True), labels.count(False)
    low, high = KTO_BALANCE
    desirable = undesirable = 1.0
    if up and down and up < low * down:
        desirable = round(low * down / up, 4)
    if up and down and up > high * down:
        undesirable = round(up / (high * down), 4)
    return {"up": up, "down": down, "desirable_weight": desirable, "undesirable_weight": undesirable}


def _versions(facts: Facts) -> dict[str, Any]:
    return {
        "footnote": version("footnote"),
        "builders": building.VERSION,
        "redactor": facts.redactor,
        "question_embedders": list(facts.embedders),
    }


# --- Recipes ---------------------------------------------------------------------------------------------------------


def _recipes(sets: Sequence[Curated]) -> dict[str, str]:
    """Return the recipes that the sets can be used with."""
    kinds = {one.kind for one in sets if one.rows}
    texts = {name: _recipe(name) for name, of in _RECIPES.items() if kinds & of}
    if kinds & GENERATOR_KINDS:
        texts["dataset_info.json"] = json.dumps(_dataset_info(kinds), indent=2) + "\n"
        texts["axolotl.yml"] = _axolotl(kinds, validated={one.kind for one in sets if _has(one, Split.VALIDATION)})
    return texts


def _recipe(name: str) -> str:
    return resources.files("knowledge.datasets.recipes").joinpath(name).read_text("utf-8")


def _has(one: Curated, split: Split) -> bool:
    return any(each.split is split for each in one.rows)


def _dataset_info(kinds: set[Kind]) -> dict[str, Any]:
    """Describe the files that `shapes.py llama-factory` writes, as LLaMA-Factory wants it."""
    tags = {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    }
    columns: dict[Kind, dict[str, Any]] = {
        Kind.SFT: {"columns": {"messages": "messages"}},
        Kind.RAFT: {"columns": {"messages": "messages"}},
        Kind.DPO: {
            "ranking": True,
            "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
        },
        Kind.KTO: {"columns": {"messages": "messages", "kto_tag": "label"}},
    }
    return {
        f"footnote_{kind}": {
            "file_name": f"llama-factory/{kind}/train.jsonl",
            "formatting": "sharegpt",
            **columns[kind],
            "tags": tags,
        }
        for kind in columns
        if kind in kinds
    }


def _axolotl(kinds: set[Kind], validated: set[Kind]) -> str:
    """Fill the template with the first kind that there is; the others stand in it to be swapped in."""
    chosen = next(kind for kind in (Kind.SFT, Kind.RAFT, Kind.DPO, Kind.KTO) if kind in kinds)
    blocks = _recipe("axolotl.yml").split("\n# === ")
    by_name = {name: text for name, _, text in (block.partition(" ===\n") for block in blocks[1:])}
    wanted = "sft" if chosen is Kind.RAFT else chosen.value
    block = by_name[wanted].replace("KIND", chosen.value)
    lines = block.splitlines() if chosen in validated else block.partition("\ntest_datasets:")[0].splitlines()
    return f"{blocks[0].rstrip()}\n\n" + "\n".join(lines).strip() + "\n"
