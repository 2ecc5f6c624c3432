"""What is known of a document is what a first look at it found, and is not kept for ever."""

import gc
from collections.abc import Iterator

import pytest
import strawberry
from graphql import GraphQLError, Token

from api.known_documents import KnownDocuments, Memory, _memory


@strawberry.type
class Query:
    @strawberry.field
    def number(self, of: int = 1) -> int:
        return of


SCHEMA = strawberry.Schema(query=Query, extensions=[KnownDocuments])


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    _memory.clear()
    yield
    _memory.clear()


async def answer(document: str, **variables: object) -> tuple[object, list[str]]:
    result = await SCHEMA.execute(document, variables)
    return result.data, [error.message for error in result.errors or []]


class TestADocument:
    async def test_is_answered_with_the_variables_of_each_request(self) -> None:
        document = "query ($of: Int!) { number(of: $of) }"
        known = _memory.recall(document, SCHEMA)
        assert [await answer(document, of=number) for number in (1, 2)] == [({"number": 1}, []), ({"number": 2}, [])]
        assert _memory.recall(document, SCHEMA) is known

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ("{ name }", "Cannot query field 'name' on type 'Query'."),
            ("{ number", "Syntax Error: Expected Name, found <EOF>."),
            ("{ " + "number " * 1000 + "}", "The document may have 1000 tokens, and has more."),
        ],
        ids=["of another schema", "unfinished", "of too many tokens"],
    )
    async def test_is_refused_alike_however_often_it_comes(self, document: str, message: str) -> None:
        assert [await answer(document) for _ in range(2)] == [(None, [message])] * 2

    async def test_with_many_faults_is_told_a_handful(self) -> None:
        _, faults = await answer(f"{{ {' '.join(f'a{number}' for number in range(100))} }}")
        assert len(faults) == 6
        assert faults[-1] == "Too many validation errors, error limit reached. Validation aborted."


class TestMemory:
    def test_forgets_what_was_used_longest_ago_once_all_is_too_long(self) -> None:
        memory = Memory(30)
        texts = ["{ number }", "{ a: number }", "{ b: number }"]
        first, second = (memory.recall(text, SCHEMA) for text in texts[:2])
        assert memory.recall(texts[0], SCHEMA) is first
        memory.recall(texts[2], SCHEMA)
        assert memory.characters == len(texts[0]) + len(texts[2])
        assert memory.recall(texts[0], SCHEMA) is first
        assert memory.recall(texts[1], SCHEMA) is not second

    def test_keeps_nothing_of_what_is_no_document(self) -> None:
        memory = Memory(30)
        with pytest.raises(GraphQLError):
            memory.recall("{", SCHEMA)
        assert memory.characters == 0

    def test_leaves_nothing_of_what_it_forgets_to_the_garbage_collector(self) -> None:
        gc.collect()
        gc.disable()
        try:
            memory, before = Memory(1000), tokens()
            for number in range(100):
                memory.recall(f"{{ a{number}: number b{number}: number }}", SCHEMA)
            memory.clear()
            assert tokens() == before
        finally:
            gc.enable()


def tokens() -> int:
    return sum(isinstance(each, Token) for each in gc.get_objects())
