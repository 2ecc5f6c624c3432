"""S33 to S36: each place of the schema that takes an id, a cursor or a token; as nobody, another, the owner, staff.

The places are found in the schema. To nobody and to another customer, what is somebody's is like what is not there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_required_argument
from graphql.type import is_required_input_field

from api.pagination import _encode
from api.schema import create_schema
from api.settings import Settings
from tests.conftest import Live
from tests.support.client import Client
from tests.support.selecting import places, selection
from tests.support.serving import ROOMY, serving
from tests.support.socket import connected

SCHEMA = create_schema()._schema
PLACES = places(SCHEMA, frozenset({"ID", "ConsistencyToken"}), frozenset({"after", "before"}))
NOBODY, ANOTHER, OWNER, STAFF = "nobody", "another customer", "the owner", "staff"
ORDER, USER, TAKEN_ORDER, TAKEN_USER, CURSOR, TOKEN, PUBLIC = (
    "order",
    "user",
    "new order",
    "new user",
    "cursor",
    "token",
    "-",
)

# What an argument takes, by its name; `id` says nothing, so that each has a line of its own.
BY_NAME = {
    "orderId": ORDER,
    "userId": USER,
    "productId": PUBLIC,  # products are shown to everybody
    "after": CURSOR,
    "before": CURSOR,
    "consistentWith": TOKEN,
}
OF_ID = {
    "Query.node(id)": (ORDER, USER),
    "Query.order(id)": (ORDER,),
    "Query.user(id)": (USER,),
    "Query.product(id)": (PUBLIC,),
    "Mutation.addProduct(input.id)": (PUBLIC,),
    "Mutation.createOrder(input.id)": (TAKEN_ORDER,),
    "Mutation.registerUser(input.id)": (TAKEN_USER,),
}
# What else has to be given, by its name. It depends on who gives it whose user and order these are.
GIVEN: dict[str, Any] = {
    "name": "Ada",
    "quantity": 1,
    "price": "1.00",
    "paymentReference": "pi",
    "carrier": "DHL",
    "trackingNumber": "1Z",
    "reason": "late",
    "from": "2026-01-01",
    "to": "2026-01-31",
}


def taken_by(place: str, type_: str) -> tuple[str, ...]:
    """Return what a place takes; of one that is new and not said here, nothing is known."""
    if type_ == "ConsistencyToken":
        return (TOKEN,)
    if place in OF_ID:
        return OF_ID[place]
    return (BY_NAME.get(re.split(r"[.(]", place.rstrip(")"))[-1], "?"),)


CASES = [
    (place, what) for place, type_ in PLACES.items() for what in taken_by(place, type_) if what not in {PUBLIC, "?"}
]


def test_s33_every_place_that_takes_an_id_has_a_case() -> None:
    assert [place for place, type_ in PLACES.items() if "?" in taken_by(place, type_)] == []
    assert set(OF_ID) <= set(PLACES)
    assert len(CASES) > 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What there is of each: `mine[who]` is what somebody would give of their own."""

    url: str
    clients: dict[str, Client]
    mine: dict[str, dict[str, str]]

    def ask(self, who: str, place: str, value: str | None, **more: Any) -> dict[str, Any]:
        """Return what somebody is answered who gives this value there."""
        document, variables = written(place, value, {**GIVEN, **self._fresh(), **self.mine[who]}, more)
        if not place.startswith("Subscription"):
            answer = self.clients[who].post(document, **variables)
            return {"status": answer.status_code, **answer.json()}
        with connected(self.url, self.clients[who].token) as socket:
            socket.subscribe("1", document, **variables)
            try:
                return socket.hear(3)
            except TimeoutError:  # staff may follow whomever, also a user of whom there is nothing to be told
                return {}

    def _fresh(self) -> dict[str, str]:
        return {"email": f"{uuid4().hex}@example.com", "sku": uuid4().hex}


def written(place: str, value: str | None, given: dict[str, Any], more: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a document that gives a value at a place, all else that must be given, and asks for all there is."""
    kind, name, path = re.fullmatch(r"(\w+)\.(\w+)\((.+)\)", place).groups()  # type: ignore[union-attr]
    parent = SCHEMA.type_map[kind]
    assert isinstance(parent, GraphQLObjectType)
    field = parent.fields[name]
    first, *rest = path.split(".")
    variables = {}
    for argument, what in field.args.items():
        if argument == first and value is not None:
            variables[argument] = filled(what.type, value, rest, given, more)
        elif argument == first or is_required_argument(what) or argument in more:
            inner = isinstance(get_named_type(what.type), GraphQLInputObjectType)
            required = filled(what.type, None, [], given, more) if inner else given.get(argument)
            variables[argument] = more.get(argument, None if argument == first and not inner else required)
    variables = {name: value for name, value in variables.items() if value is not None}
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in variables)
    passed = ", ".join(f"{argument}: ${argument}" for argument in variables)
    asked = f"{name}{f'({passed})' if passed else ''} {selection(get_named_type(field.type), SCHEMA)}"
    if kind == "User":
        declared, asked, variables = (
            f"$of: ID!, {declared}".rstrip(", "),
            f"user(id: $of) {{ {asked} }}",
            {"of": given["userId"], **variables},
        )
    operation = kind.lower() if kind in {"Query", "Mutation", "Subscription"} else "query"
    return f"{operation} {f'({declared})' if declared else ''} {{ {asked} }}", variables


def filled(type_: Any, value: str | None, rest: list[str], given: dict[str, Any], more: dict[str, Any]) -> Any:
    """Return what is given for an argument: the value, at the place that `rest` names, amid what must be there."""
    kind = get_named_type(type_)
    if not isinstance(kind, GraphQLInputObjectType):
        return value
    made = {}
    for name, field in kind.fields.items():
        inner = isinstance(get_named_type(field.type), GraphQLInputObjectType)
        if rest and name == rest[0] and (value is not None or inner):
            made[name] = filled(field.type, value, rest[1:], given, more)
        elif is_required_input_field(field):
            made[name] = filled(field.type, None, [], given, more) if inner else given[name]
        elif name in more:
            made[name] = more[name]
    return [made] if "[" in str(type_) else made


@pytest.fixture(scope="module")
def shop(settings: Settings, live: Live) -> Iterator[Shop]:  # noqa: ARG001 - whose worker projects
    """Tandem, with an API beside it that lets documents ask for all there is."""
    with serving(settings, documents=ROOMY) as api, httpx.Client(base_url=api.url, timeout=10) as http:
        yield opened(api.url, Client(http=http))


def opened(url: str, nobody: Client) -> Shop:
    staff = nobody.as_staff()
    owner, another, product = nobody.registered(), nobody.registered(), staff.added()
    clients = {
        NOBODY: nobody,
        ANOTHER: nobody.as_customer(another),
        OWNER: nobody.as_customer(owner),
        STAFF: staff,
    }
    orders = {user: staff.ordered(user, product) for user in (owner, another)}
    for user in (owner, owner, another, another):
        staff.ordered(user, product)
    mine = {
        who: {"userId": user, "orderId": orders[user], "id": orders[user], "productId": staff.added()}
        for who, user in ((NOBODY, owner), (ANOTHER, another), (OWNER, owner), (STAFF, owner))
    }
    return Shop(url=url, clients=clients, mine=mine)


def said(answer: dict[str, Any], *names: str) -> str:
    """Return an answer as it was sent, less what changes from one moment to the next; what was given is named alike."""
    whole = json.loads(orjson.dumps(answer))
    extensions = whole.pop("extensions", {})
    text = orjson.dumps([whole, sorted(extensions.get("freshness", {}))]).decode()
    for name in names:
        text = text.replace(name, "<given>")
    return text


def first_cursor(shop: Shop, who: str, place: str) -> str | None:
    """Return a cursor of the very list, as that sender is shown it; None where it is shown none."""
    field = place.partition(".")[2].partition("(")[0]
    answer = shop.ask(who, place, None, first=1)
    found = answer["data"] and answer["data"].get("user" if place.startswith("User") else field)
    if found and place.startswith("User"):
        found = found[field]
    return found["pageInfo"]["endCursor"] if found else None


def there_and_not(shop: Shop, who: str, place: str, what: str) -> tuple[str, str]:
    """Return something of the owner's, or what shows as much, and something alike that there is not."""
    if what == CURSOR:
        owners = OWNER if first_cursor(shop, OWNER, place) else STAFF
        cursor = first_cursor(shop, owners if who in {NOBODY, ANOTHER} else who, place)
        assert cursor
        return cursor, _encode(["0" * 16, "2026-01-01 00:00:00+00:00", str(uuid4())])
    if what == TOKEN:
        tokens = [renamed(shop, shop.mine[each]["userId"]) for each in (OWNER, ANOTHER)]
        return tokens[0], tokens[1]
    owners_own = shop.mine[OWNER]
    return (owners_own["userId"] if what in {USER, TAKEN_USER} else owners_own["orderId"]), str(uuid4())


def renamed(shop: Shop, user: str) -> str:
    """Return a token that all read tables have passed, of the user's own partition."""
    wanted = {"userId": user, "name": uuid4().hex}
    done = shop.clients[STAFF].give("renameUser", wanted, select="user { id }")
    assert done["user"] is not None
    return str(done["token"])


# Whoever chooses the id of what is new is told where it is in use, by whomever: two of one id there cannot be.
# It is no way to find any, as ids are of 122 random bits, and of who has it nothing is told.
IN_USE = {
    TAKEN_ORDER: ("createOrder", "There is an order with this id already."),
    TAKEN_USER: ("registerUser", "There is a user with this id already."),
}
HIDDEN = [(place, what) for place, what in CASES if what not in IN_USE]
# Public lists have no owner: a cursor of theirs is everybody's.
OF_NOBODY = {"Query.products(after)", "Query.products(before)"}


def ids(cases: list[tuple[str, str]]) -> list[Any]:
    return [pytest.param(place, what, id=f"{place} {what}") for place, what in cases]


@pytest.mark.parametrize("who", [NOBODY, ANOTHER])
@pytest.mark.parametrize(
    ("place", "what"), ids([each for each in HIDDEN if each[0] not in OF_NOBODY and each[0][:4] != "Subs"])
)
def test_s33_to_s36_what_is_another_s_is_answered_like_what_is_not_there(
    place: str, what: str, who: str, shop: Shop
) -> None:
    there, missing = there_and_not(shop, who, place, what)
    for more in [{}, {"dryRun": True}, {"expectedVersion": 1}] if place.startswith("Mutation") else [{}]:
        found = [said(shop.ask(who, place, value, **more), value) for value in (there, missing)]
        assert found[0] == found[1]


@pytest.mark.parametrize("who", [NOBODY, ANOTHER])
@pytest.mark.parametrize(
    ("place", "what"), ids([each for each in HIDDEN if each[0][:4] == "Subs" and each[1] != TOKEN])
)
def test_s33_what_is_another_s_cannot_be_followed(place: str, what: str, who: str, shop: Shop) -> None:
    there, missing = there_and_not(shop, who, place, what)
    found = [shop.ask(who, place, value) for value in (there, missing)]
    assert said(found[0], there) == said(found[1], missing)
    codes = {error["extensions"]["code"] for error in _errors(found[0])}
    assert codes <= {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"}
    assert codes


@pytest.mark.parametrize("who", [OWNER, STAFF])
@pytest.mark.parametrize(("place", "what"), ids([each for each in CASES if each[1] != TOKEN]))
def test_s33_to_s36_who_may_see_it_is_answered_otherwise(place: str, what: str, who: str, shop: Shop) -> None:
    """Were it not so, the others' answers would say nothing."""
    if what == CURSOR and not first_cursor(shop, who, place):
        assert "FORBIDDEN" in said(shop.ask(who, place, None))
        return
    there, missing = there_and_not(shop, who, place, what)
    more = {"dryRun": True} if place.startswith("Mutation") else {}
    answers = [shop.ask(who, place, value, **more) for value in (there, missing)]
    if who == OWNER and "FORBIDDEN" in said(answers[0]):
        assert said(answers[0], there) == said(answers[1], missing)
        assert what != CURSOR
    else:
        assert said(answers[0], there) != said(answers[1], missing)


@pytest.mark.parametrize("who", [ANOTHER, OWNER, STAFF])
@pytest.mark.parametrize(("place", "what"), ids([each for each in CASES if each[1] in IN_USE]))
def test_s33_an_id_that_is_in_use_is_said_to_be_so_and_nothing_more(
    place: str, what: str, who: str, shop: Shop
) -> None:
    field, message = IN_USE[what]
    there, missing = there_and_not(shop, who, place, what)
    told = shop.ask(who, place, there)["data"][field]
    assert {name.partition("_")[2]: value for name, value in told.items() if name != "__typename"} == {
        "code": "ALREADY_EXISTS",
        "message": message,
        "path": ["id"],
        "id": there,
    }
    assert shop.ask(who, place, missing, dryRun=True)["data"][field]["__typename"].endswith("Accepted")


class TestEdgesAndNodes:
    """S34: another's row is in no list, whichever way it is read."""

    LISTS = (
        "{ orders(first: 100) { edges { node { id userId } } nodes { id userId } totalCount } }",
        "query ($of: ID!) { userOrders(userId: $of) { edges { node { id userId } } nodes { id userId } } }",
        "{ me { orders(first: 100) { edges { node { id userId } } nodes { id userId } } } }",
    )

    @pytest.mark.parametrize("document", LISTS)
    def test_s34_show_the_same_rows_and_only_one_s_own(self, document: str, shop: Shop) -> None:
        own, variables = shop.mine[ANOTHER]["userId"], {}
        if "$of" in document:
            variables = {"of": own}
        found = next(iter(shop.clients[ANOTHER].ask(document, **variables).values()))
        found = found.get("orders", found)
        assert [edge["node"] for edge in found["edges"]] == found["nodes"]
        assert len(found["nodes"]) == 3
        assert {node["userId"] for node in found["nodes"]} == {own}

    def test_s34_neither_does_a_node(self, shop: Shop) -> None:
        document = "query ($id: ID!) { node(id: $id) { id ... on Order { userId } ... on User { email } } }"
        for name in ("orderId", "userId"):
            assert shop.clients[ANOTHER].ask(document, id=shop.mine[OWNER][name]) == {"node": None}
            assert shop.clients[OWNER].ask(document, id=shop.mine[OWNER][name])["node"] is not None

    @pytest.mark.parametrize("prefix", ["Order:", "User:", "T3JkZXI6"])
    def test_s35_an_id_has_no_type_in_it_that_could_be_changed(self, prefix: str, shop: Shop) -> None:
        document = "query ($id: ID!) { node(id: $id) { __typename } }"
        own = shop.mine[OWNER]["orderId"]
        assert shop.clients[OWNER].ask(document, id=own) == {"node": {"__typename": "Order"}}
        [(code, _)] = shop.clients[OWNER].errors(document, id=prefix + own)
        assert code == "BAD_USER_INPUT"


class TestACursor:
    DOCUMENT = "query ($after: String) { orders(first: 1, after: $after) { nodes { id } pageInfo { endCursor } } }"

    def cursor(self, shop: Shop, who: str) -> str:
        return str(shop.clients[who].ask(self.DOCUMENT)["orders"]["pageInfo"]["endCursor"])

    @pytest.mark.parametrize("of", [OWNER, STAFF])
    def test_s36_of_another_sender_s_list_is_of_no_use(self, of: str, shop: Shop) -> None:
        assert self.errors(shop, self.cursor(shop, of)) == ["INVALID_CURSOR"]
        assert self.errors(shop, self.cursor(shop, ANOTHER)) == []

    def test_s36_that_was_changed_anywhere_is_refused(self, shop: Shop) -> None:
        cursor = self.cursor(shop, ANOTHER)
        for at in range(0, len(cursor), 7):
            forged = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
            assert self.errors(shop, forged) == ["INVALID_CURSOR"], at

    def errors(self, shop: Shop, cursor: str) -> list[str]:
        answer = shop.clients[ANOTHER].post(self.DOCUMENT, after=cursor).json()
        return [error["extensions"]["code"] for error in _errors(answer)]


def _errors(answer: dict[str, Any]) -> list[dict[str, Any]]:
    payload = answer.get("payload", answer)
    return payload if isinstance(payload, list) else list(payload.get("errors", []))
