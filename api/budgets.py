"""How much each sender may ask for in a minute, over all API processes, without a word to Redis on the way.

Each process counts by itself, and tells Redis a few times a second what was spent; Redis says what all have left. So
nobody waits for it, a sender may have spent a moment's more than it has, and without Redis each process counts alone.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_network
from time import monotonic
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.auth import Principal, Role
from api.errors import RateLimited

_MINUTE = 60.0
_EVERY = 0.25  # seconds
_AT_ONCE = 500  # senders that are told of in one message
_MOST = 20_000  # senders of whom a process counts
_SECONDS = 0.5
_KEY = "tandem:budget:"

# What is left may be less than nothing, by a minute's worth: then that is waited for.
_SETTLE = """
local time = redis.call('time')
local now, most, left = time[1] + time[2] / 1000000, tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  local was = redis.call('hmget', key, 'left', 'at')
  local has = most
  if was[1] then has = math.min(most, tonumber(was[1]) + (now - tonumber(was[2])) * most / 60) end
  has = math.max(has - tonumber(ARGV[i + 1]), -most)
  redis.call('hset', key, 'left', string.format('%.3f', has), 'at', string.format('%.3f', now))
  redis.call('expire', key, 120)
  left[i] = math.floor(has)
end
return left
"""


class Budget:
    """What one sender has left, as this process knows it."""

    __slots__ = ("at", "left", "untold")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at
        self.untold = 0.0
        """What was spent here, of which Redis has not heard."""


class Budgets:
    """Of all senders: who signed in is one wherever it comes from, all others are one for each address."""

    def __init__(self, redis_url: str, *, per_minute: int) -> None:
        self._per_minute = per_minute
        self._budgets: dict[str, Budget] = {}
        self._store = redis.asyncio.Redis.from_url(
            redis_url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        self._settle = self._store.register_script(_SETTLE)
        self._alone = False
        """Whether Redis was away when it was last told something."""
        self.refused = {"principal": 0, "address": 0}
        self.settled = {"settled": 0, "failed": 0}

    def spend(self, principal: Principal, address: str, cost: int) -> Mapping[str, int]:
        """Take what a request costs; return what `extensions.cost` says of it, or raise RateLimited."""
        key = _sender(principal, address)
        now = monotonic()
        budget = self._budgets.get(key) or self._begun(key, now)
        left = self._left(budget, now)
        budget.at = now
        if left <= 0:
            budget.left = left
            self.refused["address" if principal.role is Role.NOBODY else "principal"] += 1
            raise RateLimited(retry_after=math.ceil(-left * _MINUTE / self._per_minute) + 1)
        budget.left = left - cost
        budget.untold += cost
        return {"document": cost, "left": max(0, int(budget.left)), "perMinute": self._per_minute}

    async def keep_settling(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.settle()

    async def settle(self) -> None:
        """Tell Redis what was spent, and hear what is left."""
        spent = [(key, budget) for key, budget in self._budgets.items() if budget.untold]
        heard = [await self._tell(spent[start : start + _AT_ONCE]) for start in range(0, len(spent), _AT_ONCE)]
        self._alone = not all(heard)

    async def close(self) -> None:
        await self._store.aclose()

    async def _tell(self, spent: Sequence[tuple[str, Budget]]) -> bool:
        """Tell Redis what was spent, and return whether it heard; what it does not hear of is told the next time."""
        if self._alone:
            self._forgive(budget for _, budget in spent)
        told = [budget.untold for _, budget in spent]
        try:
            found: Any = await self._settle([_name(key) for key, _ in spent], [self._per_minute, *told])
        except (redis.RedisError, OSError):
            self.settled["failed"] += 1
            return False
        self.settled["settled"] += 1
        for (_, budget), amount, left in zip(spent, told, found, strict=True):
            budget.untold -= amount
            budget.left = min(budget.left, left - budget.untold)
        return True

    def _forgive(self, budgets: Iterable[Budget]) -> None:
        """Let nobody owe more than is lacking here: what came back during an outage cannot come back after it.

        While Redis answers, all is told: who has a full budget here may ask all other processes as well.
        """
        now = monotonic()
        for budget in budgets:
            budget.untold = min(budget.untold, self._per_minute - self._left(budget, now))

    def _left(self, budget: Budget, now: float) -> float:
        return min(self._per_minute, budget.left + (now - budget.at) * self._per_minute / _MINUTE)

    def _begun(self, key: str, now: float) -> Budget:
        if len(self._budgets) >= _MOST:
            self._forget(now)
        budget = self._budgets[key] = Budget(self._per_minute, now)
        return budget

    def _forget(self, now: float) -> None:
        """Forget who has a full budget again; else who was seen first."""
        full = [key for key, budget in self._budgets.items() if not budget.untold and now - budget.at > _MINUTE]
        for key in full or [next(iter(self._budgets))]:
            del self._budgets[key]


def _name(sender: str) -> str:
    """Return the key of a sender in Redis, where nobody need know who that is."""
    return _KEY + sha256(sender.encode()).hexdigest()[:32]


def _sender(principal: Principal, address: str) -> str:
    return _network(address) if principal.role is Role.NOBODY else f"{principal.role}:{principal.subject}"


@lru_cache(4096)
def _network(address: str) -> str:
    """Return what one sender has addresses of: one of IPv4, or the 64 bits of IPv6 that a subscriber is given."""
    try:
        return str(ip_network(f"{IPv6Address(address)}/64", strict=False))
    except ValueError:
        return address
