"""What is known of a document is what a first look at it found, and is not kept for ever nor for any text."""

import pytest
import strawberry

from api.known_documents import MOST_TOKENS, KnownDocuments, _faults, _parsed


@strawberry.type
class Query:
    @strawberry.field
    def number(self, of: int = 1) -> int:
        return of


SCHEMA = strawberry.Schema(query=Query, extensions=[KnownDocuments])
LONG = "# " + "a comment " * 2000 + "\n{ number }"


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    _parsed.cache_clear()
    _faults.cache_clear()


async def answer(document: str, **variables: object) -> tuple[object, list[str]]:
    result = await SCHEMA.execute(document, variables)
    return result.data, [error.message for error in result.errors or []]


class TestADocument:
    async def test_is_answered_with_the_variables_of_each_request(self) -> None:
        document = "query ($of: Int!) { number(of: $of) }"
        assert [await answer(document, of=number) for number in (1, 2)] == [({"number": 1}, []), ({"number": 2}, [])]
        assert (_parsed.cache_info().currsize, _faults.cache_info().hits) == (1, 1)

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ("{ name }", "Cannot query field 'name' on type 'Query'."),
            ("{ number", "Syntax Error: Expected Name, found <EOF>."),
            (
                "{ " + "number " * MOST_TOKENS + "}",
                "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
            ),
        ],
        ids=["of another schema", "unfinished", "of too many tokens"],
    )
    async def test_is_refused_alike_however_often_it_comes(self, document: str, message: str) -> None:
        assert [await answer(document) for _ in range(2)] == [(None, [message])] * 2

    async def test_is_answered_but_not_remembered_when_it_is_long(self) -> None:
        assert [await answer(LONG) for _ in range(2)] == [({"number": 1}, [])] * 2
        assert (_parsed.cache_info().currsize, _faults.cache_info().currsize) == (0, 0)
