"""A projection: how far its read table is behind the log."""

import strawberry

from api.scalars import BigInt
from projections.lag import ProjectionState, Standing

strawberry.enum(ProjectionState)


@strawberry.type(description="How far a read table is behind the log.")
class Projection:
    name: str
    version: int
    state: ProjectionState
    head: BigInt = strawberry.field(description="Events in the log.")
    applied: BigInt = strawberry.field(description="Events applied.")
    lag: BigInt = strawberry.field(description="The difference.")
    lag_seconds: float = strawberry.field(description="Age of the oldest event not applied yet; 0 when there is none.")
    quarantined: int = strawberry.field(
        description="Streams set aside because one of their events could not be projected."
    )
    rebuild_progress: float | None = strawberry.field(description="0 to 1 while a rebuild runs, else null.")

    @classmethod
    def of(cls, standing: Standing) -> "Projection":
        return cls(
            name=standing.name,
            version=standing.version,
            state=standing.state,
            head=BigInt(standing.head),
            applied=BigInt(standing.applied),
            lag=BigInt(standing.lag),
            lag_seconds=standing.lag_seconds,
            quarantined=standing.quarantined,
            rebuild_progress=standing.rebuild_progress,
        )
