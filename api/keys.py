"""The keys of those who issue tokens (a JWKS): looked at again and again, and never waited for by who needs none.

Keys that are known stay known while nobody tells them; a key that is withdrawn is taken no longer after the next look.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import jwt

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
_ANSWER_WITHIN = 5.0  # seconds, each time that something is waited for
_LOOK_WITHIN = 10.0  # in all
_LONGEST_KID = 512  # characters
# What comes of a source that is away, or of one that tells something else than keys.
_TROUBLE = (jwt.PyJWTError, OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError)


class UnreadableKeysError(Exception):
    """There is no key set; the message says why."""


class UnknownKeyError(ValueError):
    """A token names a key that is not known, or none."""


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Keys by their ids, as they were at one look: another look that finds others makes another object."""

    by_id: dict[str, jwt.PyJWK]

    def of(self, token: str) -> jwt.PyJWK:
        """Return the key that a token names; raise UnknownKeyError, or PyJWTError for what is no token."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str) or len(kid) > _LONGEST_KID or (key := self.by_id.get(kid)) is None:
            raise UnknownKeyError("no such key")
        return key


class KeySet:
    """The keys at a URL, or in a file; looked at every so many seconds, and for an unknown one at most so often."""

    def __init__(self, source: str, *, every: float, at_least: float) -> None:
        self.known = Keys({})
        self._source = source
        self._every = every
        self._at_least = at_least
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._reading: asyncio.Task[dict[str, jwt.PyJWK]] | None = None

    async def watch(self) -> None:
        while True:
            async with self._looking:
                await self._look()
            await asyncio.sleep(self._every)

    async def look_again(self) -> None:
        """Look now, for a key that is not known; do nothing where that was done shortly before, by whomever."""
        async with self._looking:
            if monotonic() - self._looked_at >= self._at_least:
                await self._look()

    async def _look(self) -> None:
        try:
            found = await self._read()
        except (UnreadableKeysError, *_TROUBLE) as error:  # whatever it is, the watch goes on
            log.warning("token_keys_not_read", extra={"error": str(error) or "it takes too long"})
        else:
            if _parts(found) != _parts(self.known.by_id):
                self.known = Keys(found)
        finally:
            self._looked_at = monotonic()

    async def _read(self) -> dict[str, jwt.PyJWK]:
        """Read by a thread; one that comes to no end is waited for again the next time, and stays the only one."""
        if self._reading is None:
            self._reading = asyncio.create_task(asyncio.to_thread(read, self._source))
        async with asyncio.timeout(_LOOK_WITHIN):
            await asyncio.wait({self._reading})
        done, self._reading = self._reading, None
        return done.result()


def _parts(keys: dict[str, jwt.PyJWK]) -> dict[str, tuple[str, Any]]:
    return {kid: (key.algorithm_name, key.key) for kid, key in keys.items()}


def read(source: str) -> dict[str, jwt.PyJWK]:
    """Return the public keys that tokens may be signed with, by their ids, blocking; all other keys are passed over."""
    try:
        found = _at(source) if "://" in source else json.loads(Path(source).read_text())
        usable = {key.key_id: key for told in found.get("keys", []) if (key := _usable(told)) and key.key_id}
    except _TROUBLE as error:
        raise UnreadableKeysError(f"{source}: {error or type(error).__name__}") from error
    if not usable:
        raise UnreadableKeysError(f"{source}: it has no key with a kid for {' or '.join(ALGORITHMS)}")
    return usable


def _at(url: str) -> Any:
    """Ask with PyJWT's client, which follows no redirection and gives up on a silent server.

    Its cache is not used: that forgets keys after a time, also while there is nobody to ask.
    """
    return jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_ANSWER_WITHIN).fetch_data()


def _usable(told: Any) -> jwt.PyJWK | None:
    """Return a key that tokens may be signed with; None for any other, and for what is no key whatever is in it."""
    try:
        key = jwt.PyJWK(told)
        is_usable = (
            isinstance(key.key_id, str)
            and key.algorithm_name in ALGORITHMS
            and key.public_key_use in ("sig", None)
            and _is_long(key)
        )
    except _TROUBLE:
        return None
    return key if is_usable else None


def _is_long(key: jwt.PyJWK) -> bool:
    return key.Algorithm.check_key_length(key.key) is None
