"""Which document a request means: the one that it brings, or one that is kept under the hash or id that it gives."""

from typing import Any, Protocol

from api.asked import Asked
from api.errors import ApiError, BadRequest

_PREFIX = "sha256:"


class Documents(Protocol):
    async def text_of(self, asked: Asked) -> str:
        """Return the document to carry out; raise ApiError where there is none, or none that may be."""

    async def keep(self, asked: Asked) -> None:
        """Take note of a request whose document was carried out."""

    async def close(self) -> None:
        """Let go of connections."""


class NotKept(ApiError):  # noqa: N818 - as the codes are named
    """No document is kept under this hash; Apollo's clients then send it whole, and the hash with it."""

    def __init__(self, message: str = "PersistedQueryNotFound") -> None:
        super().__init__("PERSISTED_QUERY_NOT_FOUND", message)


def required(query: str | None) -> str:
    if query is None:
        raise BadRequest("The field query is missing: it holds the GraphQL document.")
    return query


def bare(document_id: str) -> str:
    """Return an id without the name of the hash function that it may begin with."""
    return document_id.removeprefix(_PREFIX)


def apollo_hash(asked: Asked) -> str | None:
    """Return what extensions.persistedQuery gives for a document, which Apollo's clients send; None without it."""
    given: Any = asked.extensions.get("persistedQuery") if asked.extensions else None
    if given is None:
        return None
    hashed = given.get("sha256Hash") if isinstance(given, dict) and given.get("version") == 1 else None
    if not isinstance(hashed, str) or not hashed:
        raise BadRequest('extensions.persistedQuery must be like {"version": 1, "sha256Hash": "<64 hex digits>"}.')
    return hashed


def refuse_both(asked: Asked) -> None:
    if asked.document_id is not None and asked.query is not None:
        raise BadRequest("Give either query or documentId.")
