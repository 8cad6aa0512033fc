"""A month of feedback in either database, exported once and looked at by many tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from knowledge import ExportOrder, ExportReport, Kind, KnowledgeBase, Settings
from knowledge.datasets.splits import Assignment, Split
from tests.answerers.test_langchain_answerer import speaking
from tests.conftest import EXPENSES, LAPTOPS, LEAVE, OFFICE
from tests.databases import BOTH
from tests.datasets.month import GOOD, MODEL_SAYS, Month, a_month, with_a_model

TARGETS = ("openai", "bedrock", "together", "fireworks", "axolotl", "llama-factory")


@dataclass(slots=True)
class Exported:
    """The folders of a month, and how to go on from there."""

    settings: Settings
    root: Path
    month: Month
    reports: dict[str, ExportReport] = field(default_factory=dict)

    def folder(self, name: str) -> Path:
        return self.root / name

    def files(self, name: str) -> dict[str, bytes]:
        folder = self.folder(name)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def rows(self, name: str, kind: str, *splits: str) -> list[dict[str, Any]]:
        found = []
        for split in splits or ("train", "validation", "test"):
            path = self.folder(name) / kind / f"{split}.jsonl"
            found += [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
        return found

    def provenance(self, name: str) -> list[dict[str, Any]]:
        text = (self.folder(name) / "provenance.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def manifest(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder(name) / "manifest.json").read_text("utf-8"))


def made_handbook(root: Path) -> Path:
    pages = {"leave.md": LEAVE, "travel/expenses.md": EXPENSES, "it/laptops.md": LAPTOPS, "office.html": OFFICE}
    for path, text in pages.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return root


def held_out(month: Month) -> dict[str, Assignment]:
    """Put answers where they will be found again, since their ids differ each time."""
    splits = [Split.TRAIN] * 6 + [Split.VALIDATION, Split.TEST, Split.TEST]
    return {
        month.id(name): Assignment(f"{number:016x}", splits[number % 9] if name in GOOD else Split.TRAIN)
        for number, name in enumerate(month.answers)
    }


async def lived(settings: Settings, root: Path) -> Exported:
    kb = await KnowledgeBase.open(settings)
    exported = Exported(settings, root, await a_month(kb, made_handbook(root / "handbook")))
    await kb.close()
    kb = await KnowledgeBase.open(settings, answerer=speaking(*MODEL_SAYS, reason="stop"))
    await with_a_model(kb, exported.month)
    await kb._store.snapshots.remember(held_out(exported.month))
    orders = {
        "first": ExportOrder(),
        "again": ExportOrder(),
        "shaped": ExportOrder(targets=TARGETS, include_model_answers=True),
        "sft": ExportOrder(kinds=(Kind.SFT,)),
        "reviewed": ExportOrder(reviewed=True),
    }
    for name, order in orders.items():
        exported.reports[name] = await kb.export(root / name, order)
    await kb.close()
    return exported


@pytest.fixture(scope="module", params=BOTH)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    root = tmp_path_factory.mktemp("month")
    if request.param == "sqlite":
        yield asyncio.run(lived(Settings(home=root / "home"), root))
        return
    server = request.getfixturevalue("postgres")
    url = server.migrated_database()
    yield asyncio.run(lived(Settings(home=root / "home", database_url=url), root))
    server.drop(url)
