"""Files of every format, made here: with the libraries that write them, or byte by byte."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def docx() -> bytes:
    """A guide with headings, lists, a table, and a header line that is no part of the text."""
    import docx as word

    document = word.Document()
    document.add_heading("Relocation guide", 0)
    document.add_heading("Moving abroad", 1)
    document.add_paragraph("Fernweh pays up to 3,500 euros for a move abroad.")
    document.add_heading("Flats", 2)
    for step in ("Ask Nadia", "Sign the lease"):
        document.add_paragraph(step, style="List Bullet")
    for step in ("Pay", "Move in"):
        document.add_paragraph(step, style="List Number")
    table = document.add_table(rows=2, cols=2)
    for row, cells in enumerate((("City", "Limit"), ("Lisbon", "1,200 euros & < 5 %"))):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    document.sections[0].header.paragraphs[0].text = "For internal use"
    return _saved(document)


def pptx() -> bytes:
    """Three slides: bullets with notes, text, a table."""
    import pptx as slides

    deck = slides.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Quarterly goals"
    first.placeholders[1].text = "Ship the app\nHire two people"
    first.notes_slide.notes_text_frame.text = "Mention the budget of 90,000 euros"
    second = deck.slides.add_slide(deck.slide_layouts[1])
    second.shapes.title.text = "Sales"
    second.placeholders[1].text = "Anna leads the sales team"
    third = deck.slides.add_slide(deck.slide_layouts[5])
    third.shapes.title.text = "Prices"
    table = third.shapes.add_table(2, 2, 0, 0, 3_000_000, 1_000_000).table
    for row, cells in enumerate((("Plan", "Price"), ("Basic", "9 euros"))):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    return _saved(deck)


def xlsx(*, rows: int = 60, far: bool = False) -> bytes:
    """A sheet with a caption, a header and rows of figures, and a hidden sheet."""
    from datetime import date

    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Salaries"
    sheet.append(["Salary bands"])
    sheet.append([])
    sheet.append(["Role", "From", "Since"])
    for number in range(rows):
        sheet.append([f"Engineer level {number}", 40_000 + number * 500.5, date(2025, 1, 1)])
    hidden = book.create_sheet("Hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    if far:
        sheet["XFD1048576"] = "far"
    return _saved(book)


def pdf(pages: Sequence[Sequence[str]], *, bookmarks: bool = True, password: str = "", title: str = "") -> bytes:
    """Pages of lines; the first line of a page is its bookmark."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target, encrypt=StandardEncryption(password, "owner") if password else None, invariant=1)
    canvas.setTitle(title)
    for number, lines in enumerate(pages):
        if bookmarks and lines:
            canvas.bookmarkPage(str(number))
            canvas.addOutlineEntry(lines[0], str(number), 0)
        for place, line in enumerate(lines):
            canvas.drawString(72, 780 - 16 * place, line)
        if not lines:
            canvas.rect(10, 10, 300, 300, fill=1)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def packed_pdf(content: bytes) -> bytes:
    """A PDF of one page whose content is compressed."""
    stream = zlib.compress(content, 9)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body = b"%PDF-1.4\n"
    places = []
    for number, part in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)


def package(parts: Mapping[str, bytes | str]) -> bytes:
    """A ZIP package."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, part in parts.items():
            opened.writestr(name, part)
    return target.getvalue()


def word_package(body: str, before: str = "", **parts: str) -> bytes:
    """A Word document of its XML; more parts as `styles="…"`."""
    document = f"{before}<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return package({"word/document.xml": document, **{f"word/{name}.xml": part for name, part in parts.items()}})


def odt(body: str) -> bytes:
    """An OpenDocument text of its XML."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"'
        for name, kind in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
    )
    content = f"<office:document-content{names}><office:body>{body}</office:body></office:document-content>"
    return package({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def ods(rows: Sequence[Sequence[str]]) -> bytes:
    """An OpenDocument spreadsheet with one sheet."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    cells = "".join(
        "<table:table-row>"
        + "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row)
        + "</table:table-row>"
        for row in rows
    )
    sheet = f'<table:table table:name="Stock">{cells}</table:table>'
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return package({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def notebook() -> bytes:
    """A heading with text, code with two outputs of which one is a picture, and an error."""
    picture = {"output_type": "display_data", "data": {"image/png": "iVBOR" * 500, "text/plain": "<Figure>"}}
    printed = {"output_type": "stream", "text": ["\x1b[31mchurn is 4.2 percent\x1b[0m\n"]}
    failed = {"output_type": "error", "ename": "KeyError", "evalue": "'region'", "traceback": ["…"]}
    cells = [
        {"cell_type": "markdown", "source": ["# Churn\n", "\n", "We look at churn.\n", "\n", "## Figures"]},
        {"cell_type": "code", "source": "print(churn())\n", "outputs": [printed, picture]},
        {"cell_type": "code", "source": "by['region']\n", "outputs": [failed]},
    ]
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode()


def message(subject: str = "Summer offsite", text: str = "The bus leaves at 8:30.", *, html: str = "") -> EmailMessage:
    """A message with the usual header."""
    made = EmailMessage()
    made["From"], made["To"] = "Aylin Demir <aylin@fernweh.example>", "all@fernweh.example"
    made["Date"], made["Subject"] = "Tue, 4 Jun 2024 08:12:00 +0200", subject
    made.set_content(html or text, subtype="html" if html else "plain")
    return made


def eml(attachments: Mapping[str, bytes], **given: str) -> bytes:
    """A message with files attached."""
    made = message(**given)
    for name, data in attachments.items():
        kind = ("image", "png") if name.endswith(".png") else ("application", "octet-stream")
        made.add_attachment(data, maintype=kind[0], subtype=kind[1], filename=name)
    return made.as_bytes()


def old_office(stream: str) -> bytes:
    """The old container with a stream of this name in it."""
    return OLE + bytes(512) + stream.encode("utf-16-le") + bytes(512)


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title Unseen}}\f0 Dear Ms M\'fcller,\par "
    rb"the deposit is 800 \u8364?.\par{\b Bold} end.}"
)


def _saved(document: object) -> bytes:
    target = io.BytesIO()
    document.save(target)  # type: ignore[attr-defined]
    return target.getvalue()
