"""The text half of the embedded index: BM25 over our own analysis of words, kept by tantivy in a folder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tantivy import (
    Document,
    FieldType,
    Index,
    IndexWriter,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
    TextAnalyzerBuilder,
    Tokenizer,
)

from knowledge.language.lexical import query_terms, terms

TITLE_WEIGHT = 0.7
"""Of title, path and headings against the text; measured flat from 0.5 to 1."""
PAIR_WEIGHT = 0.2
"""Of neighbouring words of a question that stand near each other in the text too (Metzler and Croft's sequential
dependence model): recall@1 gains 1 to 2 points on prose and on code."""
PAIR_DISTANCE = 3
MOST_TERMS = 64
"""Terms of a question that are searched: a pasted page has more than anybody means."""
_ANALYZER = "terms"  # texts arrive analysed, one term between two spaces
_WRITER_MEMORY = 48_000_000


@dataclass(frozen=True, slots=True)
class Words:
    """What the text index keeps of a chunk."""

    number: int
    """Identifies the chunk; what a search returns."""
    source: str
    title: str
    text: str


class WordIndex:
    """A folder that one process at a time may write and any number may read."""

    def __init__(self, folder: Path) -> None:
        """Open the folder. Raises ValueError when it is missing or damaged."""
        self._schema = _schema()
        self._index = Index.open(str(folder))
        self._index.register_tokenizer(_ANALYZER, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
        self._index.config_reader("manual")

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make an empty text index in a new folder."""
        folder.mkdir(parents=True)
        Index(_schema(), str(folder))

    @contextmanager
    def writing(self) -> Iterator[WordWriter]:
        """Collect changes; they are committed together at the end, or not at all on an exception."""
        writer = self._index.writer(_WRITER_MEMORY, 1)
        try:
            yield WordWriter(self._schema, writer)
            writer.commit()
        finally:
            writer.wait_merging_threads()

    def reload(self) -> WordSearcher:
        """Return the newest committed state, which stays as it is whatever is written later."""
        self._index.reload()
        return WordSearcher(self._schema, self._index.searcher())


class WordWriter:
    """Adds and removes chunks."""

    def __init__(self, schema: Schema, writer: IndexWriter) -> None:
        self._schema = schema
        self._writer = writer

    def add(self, words: Words) -> None:
        """Analyse and add one chunk."""
        document = Document()
        document.add_unsigned("number", words.number)
        document.add_text("source", words.source)
        document.add_text("title", " ".join(terms(words.title)))
        document.add_text("text", " ".join(terms(words.text)))
        self._writer.add_document(document)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove chunks."""
        for number in numbers:
            self._writer.delete_documents_by_term("number", number)

    def remove_after(self, number: int) -> None:
        """Remove what a process that died had added beyond this number."""
        beyond = Query.range_query(
            self._schema, "number", FieldType.Unsigned, lower_bound=number, include_lower=False, use_inverted_index=True
        )
        self._writer.delete_documents_by_query(beyond)


class WordSearcher:
    """One state of the text index. Methods may be called from any thread."""

    def __init__(self, schema: Schema, searcher: Searcher) -> None:
        self._schema = schema
        self._searcher = searcher

    def search(self, question: str, k: int, sources: Sequence[str] | None = None) -> list[tuple[int, float]]:
        """Return the k best chunks as (number, BM25 score), best first; only of these sources, unless None."""
        found = query_terms(question)[:MOST_TERMS]
        if not found:
            return []
        query = self._query(found)
        if sources is not None:
            allowed = Query.const_score_query(Query.term_set_query(self._schema, "source", list(sources)), 0.0)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, allowed)])
        hits = self._searcher.search(query, k, count=False).hits
        numbers = self._searcher.fast_field_values("number", [address for _, address in hits])
        return [(int(number or 0), float(score)) for number, (score, _) in zip(numbers, hits, strict=True)]

    def numbers(self) -> set[int]:
        """Return the numbers of all chunks."""
        chunks = self._searcher.num_docs
        if not chunks:
            return set()
        hits = self._searcher.search(Query.all_query(), chunks, count=False).hits
        numbers = self._searcher.fast_field_values("number", [address for _, address in hits])
        return {int(number) for number in numbers if number is not None}

    def term_weights(self, question: str) -> Mapping[str, float]:
        """Return the inverse document frequency of each term of the question."""
        return {term: self._inverse_document_frequency(term) for term in query_terms(question)[:MOST_TERMS]}

    def document_frequency(self, term: str) -> float:
        """Return the share of chunks whose text holds an analysed term, 0 to 1."""
        chunks = self._searcher.num_docs
        return min(self._searcher.doc_freq("text", term) / chunks, 1.0) if chunks else 0.0

    def _inverse_document_frequency(self, term: str) -> float:
        """As BM25 has it: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        chunks = self._searcher.num_docs
        having = min(self._searcher.doc_freq("text", term), chunks)  # counts what is deleted but not merged away
        return math.log(1 + (chunks - having + 0.5) / (having + 0.5))

    def _query(self, found: Sequence[str]) -> Query:
        parts = [Query.term_query(self._schema, "text", term) for term in found]
        parts += [
            Query.boost_query(Query.term_query(self._schema, "title", term, "freq"), TITLE_WEIGHT) for term in found
        ]
        parts += [
            Query.boost_query(Query.phrase_query(self._schema, "text", list(pair), PAIR_DISTANCE), PAIR_WEIGHT)
            for pair in pairwise(found)
        ]
        return Query.boolean_query([(Occur.Should, part) for part in parts])


def _schema() -> Schema:
    return (
        SchemaBuilder()
        .add_unsigned_field("number", indexed=True, fast=True)
        .add_text_field("source", tokenizer_name="raw", index_option="basic")
        .add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
        .add_text_field("text", tokenizer_name=_ANALYZER, index_option="position")
        .build()
    )
