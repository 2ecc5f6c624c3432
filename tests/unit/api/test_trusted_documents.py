"""Documents of a manifest: read as tools write it, and asked for by id or by equal text; no others."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from api.asked import Asked
from api.errors import ApiError
from api.settings import ConfigurationError
from api.trusted_documents import TrustedDocuments, read

COUNT, NAMES = "query Count { products { totalCount } }", "query Names { products { nodes { name } } }"
TEXTS = {"1": COUNT, "names": NAMES}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": "1", "name": "Count", "type": "query", "body": COUNT},
        {"id": "names", "name": "Names", "type": "query", "body": NAMES},
    ],
}


def asked(**given: Any) -> Asked:
    nothing = dict.fromkeys(["query", "variables", "operation_name", "extensions", "document_id"])
    return Asked(**{**nothing, **given})


def apollo(hashed: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashed}}


class TestRead:
    @pytest.mark.parametrize("written", [APOLLO, TEXTS], ids=["Apollo", "Relay"])
    def test_gives_the_texts_by_their_ids(self, tmp_path: Path, written: Any) -> None:
        path = tmp_path / "manifest.json"
        path.write_bytes(orjson.dumps(written))
        assert read(path) == TEXTS

    @pytest.mark.parametrize(
        "written",
        [
            b"",
            b"{",
            b"7",
            b"[]",
            b"{}",
            b'{"1": 7}',
            b'{"format": "apollo-persisted-query-manifest"}',
            b'{"format": "apollo-persisted-query-manifest", "operations": []}',
            b'{"format": "apollo-persisted-query-manifest", "operations": [{"id": "1"}]}',
            b'{"format": "apollo-persisted-query-manifest", "operations": [{"id": 1, "body": "{ __typename }"}]}',
        ],
    )
    def test_refuses_what_is_no_manifest(self, tmp_path: Path, written: bytes) -> None:
        path = tmp_path / "manifest.json"
        path.write_bytes(written)
        with pytest.raises(ConfigurationError, match=f"^TANDEM_TRUSTED_DOCUMENTS: {path} "):
            read(path)

    def test_names_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read(tmp_path / "none.json")
        why = "cannot be read: No such file or directory."
        assert str(caught.value) == f"TANDEM_TRUSTED_DOCUMENTS: {tmp_path / 'none.json'} {why}"


class TestTextOf:
    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"query": COUNT}, COUNT),
            ({"document_id": "names"}, NAMES),
            ({"document_id": "sha256:1"}, COUNT),
            ({"extensions": apollo("1")}, COUNT),
            ({"query": NAMES, "extensions": apollo("1")}, NAMES),
        ],
    )
    async def test_is_that_of_the_manifest(self, given: dict[str, Any], text: str) -> None:
        assert await TrustedDocuments(TEXTS).text_of(asked(**given)) == text

    @pytest.mark.parametrize(
        ("given", "code", "message"),
        [
            (
                {"query": f"{COUNT} "},
                "QUERY_NOT_IN_SAFELIST",
                "This document is not one of those that are trusted here.",
            ),
            ({"document_id": "2"}, "PERSISTED_QUERY_NOT_IN_LIST", "No trusted document has this documentId."),
            ({"extensions": apollo("2")}, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"),
            ({"query": COUNT, "document_id": "1"}, "BAD_REQUEST", "Give either query or documentId."),
            ({}, "BAD_REQUEST", "The field query is missing: it holds the GraphQL document."),
        ],
    )
    async def test_refuses_all_others(self, given: dict[str, Any], code: str, message: str) -> None:
        with pytest.raises(ApiError) as caught:
            await TrustedDocuments(TEXTS).text_of(asked(**given))
        assert (caught.value.extensions, caught.value.message) == ({"code": code}, message)
