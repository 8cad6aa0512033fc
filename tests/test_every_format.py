"""A folder with a file of each kind and broken ones → answers whose footnotes name the right place in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from knowledge import KnowledgeBase, Outcome, Question, Settings
from tests.reading import made_files as made

CODE = '''"""Backup."""


def backup_schedule():
    """The backup of the vault runs at 3:15 every night."""
    return "3:15"
'''
YAML = (
    "# Deployment\nname: shop\n\n# The checkout service runs in the region Frankfurt.\nregion:\n  checkout: frankfurt\n"
)
RST = "Parking\n=======\n\nVisitors park in garage C on level 2.\n"
FILES = {
    "relocation.docx": made.docx(),
    "goals.pptx": made.pptx(),
    "bands.xlsx": made.xlsx(rows=8),
    "stock.ods": made.ods([["Item", "Shelf"], ["Torx screwdriver", "Shelf A17"]]),
    "pumps.pdf": made.pdf(
        [["1. Pumps", "The pressure limit of the pump is 3 bar."], ["2. Valves", "Never oil a valve."]]
    ),
    "fees.odt": made.odt(
        '<office:text><text:h text:outline-level="1">Fees</text:h>'
        "<text:p>The late fee for library books is 5 euros.</text:p></office:text>"
    ),
    "letter.rtf": made.RTF,
    "hosts.csv": b"Machine,Owner\nPrinter Helga,Facility team\nPrinter Otto,Legal team\n",
    "churn.ipynb": made.notebook(),
    "offsite.eml": made.eml({"bus.md": b"# Bus\n\nThe return bus departs from platform 9."}),
    "backup.py": CODE.encode(),
    "deploy.yaml": YAML.encode(),
    "parking.rst": RST.encode(),
    "menu.html": b"<h1>Canteen</h1><p>The canteen serves soup at noon.</p>",
    "garden.txt": "The roof garden closes at 22:00 in summer.".encode("utf-16"),
}
BROKEN = {
    "bomb.docx": (made.package({"word/document.xml": bytes(30 * 1024**2)}), "as in a ZIP bomb"),
    "cut.pdf": (made.pdf([["x"]])[:300], "damaged: no PDF that can be opened"),
    "empty.docx": (b"", "empty: no text in it"),
    "far.xlsx": (made.xlsx(rows=3, far=True), "a cell at XFD1048576 makes one sheet"),
    "locked.pdf": (made.pdf([["x"]], password="secret"), "needs a password"),
    "old.doc": (made.old_office("WordDocument"), "an old Word document; save it as .docx"),
    "scan.pdf": (made.pdf([[]]), "no text: scanned?"),
    "zip.xlsx": (made.package({"a.txt": "x"}), "a ZIP archive; unpack it into the folder"),
}
ASKED = [
    ("How much does Fernweh pay for a move abroad?", "relocation.docx", "Moving abroad", ""),
    ("Who leads the sales team?", "goals.pptx", "Sales", "slide 2"),
    ("Where is the Torx screwdriver?", "stock.ods", "", "Stock, row 2"),
    ("What is the pressure limit of the pump?", "pumps.pdf", "1. Pumps", "p. 1"),
    ("How high is the late fee for library books?", "fees.odt", "Fees", ""),
    ("How much is the deposit?", "letter.rtf", "", ""),
    ("Which team owns the printer Helga?", "hosts.csv", "", "rows 2-3"),
    ("How high is the churn?", "churn.ipynb", "Churn > Figures", "cell 2"),
    ("Where does the return bus depart?", "offsite.eml", "Bus > Bus", "attachment bus.md"),
    ("When does the backup of the vault run?", "backup.py", "backup_schedule", "lines 4-6"),
    ("In which region does the checkout service run?", "deploy.yaml", "region", "lines 4-6"),
    ("Where do visitors park?", "parking.rst", "Parking", ""),
    ("When does the canteen serve soup?", "menu.html", "Canteen", ""),
    ("When does the roof garden close?", "garden.txt", "", ""),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asked(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KnowledgeBase]:
    root = tmp_path_factory.mktemp("files")
    _write(root)
    kb = await KnowledgeBase.open(settings)
    report = await kb.reindex_folder(root)
    assert (report.added, report.partial) == (len(FILES), ())
    reasons = {file.path: file.reason for file in report.failed}
    assert reasons.keys() == BROKEN.keys()
    assert {path: told for path, (_, told) in BROKEN.items() if told not in reasons[path]} == {}
    yield kb
    await kb.close()


def _write(root: Path) -> None:
    for name, data in (FILES | {path: data for path, (data, _) in BROKEN.items()}).items():
        (root / name).write_bytes(data)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("question", "path", "headings", "where"), ASKED, ids=[path for _, path, _, _ in ASKED])
async def test_an_answer_says_where_in_the_file_it_stands(
    asked: KnowledgeBase, question: str, path: str, headings: str, where: str
) -> None:
    answer = await asked.ask(Question(question))
    assert answer.outcome is Outcome.ANSWERED, answer.text
    chunk = answer.citations[0].chunk
    assert (chunk.path, " > ".join(chunk.headings), chunk.where) == (path, headings, where), answer.text
