"""The stand-in for Pinecone refuses what the service refuses, and lists as it lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from knowledge import Settings
from knowledge.adapters.pinecone_client import connect
from tests.standins.pinecone_api import KEY, VERSION, PineconeApi, serving

VECTOR = [1.0, 0.0]
DOCUMENTS = "/namespaces/team/documents"


@pytest.fixture(scope="module")
def api() -> Iterator[PineconeApi]:
    with serving(PineconeApi()) as running:
        text = {"type": "string", "full_text_search": {"language": "en"}}
        running.add_index("kb", {"v": {"type": "dense_vector", "dimension": 2, "metric": "cosine"}, "body": text})
        yield running


def post(api: PineconeApi, path: str, body: Any, **headers: str) -> httpx.Response:
    """Ask the data plane, or the control plane for models and indexes."""
    host = api.url if path in {"/embed", "/rerank", "/indexes"} else f"http://{api.host}:{api.indexes['kb'].port}"
    known = {"api-key": KEY, "x-pinecone-api-version": VERSION}
    return httpx.post(host + path, json=body, headers=known | headers)


def document(name: Any = "a", **fields: Any) -> dict[str, Any]:
    return {"_id": name, "v": VECTOR} | fields


def upsert(*documents: dict[str, Any]) -> tuple[str, Any]:
    return f"{DOCUMENTS}/upsert", {"documents": list(documents)}


def search(*clauses: dict[str, Any], top_k: Any = 3, **more: Any) -> tuple[str, Any]:
    return f"{DOCUMENTS}/search", {"score_by": list(clauses), "top_k": top_k} | more


DENSE = {"type": "dense_vector", "field": "v", "values": VECTOR}
TEXT = {"type": "text", "fields": ["body"], "query": "leave"}
EMBED = {"model": "llama-text-embed-v2", "parameters": {"input_type": "passage", "dimension": 384}}
REFUSED = {
    "more than 2 MB": (413, *upsert(document(body="x" * 2 * 1024**2))),
    "more than 1,000 documents": (400, *upsert(*(document(str(n)) for n in range(1001)))),
    "no documents": (400, *upsert()),
    "the same id twice": (400, *upsert(document(), document())),
    "an id that is not ASCII": (400, *upsert(document("ä"))),
    "an id of 513 characters": (400, *upsert(document("x" * 513))),
    "a vector of another length": (400, *upsert(document(v=[1.0]))),
    "a vector of zeros": (400, *upsert(document(v=[0.0, 0.0]))),
    "a null in the metadata": (400, *upsert(document(source=None))),
    "more than 40 KB of metadata": (400, *upsert(document(source="x" * 41_000))),
    "more than 10,000 hits": (400, *search(DENSE, top_k=10_001)),
    "no hits": (400, *search(DENSE, top_k=0)),
    "a vector together with a text": (400, *search(DENSE, TEXT)),
    "a filter on a searched field": (400, *search(TEXT, filter={"body": {"$eq": "leave"}})),
    "an unknown operator": (400, *search(TEXT, filter={"source": {"$near": "x"}})),
    "a listing of more than 100": (400, f"{DOCUMENTS}/list", {"limit": 101}),
    "more than 1,000 ids to delete": (400, f"{DOCUMENTS}/delete", {"ids": [str(n) for n in range(1001)]}),
    "ids and a filter to delete by": (400, f"{DOCUMENTS}/delete", {"ids": ["a"], "filter": {"source": "x"}}),
    "more than 96 texts": (400, "/embed", EMBED | {"inputs": [{"text": "x"}] * 97}),
    "vectors where documents are kept": (400, "/vectors/upsert", {"vectors": [{"id": "a", "values": VECTOR}]}),
    "a name with capitals": (400, "/indexes", {"name": "Kb", "schema": {"fields": {}}}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_service_refuses_is_refused(api: PineconeApi, what: str):
    status, path, body = REFUSED[what]
    response = post(api, path, body)
    assert response.status_code == status, response.text
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("header", "value", "status"), [("api-key", "pcsk_wrong", 401), ("x-pinecone-api-version", "2024-01", 400)]
)
def test_a_wrong_key_or_version_is_refused(api: PineconeApi, header: str, value: str, status: int):
    assert post(api, *search(DENSE), **{header: value}).status_code == status


async def test_ids_are_listed_by_prefix_in_order_and_in_pages(api: PineconeApi):
    for start in range(0, 250, 100):
        post(
            api, *upsert(*(document(f"a-{number:03}") for number in range(start, min(start + 100, 250))), document("b"))
        )
    client = connect(Settings(pinecone_api_key=api.key, pinecone_host=api.url), chosen_by="FOOTNOTE_INDEX")
    async with client, await client.index("kb") as index:
        pages = [page.items async for page in index.documents.list(namespace="team", prefix="a-").pages()]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [listed.id for page in pages for listed in page] == [f"a-{number:03}" for number in range(250)]
