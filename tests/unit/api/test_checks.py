"""What a look at a part comes to: a word that says what is there, or what is wrong and what to do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from api.checks import Finding, Verdict, _amiss, _clock, signing
from api.settings import AuthSettings
from projections.lag import ProjectionState, Standing
from tests.support.issuer import ec, public

DO = "Set it to the output of: openssl rand -base64 48"
LEVEL = Standing(
    name="users_view",
    state=ProjectionState.LIVE,
    version=1,
    newest=1,
    head=10,
    applied=10,
    lag_seconds=0.0,
    quarantined=0,
    rebuild_progress=None,
    halted=(),
)


class TestASecret:
    @pytest.mark.parametrize(
        ("auth", "said", "verdict"),
        [
            (AuthSettings(), f"it is not set, and the default is known to everybody. {DO}", Verdict.UNSAFE),
            (AuthSettings(secret="s" * 31), f"it has less than 32 bytes. {DO}", Verdict.UNSAFE),
            (AuthSettings(secret="s" * 32), "of your own", Verdict.OK),
        ],
    )
    def test_is_long_and_of_ones_own(self, auth: AuthSettings, said: str, verdict: Verdict) -> None:
        assert signing(auth) == Finding("TANDEM_AUTH_SECRET", said, verdict)


class TestAKeySet:
    def test_over_plain_http_is_not_safe(self) -> None:
        source = "http://issuer/keys.json"
        assert signing(AuthSettings(jwks=source)) == Finding(
            "TANDEM_AUTH_JWKS",
            f"whoever is on the way to {source} could put keys of their own there. "
            "Give a URL that begins with https://, or the path of a file.",
            Verdict.UNSAFE,
        )

    def test_is_there(self, tmp_path: Path) -> None:
        file = tmp_path / "keys.json"
        file.write_text(json.dumps({"keys": [public("1", ec("one"))]}))
        assert signing(AuthSettings(jwks=str(file))) == Finding("TANDEM_AUTH_JWKS", "1 keys", Verdict.OK)

    def test_that_is_not_is_told(self) -> None:
        found = signing(AuthSettings(jwks="/nowhere.json"))
        assert found.verdict is Verdict.WRONG
        assert found.said.startswith("nobody can sign in, until it can be read. /nowhere.json: ")


class TestAClock:
    @pytest.mark.parametrize(
        ("there", "answered", "said"),
        [
            (100.9, 100.0, None),
            (99.1, 100.0, None),
            (101.5, 100.0, "1.5 s ahead of that of this host. Let NTP set both."),
            (97.0, 100.0, "3.0 s behind that of this host. Let NTP set both."),
            (101.9, 104.0, None),  # which says nothing, since the answer took so long
        ],
    )
    def test_may_differ_by_a_second(self, there: float, answered: float, said: str | None) -> None:
        what = "clock of the write database"
        wanted = Finding(what, said, Verdict.WRONG) if said else Finding(what, "as that of this host")
        assert _clock("write", there, 100.0, answered) == wanted


class TestAProjection:
    @pytest.mark.parametrize(
        ("standing", "amiss"),
        [
            (LEVEL, []),
            (replace(LEVEL, applied=8, lag_seconds=4.0), []),
            (
                replace(LEVEL, applied=8, lag_seconds=61.2, state=ProjectionState.CATCHING_UP),
                ["it is 2 events and 61 s behind. Is a worker running? Start one, or more: tandem worker"],
            ),
            (
                replace(LEVEL, state=ProjectionState.HALTED, halted=("a gap", "another"), quarantined=3),
                [
                    "it is halted: a gap. What to do: tandem projections status",
                    "streams that are set aside: 3. Mend the cause, then: tandem projections retry users_view",
                ],
            ),
        ],
    )
    def test_is_told_with_what_to_do(self, standing: Standing, amiss: list[str]) -> None:
        assert list(_amiss(standing)) == amiss
