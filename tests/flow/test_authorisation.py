"""Who may do what: nobody, a customer, another customer and staff, at every root field."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from api.auth import mint
from api.settings import AuthSettings
from tests.support.client import Client

DATA, NULL, MISSING, UNAUTHENTICATED, FORBIDDEN = "data", "null", "NotFound", "UNAUTHENTICATED", "FORBIDDEN"

# Who may give a command, by whose data it changes; an order of another's is answered like one that is not there.
FOR_STAFF = (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, DATA)
FOR_THE_USER = (UNAUTHENTICATED, DATA, FORBIDDEN, DATA)
FOR_THE_BUYER = (UNAUTHENTICATED, DATA, MISSING, DATA)
FOUND = "{ __typename ... on NotFound { code message path id } }"

# At each root field: what nobody, the customer whose data it is, another customer, and staff are answered.
FIELDS: dict[str, tuple[str, tuple[str, str, str, str]]] = {
    "order": ("query ($order: ID!) { order(id: $order) { id } }", (UNAUTHENTICATED, DATA, NULL, DATA)),
    "userOrders": (
        "query ($user: ID!) { userOrders(userId: $user) { nodes { id } totalCount } }",
        (UNAUTHENTICATED, DATA, FORBIDDEN, DATA),
    ),
    "user": (
        "query ($user: ID!) { user(id: $user) { id orders { nodes { id } } } }",
        (UNAUTHENTICATED, DATA, FORBIDDEN, DATA),
    ),
    "product": ("query ($product: ID!) { product(id: $product) { id } }", (DATA, DATA, DATA, DATA)),
    "products": ("{ products(first: 1) { nodes { id } } }", (DATA, DATA, DATA, DATA)),
    "projections": ("{ projections { name } }", (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, DATA)),
    "registerUser": (
        """mutation ($email: String!) { registerUser(input: {name: "Ada", email: $email}) { __typename } }""",
        (DATA, DATA, DATA, DATA),
    ),
    "renameUser": (
        """mutation ($user: ID!) { renameUser(input: {userId: $user, name: "Grace"}) { __typename } }""",
        FOR_THE_USER,
    ),
    "changeUserEmail": (
        """
        mutation ($user: ID!, $email: String!) { changeUserEmail(input: {userId: $user, email: $email}) { __typename } }
        """,
        FOR_THE_USER,
    ),
    "addProduct": (
        """mutation ($sku: String!) { addProduct(input: {sku: $sku, name: "Tea", price: "1"}) { __typename } }""",
        FOR_STAFF,
    ),
    "renameProduct": (
        """mutation ($product: ID!) { renameProduct(input: {productId: $product, name: "Pot"}) { __typename } }""",
        FOR_STAFF,
    ),
    "changeProductPrice": (
        """mutation ($product: ID!) { changeProductPrice(input: {productId: $product, price: "2"}) { __typename } }""",
        FOR_STAFF,
    ),
    "restockProduct": (
        """mutation ($product: ID!) { restockProduct(input: {productId: $product, quantity: 1}) { __typename } }""",
        FOR_STAFF,
    ),
    "retireProduct": (
        """mutation ($spare: ID!) { retireProduct(input: {productId: $spare}) { __typename } }""",
        FOR_STAFF,
    ),
    "createOrder": (
        """
        mutation ($user: ID!, $product: ID!) {
          createOrder(input: {userId: $user, items: [{productId: $product, quantity: 1}]}) { __typename }
        }
        """,
        FOR_THE_USER,
    ),
    "addOrderItem": (
        f"""
        mutation ($order: ID!, $spare: ID!) {{
          addOrderItem(input: {{orderId: $order, item: {{productId: $spare, quantity: 1}}}}) {FOUND}
        }}
        """,
        FOR_THE_BUYER,
    ),
    "changeOrderItemQuantity": (
        f"""
        mutation ($order: ID!, $product: ID!) {{
          changeOrderItemQuantity(input: {{orderId: $order, productId: $product, quantity: 2}}) {FOUND}
        }}
        """,
        FOR_THE_BUYER,
    ),
    "removeOrderItem": (
        f"""
        mutation ($order: ID!, $product: ID!) {{
          removeOrderItem(input: {{orderId: $order, productId: $product}}) {FOUND}
        }}
        """,
        FOR_THE_BUYER,
    ),
    "cancelOrder": (
        f"""mutation ($order: ID!) {{ cancelOrder(input: {{orderId: $order, reason: "late"}}) {FOUND} }}""",
        FOR_THE_BUYER,
    ),
    "payOrder": (
        """mutation ($order: ID!) { payOrder(input: {orderId: $order, paymentReference: "pi"}) { __typename } }""",
        FOR_STAFF,
    ),
    "shipOrder": (
        """
        mutation ($order: ID!) {
          shipOrder(input: {orderId: $order, carrier: "DHL", trackingNumber: "1Z"}) { __typename }
        }
        """,
        FOR_STAFF,
    ),
    "deliverOrder": (
        """mutation ($order: ID!) { deliverOrder(input: {orderId: $order}) { __typename } }""",
        FOR_STAFF,
    ),
    "refundOrder": (
        """mutation ($order: ID!) { refundOrder(input: {orderId: $order, reason: "late"}) { __typename } }""",
        FOR_STAFF,
    ),
}
WHO = ("nobody", "the customer itself", "another customer", "staff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    user: str
    order: str
    product: str
    spare: str


@pytest.fixture(scope="module")
def case(nobody: Client, staff: Client) -> Case:
    user, product = nobody.registered(), staff.added()
    return Case(user=user, product=product, spare=staff.added(), order=staff.ordered(user, product))


@pytest.fixture(scope="module")
def senders(case: Case, nobody: Client, staff: Client) -> dict[str, Client]:
    return dict(
        zip(WHO, (nobody, nobody.as_customer(case.user), nobody.as_customer(nobody.registered()), staff), strict=True)
    )


MATRIX = [
    pytest.param(field, who, answer, id=f"{field} answers {who} with {answer}")
    for field, (_, answers) in FIELDS.items()
    for who, answer in zip(WHO, answers, strict=True)
]


@pytest.mark.parametrize(("field", "who", "answer"), MATRIX)
def test_a_root_field(field: str, who: str, answer: str, case: Case, senders: dict[str, Client]) -> None:
    document, _ = FIELDS[field]
    given = {
        "order": case.order,
        "user": case.user,
        "product": case.product,
        "spare": case.spare,
        "email": f"{uuid4().hex}@example.com",
        "sku": uuid4().hex,
    }
    told = senders[who].post(document, **{name: value for name, value in given.items() if f"${name}:" in document})
    assert told.status_code == 200
    assert outcome(field, told.json()) == answer


def outcome(field: str, answer: Any) -> str:
    if "errors" in answer:
        assert (answer["data"] or {}).get(field) is None
        [error] = answer["errors"]
        assert error["path"] == [field]
        return str(error["extensions"]["code"])
    found = answer["data"][field]
    if found is None:
        return NULL
    return MISSING if isinstance(found, dict) and found.get("__typename") == MISSING else DATA


def test_the_matrix_has_every_root_field(staff: Client) -> None:
    schema = staff.ask("{ __schema { queryType { fields { name } } mutationType { fields { name } } } }")["__schema"]
    fields = {field["name"] for kind in ("queryType", "mutationType") for field in schema[kind]["fields"]}
    assert fields == FIELDS.keys()


class TestARefusedSender:
    def test_has_not_changed_anything(self, case: Case, senders: dict[str, Client]) -> None:
        document, _ = FIELDS["payOrder"]
        read = "query ($order: ID!) { order(id: $order) { id status version } }"
        owner = senders["the customer itself"]
        order = owner.ordered(case.user, case.product)
        owner.post(document, order=order)
        assert owner.ask(read, order=order) == {"order": {"id": order, "status": "PENDING", "version": 1}}

    def test_learns_nothing_about_whether_another_s_order_exists(self, case: Case, senders: dict[str, Client]) -> None:
        document, _ = FIELDS["order"]
        another = senders["another customer"]
        answers = [another.post(document, order=order_id) for order_id in (case.order, str(uuid4()))]
        assert answers[0].content == answers[1].content
        assert answers[0].status_code == answers[1].status_code

    @pytest.mark.parametrize("field", ["userOrders", "user", "createOrder", "renameUser"])
    def test_learns_nothing_about_whether_another_user_exists(
        self, field: str, case: Case, senders: dict[str, Client]
    ) -> None:
        document, _ = FIELDS[field]
        product = {"product": case.product} if "$product" in document else {}
        another = senders["another customer"]
        answers = [another.post(document, user=user_id, **product) for user_id in (case.user, str(uuid4()))]
        assert answers[0].content == answers[1].content

    @pytest.mark.parametrize("field", ["payOrder", "shipOrder", "deliverOrder", "refundOrder"])
    def test_learns_nothing_about_whether_an_order_exists(
        self, field: str, case: Case, senders: dict[str, Client]
    ) -> None:
        document, _ = FIELDS[field]
        for who in ("nobody", "another customer"):
            answers = [senders[who].post(document, order=order_id) for order_id in (case.order, str(uuid4()), "7")]
            assert answers[0].content == answers[1].content == answers[2].content


# What a customer may do with its own orders, and what it is answered to that of another's.
OWN = [field for field, (_, answers) in FIELDS.items() if answers == FOR_THE_BUYER]


class TestACustomer:
    """Another's order is, byte for byte, one that is not there; whatever is sent along with its id."""

    @pytest.mark.parametrize(
        "how",
        ["", "expectedVersion: 1", "expectedVersion: 99", "dryRun: true", 'idempotencyKey: "k"'],
        ids=lambda how: how or "as it is",
    )
    @pytest.mark.parametrize("field", OWN)
    def test_cannot_tell_another_s_order_from_none(
        self, field: str, how: str, case: Case, senders: dict[str, Client]
    ) -> None:
        document = FIELDS[field][0].replace("orderId: $order", f"orderId: $order, {how}")
        more = {name: getattr(case, name) for name in ("product", "spare") if f"${name}:" in document}
        missing = str(uuid4())
        another = senders["another customer"]
        answers = [another.post(document, order=order_id, **more) for order_id in (case.order, missing)]
        assert answers[1].json() == {
            "data": {
                field: {
                    "__typename": "NotFound",
                    "code": "NOT_FOUND",
                    "message": "There is no order with this id.",
                    "path": ["orderId"],
                    "id": missing,
                }
            }
        }
        assert answers[0].content.replace(case.order.encode(), missing.encode()) == answers[1].content
        assert answers[0].status_code == answers[1].status_code

    @pytest.mark.parametrize("field", OWN)
    def test_has_not_changed_another_s_order(self, field: str, senders: dict[str, Client], staff: Client) -> None:
        owner = staff.registered()
        product, spare = staff.added(stock=5), staff.added(stock=5)
        order = staff.ordered(owner, product, spare)
        document, _ = FIELDS[field]
        given = {"product": product, "spare": spare}
        more = {name: value for name, value in given.items() if f"${name}:" in document}
        senders["another customer"].post(document, order=order, **more)
        read = """
            query ($order: ID!, $product: ID!) {
              order(id: $order) { version status itemCount } product(id: $product) { stock }
            }
        """
        assert staff.ask(read, order=order, product=product) == {
            "order": {"version": 1, "status": "PENDING", "itemCount": 2},
            "product": {"stock": 4},
        }

    def test_may_change_its_own(self, nobody: Client, staff: Client) -> None:
        user, product, spare = nobody.registered(), staff.added(), staff.added()
        customer = nobody.as_customer(user)
        order = customer.ordered(user, product)
        for field, given in (
            ("addOrderItem", {"item": {"productId": spare, "quantity": 1}}),
            ("changeOrderItemQuantity", {"productId": spare, "quantity": 2}),
            ("removeOrderItem", {"productId": product}),
            ("cancelOrder", {"reason": "changed my mind"}),
        ):
            assert customer.give(field, {"orderId": order} | given)["__typename"] == "OrderAccepted", field
        assert customer.give("renameUser", {"userId": user, "name": "Grace"})["__typename"] == "UserAccepted"
        email = {"userId": user, "email": f"{uuid4().hex}@example.com"}
        assert customer.give("changeUserEmail", email)["__typename"] == "UserAccepted"


def signed(**claims: Any) -> str:
    auth = AuthSettings()
    whole = jwt.decode(
        mint(auth, subject="tests", role="staff"), auth.secret, algorithms=["HS256"], audience=auth.audience
    )
    wanted = {name: value for name, value in {**whole, **claims}.items() if value is not None}
    return jwt.encode(wanted, auth.secret, algorithm="HS256")


EXPIRED = "The token has expired: sign in again."
INVALID = "The token is not valid here: sign in again."
UNFIT = "The Authorization header must be: Bearer <token>."


class TestAToken:
    @pytest.mark.parametrize(
        ("header", "message"),
        [
            (f"Bearer {mint(AuthSettings(), subject='t', role='staff', lifetime=timedelta(minutes=-1))}", EXPIRED),
            (f"Bearer {mint(AuthSettings(secret='s' * 32), subject='t', role='staff')}", INVALID),
            (f"Bearer {jwt.encode({'sub': 't', 'role': 'staff'}, None, algorithm='none')}", INVALID),
            (f"Bearer {signed(aud='others')}", INVALID),
            (f"Bearer {signed(iss='others')}", INVALID),
            (f"Bearer {signed(exp=None)}", INVALID),
            (f"Bearer {signed(role='admin')}", INVALID),
            (f"Bearer {signed(role=None)}", INVALID),
            (f"Bearer {signed(role=['staff'])}", INVALID),
            (f"Bearer {signed(role='customer', sub='not an id')}", INVALID),
            ("Bearer garbage", INVALID),
            ("Bearer a.b.c", INVALID),
            (f"Bearer {'a' * 8193}", UNFIT),
            ("Bearer", UNFIT),
            ("", UNFIT),
            ("Basic dGVzdHM6dGVzdHM=", UNFIT),
        ],
        ids=[
            "expired",
            "of another secret",
            "not signed",
            "for others",
            "by others",
            "without an end",
            "of no role that there is",
            "without a role",
            "of several roles",
            "of a customer who is no user",
            "that is garbage",
            "that looks like one",
            "too long",
            "left out",
            "of an empty header",
            "that is a password",
        ],
    )
    def test_that_does_not_hold_is_answered_with_401(self, nobody: Client, header: str, message: str) -> None:
        answer = nobody.http.post(
            "/graphql", json={"query": "{ products { totalCount } }"}, headers={"Authorization": header}
        )
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json() == {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_that_holds_is_taken_however_its_scheme_is_written(self, nobody: Client, scheme: str, case: Case) -> None:
        answer = nobody.http.post(
            "/graphql",
            json={"query": FIELDS["user"][0], "variables": {"user": case.user}},
            headers={"Authorization": f"{scheme} {signed()}"},
        )
        assert answer.json()["data"]["user"]["id"] == case.user
