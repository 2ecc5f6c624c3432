"""The look at freshness over real stores: head less checkpoint, table by table."""

from contextlib import closing

from sqlalchemy import Engine

from api.freshness import Freshness
from api.settings import Settings
from domain.event_log import PARTITIONS
from projections.catalogue import projections
from projections.runner import Runner
from projections.views import users_view
from tests.support.shop import Shop

NAMES = [projection.name for projection in projections()]


def lags(freshness: Freshness) -> dict[str, int | None]:
    freshness.note(freshness.look())
    return {table: each["lag"] for table, each in freshness.of(NAMES).items()}


async def test_counts_what_each_table_has_not_applied(
    fresh: Settings, fresh_shop: Shop, log: Engine, read: Engine
) -> None:
    with closing(Freshness(write_url=fresh.write.database_url, read_url=fresh.read.database_url)) as freshness:
        assert lags(freshness) == dict.fromkeys(NAMES, 0)
        await fresh_shop.order(await fresh_shop.user(), await fresh_shop.product())
        assert lags(freshness) == dict.fromkeys(NAMES, 3)
        Runner(log=log, read=read, projections=[users_view.PROJECTION], publish=lambda _: None).drain(
            *range(PARTITIONS), seconds=10
        )
        assert lags(freshness) == {**dict.fromkeys(NAMES, 3), "users_view": 0}
