"""What a Celery worker needs to know from outside."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks.logs import LogFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """`redis_url` is redis://..., rediss://... or unix:///path of a Redis 7 or Valkey."""

    redis_url: str

    @property
    def broker_url(self) -> str:
        """The same address as Celery spells it."""
        address = urlsplit(self.redis_url)
        if address.scheme != "unix":
            return self.redis_url
        query = dict(parse_qsl(address.query))
        user, password = address.username or "", address.password or quote(query.pop("password", ""), safe="")
        if "db" in query:
            query["virtual_host"] = query.pop("db")
        sender = f"{user}:{password}@" if user or password else ""
        return f"redis+socket://{sender}{address.path}" + (f"?{urlencode(query)}" if query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """After how many seconds what does not go on is ended, the gentlest way first.

    A task that runs for `soft` is interrupted, and sets aside the stream whose fold does not return; a transaction in
    which nothing happens for `idle` is ended by the store; a process that is still at a task after `hard` is killed.
    """

    soft: int = 20
    idle: int = 25
    hard: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """`token` is what operators show to see /metrics, None: nothing; a worker tells at a port of its own, or not."""

    token: str | None = field(default=None, repr=False)
    worker_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    write: WriteSettings
    read: ReadSettings
    queue: QueueSettings
    limits: Limits = Limits()
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    pruning: WriteSettings | None = None
    """As whom receipts are pruned, where whoever projects may not write the write store."""
    log_format: LogFormat = LogFormat.TEXT
    traces: bool = False
