"""Office files, tables, mail, notebooks: what a person reads in them, and where a footnote says that it stands."""

from __future__ import annotations

import pytest

from knowledge.errors import UnreadableFileError
from knowledge.reading.signatures import fitting_reader
from knowledge.splitting import SentenceSplitter
from knowledge.types import ParsedDocument
from tests.reading import made_files as made


def read(data: bytes, path: str) -> ParsedDocument:
    document = fitting_reader(path, data).read(data, path)
    for section in document.sections:
        assert document.text[section.start : section.start + len(section.text)] == section.text
    return document


def places(data: bytes, path: str) -> list[tuple[str, int | None, str, str]]:
    """Heading, page, location and text of each piece."""
    pieces = SentenceSplitter().split(read(data, path))
    return [(" > ".join(piece.heading), piece.page, piece.location, piece.text) for piece in pieces]


# --- PDF --------------------------------------------------------------------------------------------------------------


def test_a_pdf_is_cited_by_page_and_bookmark() -> None:
    data = made.pdf([["1. Pumps", "The limit is 3 bar."], ["2. Valves", "Never open the valve."]], title="The manual")
    assert read(data, "m.pdf").title == "The manual"
    assert places(data, "m.pdf") == [
        ("1. Pumps", 1, "", "1. Pumps\n\nThe limit is 3 bar."),
        ("2. Valves", 2, "", "2. Valves\n\nNever open the valve."),
    ]


def test_a_pdf_page_goes_by_the_label_that_is_printed_on_it() -> None:
    data = made.pdf([["Preface."], ["Text."]], bookmarks=False)
    labelled = data.replace(b"/Type /Catalog", b"/PageLabels <</Nums [0 <</S /r /St 4>>]>> /Type /Catalog")
    assert [(page, location) for _, page, location, _ in places(labelled, "m.pdf")] == [(1, "p. iv"), (2, "p. v")]


def test_lines_broken_at_the_margin_are_one_paragraph() -> None:
    lines = ["The pump has to be cleaned every week by a trained person who", "knows the machine well.", "Next."]
    assert places(made.pdf([lines], bookmarks=False), "m.pdf")[0][3] == "\n".join(lines[:2]) + "\n\nNext."


def test_running_titles_and_page_numbers_of_a_pdf_are_left_out() -> None:
    body = ["Every page says", "something else", "about the pump", "and the valve", "number"]
    pages = [["ACME manual", *body, f"{n} {n * n}", f"Page {n}"] for n in range(1, 7)]
    texts = [text for *_, text in places(made.pdf(pages, bookmarks=False), "m.pdf")]
    assert all("ACME" not in text and "Page" not in text for text in texts)
    assert [text.splitlines()[-1] for text in texts] == [f"{n} {n * n}" for n in range(1, 7)]


def test_pages_of_few_lines_keep_them_all() -> None:
    data = made.pdf([[f"Policy {n}: the limit is 10 euros."] for n in range(1, 9)], bookmarks=False)
    assert len(places(data, "m.pdf")) == 8


def test_a_scanned_pdf_is_empty_and_says_why() -> None:
    with pytest.raises(UnreadableFileError, match=r"^no text: scanned\?$") as raised:
        read(made.pdf([[]]), "scan.pdf")
    assert raised.value.outcome == "empty"


# --- Word, PowerPoint, OpenDocument, rich text ------------------------------------------------------------------------


def test_word_keeps_headings_lists_and_tables() -> None:
    data = made.docx()
    table = "| City | Limit |\n| --- | --- |\n| Lisbon | 1,200 euros & < 5 % |"
    assert read(data, "r.docx").title == "Relocation guide"
    assert [(heading, text) for heading, _, _, text in places(data, "r.docx")] == [
        ("Moving abroad", "Fernweh pays up to 3,500 euros for a move abroad."),
        ("Moving abroad > Flats", f"- Ask Nadia\n- Sign the lease\n1. Pay\n2. Move in\n\n{table}"),
    ]


@pytest.mark.parametrize(
    "unseen",
    [
        "<w:del><w:r><w:delText>secret</w:delText></w:r></w:del>",
        "<w:del><w:r><w:t>secret</w:t></w:r></w:del>",
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>",
        "<w:r><w:instrText>secret</w:instrText></w:r>",
        '<w:moveFrom w:id="1"><w:r><w:t>secret</w:t></w:r></w:moveFrom>',
    ],
)
def test_what_nobody_sees_of_a_word_document_is_not_text(unseen: str) -> None:
    data = made.word_package(f"<w:p><w:r><w:t>Seen</w:t></w:r>{unseen}<w:ins><w:r><w:t>, too</w:t></w:r></w:ins></w:p>")
    assert read(data, "a.docx").text == "Seen, too"


def test_a_slide_is_cited_by_its_number_and_title() -> None:
    assert places(made.pptx(), "g.pptx") == [
        (
            "Quarterly goals",
            1,
            "slide 1",
            "- Ship the app\n- Hire two people\n\nNotes: Mention the budget of 90,000 euros",
        ),
        ("Sales", 2, "slide 2", "Anna leads the sales team"),
        ("Prices", 3, "slide 3", "| Plan | Price |\n| --- | --- |\n| Basic | 9 euros |"),
    ]


def test_an_opendocument_text_keeps_headings_lists_and_tables() -> None:
    data = made.odt(
        '<office:text><text:h text:outline-level="1">Fees</text:h><text:p>A<text:s text:c="2"/>fee of 5<text:tab/>'
        "euros.</text:p><text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>deeper</text:p>"
        "</text:list-item></text:list></text:list-item></text:list><table:table><table:table-row><table:table-cell>"
        "<text:p>Kind</text:p></table:table-cell><table:table-cell><text:p>Fee</text:p></table:table-cell>"
        "</table:table-row></table:table></office:text>"
    )
    expected = "A  fee of 5\teuros.\n\n- one\n  - deeper\n\n| Kind | Fee |\n| --- | --- |"
    assert places(data, "a.odt") == [("Fees", None, "", expected)]


def test_rich_text_is_read_with_its_signs() -> None:
    assert read(made.RTF, "letter.rtf").text == "Dear Ms Müller,\n\nthe deposit is 800 €.\n\nBold end."


# --- Tables -----------------------------------------------------------------------------------------------------------


def test_every_part_of_a_sheet_repeats_the_header_and_names_its_rows() -> None:
    found = places(made.xlsx(), "bands.xlsx")
    header = "| Role | From | Since |\n| --- | --- | --- |\n"
    assert len(found) > 2
    assert all(heading == "Salaries" and header in text for heading, _, _, text in found)
    assert found[0][2].startswith("Salaries, rows 1-")
    assert found[0][3].startswith("Salary bands\n\n| Role")
    for _, _, location, text in found:
        last = int(location.rpartition("-")[2])
        assert text.endswith(f"| Engineer level {last - 4} | {40_000 + (last - 4) * 500.5:.15g} | 2025-01-01 |")
    assert "secret" not in str(found)


def test_an_opendocument_spreadsheet_is_read_like_the_others() -> None:
    data = made.ods([["Item", "Shelf"], ["Screw", "A1"]])
    expected = ("Stock", None, "Stock, row 2", "| Item | Shelf |\n| --- | --- |\n| Screw | A1 |")
    assert places(data, "stock.ods") == [expected]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_of_text_is_cut_by_rows_whatever_separates_its_cells(separator: str) -> None:
    lines = ["Item,Amount,Place", *(f'"Screw, type {n}",{n},Shelf {n}' for n in range(90))]
    data = "\n".join(line.replace(",", separator) for line in lines).replace(f"Screw{separator}", "Screw,").encode()
    found = places(data, "stock.csv")
    assert len(found) > 2
    assert all(text.startswith("| Item | Amount | Place |\n| --- | --- | --- |\n") for *_, text in found)
    assert found[0][2].startswith("rows 2-")
    assert found[-1][2].endswith("-91")


def test_a_row_too_wide_for_a_table_is_written_as_names_and_values() -> None:
    data = (",".join(f"Column {n}" for n in range(60)) + "\n" + ",".join(f"a value {n}" for n in range(60))).encode()
    found = places(data, "wide.csv")
    assert found[0][3].startswith("- Column 0: a value 0\n- Column 1: a value 1")
    assert {location for _, _, location, _ in found} == {"row 2"}


# --- Notebooks, mail --------------------------------------------------------------------------------------------------


def test_a_notebook_is_cited_by_cell_without_its_pictures() -> None:
    assert places(made.notebook(), "churn.ipynb") == [
        ("Churn", None, "cell 1", "We look at churn."),
        ("Churn > Figures", None, "cell 1", "## Figures"),
        ("Churn > Figures", None, "cell 2", "```python\nprint(churn())\n```\n\n```\nchurn is 4.2 percent\n```"),
        ("Churn > Figures", None, "cell 3", "```python\nby['region']\n```\n\n```\nKeyError: 'region'\n```"),
    ]


def test_an_attachment_is_read_by_its_own_reader_and_named() -> None:
    data = made.eml({"goals.pptx": made.pptx(), "logo.png": b"\x89PNG\r\n", "notes.md": b"# Plan\n\nMeet at nine."})
    document = read(data, "offsite.eml")
    found = places(data, "offsite.eml")
    assert (document.title, document.missing) == ("Summer offsite", ())
    assert "From: Aylin Demir" in found[0][3]
    assert found[0][3].endswith("The bus leaves at 8:30.")
    assert ("Quarterly goals > Sales", 2, "attachment goals.pptx, slide 2", "Anna leads the sales team") in found
    assert ("Plan > Plan", None, "attachment notes.md", "Meet at nine.") in found


def test_what_is_attached_and_cannot_be_read_is_missing_but_the_message_is_there() -> None:
    data = made.eml({"plan.pdf": made.pdf([["x"]], password="secret"), "a.docx": b"PK\x03\x04broken"})
    document = read(data, "m.eml")
    assert document.missing == (
        "the attachment plan.pdf: needs a password",
        "the attachment a.docx: damaged or cut off: the package inside is broken",
    )
    assert "8:30" in document.text


def test_a_page_as_a_message_is_read_as_a_page() -> None:
    data = made.message(html="<style>x</style><h1>Menu</h1><p>Soup at <b>noon</b>.</p>").as_bytes()
    assert places(data, "m.eml")[-1] == ("Menu", None, "", "Soup at noon.")


def test_a_mailbox_is_cited_by_message() -> None:
    first, second = made.message(), made.message(subject="Lunch", text="Soup at noon.")
    data = b"".join(b"From a@b Tue Jun  4 08:12:00 2024\n" + each.as_bytes() + b"\n" for each in (first, second))
    found = [(heading, location) for heading, _, location, _ in places(data, "list.mbox")]
    assert found == [("Summer offsite", "message 1, 2024-06-04"), ("Lunch", "message 2, 2024-06-04")]


# --- The first bytes decide -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        (made.pdf([["Hello there."]]), "notes.txt", "Hello there."),
        (made.docx(), "relocation.pdf", "Fernweh pays"),
        (made.docx(), "relocation.doc", "Fernweh pays"),
        (made.RTF, "letter.doc", "Dear Ms"),
        (b"<html><body><p>Saved as Word.</p></body></html>", "page.doc", "Saved as Word."),
        (b"a\tb\n1\t2\n", "export.xls", "| 1 | 2 |"),
        (b"Only words.", "words.pdf", "Only words."),
        (made.message().as_bytes(), "mail.doc", "The bus leaves"),
    ],
    ids=["pdf as txt", "docx as pdf", "docx as doc", "rtf as doc", "html as doc", "tsv as xls", "text as pdf", "mail"],
)
def test_a_file_with_a_wrong_name_is_read_as_what_it_is(data: bytes, path: str, text: str) -> None:
    assert text in read(data, path).text


@pytest.mark.parametrize(
    ("data", "path", "outcome", "reason"),
    [
        (made.old_office("WordDocument"), "a.doc", "unsupported", "an old Word document; save it as .docx"),
        (made.old_office("PowerPoint Document"), "a.pptx", "unsupported", "an old PowerPoint presentation"),
        (made.old_office("__properties_version1.0"), "a.msg", "unsupported", "an Outlook message; save it as .eml"),
        (made.old_office("EncryptedPackage"), "a.docx", "needs_password", "needs a password"),
        (made.pdf([["x"]], password="secret"), "a.pdf", "needs_password", "needs a password"),
        (made.package({"a.txt": "x"}), "a.docx", "unsupported", "a ZIP archive; unpack it into the folder"),
        (made.package({"b.zip": made.package({"c.txt": "x"})}), "a.xlsx", "unsupported", "a ZIP archive"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "a.txt", "unsupported", "not text: it is a gzip archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a.pdf", "corrupt", "its contents are not those of a .pdf file"),
        (made.docx()[:9000], "a.docx", "corrupt", "damaged or cut off"),
        (made.xlsx()[:3000], "a.xlsx", "corrupt", "damaged or cut off"),
        (made.pdf([["x"]])[:300], "a.pdf", "corrupt", "damaged: no PDF that can be opened"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(data: bytes, path: str, outcome: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        read(data, path)
    assert raised.value.outcome == outcome
    assert reason in str(raised.value)
