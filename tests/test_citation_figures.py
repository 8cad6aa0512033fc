"""How many false footnotes are caught and true ones kept, on a labelled file of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge import UsageError
from knowledge.evaluating import evaluate_file
from knowledge.evaluating_citations import CitationCase, citation_figures
from tests import citation_cases


async def figures() -> dict:
    return await evaluate_file(citation_cases.FILE, no_knowledge)


def no_knowledge():
    raise AssertionError("labelled citations need no knowledge base")


def share(measured: dict, name: str, *kinds: str) -> float:
    """Return the share over all cases of the kinds that begin so."""
    chosen = [told for kind, told in measured["kinds"].items() if kind.startswith(kinds)]
    assert chosen
    return sum(told[name] * told["cases"] for told in chosen) / sum(told["cases"] for told in chosen)


def test_the_file_is_what_its_program_writes():
    assert citation_cases.FILE.read_text("utf-8") == citation_cases.lines()


async def test_footnotes_are_as_true_as_promised():
    measured = await figures()
    assert measured["cases"] >= 1000
    assert (
        share(measured, "caught", "altered_", "wrong_passage", "invented_passage", "trivial_quote", "no_quote") == 1.0
    )
    assert share(measured, "kept", "true_", "noise_") >= 0.995
    assert share(measured, "caught", "digit_swap", "another_") >= 0.98
    assert share(measured, "kept", "copied", "paraphrase", "amount_", "date_", "time_") >= 0.99
    assert share(measured, "caught", "foreign_link", "foreign_code") == 1.0
    assert share(measured, "caught", "foreign_name") >= 0.9


async def test_what_the_checks_cannot_see_is_told_too():
    measured = await figures()
    assert measured["kinds"]["negated"]["caught"] < 0.5
    assert measured["kinds"]["name_of_the_same_passage"]["caught"] < 0.5


def test_a_share_that_no_case_tells_is_none():
    assert citation_figures([]) == {"cases": 0, "caught": None, "kept": None, "kinds": {}}
    only_false = citation_figures([CitationCase("It is so.", (), (), supported=False)])
    assert (only_false["caught"], only_false["kept"]) == (1.0, None)


@pytest.mark.parametrize(
    "line",
    [
        '{"sentence": "x"}',
        '{"sentence": 1, "quotes": [], "passages": [], "supported": true}',
        '{"sentence": "x", "quotes": [{"passage": "0", "text": "x"}], "passages": ["x"], "supported": true}',
        '{"sentence": "x", "quotes": [], "passages": [3], "supported": true}',
        '{"sentence": "x", "quotes": [], "passages": [], "supported": "yes"}',
        '{"question": "x"}',
        "[]",
    ],
)
async def test_a_wrong_line_is_named(tmp_path: Path, line: str):
    file = tmp_path / "cases.jsonl"
    fine = '{"sentence": "x", "quotes": [], "passages": [{"text": "x", "title": "X"}], "supported": false}'
    file.write_text(f"{fine}\n{line}\n", "utf-8")
    with pytest.raises(UsageError, match=r"cases\.jsonl:2"):
        await evaluate_file(file, no_knowledge)
