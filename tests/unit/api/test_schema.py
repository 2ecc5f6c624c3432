"""What our schema does otherwise than Strawberry's and graphql-core's own."""

import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry
from graphql.execution.collect_fields import CollectedFields

from api.schema import Executor

RESULTS = 200


@strawberry.type
class Reading:
    celsius: int


@strawberry.type
class Query:
    hello: str = "hello"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def readings(self) -> AsyncGenerator[Reading, None]:
        for celsius in range(RESULTS):
            yield Reading(celsius=celsius)


def fields_held() -> int:
    return sum(isinstance(each, CollectedFields) for each in gc.get_objects())


def _celsius(result: Any) -> int:
    return int(result.data["readings"]["celsius"])


async def test_a_subscription_holds_no_more_after_many_results_than_after_one() -> None:
    schema = strawberry.Schema(query=Query, subscription=Subscription, execution_context_class=Executor)
    async with aclosing(await schema.stream("subscription { readings { celsius } }")) as results:
        held = [fields_held() async for result in results if _celsius(result) in {0, RESULTS - 1}]
    assert held == [held[0]] * 2
