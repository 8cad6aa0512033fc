"""`footnote doctor`: tries every part for real and says in words what to do about what is missing."""

from __future__ import annotations

from dataclasses import replace

from bot.counting import counted
from bot.slack_examination import examine_slack
from knowledge import (
    DatabaseUnavailableError,
    DatabaseVersionError,
    Finding,
    FootnoteError,
    KnowledgeBase,
    Settings,
    examine_sources,
)

BETTER = {
    ("embedder", "wordllama"): "FOOTNOTE_EMBEDDER=fastembed finds better passages, on this machine too "
    "(pip install 'footnote[local]')",
    ("answerer", "extractive"): "ANTHROPIC_API_KEY lets Claude write the answers",
}
"""Parts that work, and what works better."""


async def examine(settings: Settings) -> list[Finding]:
    """Try everything; what is broken becomes a finding, never an exception."""
    findings = [Finding("configuration", ok=True, says=_where(settings))]
    findings += [_with_advice(finding, settings) for finding in await _knowledge(settings)]
    findings += await examine_sources(settings)
    findings += await examine_slack(settings)
    return findings


def _where(settings: Settings) -> str:
    team = counted(len(settings.team.sources), "source") + " in footnote.toml"
    parts = f"{settings.index} index, {settings.embedder} embedder, {settings.reranker} reranker"
    return f"home {settings.home}; {team if settings.team_given else 'no footnote.toml'}; {parts}"


def _with_advice(finding: Finding, settings: Settings) -> Finding:
    advice = BETTER.get((finding.part, getattr(settings, finding.part, ""))) if finding.ok else None
    return finding if advice is None else replace(finding, says=f"{finding.says}; {advice}")


async def _knowledge(settings: Settings) -> list[Finding]:
    try:
        kb = await KnowledgeBase.open(settings)
    except FootnoteError as exc:
        broken = isinstance(exc, (DatabaseUnavailableError, DatabaseVersionError)) or "atabase" in str(exc)
        says = f"{exc} Nothing that depends on it was looked at."
        return [Finding("database" if broken else "parts", ok=False, says=says)]
    try:
        return [*await kb.examine(), await _documents(kb)]
    except FootnoteError as exc:
        return [Finding("database", ok=False, says=str(exc))]
    finally:
        await kb.close()


async def _documents(kb: KnowledgeBase) -> Finding:
    sources = await kb.sources()
    documents = sum(source.documents for source in sources)
    hint = "" if documents else ": index a folder with `footnote reindex DIR`"
    says = f"{counted(documents, 'document')} in {counted(len(sources), 'source')}{hint}"
    return Finding("documents", ok=bool(documents), says=says)
