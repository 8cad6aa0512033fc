"""What the command line prints: for a person, or as one JSON object for a program (pure but for the printing)."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

import typer

from bot.counting import counted
from knowledge import (
    Answer,
    AuditEntry,
    AuditReport,
    Chunk,
    Citation,
    Finding,
    GenerationStatus,
    IndexAudit,
    Outcome,
    Passage,
    Progress,
    ReindexReport,
    SearchResult,
    SourceStatus,
)

LISTED = 20
"""How many failed or skipped files a person is shown; a program gets all of them."""
SNIPPET = 300
"""Characters of a passage shown to a person."""

T = TypeVar("T")
OnProgress = Callable[[Progress], Awaitable[None]]


def print_answer(answer: Answer, *, as_json: bool) -> bool:
    """Print an answer; False when it failed."""
    if as_json:
        print_json(answer_json(answer))
    else:
        typer.echo(answer_text(answer))
    return answer.outcome is not Outcome.FAILED


def answer_json(answer: Answer) -> dict[str, Any]:
    """Shape an answer for programs."""
    return {
        "answer_id": answer.id,
        "outcome": answer.outcome.value,
        "text": answer.text,
        "citations": [citation_json(citation) for citation in answer.citations],
        "model": answer.model,
        "timings_ms": answer.timings_ms,
    }


def citation_json(citation: Citation) -> dict[str, Any]:
    """Shape a footnote for programs."""
    chunk = citation.chunk
    return {
        "number": citation.number,
        "title": chunk.title,
        "path": chunk.path,
        "heading": chunk.heading,
        "page": chunk.page,
        "location": chunk.where,
        "url": chunk.url,
        "quote": citation.quote,
    }


def answer_text(answer: Answer) -> str:
    """Write an answer for a person, its footnotes with their quotes below."""
    lines = [answer.text]
    lines += [f"[{c.number}] {place(c.chunk)}: “{c.quote}”" for c in answer.citations]
    if answer.verified is not None:
        lines += [f"Verified by {answer.verified.by} on {answer.verified.at:%-d %B %Y}."]
    if answer.nearest and answer.outcome is Outcome.DECLINED:
        lines += ["Nearest sources: " + "; ".join(map(place, answer.nearest))]
    return "\n\n".join([lines[0], "\n".join(lines[1:])]) if len(lines) > 1 else lines[0]


def place(chunk: Chunk) -> str:
    """Say where a chunk stands: path, headings, then page, slide, rows or lines."""
    heading = " > ".join(chunk.headings)
    return chunk.path + (f" › {heading}" if heading else "") + (f", {chunk.where}" if chunk.where else "")


def print_passages(result: SearchResult, *, as_json: bool) -> None:
    """Print what a search found."""
    if as_json:
        print_json({"passages": [_passage_json(p) for p in result.passages], "timings_ms": result.timings_ms})
        return
    if not result.passages:
        typer.echo("Nothing found.")
    for passage in result.passages:
        chunk = passage.chunk
        typer.echo(f"{passage.rank}. {place(chunk)}  ({passage.score:.3f})")
        snippet = " ".join(chunk.text.split())
        typer.echo(f"   {snippet[:SNIPPET]}{'…' if len(snippet) > SNIPPET else ''}")


def _passage_json(passage: Passage) -> dict[str, Any]:
    chunk = passage.chunk
    return {
        "rank": passage.rank,
        "score": round(passage.score, 6),
        "path": chunk.path,
        "title": chunk.title,
        "heading": chunk.heading,
        "page": chunk.page,
        "location": chunk.where,
        "text": chunk.text,
    }


def print_report(report: ReindexReport, *, as_json: bool) -> None:
    """Print what a reindex did."""
    if as_json:
        print_json(report_json(report))
        return
    typer.echo(f"{report.source}: {report.summary()} ({counted(report.chunks, 'chunk')}, {report.seconds:.1f} s)")
    _print_some("failed", [f"{failed.path}: {failed.reason}" for failed in report.failed])
    _print_some(
        "partly read", [f"{entry.path}: {entry.reason.removeprefix('partly read: ')}" for entry in report.partial]
    )
    _print_some("skipped", [f"{skipped.path}: {skipped.reason}" for skipped in report.skipped])


def report_json(report: ReindexReport) -> dict[str, Any]:
    """Shape a report for programs."""
    return {
        "source": report.source,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": [{"path": failed.path, "reason": failed.reason} for failed in report.failed],
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in report.skipped],
        "partial": [{"path": entry.path, "reason": entry.reason} for entry in report.partial],
        "chunks": report.chunks,
        "seconds": round(report.seconds, 3),
    }


def print_removed(source: str, documents: int, *, as_json: bool) -> None:
    """Print what is left of a source."""
    if as_json:
        print_json({"source": source, "removed": documents})
        return
    typer.echo(f"{source}: {counted(documents, 'document')} removed; what answers have shown stays with them.")


def print_audit(report: AuditReport, *, as_json: bool) -> None:
    """Print what an audit found and put right."""
    if as_json:
        print_json(asdict(report) | {"sound": report.sound})
        return
    for index in report.indexes:
        typer.echo(f"{report.source or 'all sources'} in {index.index} ({index.embedder}): {audit_text(index)}")


def audit_text(index: IndexAudit) -> str:
    """Say how far an index agreed with the database."""
    found = f"{counted(index.chunks, 'chunk')}, {index.missing} missing, "
    found += f"{index.unknown} unknown" if index.listed else "what is unknown cannot be told"
    compared = f"{index.wrong} of {index.sampled:,} vectors compared wrong" if index.sampled else "no vectors compared"
    return f"{found}, {compared}; {'all as it should be' if index.sound else 'put right'}."


def _print_some(label: str, lines: Sequence[str]) -> None:
    for line in lines[:LISTED]:
        typer.echo(f"  {label}: {line}")
    if len(lines) > LISTED:
        typer.echo(f"  … and {len(lines) - LISTED} more {label} (all with --json)")


def print_cancelled(source: str, *, cancelled: bool, as_json: bool) -> None:
    """Say whether a reindex was stopped."""
    if as_json:
        print_json({"source": source, "cancelled": cancelled})
        return
    stopped = f"The reindex of {source} stops now; what it has done stays."
    typer.echo(stopped if cancelled else f"No reindex of {source} is under way.")


def print_status(sources: Sequence[SourceStatus], generations: Sequence[GenerationStatus], *, as_json: bool) -> None:
    """Print the sources, and which index and embedder answer from them."""
    if as_json:
        listed = [_generation_json(generation) for generation in generations]
        print_json({"sources": [_source_json(source) for source in sources], "generations": listed})
        return
    _print_sources(sources)
    for generation in generations:
        typer.echo(_generation_line(generation))


def _generation_line(generation: GenerationStatus) -> str:
    parts = f"{generation.index or 'own'} index, {generation.embedder} embedder"
    if generation.state == "serving":
        return f"answers come from: {parts}"
    if generation.state == "filling":
        return f"being filled: {parts}: {generation.documents:,} of {counted(generation.documents_total, 'document')}"
    return f"retired: {parts}"


def _generation_json(generation: GenerationStatus) -> dict[str, Any]:
    return {
        "index": generation.index,
        "embedder": generation.embedder,
        "state": str(generation.state),
        "documents": generation.documents,
        "documents_total": generation.documents_total,
        "since": generation.since.isoformat() if generation.since else None,
    }


def _print_sources(sources: Sequence[SourceStatus]) -> None:
    if not sources:
        typer.echo("No sources yet. Index a folder: footnote reindex DIR")
    for source in sources:
        when = source.indexed_at.strftime("%Y-%m-%d %H:%M UTC") if source.indexed_at else "never"
        typer.echo(
            f"{source.name}: {counted(source.documents, 'document')}, {counted(source.chunks, 'chunk')}, indexed {when}"
        )
        typer.echo(f"  {source.root}" + (f"  ({source.last_report})" if source.last_report else ""))
        if source.asks is not None:
            gone = f"{source.asks.vanished:,} of {counted(source.asks.live, 'document')}"
            command = f"footnote reindex {source.name} --allow-empty"
            typer.echo(f"  waiting for a yes: {gone} have vanished from the folder; `{command}` removes them")
        if source.progress is not None:
            typer.echo(f"  reindexing now: {source.progress.files_done:,} of {source.progress.files_total:,} files")


def _source_json(source: SourceStatus) -> dict[str, Any]:
    return {
        "name": source.name,
        "root": source.root,
        "everyone": source.audience.everyone,
        "documents": source.documents,
        "chunks": source.chunks,
        "failed": source.failed,
        "indexed_at": source.indexed_at.isoformat() if source.indexed_at else None,
        "last_report": source.last_report,
        "progress": _progress_json(source.progress) if source.progress else None,
        "waiting_for_yes": asdict(source.asks) if source.asks else None,
    }


def _progress_json(progress: Progress) -> dict[str, Any]:
    return {
        "files_done": progress.files_done,
        "files_total": progress.files_total,
        "chunks": progress.chunks,
        "seconds": round(progress.seconds, 1),
    }


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print what the doctor found."""
    if as_json:
        ok = all(finding.ok for finding in findings)
        print_json({"ok": ok, "checks": [{"part": f.part, "ok": f.ok, "says": f.says} for f in findings]})
        return
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.part}: {finding.says}")


def print_acts(entries: Sequence[AuditEntry], *, as_json: bool) -> None:
    """Print who did what, newest first."""
    if as_json:
        shown = [
            {"at": e.at.isoformat(), "person": e.person, "act": e.act, "subject": e.subject, "outcome": e.outcome}
            for e in entries
        ]
        print_json({"entries": shown})
        return
    for entry in entries:
        who = entry.person or "somebody forgotten"
        typer.echo(f"{entry.at:%Y-%m-%d %H:%M:%S}  {who}  {entry.act}  {entry.subject}  {entry.outcome}")
    if not entries:
        typer.echo("Nothing yet.")


def print_json(value: dict[str, Any]) -> None:
    """Print one object on one line, at once: the reader may be a program that waits for it."""
    # A file name that is not UTF-8 is shown with its odd bytes replaced.
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_figures(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what was measured: shares as percentages, one line each, citations by kind."""
    if as_json:
        print_json(dict(figures))
        return
    for name, value in figures.items():
        if name != "kinds":
            typer.echo(f"{name:20} {_figure(value)}")
    for kind, shares in figures.get("kinds", {}).items():
        told = ", ".join(f"{name} {_figure(shares[name])}" for name in ("caught", "kept") if shares[name] is not None)
        typer.echo(f"  {kind or 'without a kind':28} {shares['cases']:5}  {told}")


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1%}"


@contextmanager
def cases_progress(*, quiet: bool) -> Iterator[Callable[[Sequence[T]], Iterable[T]]]:
    """Show a progress bar over cases while a person is watching."""
    if quiet or not sys.stderr.isatty():
        yield iter
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        yield lambda cases: bar.track(cases, description="Asking")


@contextmanager
def reindex_progress(*, quiet: bool) -> Iterator[OnProgress | None]:
    """Show a progress bar while a person is watching."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[chunks]} chunks"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=None, chunks=0)

        async def show(progress: Progress) -> None:
            bar.update(task, total=progress.files_total, completed=progress.files_done, chunks=progress.chunks)

        yield show
