"""Keys of who issues tokens: found by their ids, looked at again, and kept while nobody tells them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import jwt
import pytest

from api.auth import Gate, Principal, Role
from api.errors import Unauthenticated
from api.keys import KeySet, UnreadableKeysError, read
from api.settings import AuthSettings
from tests.support.issuer import Issuer, ec, issuing, public, rsa, token

STAFF = Principal(role=Role.STAFF, subject="ada")
FIRST, SECOND = rsa("first"), ec("second")
MALFORMED = [
    7,
    [],
    None,
    {},
    public(["b"], FIRST),
    public({"b": 1}, FIRST),
    public("1", FIRST, use=["sig"]),
    public("1", FIRST, alg=["RS256"]),
    public("1", FIRST, kty=["RSA"]),
    public("1", FIRST, n=["AQAB"]),
    public("1", SECOND, crv=["P-256"]),
    {"kty": "oct", "kid": "1"},
]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing(public("1", FIRST)) as running:
        yield running


def gate(issuer: Issuer, *, at_least: float = 0.0, every: float = 60.0) -> Gate:
    return Gate(AuthSettings(jwks=issuer.url, jwks_every=every, jwks_at_least=at_least))


async def passes(at: Gate, sent: str) -> bool:
    try:
        return await at.principal_of(f"Bearer {sent}") == STAFF
    except Unauthenticated:
        return False


async def until(at: Gate, sent: str, *, passing: bool) -> None:
    for _ in range(1000):
        if await passes(at, sent) is passing:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came true")


class TestAGate:
    @pytest.mark.parametrize("key", [FIRST, SECOND], ids=["RS256", "ES256"])
    async def test_opens_for_both_kinds_of_keys(self, issuer: Issuer, key: object) -> None:
        issuer.keys = [public("1", key)]  # type: ignore[arg-type]
        assert await passes(gate(issuer), token("1", key))  # type: ignore[arg-type]

    async def test_opens_for_a_key_that_was_added(self, issuer: Issuer) -> None:
        at = gate(issuer)
        assert [await passes(at, token("1", FIRST)), await passes(at, token("2", SECOND))] == [True, False]
        issuer.keys.append(public("2", SECOND))
        assert [await passes(at, token("1", FIRST)), await passes(at, token("2", SECOND))] == [True, True]

    async def test_asks_nobody_for_keys_that_it_knows(self, issuer: Issuer) -> None:
        at = gate(issuer)
        assert [await passes(at, token("1", FIRST, sub="ada", jti=str(each))) for each in range(5)] == [True] * 5
        assert issuer.asked == 1

    async def test_asks_for_unknown_keys_once_in_a_while_however_many_are_sent(self, issuer: Issuer) -> None:
        at = gate(issuer, at_least=60.0)
        forged = [token(str(each), SECOND) for each in range(20)]
        assert await asyncio.gather(*(passes(at, each) for each in forged)) == [False] * 20
        assert (issuer.asked, await passes(at, token("1", FIRST))) == (1, True)

    async def test_keeps_its_keys_while_nobody_tells_them(self, issuer: Issuer) -> None:
        at = gate(issuer)
        assert await passes(at, token("1", FIRST))
        for issuer.away, issuer.keys in ((True, []), (False, [])):
            assert not await passes(at, token("2", SECOND))
            assert await passes(at, token("1", FIRST, jti="new"))

    async def test_remembers_no_token_of_a_key_that_was_withdrawn(self, issuer: Issuer) -> None:
        at = gate(issuer, every=0.02, at_least=60.0)
        watching = asyncio.create_task(at.watch())
        sent = token("1", FIRST)
        await until(at, sent, passing=True)
        issuer.keys = [public("2", SECOND)]
        await until(at, sent, passing=False)
        watching.cancel()
        assert await passes(at, token("2", SECOND))

    async def test_remembers_no_token_of_a_key_whose_id_has_another_key(self, issuer: Issuer) -> None:
        at = gate(issuer)
        sent = token("1", FIRST)
        assert await passes(at, sent)
        issuer.keys = [public("1", rsa("another"))]
        assert not await passes(at, token("unknown", FIRST))  # has it look again
        assert not await passes(at, sent)

    async def test_waits_for_a_silent_issuer_for_a_bounded_time_and_asks_it_once(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("api.keys._LOOK_WITHIN", 0.05)
        goes_on, shown = Event(), issuer.shown()
        monkeypatch.setattr(issuer, "shown", lambda: shown if goes_on.wait(4) else b"")
        at = gate(issuer)
        assert [await passes(at, token("1", FIRST)) for _ in range(3)] == [False] * 3
        assert issuer.asked == 1
        goes_on.set()
        await until(at, token("1", FIRST), passing=True)

    async def test_opens_again_once_keys_can_be_read(self, issuer: Issuer) -> None:
        issuer.away = True
        at = gate(issuer)
        assert not await passes(at, token("1", FIRST))
        issuer.away = False
        assert await passes(at, token("1", FIRST))


class TestRead:
    def test_takes_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "keys.json"
        file.write_text(json.dumps({"keys": [public("1", FIRST), public("2", SECOND)]}))
        assert read(str(file)).keys() == {"1", "2"}

    def test_passes_over_keys_that_sign_no_tokens_here(self, tmp_path: Path) -> None:
        file = tmp_path / "keys.json"
        others = [
            {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "a secret"},
            {"kty": "new", "kid": "of a kind that comes later"},
            public("for encryption", FIRST, use="enc"),
            public("of another algorithm", FIRST, alg="RS512"),
            public("short", rsa("short", bits=1024)),
            {name: value for name, value in public("", FIRST).items() if name != "kid"},
        ]
        file.write_text(json.dumps({"keys": [*others, public("1", FIRST, use="sig", alg="RS256")]}))
        assert read(str(file)).keys() == {"1"}

    @pytest.mark.parametrize("malformed", MALFORMED)
    @pytest.mark.parametrize("at_url", [False, True], ids=["in a file", "at a URL"])
    def test_passes_over_what_is_malformed(
        self, malformed: object, at_url: bool, issuer: Issuer, tmp_path: Path
    ) -> None:
        file = tmp_path / "keys.json"
        keys = [malformed, public("1", FIRST), malformed, public("2", SECOND)]
        file.write_text(json.dumps({"keys": keys}))
        issuer.keys = keys  # type: ignore[assignment]
        assert read(issuer.url if at_url else str(file)).keys() == {"1", "2"}

    @pytest.mark.parametrize("malformed", MALFORMED)
    async def test_goes_on_after_a_look_at_what_is_malformed(self, malformed: object, tmp_path: Path) -> None:
        file = tmp_path / "keys.json"
        file.write_text(json.dumps({"keys": [malformed]}))
        keys = KeySet(str(file), every=0.01, at_least=0.0)
        watching = asyncio.create_task(keys.watch())
        await keys.look_again()
        file.write_text(json.dumps({"keys": [malformed, public("1", FIRST)]}))
        for _ in range(1000):
            if keys.known.by_id or watching.done():
                break
            await asyncio.sleep(0.01)
        assert keys.known.by_id.keys() == {"1"}
        assert watching.cancel()

    @pytest.mark.parametrize("trouble", [TypeError("unheard of"), KeyError("k"), OSError("away")])
    async def test_logs_whatever_a_look_runs_into_and_keeps_its_keys(
        self,
        trouble: Exception,
        issuer: Issuer,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        keys = KeySet(issuer.url, every=60.0, at_least=0.0)
        await keys.look_again()
        before = keys.known

        def fails(_: str) -> dict[str, jwt.PyJWK]:
            raise trouble

        monkeypatch.setattr("api.keys.read", fails)
        await keys.look_again()
        assert keys.known is before
        assert keys.known.by_id.keys() == {"1"}
        assert [record.message for record in caplog.records] == ["token_keys_not_read"]

    @pytest.mark.parametrize(
        "content", ["", "[]", "7", "null", "{}", '{"keys": 7}', '{"keys": [7]}', '{"keys": []}', "[" * 100_000]
    )
    async def test_refuses_what_is_no_key_set_and_a_look_at_it_changes_nothing(
        self, content: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "keys.json"
        file.write_text(json.dumps({"keys": [public("1", FIRST)]}))
        keys = KeySet(str(file), every=60.0, at_least=0.0)
        await keys.look_again()
        file.write_text(content)
        with pytest.raises(UnreadableKeysError, match=str(file)):
            read(str(file))
        before = keys.known
        await keys.look_again()
        assert keys.known is before
        assert keys.known.by_id.keys() == {"1"}

    @pytest.mark.parametrize("source", ["http://127.0.0.1:1/keys.json", "/nowhere/keys.json"])
    def test_says_where_nothing_answers(self, source: str) -> None:
        with pytest.raises(UnreadableKeysError, match=source):
            read(source)
