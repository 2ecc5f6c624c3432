"""Bearer tokens: who they name, which ones do not hold, and what each role may do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import UUID

import jwt
import pytest

from api.auth import NOBODY, Principal, Role, authenticate, mint
from api.errors import ApiError
from api.settings import AuthSettings
from domain.transaction import Actor
from tests.support.facts import ORDER_ID, USER_ID

AUTH = AuthSettings(secret="a secret of a test, long enough for each algorithm that is tried here")
STAFF = Principal(role=Role.STAFF, subject="ada")
CUSTOMER = Principal(role=Role.CUSTOMER, subject=str(USER_ID))

NOT_SIGNED_IN = ("UNAUTHENTICATED", "Sign in first: send the header Authorization: Bearer <token>.")
NO_BEARER = ("UNAUTHENTICATED", "The Authorization header must be: Bearer <token>.")
EXPIRED = ("UNAUTHENTICATED", "The token has expired: sign in again.")
NOT_VALID = ("UNAUTHENTICATED", "The token is not valid here: sign in again.")
STAFF_ONLY = ("FORBIDDEN", "Only staff may do this.")
OWN_ONLY = ("FORBIDDEN", "You may only do this for yourself: give your own user id.")


def error(ask: Callable[..., object], *args: Any) -> tuple[object, str]:
    with pytest.raises(ApiError) as caught:
        ask(*args)
    return (caught.value.extensions or {}).get("code"), caught.value.message


def signed(*, key: str = AUTH.secret, algorithm: str = "HS256", without: str = "", **other: Any) -> str:
    """Return the header of a staff token, its claims changed by `other`."""
    now = datetime.now(UTC)
    staff = {
        "sub": "ada",
        "role": "staff",
        "iss": "tandem",
        "aud": "tandem",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    claims = {name: value for name, value in (staff | other).items() if name != without}
    return "Bearer " + jwt.encode(claims, key, algorithm=algorithm)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


class TestAuthenticate:
    def test_takes_no_header_for_nobody(self) -> None:
        assert authenticate(None, AUTH) == NOBODY == Principal(role=Role.NOBODY, subject="")

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
    def test_knows_staff(self, scheme: str) -> None:
        assert authenticate(f"{scheme} {mint(AUTH, subject='ada', role='staff')}", AUTH) == STAFF

    def test_knows_a_customer_by_its_user(self) -> None:
        token = mint(AUTH, subject=str(USER_ID).upper(), role="customer")
        assert authenticate(f"Bearer {token}", AUTH) == CUSTOMER

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Basic YWRhOmFkYQ==",
            "Token abc",
            mint(AUTH, subject="ada", role="staff"),
            "Bearer " + "a" * 8193,
        ],
    )
    def test_refuses_what_is_no_bearer_token(self, header: str) -> None:
        assert error(authenticate, header, AUTH) == NO_BEARER

    def test_refuses_one_that_has_expired(self) -> None:
        assert error(authenticate, signed(exp=ago(seconds=11)), AUTH) == EXPIRED

    def test_refuses_one_that_expires_while_it_is_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        header, now = signed(), time()
        assert authenticate(header, AUTH) == STAFF
        monkeypatch.setattr("api.auth.time", lambda: now + 3600 + 9)
        assert authenticate(header, AUTH) == STAFF
        monkeypatch.setattr("api.auth.time", lambda: now + 3600 + 11)
        assert error(authenticate, header, AUTH) == EXPIRED

    def test_remembers_a_token_for_the_secret_alone_that_signed_it(self) -> None:
        header = signed()
        assert authenticate(header, AUTH) == STAFF
        assert (
            error(authenticate, header, replace(AUTH, secret="another secret, which signed none of them")) == NOT_VALID
        )

    def test_bears_with_clocks_that_differ_by_some_seconds(self) -> None:
        assert authenticate(signed(exp=ago(seconds=5)), AUTH) == STAFF

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer abc",
            "Bearer a.b.c",
            "Bearer \u00e9.\u00e9.\u00e9",
            "Bearer " + "." * 8000,
            signed(key="another secret, just as long as the one that signs the tokens here"),
            signed(key="", algorithm="none"),
            signed(algorithm="HS512"),
            signed(aud="another"),
            signed(iss="another"),
            signed(nbf=ago(hours=-1)),
            signed(iat=ago(hours=-1)),
            *(signed(without=claim) for claim in ("sub", "role", "iss", "aud", "iat", "exp")),
            signed(role="admin"),
            signed(role="nobody"),
            signed(role="Staff"),
            signed(role=["staff"]),
            signed(role="customer", sub="ada"),
            signed(role="customer", sub=""),
        ],
    )
    def test_refuses_one_that_does_not_hold(self, header: str) -> None:
        assert error(authenticate, header, AUTH) == NOT_VALID

    def test_refuses_one_whose_claims_were_changed(self) -> None:
        header, claims, signature = signed(role="customer", sub=str(USER_ID)).split(".")
        _, forged, _ = signed().split(".")
        assert claims != forged
        assert error(authenticate, f"{header}.{forged}.{signature}", AUTH) == NOT_VALID

    def test_refuses_a_development_token_where_another_secret_is_set(self) -> None:
        token = mint(AuthSettings(), subject="ada", role="staff")
        assert error(authenticate, f"Bearer {token}", AUTH) == NOT_VALID


class TestMint:
    def test_makes_a_token_that_ends(self) -> None:
        token = mint(AUTH, subject="ada", role="staff", lifetime=timedelta(minutes=-1))
        assert error(authenticate, f"Bearer {token}", AUTH) == EXPIRED


class TestPrincipal:
    def test_is_an_actor_of_its_role_so_that_one_subject_of_two_roles_is_two(self) -> None:
        staff = Principal(role=Role.STAFF, subject=CUSTOMER.subject)
        assert (staff.actor, CUSTOMER.actor, NOBODY.actor) == (
            Actor(id=f"staff:{USER_ID}", staff=True),
            Actor(id=f"customer:{USER_ID}", staff=False, user_id=USER_ID),
            Actor(id="nobody", staff=False),
        )

    @pytest.mark.parametrize(("principal", "user"), [(NOBODY, None), (CUSTOMER, USER_ID), (STAFF, None)])
    def test_is_limited_to_its_user_if_it_is_a_customer(self, principal: Principal, user: UUID | None) -> None:
        assert principal.user_id == user

    def test_passes_where_its_role_may(self) -> None:
        STAFF.require_signed_in()
        STAFF.require_staff()
        STAFF.require_access_to(USER_ID)
        CUSTOMER.require_signed_in()
        CUSTOMER.require_access_to(USER_ID)

    @pytest.mark.parametrize(
        ("rule", "arguments", "refusal"),
        [
            (NOBODY.require_signed_in, (), NOT_SIGNED_IN),
            (NOBODY.require_staff, (), NOT_SIGNED_IN),
            (NOBODY.require_access_to, (USER_ID,), NOT_SIGNED_IN),
            (CUSTOMER.require_staff, (), STAFF_ONLY),
            (CUSTOMER.require_access_to, (ORDER_ID,), OWN_ONLY),
        ],
    )
    def test_is_refused_where_its_role_may_not(
        self, rule: Callable[..., None], arguments: tuple[UUID, ...], refusal: tuple[str, str]
    ) -> None:
        assert error(rule, *arguments) == refusal
