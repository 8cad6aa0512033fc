"""Draws the gap report as one HTML page: plots as inline SVG, no script, nothing from a network (pure)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from html import escape

from knowledge import ConcernedDocument, Gap, GapKind, GapReport, Rate

COLOURS = ("#2f855a", "#d69e2e", "#c53030")
MEANS = {
    GapKind.NO_DOCUMENT: "Nothing says it: somebody has to write it down.",
    GapKind.NOT_FOUND: "A document says it and was not found: its title, its headings or the search are to be mended.",
    GapKind.OUTDATED: "The document says what was true once: its owner has to update it.",
    GapKind.MISREAD: "The right document was there, and the answer got it wrong or left something out.",
    GapKind.BADLY_WRITTEN: "The answer was right, and too long or badly put.",
    GapKind.UNEXPLAINED: "People voted it down, or asked a human after it, and did not say why.",
}
MOST_LABELS = 8
"""Days named under a plot."""
_MARKUP_THAT_LOADS = re.compile(r"<script.*?</script>|<!--.*?-->|\s+xmlns(?::\w+)?=\"[^\"]*\"", re.DOTALL)
STYLE = """
:root{color-scheme:light dark;--ink:#1d1c1d;--soft:#616061;--line:#ddd;--page:#fff;--card:#f8f8f8}
@media (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--soft:#a9a9a9;--line:#3a3a3a;--page:#1a1d21;--card:#222529}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--page);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 .75rem}
.soft{color:var(--soft)}.rates{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr))}
.card,article{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.card b{display:block;font-size:1.5rem}article{margin:.75rem 0}article p{margin:.25rem 0;overflow-wrap:anywhere}
.kind{border-radius:1rem;padding:.1rem .6rem;background:#36c5f033;font-size:.85rem}
table{border-collapse:collapse;width:100%}td,th{padding:.4rem .5rem;text-align:left;border-bottom:1px solid var(--line)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}td:first-child{min-width:9rem;overflow-wrap:anywhere}figure{margin:0;background:#fff;border-radius:.5rem;overflow-x:auto}
figure svg{width:100%;min-width:36rem;height:auto;display:block}
"""


def render(report: GapReport) -> str:
    """Return the whole page."""
    span = f"{report.since:%-d %B %Y} to {report.until:%-d %B %Y}"
    parts = [
        "<h1>What the documents leave open</h1>",
        f'<p class="soft">{span}: {report.questions} questions from {report.people} people.</p>',
        f'<section class="rates">{"".join(_rate(name, rate) for name, rate in report.rates.items())}</section>',
        _plots(report) if report.questions else "",
        "<h2>What to mend first</h2>",
        "".join(map(_gap, report.gaps)) or "<p>Nothing was left open or disliked.</p>",
        f'<p class="soft">… and {report.smaller} smaller ones.</p>' if report.smaller else "",
        _documents(report.documents) if report.documents else "",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>What the documents leave open</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _rate(name: str, rate: Rate) -> str:
    if not rate.of:
        return f'<div class="card"><b>–</b>{escape(name)}<br><span class="soft">nothing to count</span></div>'
    interval = f"{rate.low:.0%} to {rate.high:.0%}, {rate.hits} of {rate.of}"
    return f'<div class="card"><b>{rate.share:.0%}</b>{escape(name)}<br><span class="soft">{interval}</span></div>'


def _gap(gap: Gap) -> str:
    times = f"{gap.times} times" if gap.times > 1 else "once"
    people = f"{gap.people} people" if gap.people > 1 else "one person"
    quoted = "".join(f"<p>“{escape(question.text)}”</p>" for question in gap.questions)
    hidden = '<p class="soft">Asked in private: counted, not quoted.</p>'
    concerned = _listed("People name", gap.named) + _listed("Near it", gap.documents)
    return (
        f'<article><span class="kind">{escape(gap.kind.value)}</span> '
        f'<span class="soft">{times}, by {people}, last on {gap.latest:%-d %B}</span>'
        f"{quoted or hidden}{concerned}</article>"
    )


def _listed(said: str, documents: Iterable[ConcernedDocument]) -> str:
    listed = "; ".join(map(_document, documents))
    return f'<p class="soft">{said}: {listed}</p>' if listed else ""


def _document(document: ConcernedDocument) -> str:
    owner = f", owner {document.owner}" if document.owner else ""
    return escape(f"{document.path} ({document.source}{owner})")


def _documents(documents: Iterable[ConcernedDocument]) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.path)}</td><td>{escape(each.source)}</td>"
        f"<td>{escape(each.owner or '–')}</td><td>{each.times}</td></tr>"
        for each in documents
    )
    head = "<tr><th>Document</th><th>Source</th><th>Owner</th><th>Disliked answers</th></tr>"
    return f"<h2>Documents behind disliked answers</h2><div class='wide'><table>{head}{rows}</table></div>"


def _plots(report: GapReport) -> str:
    days = _plot(
        [day.day[5:] for day in report.days],
        {
            "answered": [day.answered for day in report.days],
            "declined": [day.declined for day in report.days],
            "disliked": [day.disliked for day in report.days],
        },
    )
    drawn = f"<h2>How questions ended</h2><figure>{days}</figure>"
    if report.kinds:
        kinds = _plot(list(report.kinds)[::-1], {"questions": list(report.kinds.values())[::-1]}, horizontal=True)
        meant = "".join(f"<dt>{escape(kind)}</dt><dd>{escape(MEANS[GapKind(kind)])}</dd>" for kind in report.kinds)
        drawn += f"<h2>Why people did not get what they needed</h2><figure>{kinds}</figure><dl>{meant}</dl>"
    return drawn


def _plot(labels: list[str], series: Mapping[str, list[int]], *, horizontal: bool = False) -> str:
    import pygal
    from pygal.style import Style

    # Pygal leaves an importer behind that knows an old protocol only: every import that fails later would warn.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]
    style = Style(
        background="transparent",
        plot_background="transparent",
        colors=COLOURS,
        label_font_size=13,
        major_label_font_size=13,
    )
    kind = pygal.HorizontalBar if horizontal else pygal.StackedBar
    chart = kind(
        js=[],
        style=style,
        width=860,
        height=300,
        explicit_size=False,
        show_legend=not horizontal,
        legend_at_bottom=True,
        legend_at_bottom_columns=len(series),
        truncate_label=-1,
        show_minor_x_labels=horizontal or len(labels) <= MOST_LABELS,
        x_labels_major_count=MOST_LABELS,
    )
    chart.x_labels = labels
    for name, values in series.items():
        chart.add(name, values)
    return _MARKUP_THAT_LOADS.sub("", chart.render(disable_xml_declaration=True))
