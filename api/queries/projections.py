"""How all projections are doing, for staff."""

from api.context import Info
from api.types.projection import Projection


async def projections(info: Info) -> list[Projection]:
    info.context.principal.require_staff()
    return [Projection.of(standing) for standing in await info.context.standings.all()]
