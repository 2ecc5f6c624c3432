"""Who asks: bearer tokens (JWT, HS256), and what each role may do."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from time import time
from typing import Literal
from uuid import UUID

import jwt

from api.errors import Forbidden, Unauthenticated
from api.settings import AuthSettings
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


def authenticate(header: str | None, auth: AuthSettings) -> Principal:
    """Return who sends this Authorization header; raise Unauthenticated for a token that does not hold."""
    if header is None:
        return NOBODY
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("The Authorization header must be: Bearer <token>.")
    try:
        principal = _verified(token.strip(), auth)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(_EXPIRED) from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise Unauthenticated("The token is not valid here: sign in again.") from error
    if principal.expires_at is not None and principal.expires_at.timestamp() <= time():
        raise Unauthenticated(_EXPIRED)
    return principal


@lru_cache(_REMEMBERED)
def _verified(token: str, auth: AuthSettings) -> Principal:
    """Return who a token names, and until when: its signature stays as good as it is. What does not hold raises."""
    claims = jwt.decode(
        token,
        auth.secret,
        algorithms=[_ALGORITHM],
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
    """Return a signed token; for a customer, `subject` is the user's id."""
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
