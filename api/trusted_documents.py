"""The documents of a manifest, and no others: what a client's build wrote down is what its users may send."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from api.asked import Asked
from api.documents import apollo_hash, bare, refuse_both, required
from api.errors import ApiError
from api.settings import ConfigurationError

_APOLLO = "apollo-persisted-query-manifest"


def read(path: Path) -> dict[str, str]:
    """Return the texts of a manifest by their ids; raise ConfigurationError where it is none.

    Apollo's `generate-persisted-query-manifest` writes one form, Relay's compiler and graphql-codegen the other:
    an object of ids and texts.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"TANDEM_TRUSTED_DOCUMENTS: {path} cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"TANDEM_TRUSTED_DOCUMENTS: {path} is not JSON.") from error
    texts = _texts(found)
    if not texts or not all(isinstance(text, str) for text in [*texts, *texts.values()]):
        raise ConfigurationError(
            f"TANDEM_TRUSTED_DOCUMENTS: {path} must be a manifest as Apollo's or Relay's tools write it, "
            'with at least one document, such as {"<id>": "query { products { totalCount } }"}.'
        )
    return texts


def _texts(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    if found.get("format") != _APOLLO:
        return found
    try:
        return {operation["id"]: operation["body"] for operation in found["operations"]}
    except (KeyError, TypeError):
        return {}


class TrustedDocuments:
    """Nothing is kept here: a client that wants a document to be is told that this is not supported."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._by_id = texts
        self._texts = frozenset(texts.values())

    async def text_of(self, asked: Asked) -> str:
        refuse_both(asked)
        if asked.query is not None:
            if asked.query not in self._texts:
                raise ApiError("QUERY_NOT_IN_SAFELIST", "This document is not one of those that are trusted here.")
            return asked.query
        if asked.document_id is not None:
            return self._by_id.get(asked.document_id) or self._without_prefix(asked.document_id)
        if (hashed := apollo_hash(asked)) is not None:
            return self._by_id.get(hashed) or _not_supported()
        return required(None)

    async def keep(self, asked: Asked) -> None:
        pass

    async def close(self) -> None:
        pass

    def _without_prefix(self, document_id: str) -> str:
        if text := self._by_id.get(bare(document_id)):
            return text
        raise ApiError("PERSISTED_QUERY_NOT_IN_LIST", "No trusted document has this documentId.")


def _not_supported() -> str:
    """Refuse a hash in the words that make Apollo's clients send the document itself, which may be trusted."""
    raise ApiError("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
