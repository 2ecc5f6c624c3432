"""A frontend: GraphQL over HTTP, as somebody or as nobody."""

from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID, uuid4

import httpx

from api.auth import mint
from api.settings import AuthSettings

Answer = dict[str, Any]

REFUSAL = """
    __typename
    ... on UserError { code message path }
    ... on NotFound { id }
    ... on AlreadyExists { takenBy: id }
    ... on VersionConflict { expectedVersion currentVersion }
    ... on InvalidTransition { status action }
    ... on InsufficientStock { productId requested available }
    ... on TotalMismatch { expectedTotal actualTotal }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    http: httpx.Client
    token: str | None = None
    url: str = ""
    """Of the API, where `http` has none of its own."""

    def as_staff(self) -> Self:
        return replace(self, token=mint(AuthSettings(), subject="tests", role="staff"))

    def as_customer(self, user_id: UUID | str) -> Self:
        return replace(self, token=mint(AuthSettings(), subject=str(user_id), role="customer"))

    def as_nobody(self) -> Self:
        return replace(self, token=None)

    def post(self, document: str, **variables: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.post(f"{self.url}/graphql", json={"query": document, "variables": variables}, headers=headers)

    def ask(self, document: str, **variables: Any) -> Answer:
        """Return the data of an answer that has no errors."""
        answer = self.post(document, **variables).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def errors(self, document: str, **variables: Any) -> list[tuple[str, str]]:
        """Return the code and the message of each error of an answer that has some."""
        errors = self.post(document, **variables).json()["errors"]
        return [(error["extensions"]["code"], error["message"]) for error in errors]

    def give(self, field: str, given: Answer, *, select: str = "") -> Answer:
        """Give a command; return the member of the union that is answered, with what is selected of a receipt."""
        return self.ask(document_of(field, select=select), input=given)[field]

    def registered(self, name: str = "Ada", **given: Any) -> str:
        wanted = {"name": name, "email": f"{uuid4().hex}@example.com", **given}
        return self._made("registerUser", wanted, "userId user { id }")["userId"]

    def added(self, name: str = "Tea", **given: Any) -> str:
        wanted = {"sku": uuid4().hex, "name": name, "price": "9.99", **given}
        return self._made("addProduct", wanted, "productId product { id }")["productId"]

    def ordered(self, user_id: str, *product_ids: str, quantity: int = 1) -> str:
        items = [{"productId": product_id, "quantity": quantity} for product_id in product_ids]
        return self._made("createOrder", {"userId": user_id, "items": items}, "orderId order { id }")["orderId"]

    def paid(self, order_id: str) -> str:
        wanted = {"orderId": order_id, "paymentReference": "pi_1"}
        return self._made("payOrder", wanted, "orderId order { id }")["orderId"]

    def shipped(self, order_id: str) -> str:
        wanted = {"orderId": order_id, "carrier": "DHL", "trackingNumber": "1Z"}
        return self._made("shipOrder", wanted, "orderId order { id }")["orderId"]

    def delivered(self, order_id: str) -> str:
        return self._made("deliverOrder", {"orderId": order_id}, "orderId order { id }")["orderId"]

    def _made(self, field: str, given: Answer, select: str) -> Answer:
        """Give a command as something that tests begin with; a busy machine may take its time to show what it did."""
        sent = {"idempotencyKey": uuid4().hex, **given}
        for _ in range(10):  # sent again, it is answered alike, and what it did is waited for anew
            made = self.give(field, sent, select=select)
            assert made["__typename"] == result_of(field), made
            if None not in made.values():
                break
        assert None not in made.values(), f"it is written, but not shown in time: {made}"
        return made


def document_of(field: str, *, select: str = "") -> str:
    """Return the mutation that gives a command."""
    kind = f"{field[0].upper()}{field[1:]}Input"
    return f"""
        mutation ($input: {kind}!) {{
          {field}(input: $input) {{
            {refusal_of(field)} ... on {result_of(field)} {{ version token replayed {select} }}
          }}
        }}
    """


def result_of(field: str) -> str:
    """Return the name of the receipt of a command."""
    return next(f"{noun}Accepted" for noun in ("Order", "User", "Product") if noun in field)


# Which refusals a result union has beside those that have no more than code, message and path.
_MEMBERS = {
    "OrderAccepted": (
        ["NotFound", "AlreadyExists", "VersionConflict", "InvalidTransition", "InsufficientStock", "TotalMismatch"]
    ),
    "UserAccepted": ["NotFound", "AlreadyExists", "VersionConflict"],
    "ProductAccepted": ["NotFound", "AlreadyExists", "VersionConflict", "InsufficientStock"],
}


def refusal_of(field: str) -> str:
    """Select all of a refusal that the field's union has."""
    return "\n".join(
        line
        for line in REFUSAL.splitlines()
        if not (words := line.split()) or words[0] != "..." or words[2] in ("UserError", *_MEMBERS[result_of(field)])
    )
