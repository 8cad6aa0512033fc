"""Everything that can go wrong, as one tree.

    FootnoteError
    ├── UsageError            the person asked for something impossible           (exit 2)
    │   ├── ConfigurationError    a setting is wrong, missing or contradicts another
    │   ├── DatabaseVersionError  the database is older or newer than this program
    │   └── SourceError           a folder is missing, a file, unreadable, or not to be indexed
    ├── EmptySourceError      the folder holds nothing and nothing may be removed (exit 1)
    ├── ReindexCancelledError somebody stopped the run; what was done stays       (exit 1)
    ├── UnknownAnswerError    the answer that feedback points to does not exist   (exit 1)
    ├── UnreadableFileError   one file could not be read; the run goes on
    ├── LostLeaseError        another process has taken this run over
    └── ServiceError          something that we depend on did not answer in time  (exit 1)
        ├── DatabaseUnavailableError
        ├── IndexUnavailableError
        ├── EmbedderUnavailableError
        └── AnswererUnavailableError

The text of an error is one sentence for the person that says what to do; the cause is chained.
"""

from __future__ import annotations

from typing import Any


class FootnoteError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())

    @property
    def details(self) -> dict[str, Any]:
        """Keyword arguments that make this error again in another process, together with its text."""
        return {}


class UsageError(FootnoteError):
    """That cannot be done as asked."""


class ConfigurationError(UsageError):
    """The configuration is wrong."""


class DatabaseVersionError(UsageError):
    """The database does not fit this version of Footnote: run `alembic upgrade head`, or install the newer version."""


class SourceError(UsageError):
    """The source cannot be indexed."""


class EmptySourceError(FootnoteError):
    """The source is empty; nothing was changed. Pass --allow-empty if that is meant."""

    def __init__(self, message: str | None = None, *, vanished: int = 0, live: int = 0) -> None:
        """So many documents of those that answers can use would go; asking again with `allow_empty` removes them."""
        super().__init__(message)
        self.vanished = vanished
        self.live = live

    @property
    def details(self) -> dict[str, Any]:
        """Return the counts."""
        return {"vanished": self.vanished, "live": self.live}


class ReindexCancelledError(FootnoteError):
    """The reindex was cancelled; what it had done until then stays."""


class UnknownAnswerError(FootnoteError):
    """There is no such answer."""


class UnreadableFileError(FootnoteError):
    """The file could not be read."""

    def __init__(self, message: str | None = None, *, outcome: str = "corrupt") -> None:
        """`outcome` is one of `knowledge.reading.ReadOutcome`."""
        super().__init__(message)
        self.outcome = outcome


class LostLeaseError(FootnoteError):
    """Another run has taken this source over; this one may not write any more."""


class ServiceError(FootnoteError):
    """A service did not answer. Try again in a moment."""


class DatabaseUnavailableError(ServiceError):
    """The database did not answer. Try again in a moment."""


class IndexUnavailableError(ServiceError):
    """The index did not answer. Try again in a moment."""


class EmbedderUnavailableError(ServiceError):
    """The embedding service did not answer. Try again in a moment."""


class AnswererUnavailableError(ServiceError):
    """The model did not answer. Try again in a moment."""
