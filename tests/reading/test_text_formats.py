"""Code, data and reStructuredText: cut where a person would look, with the lines of the file."""

from __future__ import annotations

import pytest

from knowledge.reading import reader_for
from knowledge.splitting import SentenceSplitter


def places(text: str, path: str) -> list[tuple[str, str, str]]:
    """Heading, location and text of each piece."""
    document = reader_for(path).read(text.encode(), path)
    pieces = SentenceSplitter().split(document)
    return [(" > ".join(piece.heading), piece.location, piece.text) for piece in pieces]


def test_python_is_cut_at_its_definitions() -> None:
    text = '"""Tool."""\nimport os\n\n\n# adds\n@cache\ndef add(a):\n    return a\n\n\nclass Box:\n    size = 1\n'
    assert places(text, "tool.py") == [
        ("", "lines 1-2", '"""Tool."""\nimport os'),
        ("add", "lines 5-8", "# adds\n@cache\ndef add(a):\n    return a"),
        ("Box", "lines 11-12", "class Box:\n    size = 1"),
    ]


def test_a_long_class_is_cut_at_its_methods() -> None:
    body = "".join(f"    def step_{n}(self):\n" + f"        self.total += {n}  # more of it\n" * 12 for n in range(5))
    headings = [heading for heading, _, _ in places(f"class Box:\n    size = 1\n\n{body}", "box.py")]
    assert headings == ["Box", *(f"Box > step_{n}" for n in range(5))]


@pytest.mark.parametrize(
    ("path", "text", "headings"),
    [
        (
            "a.go",
            "package a\n\n// Add adds.\nfunc Add(a int) int {\n}\nfunc (b *Box) Open() {\n}\n",
            ["", "Add", "Open"],
        ),
        ("a.ts", "export class Box {\n}\nexport const open = (a) => {\n}\n", ["Box", "open"]),
        ("a.js", "async function shut() {\n}\n", ["shut"]),
        ("a.rs", "use std;\n\npub(crate) fn add() {\n}\n\nimpl Box {\n}\n", ["", "add", "Box"]),
        ("a.c", "#include <a.h>\n\nstatic int add(int a, int b)\n{\n  if (a) {}\n}\n", ["", "add"]),
        ("a.sh", "set -e\n\nship() {\n  make\n}\n", ["", "ship"]),
        ("a.sql", "CREATE TABLE IF NOT EXISTS orders (\n  id int\n);\n", ["orders"]),
        ("a.py", "def broken(:\n", ["broken"]),
        ("a.css", "p { color: red }\n", [""]),
    ],
)
def test_other_languages_are_cut_at_the_margin(path: str, text: str, headings: list[str]) -> None:
    assert [heading for heading, _, _ in places(text, path)] == headings


def test_an_entry_of_several_lines_stands_under_its_key() -> None:
    text = "# Deployment\nname: shop\nreplicas: 3\n\n# where\nregion:\n  primary: frankfurt\n"
    assert places(text, "deploy.yaml") == [
        ("", "lines 1-3", "# Deployment\nname: shop\nreplicas: 3"),
        ("region", "lines 5-7", "# where\nregion:\n  primary: frankfurt"),
    ]


def test_json_is_cut_at_its_outermost_keys() -> None:
    text = '{\n  "name": "shop",\n  "limits": {\n    "uploads": 25\n  }\n}\n'
    assert [(heading, location) for heading, location, _ in places(text, "c.json")] == [
        ("", "lines 1-2"),
        ("limits", "lines 3-6"),
    ]


def test_json_on_one_line_is_laid_out_and_cited_by_item() -> None:
    text = "[" + ",".join(f'{{"question": "Question {n}?", "answer": "Answer {n}."}}' for n in range(60)) + "]"
    found = places(text, "faq.json")
    assert '    "question": "Question 0?",\n' in found[0][2]
    assert found[0][1].startswith("items 1-")
    assert found[-1][1].endswith("-60")


def test_each_line_of_json_lines_stays_whole() -> None:
    text = "".join(f'{{"question": "What is it. Number {n}?", "answer": "It is. It was {n}."}}\n' for n in range(60))
    found = places(text, "faq.jsonl")
    assert len(found) > 3
    for _, location, piece in found:
        first, last = map(int, location.removeprefix("lines ").split("-"))
        assert piece == "\n".join(text.splitlines()[first - 1 : last])


def test_a_table_of_toml_stands_under_its_name() -> None:
    assert places("[server]\nport = 1\n\n[server.tls]\non = true\n", "a.toml") == [
        ("server", "lines 1-2", "[server]\nport = 1"),
        ("server.tls", "lines 4-5", "[server.tls]\non = true"),
    ]


def test_restructured_text_stands_under_its_headings() -> None:
    text = (
        "=====\nGuide\n=====\n\n.. a comment\n   of two lines\n\nIntro, see :ref:`there <x>`.\n\nSetup\n-----\n\n"
        ".. _target:\n\nRun it *once*::\n\n   make\n\nDetails\n~~~~~~~\n\nUse port 8443.\n\nMore\n----\n\n"
        ".. note:: Beware.\n\n.. toctree::\n   :maxdepth: 2\n\n   a\n   b\n"
    )
    assert [(heading, piece) for heading, _, piece in places(text, "guide.rst")] == [
        ("Guide", "Intro, see :ref:`there <x>`."),
        ("Guide > Setup", "Run it *once*::\n\n   make"),
        ("Guide > Setup > Details", "Use port 8443."),
        ("Guide > More", ".. note:: Beware."),
    ]


def test_a_text_without_headings_is_cited_by_lines() -> None:
    text = "\n\n" + "\n\n".join(f"Paragraph {n} says something about the number {n}. " * 6 for n in range(20))
    found = places(text, "notes.txt")
    assert len(found) > 2
    assert found[0][1].startswith("lines 3-")
    assert found[-1][1].endswith("-41")
