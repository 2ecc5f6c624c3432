"""Documents by their hash, as Apollo's clients ask for them, or by documentId."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
import redis

from api import persisted_documents
from api.app import create_app
from api.persisted_documents import DAYS, LONGEST
from api.settings import Settings
from tasks.settings import QueueSettings
from tests.conftest import free_port
from tests.support.client import Client

NOT_FOUND = [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]


def new_document(comment: str = "") -> str:
    """Return a document that nobody has sent yet."""
    return f'{{ products(where: {{search: "{uuid4().hex}"}}) {{ totalCount }} }}{comment}'


def hash_of(document: str) -> str:
    return sha256(document.encode()).hexdigest()


def apollo(document: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(document)}}


def send(client: Client, **asked: Any) -> Any:
    return client.http.post("/graphql", json=asked).json()


def refusal(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


@asynccontextmanager
async def another_api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest.fixture
def kept(nobody: Client) -> str:
    """A document that has been sent with its hash."""
    document = new_document()
    assert "errors" not in send(nobody, query=document, extensions=apollo(document))
    return document


class TestAHash:
    def test_that_is_not_known_is_answered_as_apollo_clients_expect(self, nobody: Client) -> None:
        assert send(nobody, extensions=apollo(new_document())) == {"errors": NOT_FOUND}

    def test_stands_for_its_document_once_that_was_sent_with_it(self, nobody: Client, kept: str) -> None:
        assert send(nobody, extensions=apollo(kept))["data"] == {"products": {"totalCount": 0}}

    def test_works_by_get(self, nobody: Client, kept: str) -> None:
        answer = nobody.http.get("/graphql", params={"extensions": orjson.dumps(apollo(kept)).decode()})
        assert (answer.status_code, answer.json()["data"]) == (200, {"products": {"totalCount": 0}})

    def test_of_a_mutation_does_not_work_by_get(self, nobody: Client) -> None:
        document = f'mutation {{ registerUser(input: {{name: "A", email: "{uuid4().hex}@b.c"}}) {{ __typename }} }}'
        assert "errors" not in send(nobody, query=document, extensions=apollo(document))
        answer = nobody.http.get("/graphql", params={"extensions": orjson.dumps(apollo(document)).decode()})
        assert (answer.status_code, refusal(answer.json())) == (405, ["METHOD_NOT_ALLOWED"])

    async def test_is_known_to_every_api_process(self, settings: Settings, kept: str) -> None:
        async with another_api(settings) as http:
            answer = await http.post("/graphql", json={"extensions": apollo(kept)})
        assert answer.json()["data"] == {"products": {"totalCount": 0}}

    def test_is_kept_for_a_time(self, settings: Settings, kept: str) -> None:
        with redis.Redis.from_url(settings.queue.redis_url) as store:
            [key] = store.keys(f"tandem:*{hash_of(kept)}")
            assert 0 < store.ttl(key) <= DAYS * 24 * 60 * 60

    def test_of_another_document_keeps_nothing(self, nobody: Client) -> None:
        document = new_document()
        assert refusal(send(nobody, query=new_document(), extensions=apollo(document))) == ["BAD_REQUEST"]
        assert send(nobody, extensions=apollo(document)) == {"errors": NOT_FOUND}

    @pytest.mark.parametrize("document", ["{ secrets }", "{", "query ($id: ID!) { product(id: $id) { id } }"])
    def test_of_a_document_that_was_never_carried_out_is_not_known(self, nobody: Client, document: str) -> None:
        assert "data" not in send(nobody, query=document, extensions=apollo(document))
        assert send(nobody, extensions=apollo(document)) == {"errors": NOT_FOUND}

    def test_of_a_long_document_is_not_kept(self, nobody: Client) -> None:
        document = new_document("#" + "é" * (LONGEST // 2))
        assert "errors" not in send(nobody, query=document, extensions=apollo(document))
        assert send(nobody, extensions=apollo(document)) == {"errors": NOT_FOUND}

    @pytest.mark.parametrize(
        "given",
        [7, "hash", [], {}, {"version": 2, "sha256Hash": "0" * 64}, {"version": 1}, {"version": 1, "sha256Hash": 7}],
    )
    def test_that_is_none_is_a_bad_request(self, nobody: Client, given: Any) -> None:
        answer = nobody.http.post("/graphql", json={"extensions": {"persistedQuery": given}})
        assert (answer.status_code, refusal(answer.json())) == (400, ["BAD_REQUEST"])

    @pytest.mark.parametrize("hashed", ["../x", "0" * 63, "A" * 64, "é"])
    def test_that_no_document_has_is_not_known(self, nobody: Client, hashed: str) -> None:
        asked = {"persistedQuery": {"version": 1, "sha256Hash": hashed}}
        assert send(nobody, extensions=asked) == {"errors": NOT_FOUND}


class TestADocumentId:
    @pytest.mark.parametrize("prefix", ["sha256:", ""])
    def test_is_the_hash_of_a_document_that_is_kept(self, nobody: Client, kept: str, prefix: str) -> None:
        answer = send(nobody, documentId=f"{prefix}{hash_of(kept)}")
        assert answer["data"] == {"products": {"totalCount": 0}}

    def test_works_by_get(self, nobody: Client, kept: str) -> None:
        answer = nobody.http.get("/graphql", params={"documentId": hash_of(kept)})
        assert answer.json()["data"] == {"products": {"totalCount": 0}}

    def test_that_is_not_known_is_told_so(self, nobody: Client) -> None:
        message = "No document is kept under this documentId: send the document itself, as query."
        errors = [{"message": message, "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
        assert send(nobody, documentId="sha256:0") == {"errors": errors}

    def test_is_not_given_beside_a_document(self, nobody: Client, kept: str) -> None:
        assert refusal(send(nobody, documentId=hash_of(kept), query=kept)) == ["BAD_REQUEST"]


class TestWithoutRedis:
    async def test_documents_work_and_a_hash_works_where_it_was_sent(self, settings: Settings) -> None:
        away = replace(settings, queue=QueueSettings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
        document = new_document()
        async with another_api(away) as http:

            async def sent(**asked: Any) -> Any:
                return (await http.post("/graphql", json=asked)).json()

            assert (await sent(query=document))["data"] == {"products": {"totalCount": 0}}
            assert await sent(extensions=apollo(document)) == {"errors": NOT_FOUND}
            assert "errors" not in await sent(query=document, extensions=apollo(document))
            assert (await sent(extensions=apollo(document)))["data"] == {"products": {"totalCount": 0}}
        async with another_api(away) as http:
            assert (await http.post("/graphql", json={"extensions": apollo(document)})).json() == {"errors": NOT_FOUND}


class TestTheNumberOfDocuments:
    async def test_is_bounded_and_the_oldest_go_first(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(persisted_documents, "MOST", 3)
        documents = [new_document() for _ in range(5)]
        async with another_api(settings) as http:
            for document in documents:
                await http.post("/graphql", json={"query": document, "extensions": apollo(document)})
        async with another_api(settings) as http:
            answers = [await http.post("/graphql", json={"extensions": apollo(document)}) for document in documents]
        assert ["errors" in answer.json() for answer in answers] == [True, True, False, False, False]
