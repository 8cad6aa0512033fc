"""Settings: the only place that reads the environment and `footnote.toml`."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from knowledge.errors import ConfigurationError
from knowledge.types import Audience

SLACK_ID = {
    "channels": re.compile(r"[CDG][A-Z0-9]+"),
    "users": re.compile(r"[UW][A-Z0-9]+"),
    "usergroups": re.compile(r"S[A-Z0-9]+"),
}
SLACK_EXAMPLE = {"channels": "C0123ABCD", "users": "U0123ABCD", "usergroups": "S0123ABCD"}
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
REFRESH = re.compile(r"(\d{1,6})\s*([smhd])")
SECONDS_OF = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SourceSettings(BaseModel):
    """One `[sources.<name>]` table of `footnote.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    """A folder, relative to that of `footnote.toml`; absolute once loaded."""
    loader: str | None = None
    """Or the dotted path of a LangChain document loader."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Of the loader; `${NAME}` in a text is filled in from the environment once loaded."""
    key: str = ""
    """The entry of a loaded document's metadata that tells it from others; the usual ones are known."""
    seconds: float = Field(default=600.0, gt=0)
    """How long the loader may take for everything."""
    channels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()
    owner: str = ""
    """Who looks after the documents: a name, shown in the gap report."""
    url: str | None = None
    """Where the documents can be opened: the document's path is appended to make a link."""
    watch: bool = True
    """Whether changes in the folder are noticed by themselves."""
    refresh: timedelta | None = None
    """How old the index may get before it is brought up to date unasked."""

    @field_validator("refresh", mode="before")
    @classmethod
    def _span(cls, value: object) -> object:
        found = REFRESH.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None or int(found[1]) == 0:
            raise ValueError('must be a time such as "30m", "6h" or "1d"')
        return timedelta(seconds=int(found[1]) * SECONDS_OF[found[2]])

    @field_validator("channels", "users", "usergroups")
    @classmethod
    def _slack_ids(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """An empty list would open the source to everyone, a name instead of an id close it to all: refuse both."""
        if not value:
            raise ValueError("names nobody; leave it out if the source is for everyone")
        for entry in value:
            if not SLACK_ID[str(info.field_name)].fullmatch(entry):
                raise ValueError(f"{entry!r} is not a Slack id such as {SLACK_EXAMPLE[str(info.field_name)]}")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.loader is None):
            raise ValueError("needs either a path or a loader")
        given = self.model_fields_set & {"arguments", "key", "seconds"}
        if given and self.loader is None:
            raise ValueError(f"{min(given)} goes with a loader only")
        return self

    @property
    def root(self) -> str:
        """Where the documents come from, as the database keeps it."""
        return str(self.path) if self.path is not None else f"loader {self.loader}"

    @property
    def audience(self) -> Audience:
        return Audience(channels=self.channels, users=self.users, usergroups=self.usergroups)

    @field_validator("url")
    @classmethod
    def _only_web_links(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must start with https:// or http://")
        return value


class AdminSettings(BaseModel):
    """The `[admins]` table: who may reindex and see the admin part of the Home tab."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()


class ReviewerSettings(AdminSettings):
    """The `[reviewers]` table: who may judge answers in the Home tab."""


class FeedbackSettings(BaseModel):
    """The `[feedback]` table: whose words are used for datasets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    without_channels: tuple[str, ...] = ()
    """Channels whose questions never become part of a dataset."""

    @field_validator("without_channels")
    @classmethod
    def _slack_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not SLACK_ID["channels"].fullmatch(entry):
                raise ValueError(f"{entry!r} is not a Slack id such as {SLACK_EXAMPLE['channels']}")
        return value


class EscalationSettings(BaseModel):
    """The `[escalation]` table: where "Ask a human" goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str | None = None


class ReportSettings(BaseModel):
    """The `[report]` table: where the weekly report of what was left open goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str | None = Field(default=None, pattern=SLACK_ID["channels"].pattern)


class TeamFile(BaseModel):
    """`footnote.toml`: the team's sources and who may do what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    admins: AdminSettings = AdminSettings()
    reviewers: ReviewerSettings = ReviewerSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    escalation: EscalationSettings = EscalationSettings()
    report: ReportSettings = ReportSettings()

    @field_validator("sources")
    @classmethod
    def _plain_names(cls, value: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        for name in value:
            if not SOURCE_NAME.fullmatch(name):
                raise ValueError(f"the source name {name!r} may hold letters, digits, dot, dash and underscore only")
        return value

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises ConfigurationError with the file and the entry at fault."""
        try:
            raw = tomllib.loads(path.read_text("utf-8"))
            team = cls.model_validate(raw)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
            raise ConfigurationError(f"{path} cannot be read: {exc}.") from exc
        except ValidationError as exc:
            raise ConfigurationError(f"{path} is wrong: {_first_fault(exc)}.") from exc
        base = path.resolve().parent
        sources = {name: _located(source, base) for name, source in team.sources.items()}
        return team.model_copy(update={"sources": {name: _filled(name, one) for name, one in sources.items()}})


def _located(source: SourceSettings, base: Path) -> SourceSettings:
    if source.path is None:
        return source
    return source.model_copy(update={"path": (base / source.path.expanduser()).resolve()})


def _filled(name: str, source: SourceSettings) -> SourceSettings:
    """Fill `${NAME}` in a loader's arguments in from the environment. Raises ConfigurationError for an unset one."""
    if not source.arguments:
        return source
    known = {**dotenv_values(".env"), **os.environ}

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [fill(entry) for entry in value]
        return VARIABLE.sub(given, value) if isinstance(value, str) else value

    def given(match: re.Match[str]) -> str:
        found = known.get(match[1])
        if not found:
            raise ConfigurationError(f"sources.{name}.arguments names ${{{match[1]}}}, which is not set.")
        return found

    return source.model_copy(update={"arguments": fill(source.arguments)})


class Settings(BaseSettings):
    """Everything that can be set; the defaults need no account and no service."""

    model_config = SettingsConfigDict(
        env_prefix="FOOTNOTE_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Path(".footnote")
    """Where state lives: the SQLite file and the caches of the embedded index."""
    config: Path | None = None
    """Another place for `footnote.toml`."""
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")

    slack_bot_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(default=None, validation_alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(default=None, validation_alias="SLACK_SIGNING_SECRET")
    slack_api_url: str = Field(default="https://slack.com/api/", validation_alias="SLACK_API_URL")
    port: int | None = Field(default=None, ge=0, le=65535, validation_alias="PORT")
    host: str = "127.0.0.1"

    pinecone_api_key: SecretStr | None = Field(default=None, validation_alias="PINECONE_API_KEY")
    """Turns Pinecone's index, embedder and reranker on, each unless another one is named."""
    index: str = Field(default_factory=lambda known: _by_key("pinecone", known, otherwise="embedded"))
    embedder: str = Field(default_factory=lambda known: _by_key("pinecone", known, otherwise="wordllama"))
    reranker: str = Field(default_factory=lambda known: _by_key("pinecone", known, otherwise="none"))
    jobs: str = "auto"
    """Who reindexes in the background: `procrastinate`, any worker on the same Postgres; `process`, whoever is asked;
    `auto`, the first on Postgres and the second on SQLite."""
    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    claude: Literal["api", "bedrock", "vertex"] = "api"
    """Who serves Claude: Anthropic, or with their own credentials AWS or Google."""
    answerer: str = Field(default_factory=lambda known: _by_claude(known, otherwise="extractive"))
    """`claude` when there is a key for it, `extractive` otherwise."""
    understander: str = Field(default_factory=lambda known: _by_claude(known, otherwise="words"))
    """`claude` when there is a key for it, `words` otherwise."""
    fallback: str | None = None
    """Answers when the answerer cannot: `extractive`, or the dotted path of a class; nothing unless set."""
    index_arguments: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict, repr=False)
    """With `FOOTNOTE_INDEX=langchain:…`: a JSON object of arguments for the store; see docs/langchain.md."""
    embedder_dimensions: int | None = Field(default=None, ge=1, le=16_384)
    """How long the embedder's vectors are, where it can choose or should not be asked at the start."""
    embedder_arguments: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict, repr=False)
    """With `FOOTNOTE_EMBEDDER=langchain:…` or `fastembed:…`: a JSON object of arguments for the model."""

    pinecone_host: str | None = Field(
        default=None,
        pattern=r"^(?:https?://)?[\w.-]+(?::\d{1,5})?(?:/\S*)?$",
        validation_alias="PINECONE_CONTROLLER_HOST",
    )
    """Another host for Pinecone's control plane and models, such as a proxy."""
    pinecone_index: str = Field(
        default="footnote", pattern=r"^[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?$", validation_alias="PINECONE_INDEX"
    )
    """Made when there is none of this name: at most 45 lower case letters, digits and hyphens."""
    pinecone_namespace: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """Another place in the index than the one that belongs to this database alone."""
    pinecone_cloud: Literal["aws", "gcp", "azure"] = "aws"
    """Where a new index is made."""
    pinecone_region: str = "us-east-1"
    search_deadline: float = Field(default=10.0, gt=0, le=120)
    """Seconds that Pinecone has to embed a question, and again to search."""
    visible_deadline: float = Field(default=120.0, gt=0, le=3600)
    """Seconds after which a reindex gives up waiting for Pinecone to show what it was given."""
    rerank_deadline: float = Field(default=1.5, gt=0, le=30)
    """Seconds that a reranker has; after that the passages stay in the order in which they were found."""

    claude_region: str | None = None
    """For Bedrock and Vertex: the cloud's region."""
    claude_project: str | None = None
    """For Vertex: the Google Cloud project."""
    model: str = "claude-sonnet-5-5"
    """Writes the answers."""
    small_model: str = "claude-haiku-5-5"
    """Makes follow-ups stand alone."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] = "medium"
    """How much the model thinks before it writes; not sent to models that do not take it."""
    max_tokens: int = Field(default=4096, ge=64, le=64_000)
    """Longest answer in tokens, what the model thinks included."""
    history_tokens: int = Field(default=2000, ge=0, le=100_000)
    """How much of a conversation goes along with a question, newest kept; four characters count as a token."""
    understanding_deadline: float = Field(default=3.0, gt=0, le=60)
    """Seconds the small model has to make a follow-up stand alone."""
    answerer_url: str | None = None
    """With `FOOTNOTE_ANSWERER=langchain:…`: where the model is served, such as an OpenAI-compatible URL of your own."""
    answerer_key: SecretStr | None = None
    """The key for that URL; without it the provider's own variable counts."""

    passages: int = Field(default=8, ge=1, le=50)
    """How many passages an answerer is given."""
    unsupported: Literal["mark", "drop"] = "mark"
    """What happens to a sentence without a true footnote."""
    learn_ranking: bool = True
    """Whether what people thought of answers changes the order of passages for questions like those."""
    verified_answers: bool = True
    """Whether what a reviewer has approved is given again to the same question in other words."""
    redactor: str = "patterns"
    """What takes personal data and secrets out of exports: `patterns`, `none`, or a class of one's own beside them."""
    sample_ratings: float = Field(default=0.03, ge=0, le=1)
    """The share of answers, chosen by chance, under which people are asked for a rating; 0 asks nobody."""
    retention_days: int | None = Field(default=None, ge=1)
    """Days after which what people asked and said is removed; nothing keeps it."""
    answer_deadline: float = Field(default=60.0, gt=0, le=600)
    """Seconds for one answer, everything included."""
    concurrency: int = Field(default=32, ge=1, le=1000)
    """Answers in the making at once in one process; more wait their turn."""
    streaming: Literal["dm", "never"] = "dm"
    """Where answers are streamed: in direct messages, or nowhere."""
    lease: float = Field(default=30.0, gt=0, le=3600)
    """Seconds after which the work of a process that went silent is taken over."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    team: TeamFile = Field(default=TeamFile(), validation_alias="from the file, not from the environment")
    team_given: bool = Field(default=False, validation_alias="set by load")
    """False when there is no `footnote.toml`: then the database's word on the sources stands."""
    team_path: Path | None = Field(default=None, validation_alias="set by load, too")
    """Where the file is, or would be; a process that serves follows it."""

    @field_validator("index_arguments", "embedder_arguments", mode="before")
    @classmethod
    def _json_object(cls, value: object) -> object:
        try:
            arguments = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError as exc:
            raise ValueError(f"is no JSON: {exc.msg} at character {exc.pos}") from exc
        if not isinstance(arguments, dict):
            raise ValueError('must be a JSON object such as {"collection_name": "footnote"}')  # noqa: TRY004 - pydantic's
        return arguments

    @classmethod
    def load(cls) -> Self:
        """Read the environment, `.env` and `footnote.toml`. Raises ConfigurationError."""
        try:
            settings = cls()
        except ValidationError as exc:
            raise ConfigurationError(f"{_first_fault(exc, environment=True)}.") from exc
        _refuse_halves(settings)
        path = settings.config or Path("footnote.toml")
        settings = settings.model_copy(update={"team_path": path.absolute()})
        if settings.config is None and not path.is_file():
            return settings
        return settings.with_team(TeamFile.load(path))

    def with_team(self, team: TeamFile, *, given: bool = True) -> Self:
        """Return these settings with other sources, admins and escalation.

        When it is not `given`, the sources are used, but what the database knows of other sources stands.
        """
        return self.model_copy(update={"team": team, "team_given": given})

    def with_environment_file(self, path: Path) -> Self:
        """Return what the environment says with the variables of a file in place of its own; the team stays.

        Raises ConfigurationError.
        """
        names = {
            str(field.validation_alias or f"FOOTNOTE_{name.upper()}"): name
            for name, field in type(self).model_fields.items()
        }
        values = dotenv_values(path)
        unknown = [name for name in values if name.startswith("FOOTNOTE_") and name not in names]
        if unknown:
            raise ConfigurationError(f"{path} sets {unknown[0]}, which is no setting.")
        given: dict[str, Any] = {names[name]: value for name, value in values.items() if name in names and value}
        try:
            settings = type(self)(**given)
        except ValidationError as exc:
            raise ConfigurationError(f"{path}: {_first_fault(exc, environment=True)}.") from exc
        _refuse_halves(settings)
        return settings.with_team(self.team, given=self.team_given)

    def prepare_home(self) -> Path:
        """Make `FOOTNOTE_HOME` if it is not there and return it. Raises ConfigurationError."""
        home = self.home.expanduser().resolve()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigurationError(f"FOOTNOTE_HOME cannot be used: {home}: {exc.strerror}.") from exc
        return home

    @property
    def on_postgres(self) -> bool:
        """Whether `DATABASE_URL` names a Postgres."""
        return (self.database_url or "").startswith(("postgres://", "postgresql://"))

    @property
    def chosen_jobs(self) -> str:
        """The backend for background work that `auto` stands for."""
        if self.jobs != "auto":
            return self.jobs
        return "procrastinate" if self.on_postgres else "process"

    @property
    def sqlalchemy_url(self) -> str:
        """`DATABASE_URL` with the driver that we use, or the SQLite file under `FOOTNOTE_HOME`."""
        url = self.database_url
        if url is None:
            return f"sqlite+aiosqlite:///{self.home.expanduser().resolve() / 'footnote.db'}"
        scheme, separator, rest = url.partition("://")
        drivers = {"sqlite": "sqlite+aiosqlite", "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
        if not separator or scheme not in drivers:
            raise ConfigurationError("DATABASE_URL must start with sqlite:///, postgres:// or postgresql://.")
        return f"{drivers[scheme]}://{rest}"


def _by_key(service: str, known: Mapping[str, Any], *, otherwise: str) -> str:
    return service if known.get(f"{service}_api_key") is not None else otherwise


def _by_claude(known: Mapping[str, Any], *, otherwise: str) -> str:
    """Choose Claude where Anthropic's key is set, or where AWS or Google, who have keys of their own, serve it."""
    return "claude" if known.get("anthropic_api_key") is not None or known.get("claude", "api") != "api" else otherwise


def _refuse_halves(settings: Settings) -> None:
    """Raise ConfigurationError when something is set that only counts together with something that is not."""
    given = settings.model_fields_set
    for names, counts, sentence in _HALVES:
        set_in_vain = [name for name in names if name in given and not counts(settings)]
        if set_in_vain:
            raise ConfigurationError(f"{_variable(set_in_vain[0])} is set, but {sentence}")


def _chosen(backends: Iterable[str | None], *kinds: str) -> bool:
    return any((backend or "").partition(":")[0] in kinds for backend in backends)


_HALVES: tuple[tuple[tuple[str, ...], Callable[[Settings], bool], str], ...] = (
    (
        ("pinecone_index", "pinecone_host", "pinecone_namespace", "pinecone_cloud", "pinecone_region"),
        lambda settings: settings.pinecone_api_key is not None or "index" in settings.model_fields_set,
        "PINECONE_API_KEY is not: set the key too, or FOOTNOTE_INDEX=embedded to do without Pinecone.",
    ),
    (
        ("index_arguments",),
        lambda settings: _chosen([settings.index], "langchain"),
        "FOOTNOTE_INDEX names no LangChain store: set FOOTNOTE_INDEX=langchain:<dotted path>, or remove the arguments.",
    ),
    (
        ("embedder_arguments",),
        lambda settings: _chosen([settings.embedder], "langchain", "fastembed"),
        "FOOTNOTE_EMBEDDER names no model that takes them: set langchain:… or fastembed:…, or remove the arguments.",
    ),
    (
        ("answerer_url", "answerer_key"),
        lambda settings: _chosen([settings.answerer, settings.fallback], "langchain"),
        "FOOTNOTE_ANSWERER names no LangChain model: set FOOTNOTE_ANSWERER=langchain:<provider>:<model>, or remove it.",
    ),
    (
        ("claude_region", "claude_project"),
        lambda settings: settings.claude != "api",
        "FOOTNOTE_CLAUDE is not: set it to bedrock or vertex, or remove the region and the project.",
    ),
)
"""Settings, what makes them count, and what is said when that is missing."""


def _variable(name: str) -> str:
    """Return the environment variable that a setting is read from."""
    return str(Settings.model_fields[name].validation_alias or f"FOOTNOTE_{name.upper()}")


def _first_fault(error: ValidationError, *, environment: bool = False) -> str:
    """Name the first wrong entry and what is wrong with it, without repeating its value (it may be a secret)."""
    fault = error.errors(include_input=False, include_url=False)[0]
    entry = ".".join(str(part) for part in fault["loc"]) or "the file"
    if environment and not entry.isupper():
        entry = f"FOOTNOTE_{entry.upper()}"
    return f"{entry}: {fault['msg']}"
