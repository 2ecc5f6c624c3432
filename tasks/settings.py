"""What a Celery worker needs to know from outside."""

from dataclasses import dataclass

from domain.settings import WriteSettings
from projections.settings import ReadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """`redis_url` is redis://..., rediss://... or unix:///path of a Redis 7 or Valkey."""

    redis_url: str

    @property
    def broker_url(self) -> str:
        """The same address as Celery spells it."""
        if self.redis_url.startswith("unix://"):
            return "redis+socket://" + self.redis_url.removeprefix("unix://").replace("?db=", "?virtual_host=")
        return self.redis_url


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    write: WriteSettings
    read: ReadSettings
    queue: QueueSettings
