"""The rules of the house, held by walking the imports of every file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SLACK = {"slack_bolt", "slack_sdk"}
SERVICES = {
    "anthropic",
    "pinecone",
    "procrastinate",
    "langchain",
    "langchain_core",
    "langchain_community",
    "langchain_classic",
}
PARSERS = {"selectolax", "markdown_it", "charset_normalizer", "pypdfium2", "lxml", "pptx", "python_calamine"}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def offenders(paths: list[Path], packages: set[str], *allowed: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        if not any(path.relative_to(ROOT).is_relative_to(place) for place in allowed)
        for name in imports(path)
        if name.partition(".")[0] in packages
    ]


def test_knowledge_never_imports_the_bot():
    assert offenders(sources("knowledge"), {"bot"}) == []


def test_the_bot_imports_only_what_knowledge_exports():
    import knowledge

    for path in sources("bot"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("knowledge"):
                assert node.module == "knowledge", f"{path}: {node.module}"
                assert {alias.name for alias in node.names} <= set(knowledge.__all__), path
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("knowledge.") for alias in node.names), path


def test_language_knows_nothing_of_documents_and_services():
    allowed = {"language": "knowledge.language.", "extracting": ("knowledge.language.", "knowledge.extracting.")}
    for room, within in allowed.items():
        for path in sources(f"knowledge/{room}"):
            ours = [name for name in imports(path) if name.partition(".")[0] == "knowledge"]
            assert all(name.startswith(within) or name == "knowledge.extracting" for name in ours), path


def test_slack_is_spoken_in_the_bot_only():
    assert offenders(sources("knowledge", "alembic"), SLACK) == []


def test_services_and_parsers_are_touched_by_their_adapters_and_readers_only():
    places = ("knowledge/adapters", "knowledge/reading")
    assert offenders(sources("bot", "knowledge"), SERVICES | PARSERS, *places) == []
    assert offenders(sources("bot", "knowledge"), {"langchain_text_splitters"}, "knowledge/splitting.py", *places) == []


def test_sql_is_spoken_in_the_store_only():
    places = ("knowledge/store", "knowledge/tables.py")
    assert offenders(sources("bot", "knowledge"), {"sqlalchemy", "aiosqlite", "sqlite3", "alembic"}, *places) == []


def test_the_environment_is_read_in_the_settings_only():
    readers = {"environ", "environb", "getenv", "getenvb"}
    for path in sources("bot", "knowledge"):
        if path.name == "settings.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr in readers), path


def test_the_sandbox_meets_the_bot_over_the_wire_only():
    assert offenders(sources("bot/sandbox"), {"knowledge"} | SLACK) == []
    for path in sources("bot"):
        inside = path.is_relative_to(ROOT / "bot/sandbox")
        names = {name for name in imports(path) if name.startswith("bot")}
        if inside:
            assert all(name.startswith("bot.sandbox") for name in names), path
        elif path.name not in {"cli.py", "demo.py"}:
            assert not any(name.startswith("bot.sandbox") for name in names), path


def test_alembic_is_not_shadowed_by_our_migrations():
    assert not (ROOT / "alembic/__init__.py").exists()


@pytest.mark.parametrize("path", sources("bot", "knowledge"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_importing_everything_does_nothing(tmp_path: Path):
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sources("bot", "knowledge")
        if path.name not in {"__init__.py", "__main__.py"} and not path.match("datasets/recipes/train_*.py")
    ]
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + "\n".join(f"import {name}" for name in names)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_public_names_are_all_there():
    import knowledge

    assert sorted(knowledge.__all__) == sorted(set(knowledge.__all__))
    for name in knowledge.__all__:
        assert getattr(knowledge, name) is not None
