"""Who asks: bearer tokens (JWT, signed with a secret or by the keys of a set), and what each role may do."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from time import time
from typing import Literal
from uuid import UUID

import jwt

from api.errors import Forbidden, Unauthenticated
from api.keys import Keys, KeySet, UnknownKeyError
from api.settings import AuthSettings, ConfigurationError
from domain.transaction import Actor

_ALGORITHM = "HS256"
_LONGEST_TOKEN = 8192  # characters
_LEEWAY = timedelta(seconds=10)
_EXPIRED = "The token has expired: sign in again."
_REMEMBERED = 1024  # tokens; a client sends the same one again and again


class Role(StrEnum):
    NOBODY = "nobody"
    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The sender of a request. A customer's subject is the id of a user."""

    role: Role
    subject: str = ""
    expires_at: datetime | None = field(default=None, compare=False)
    """When its token is taken no longer."""

    @property
    def actor(self) -> Actor:
        """The sender as the log and the receipts know it; the role is part of it, so that no subject is two senders."""
        name = f"{self.role}:{self.subject}" if self.subject else str(self.role)
        return Actor(id=name, staff=self.role is Role.STAFF, user_id=self.user_id)

    @property
    def user_id(self) -> UUID | None:
        """The user whose data alone this sender sees; None where that is no limit (staff) or no user (nobody)."""
        return UUID(self.subject) if self.role is Role.CUSTOMER else None

    def require_signed_in(self) -> None:
        if self.role is Role.NOBODY:
            raise Unauthenticated

    def require_staff(self) -> None:
        self.require_signed_in()
        if self.role is not Role.STAFF:
            raise Forbidden("Only staff may do this.")

    def require_access_to(self, user_id: UUID) -> None:
        """Let staff pass, and the user itself; whether another user exists makes no difference to the answer."""
        self.require_signed_in()
        if self.role is not Role.STAFF and self.user_id != user_id:
            raise Forbidden("You may only do this for yourself: give your own user id.")


NOBODY = Principal(role=Role.NOBODY)


class Gate:
    """Knows who sends a request. Whoever sends a token that holds, and was seen before, waits for nothing."""

    def __init__(self, auth: AuthSettings) -> None:
        self._auth = auth
        self._keys = KeySet(auth.jwks, every=auth.jwks_every, at_least=auth.jwks_at_least) if auth.jwks else None

    async def watch(self) -> None:
        """Keep the keys as they are where they come from, until cancelled; return where there are none."""
        if self._keys is not None:
            await self._keys.watch()

    async def principal_of(self, header: str | None) -> Principal:
        """Return who sends this Authorization header; raise Unauthenticated for a token that does not hold."""
        if self._keys is None:
            return authenticate(header, self._auth)
        try:
            return authenticate(header, self._auth, self._keys.known)
        except Unauthenticated as error:
            if not isinstance(error.__cause__, UnknownKeyError):
                raise
        await self._keys.look_again()
        return authenticate(header, self._auth, self._keys.known)


def authenticate(header: str | None, auth: AuthSettings, keys: Keys | None = None) -> Principal:
    """Return who sends this Authorization header; raise Unauthenticated for a token that does not hold.

    Where there are `keys`, one of them must have signed it, and else the secret.
    """
    if header is None:
        return NOBODY
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("The Authorization header must be: Bearer <token>.")
    try:
        principal = _verified(token.strip(), auth, keys)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(_EXPIRED) from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise Unauthenticated("The token is not valid here: sign in again.") from error
    if principal.expires_at is not None and principal.expires_at.timestamp() <= time():
        raise Unauthenticated(_EXPIRED)
    return principal


@lru_cache(_REMEMBERED)
def _verified(token: str, auth: AuthSettings, keys: Keys | None) -> Principal:
    """Return who a token names, and until when: its signature stays as good as it is. What does not hold raises.

    It is remembered for these very keys: once there are others, it is looked at again.
    """
    key = auth.secret if keys is None else keys.of(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[_ALGORITHM] if isinstance(key, str) else [key.algorithm_name],
        audience=auth.audience,
        issuer=auth.issuer,
        leeway=_LEEWAY,
        options={"require": ["exp", "iat", "sub", "aud", "iss"]},
    )
    expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC) + _LEEWAY
    return replace(_principal(claims.get("role"), claims["sub"]), expires_at=expires_at)


def mint(
    auth: AuthSettings,
    *,
    subject: str,
    role: Literal["staff", "customer"],
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """Return a signed token; for a customer, `subject` is the user's id. Only who has the secret can."""
    if auth.jwks:
        raise ConfigurationError(
            "TANDEM_AUTH_JWKS is set: tokens come from whoever has the private keys, not from here."
        )
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "role": role,
        "iss": auth.issuer,
        "aud": auth.audience,
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, auth.secret, algorithm=_ALGORITHM)


def _principal(role: object, subject: str) -> Principal:
    if role == Role.STAFF:
        return Principal(role=Role.STAFF, subject=subject)
    if role == Role.CUSTOMER:
        return Principal(role=Role.CUSTOMER, subject=str(UUID(subject)))
    raise ValueError("unknown role")
