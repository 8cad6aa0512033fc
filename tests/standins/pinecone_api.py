"""A strict stand-in for Pinecone's HTTP API on free ports of this machine: indexes, documents, embedding, reranking.

It searches for real (cosine, BM25, filters), shows writes after an adjustable lag, serves stale reads, loses what it
accepted, throttles and fails on demand, and refuses what the service refuses. By itself, for the whole bot:
`python -m tests.standins.pinecone_api --port 9800`, then start with `PINECONE_CONTROLLER_HOST=http://127.0.0.1:9800`
and `PINECONE_API_KEY=pcsk_test`.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins import pinecone_models
from tests.standins.pinecone_models import RateLimit
from tests.standins.pinecone_store import Json, Namespace, RefusedError, Schema, State, Stored, check_filter, matches

VERSION = "2026-07"
KEY = "pcsk_test"
MOST_BYTES = 2 * 1024**2
MOST_METADATA = 40 * 1024
MOST_IDS = 1000
MOST_HITS = 10_000
MOST_INDEXES = 6
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?")
_ID = re.compile(r"[\x01-\x7f]{1,512}")
_LANGUAGES = {
    "en",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "sv",
    "da",
    "fi",
    "no",
    "ru",
    "ar",
    "tr",
    "hu",
    "ro",
    "el",
    "ta",
}


@dataclass
class Fault:
    """What becomes of the next requests to a path."""

    path: str
    """Part of the path."""
    status: int
    """0 never answers."""
    times: int
    retry_after: str | None = None
    holding: str = ""
    """Part of the body."""


@dataclass
class Call:
    """A request as it was served."""

    method: str
    path: str
    body: Json
    size: int
    status: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def action(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass
class StoredIndex:
    """An index with the port that its data is served on."""

    name: str
    schema: Schema
    deployment: Json
    port: int
    ready_at: float
    vectors: bool
    """A legacy index: it takes vectors, not documents."""
    namespaces: dict[str, Namespace] = field(default_factory=dict)


class PineconeApi:
    """The service; its attributes say how it behaves and what it saw. Change them at any time."""

    def __init__(self, *, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self.url = ""
        self.host = ""
        self.ports: list[int] = [port]
        self.indexes: dict[str, StoredIndex] = {}
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.lag = 0.0
        """Seconds until a write is seen by searches and fetches."""
        self.clock: Callable[[], float] = time.monotonic
        """What the lag is measured by: a long one can pass without anybody waiting for it."""
        self.most_bytes = MOST_BYTES
        """Of one request: whatever stands in front of a service may take less than the service."""
        self.stale_share = 0.0
        """How many of the reads are served by a copy that is `stale_by` seconds behind."""
        self.stale_by = 0.0
        self.losing = 0
        """How many of the next documents are accepted and never seen again."""
        self.ignores_filter = False
        self.tells_positions = True
        """Whether responses carry log positions."""
        self.missing_namespace_is_an_error = False
        self.starting_seconds = 0.0
        """How long a new index takes to be ready."""
        self.latency: dict[str, float] = {}
        """Seconds that an action (`search`, `embed`, `rerank`, `upsert`, …) takes at least."""
        self.rate: RateLimit | None = None
        self._closing = asyncio.Event()
        self._random = random.Random(7)

    def fail(
        self, path: str, status: int, *, times: int = 1, retry_after: str | None = None, holding: str = ""
    ) -> None:
        """Let the next requests whose path and body hold this fail; status 0 means that they are never answered."""
        self.faults.append(Fault(path, status, times, retry_after, holding))

    def count(self, action: str) -> int:
        """Return how many requests of a kind were made."""
        return sum(call.action == action for call in self.calls)

    def visible(self, index: str = "footnote") -> dict[str, Json]:
        """Return the documents of all namespaces that a read sees now."""
        return {
            name: document.fields
            for namespace in self.indexes[index].namespaces.values()
            for name, document in namespace.read().documents.items()
        }

    # --- HTTP -------------------------------------------------------------------------------------------------------

    def app(self) -> Starlette:
        documents = "/namespaces/{namespace}/documents"
        control: list[tuple[str, str, Callable[..., Json]]] = [
            ("GET", "/indexes", self._list_indexes),
            ("POST", "/indexes", self._create_index),
            ("GET", "/indexes/{name}", self._describe_index),
            ("DELETE", "/indexes/{name}", self._delete_index),
            ("GET", "/models", self._list_models),
            ("POST", "/embed", self._embed),
            ("POST", "/rerank", self._rerank),
        ]
        data: list[tuple[str, str, Callable[..., Any]]] = [
            ("POST", f"{documents}/upsert", self._upsert),
            ("POST", f"{documents}/search", self._search),
            ("POST", f"{documents}/fetch", self._fetch),
            ("POST", f"{documents}/delete", self._delete),
            ("POST", f"{documents}/list", self._list),
            ("GET", "/namespaces/{name}", self._describe_namespace),
        ]
        routes = [
            Route(path, self._endpoint(partial(_on_control, self, work)), methods=[m]) for m, path, work in control
        ]
        routes += [Route(path, self._endpoint(partial(_on_data, self, work)), methods=[m]) for m, path, work in data]
        for path in ("/query", "/vectors/{rest:path}", "/records/{rest:path}"):
            routes.append(Route(path, self._endpoint(self._vector_call), methods=["GET", "POST"]))
        return Starlette(routes=routes)

    def _endpoint(self, work: Callable[[Request, Json], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            began = time.monotonic()
            raw = await request.body()
            path = request.url.path
            call = Call(request.method, path, {}, len(raw), began=began)
            self.calls.append(call)
            response = await self._answer(request, raw, call, work)
            call.status, call.ended = response.status_code, time.monotonic()
            return response

        return endpoint

    async def _answer(self, request: Request, raw: bytes, call: Call, work: Callable[[Request, Json], Any]) -> Response:
        fault = self._fault(call.path, raw)
        if fault is not None and fault.status == 0:
            await self._closing.wait()
        if fault is not None:
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            return _error(fault.status or 503, "UNAVAILABLE", "This is a test of failures.", headers)
        try:
            self._check(request, raw)
            call.body = _object(raw)
            status, body, headers = _parts(work(request, call.body))
        except RefusedError as exc:
            return _error(exc.status, exc.code, str(exc), exc.headers)
        await self._pause(call)
        return Response(orjson.dumps(body), status, headers, media_type="application/json")

    async def _pause(self, call: Call) -> None:
        left = self.latency.get(call.action, 0.0) - (time.monotonic() - call.began)
        if left > 0:
            await asyncio.sleep(left)

    def _fault(self, path: str, raw: bytes) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.path in path and fault.holding.encode() in raw:
                fault.times -= 1
                return fault
        return None

    def _check(self, request: Request, raw: bytes) -> None:
        if request.headers.get("api-key") != self.key:
            raise RefusedError("Invalid API Key", 401, "UNAUTHENTICATED")
        if request.headers.get("x-pinecone-api-version") != VERSION:
            raise RefusedError("unknown API version")
        if len(raw) > self.most_bytes:
            raise RefusedError("Request body is too large", 413, "PAYLOAD_TOO_LARGE")
        if raw and request.headers.get("content-type") != "application/json":
            raise RefusedError("content type must be application/json", 415)

    def _vector_call(self, request: Request, _body: Json) -> Json:
        index = self._index_of(request)
        if not index.vectors:
            raise RefusedError("Vector operations are not supported on an index with a document schema")
        raise RefusedError("this stand-in keeps no vectors", 501, "UNIMPLEMENTED")

    def _index_of(self, request: Request) -> StoredIndex:
        port = request.scope["server"][1]
        for index in self.indexes.values():
            if index.port == port:
                if time.monotonic() < index.ready_at:
                    raise RefusedError("the index is not ready", 503, "UNAVAILABLE")
                return index
        raise RefusedError("Resource not found", 404, "NOT_FOUND")

    # --- Control plane ----------------------------------------------------------------------------------------------

    def _list_indexes(self, _request: Request, _body: Json) -> Json:
        return {"indexes": [self._model(index) for index in self.indexes.values()]}

    def _describe_index(self, request: Request, _body: Json) -> Json:
        return self._model(self._named(request.path_params["name"]))

    def _delete_index(self, request: Request, _body: Json) -> tuple[int, Json]:
        del self.indexes[self._named(request.path_params["name"]).name]
        return 202, {}

    def _create_index(self, _request: Request, body: Json) -> tuple[int, Json]:
        name = body.get("name", "")
        if not _NAME.fullmatch(name):
            raise RefusedError("Name must be 1 to 45 lower case letters, digits and hyphens")
        if name in self.indexes:
            raise RefusedError("Resource already exists", 409, "ALREADY_EXISTS")
        deployment = body.get("deployment") or {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}
        if deployment.get("deployment_type") != "managed" or deployment.get("cloud") not in {"aws", "gcp", "azure"}:
            raise RefusedError("deployment is not valid")
        _check_schema(body.get("schema"))
        return 201, self._model(self.add_index(name, body["schema"]["fields"], deployment=deployment))

    def add_index(self, name: str, fields: Json, *, deployment: Json | None = None) -> StoredIndex:
        """Make an index, also one of the older kind whose fields begin with an underscore."""
        taken = {index.port for index in self.indexes.values()}
        port = next(port for port in self.ports[1:] if port not in taken)
        self.ports.append(self.ports.pop(self.ports.index(port)))  # an index made anew has another address
        deployment = deployment or {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}
        ready_at = time.monotonic() + self.starting_seconds
        vectors = any(field_name.startswith("_") for field_name in fields)
        self.indexes[name] = StoredIndex(name, Schema(fields), deployment, port, ready_at, vectors)
        return self.indexes[name]

    def _named(self, name: str) -> StoredIndex:
        if name not in self.indexes:
            raise RefusedError(f"Resource {name} not found", 404, "NOT_FOUND")
        return self.indexes[name]

    def _model(self, index: StoredIndex) -> Json:
        ready = time.monotonic() >= index.ready_at
        return {
            "name": index.name,
            "host": f"http://{self.host}:{index.port}" if ready else None,
            "status": {"ready": ready, "state": "Ready" if ready else "Initializing"},
            "schema": {"fields": {name: {"description": None} | spec for name, spec in index.schema.fields.items()}},
            "deployment": index.deployment,
            "deletion_protection": "disabled",
            "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
            "tags": None,
        }

    # --- Inference --------------------------------------------------------------------------------------------------

    def _list_models(self, request: Request, _body: Json) -> Json:
        asked = request.query_params
        return {"models": pinecone_models.listed(asked.get("type"), asked.get("vector_type"))}

    def _embed(self, _request: Request, body: Json) -> Json:
        if self.rate is not None:
            self.rate.watch()
            pause = self.rate.take(len(body.get("inputs") or ()))
            if pause:
                self.rate.told(pause)
                raise RefusedError("The rate limit is exceeded", 429, "RESOURCE_EXHAUSTED", retry_after=pause)
        return pinecone_models.embed(body)

    def _rerank(self, _request: Request, body: Json) -> Json:
        return pinecone_models.rerank(body)

    # --- Documents --------------------------------------------------------------------------------------------------

    def _upsert(self, index: StoredIndex, namespace: str, body: Json) -> tuple[int, Json, dict[str, str]]:
        documents = body.get("documents")
        if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_IDS:
            raise RefusedError(f"documents must hold 1 to {MOST_IDS} documents")
        _check_ids([document.get("_id") for document in documents])
        for document in documents:
            _check_document(document, index.schema)
        lost = min(self.losing, len(documents))
        self.losing -= lost
        kept = {document["_id"]: index.schema.store(document) for document in documents[lost:]}

        def apply(state: State) -> None:
            for name, document in kept.items():
                state.put(name, document)

        return 202, {"upserted_count": len(documents)}, self._written(index, namespace, apply)

    def _delete(self, index: StoredIndex, namespace: str, body: Json) -> tuple[int, Json, dict[str, str]]:
        if len(body) != 1 or not {"ids", "filter", "delete_all"} & set(body):
            raise RefusedError("exactly one of ids, filter and delete_all is needed")
        if "ids" in body:
            _check_ids(body["ids"])
        if "filter" in body:
            check_filter(body["filter"], index.schema)

        def apply(state: State) -> None:
            for name in _selected(state, body, index.schema):
                state.drop(name)

        return 202, {}, self._written(index, namespace, apply)

    def _written(self, index: StoredIndex, namespace: str, apply: Callable[[State], None]) -> dict[str, str]:
        position = index.namespaces.setdefault(namespace, Namespace(self._now)).add(apply, self.lag)
        return {"x-pinecone-request-lsn": str(position)} if self.tells_positions else {}

    def _search(self, index: StoredIndex, namespace: str, body: Json) -> tuple[int, Json, dict[str, str]]:
        clauses, top_k = body.get("score_by"), body.get("top_k")
        if not isinstance(clauses, list) or not 1 <= len(clauses) <= 100:
            raise RefusedError("score_by must hold 1 to 100 clauses")
        if not isinstance(top_k, int) or not 1 <= top_k <= MOST_HITS:
            raise RefusedError(f"top_k must be 1 to {MOST_HITS}")
        if body.get("filter") is not None:
            check_filter(body["filter"], index.schema)
        state = self._read(index, namespace)
        allowed = self._allowed(state, body.get("filter"), index.schema)
        scored = _scored(state, clauses, allowed, index.schema, top_k)
        shown = body.get("include_fields") or []
        matches_found = [_match(state.documents[name], score, shown) for name, score in scored]
        headers = {"x-pinecone-max-indexed-lsn": str(state.lsn)} if self.tells_positions else {}
        return 200, {"matches": matches_found, "namespace": namespace, "usage": {"read_units": 1}}, headers

    def _fetch(self, index: StoredIndex, namespace: str, body: Json) -> Json:
        if ("ids" in body) == ("filter" in body):
            raise RefusedError("exactly one of ids and filter is needed")
        if "ids" in body:
            _check_ids(body["ids"])
        state = self._read(index, namespace)
        names = [name for name in _selected(state, body, index.schema) if name in state.documents]
        shown = body.get("include_fields") or ["*"]
        found = {name: _shown(state.documents[name], shown) | {"_id": name} for name in names}
        return {"documents": found, "namespace": namespace, "usage": {"read_units": math.ceil(len(names) / 10)}}

    def _list(self, index: StoredIndex, namespace: str, body: Json) -> Json:
        limit = body.get("limit") or 100
        if not 1 <= limit <= 100:
            raise RefusedError("limit must be 1 to 100")
        prefix, after = body.get("prefix") or "", body.get("pagination_token") or ""
        names = sorted(n for n in self._read(index, namespace).documents if n.startswith(prefix) and n > after)
        page: Json = {"documents": [{"_id": name} for name in names[:limit]], "namespace": namespace}
        more = {"pagination": {"next": names[limit - 1]}} if len(names) > limit else {}
        return page | {"usage": {"read_units": 1}} | more

    def _describe_namespace(self, index: StoredIndex, name: str, _body: Json) -> Json:
        if name not in index.namespaces:
            raise RefusedError(f"Namespace {name} not found", 404, "NOT_FOUND")
        return {"name": name, "record_count": len(index.namespaces[name].read().documents), "size_bytes": 0}

    def _now(self) -> float:
        return self.clock()

    def _read(self, index: StoredIndex, name: str) -> State:
        if name not in index.namespaces:
            if self.missing_namespace_is_an_error:
                raise RefusedError("Namespace not found", 404, "NOT_FOUND")
            return State()
        stale = self.stale_share and self._random.random() < self.stale_share
        return index.namespaces[name].read(self.stale_by if stale else 0.0)

    def _allowed(self, state: State, condition: Json | None, schema: Schema) -> set[str]:
        if condition is None or self.ignores_filter:
            return set(state.documents)
        return {name for name, document in state.documents.items() if matches(condition, document, schema)}


def _on_control(api: PineconeApi, work: Callable[[Request, Json], Any], request: Request, body: Json) -> Any:
    if request.scope["server"][1] != api.ports[0]:
        raise RefusedError("Resource not found", 404, "NOT_FOUND")
    return work(request, body)


def _on_data(api: PineconeApi, work: Callable[..., Any], request: Request, body: Json) -> Any:
    index = api._index_of(request)
    if index.vectors:
        raise RefusedError("Document operations are not supported on an index without a document schema")
    name = request.path_params.get("namespace") or request.path_params["name"]
    if not _ID.fullmatch(name):
        raise RefusedError("namespace must be 1 to 512 ASCII characters")
    return work(index, name, body)


def _object(raw: bytes) -> Json:
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as exc:
        raise RefusedError("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise RefusedError("the body must be an object")
    return body


def _parts(result: Any) -> tuple[int, Json, dict[str, str]]:
    if not isinstance(result, tuple):
        return 200, result, {}
    return result if len(result) == 3 else (*result, {})


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"code": code, "message": message}, "status": status}
    return Response(orjson.dumps(body), status, headers or {}, media_type="application/json")


def _check_schema(schema: Any) -> None:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, dict) or not fields:
        raise RefusedError("schema.fields must name at least one field")
    kinds = Counter(_field_kind(name, spec) for name, spec in fields.items())
    if kinds["dense_vector"] > 1:
        raise RefusedError("at most one dense field is allowed")


def _field_kind(name: str, spec: Json) -> str:
    if name.startswith(("_", "$")):
        raise RefusedError(f"schema.fields.{name}: the name is reserved")
    kind = str(spec.get("type"))
    if kind == "dense_vector":
        if not 1 <= spec.get("dimension", 0) <= 20_000 or spec.get("metric") not in {
            "cosine",
            "dotproduct",
            "euclidean",
        }:
            raise RefusedError(f"schema.fields.{name}: dimension or metric is not valid")
    elif kind == "string":
        _check_text_field(name, spec)
    else:
        raise RefusedError(f"schema.fields.{name}.type: {kind} cannot be declared", 422)
    return kind


def _check_text_field(name: str, spec: Json) -> None:
    search = spec.get("full_text_search")
    if search is None or "filterable" in spec:
        raise RefusedError(f"schema.fields.{name}: a string field is declared to be searched")
    if set(search) - {"language", "stemming", "stop_words", "ngram"} or search.get("language", "en") not in _LANGUAGES:
        raise RefusedError(f"schema.fields.{name}.full_text_search is not valid")
    if search.get("stop_words") and not search.get("stemming"):
        raise RefusedError(f"schema.fields.{name}: stop_words needs stemming")


def _check_ids(ids: Any) -> None:
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_IDS:
        raise RefusedError(f"1 to {MOST_IDS} ids are allowed")
    if not all(isinstance(name, str) and _ID.fullmatch(name) for name in ids) or len(set(ids)) < len(ids):
        raise RefusedError("ids must be unique strings of 1 to 512 ASCII characters")


def _check_document(document: Json, schema: Schema) -> None:
    for name, dimension in schema.dense.items():
        _check_vector(document.get(name), dimension, f"{document['_id']}: {name}")
    for name in schema.text:
        if not isinstance(document.get(name, ""), str):
            raise RefusedError(f"{document['_id']}: {name} must be a string")
    metadata = {name: value for name, value in document.items() if name not in schema.fields and name != "_id"}
    for name, value in metadata.items():
        listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if name.startswith(("_", "$")) or not (isinstance(value, (str, int, float, bool)) or listed):
            raise RefusedError(f"{document['_id']}: the metadata {name} is not valid")
    if len(orjson.dumps(metadata)) > MOST_METADATA:
        raise RefusedError(f"{document['_id']}: metadata exceeds {MOST_METADATA} bytes")


def _check_vector(values: Any, dimension: int, where: str) -> None:
    if not isinstance(values, list) or len(values) != dimension:
        raise RefusedError(f"{where} must hold {dimension} numbers")
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        raise RefusedError(f"{where} must hold finite numbers")
    if not any(values):
        raise RefusedError(f"{where}: dense vectors must contain at least one non-zero value")


def _scored(
    state: State, clauses: list[Json], allowed: set[str], schema: Schema, top_k: int
) -> list[tuple[str, float]]:
    if len(clauses) > 1 and any(clause["type"] not in {"text", "query_string"} for clause in clauses):
        raise RefusedError("a vector clause must stand alone")
    scores: Counter[str] = Counter()
    for clause in clauses:
        if clause["type"] == "dense_vector":
            if clause.get("field") not in schema.dense:
                raise RefusedError("score_by names a field that is no dense vector")
            _check_vector(clause["values"], schema.dense[clause["field"]], "values")
            return state.nearest(clause["field"], np.asarray(clause["values"]), sorted(allowed), top_k)
        if clause["type"] != "text":
            raise RefusedError(f"this stand-in does not score by {clause['type']}", 501)
        scores.update(_text_scores(state, clause, allowed, schema))
    return sorted(scores.items(), key=lambda found: (-found[1], found[0]))[:top_k]


def _text_scores(state: State, clause: Json, allowed: set[str], schema: Schema) -> dict[str, float]:
    fields = clause.get("fields") or []
    if not fields or not set(fields) <= set(schema.text):
        raise RefusedError("score_by names a field without full-text search")
    if not isinstance(clause.get("query"), str) or not clause["query"].strip():
        raise RefusedError("text scoring needs a query")
    words = {name: set(schema.tokens(name, clause["query"])) for name in fields}
    return state.bm25(fields, words, allowed)


def _selected(state: State, body: Json, schema: Schema) -> list[str]:
    if "ids" in body:
        return list(body["ids"])
    if body.get("delete_all"):
        return list(state.documents)
    return [name for name, document in state.documents.items() if matches(body["filter"], document, schema)]


def _shown(document: Stored, names: list[str]) -> Json:
    if "*" in names:
        return dict(document.fields)
    return {name: document.fields[name] for name in names if name in document.fields}


def _match(document: Stored, score: float, names: list[str]) -> Json:
    return _shown(document, names) | {"_id": document.fields["_id"], "_score": score}


# --- Running it -------------------------------------------------------------------------------------------------------


def _own_address() -> str:
    """Return a loopback address of its own where the system has many: the SDK keeps its retry budget per host."""
    if not sys.platform.startswith("linux"):
        return "127.0.0.1"
    return f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(2, 250)}"


def _listener(host: str, port: int) -> socket.socket:
    """Open a socket that knows that it speaks TCP, so that asyncio sends small answers at once."""
    return socket.socket(fileno=socket.create_server((host, port), backlog=512).detach())


@contextmanager
def serving(api: PineconeApi, host: str | None = None) -> Iterator[PineconeApi]:
    """Serve the stand-in from a thread of its own for as long as the block lasts."""
    api.host = host or _own_address()
    listeners = [_listener(api.host, port) for port in [api.ports[0], *[0] * MOST_INDEXES]]
    api.ports = [listener.getsockname()[1] for listener in listeners]
    api.url = f"http://{api.host}:{api.ports[0]}"
    config = uvicorn.Config(api.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, server, listeners), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.002)
        yield api
    finally:
        loop.call_soon_threadsafe(api._closing.set)
        server.should_exit = True
        thread.join()
        for listener in listeners:
            listener.close()


def _run(loop: asyncio.AbstractEventLoop, server: uvicorn.Server, listeners: list[socket.socket]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(server._serve(sockets=listeners))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9800)
    parser.add_argument("--lag", type=float, default=0.0, help="seconds until a write is seen")
    parser.add_argument("--texts-per-second", type=float, help="the embedding rate that is enforced")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each call takes at least")
    arguments = parser.parse_args()
    api = PineconeApi(port=arguments.port)
    api.latency = dict.fromkeys(("embed", "search", "rerank", "upsert", "fetch"), arguments.latency)
    api.lag = arguments.lag
    api.rate = RateLimit(arguments.texts_per_second) if arguments.texts_per_second else None
    with serving(api, "127.0.0.1"):
        print(f"{api.url}  key {api.key}", flush=True)  # noqa: T201 - for who started it
        threading.Event().wait()


if __name__ == "__main__":
    main()
