"""GraphiQL and the front page in a real browser: they work, and they talk to nobody but their own server."""

import json
from typing import Any, Protocol

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.browser import PATIENCE_SECONDS, complaints, leaves, opened_sockets, requested_urls
from tests.support.client import Client

CYCLE = ["RegisterUser", "AddProduct", "CreateOrder", "PayOrder", "ShipOrder", "UserOrders", "Products"]
TITLES = [*CYCLE, "WatchOrder", "WatchUser", "Orders", "DailySales", "OrderThen", "Projections"]
TOUR_ORDER = "0199c0de-0000-7000-8000-000000000003"
pytestmark = pytest.mark.browser


class Live(Protocol):
    url: str


class GraphiQL:
    """The page as its visitor handles it; texts are read from the editors' models, since Monaco draws only a part."""

    def __init__(self, chrome: Chrome) -> None:
        self.chrome = chrome
        self.wait = WebDriverWait(chrome, PATIENCE_SECONDS)
        self.wait.until(lambda _: self.text("operation.graphql"), "GraphiQL did not open")

    def text(self, editor: str) -> str:
        script = """
            const models = globalThis.__MONACO?.editor.getModels() ?? [];
            return models.find((model) => model.uri.path.endsWith(arguments[0]))?.getValue() ?? "";
        """
        return str(self.chrome.execute_script(script, editor))

    def write(self, editor: str, text: str) -> None:
        script = """
            const model = __MONACO.editor.getModels().find((model) => model.uri.path.endsWith(arguments[0]));
            model.setValue(arguments[1]);
        """
        self.chrome.execute_script(script, editor, text)

    def titles(self) -> list[str]:
        return [tab.text for tab in self.chrome.find_elements(By.CSS_SELECTOR, ".graphiql-tab-button")]

    def headers(self) -> Any:
        return json.loads(self.text("request-headers.json"))

    def open_tab(self, title: str) -> None:
        if f" {title}" in self.text("operation.graphql"):
            return
        self.chrome.find_element(By.CSS_SELECTOR, f".graphiql-tab-button[title={title}]").click()
        # GraphiQL stores the document when it has read the operation's name out of it, a moment after it shows it.
        script = "return localStorage['tandem:graphiql:query'] ?? ''"
        self.wait.until(lambda _: f" {title}" in self.chrome.execute_script(script), f"{title} did not open")

    def start(self, title: str) -> None:
        self.open_tab(title)
        self.chrome.find_element(By.CSS_SELECTOR, ".graphiql-execute-button").click()

    def stop(self) -> None:
        """Stop a subscription, with the button that started it."""
        self.chrome.find_element(By.CSS_SELECTOR, ".graphiql-execute-button").click()

    def shows(self, *words: str) -> None:
        """Return once the response says all that."""
        self.wait.until(lambda _: all(word in self.text("response.json") for word in words), f"{words} did not come")

    def run(self, title: str) -> Any:
        self.start(title)
        self.wait.until(lambda _: self.text("response.json").endswith("}"), f"{title} did not answer")
        answer = json.loads(self.text("response.json"))
        assert "errors" not in answer, answer
        return answer["data"]


def open_graphiql(browser: Chrome, live: Live) -> GraphiQL:
    browser.get(f"{live.url}/graphiql")
    return GraphiQL(browser)


class TestGraphiQL:
    def test_opens_with_its_tabs_and_a_token(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)

        assert page.titles() == TITLES
        assert list(page.headers()) == ["Authorization"]
        assert page.headers()["Authorization"].startswith("Bearer ")

    def test_runs_its_tabs_from_a_new_user_to_the_catalogue(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)

        answers = {title: page.run(title) for title in CYCLE}

        created, orders = answers["CreateOrder"]["createOrder"]["order"], answers["UserOrders"]["userOrders"]
        assert created["total"]["amount"] == "59.97"
        assert created["items"] == [{"name": "Enamel mug", "quantity": 3, "lineTotal": {"amount": "59.97"}}]
        assert answers["PayOrder"]["payOrder"]["order"]["paymentReference"] == "TOUR-PAYMENT-1"
        assert answers["ShipOrder"]["shipOrder"]["order"]["trackingNumber"] == "TOUR-TRACKING-1"
        assert orders["totalCount"] == 1
        assert [order["number"] for order in orders["nodes"]] == [created["number"]]
        assert orders["nodes"][0]["userName"] == "Ada Lovelace"
        assert "TOUR-MUG" in [product["sku"] for product in answers["Products"]["products"]["nodes"]]

        listed = page.run("Orders")["orders"]["nodes"]
        assert created["number"] in [order["number"] for order in listed]
        assert sum(day["orderCount"] for day in page.run("DailySales")["dailySales"]) > 0
        then = page.run("OrderThen")["order"]
        assert (then["number"], then["status"]) == (created["number"], "SHIPPED")
        assert [event["type"] for event in then["timeline"]] == ["OrderCreated", "OrderPaid", "OrderShipped"]
        assert {each["name"]: each["state"] for each in page.run("Projections")["projections"]} == dict.fromkeys(
            ("daily_sales_view", "products_view", "user_orders_view", "users_view"), "LIVE"
        )
        for title in ("WatchOrder", "WatchUser"):
            page.start(title)
            page.shows(f'"number": "{created["number"]}"', '"status": "SHIPPED"', '"token"')
            page.stop()
        assert complaints(browser) == []

    def test_replays_a_tab_that_ran_before(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)

        first = page.run("RegisterUser")["registerUser"]
        browser.refresh()
        second = GraphiQL(browser).run("RegisterUser")["registerUser"]

        assert second == first | {"replayed": True}

    def test_watches_an_order_as_it_changes(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)
        with httpx.Client(base_url=live.url, timeout=10) as http:
            staff = Client(http=http).as_staff()
            order = staff.ordered(staff.registered(), staff.added())
            page.open_tab("WatchOrder")
            page.write("operation.graphql", page.text("operation.graphql").replace(TOUR_ORDER, order))

            page.start("WatchOrder")
            page.shows('"status": "PENDING"', '"version": 1')
            staff.paid(order)
            page.shows('"status": "PAID"', '"paymentReference": "pi_1"')
            staff.shipped(order)
            page.shows('"status": "SHIPPED"', '"trackingNumber": "1Z"', '"token"')

            page.stop()
            staff.delivered(order)
            page.run("Products")
        assert opened_sockets(browser) == [f"{live.url.replace('http', 'ws', 1)}/graphql"]
        assert complaints(browser) == []

    def test_talks_to_its_own_server_alone_and_without_complaint(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)
        page.run("RegisterUser")
        page.run("Products")

        urls = requested_urls(browser)

        assert f"{live.url}/graphql" in urls
        assert [url for url in urls if leaves(url, live.url)] == []
        assert complaints(browser) == []

    def test_prettifies_document_and_variables(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)
        page.open_tab("Products")
        tidy = page.text("operation.graphql"), page.text("variables.json")
        page.write("operation.graphql", tidy[0].replace("{\n", "{ "))
        page.write("variables.json", '{"first":20,  "after":null}')

        browser.find_element(By.CSS_SELECTOR, "[aria-label^=Prettify]").click()

        page.wait.until(lambda _: (page.text("operation.graphql").rstrip(), page.text("variables.json")) == tidy)

    def test_gives_a_returning_visitor_the_same_tabs_and_a_new_token(self, browser: Chrome, live: Live) -> None:
        page = open_graphiql(browser, live)
        page.open_tab("Products")
        script = "return JSON.parse(localStorage['tandem:graphiql:tabState']).activeTabIndex"
        page.wait.until(lambda _: browser.execute_script(script) == TITLES.index("Products"))
        # It takes what it stored for a tab of its own while the variables are still those of the tab before.
        script = "return localStorage['tandem:graphiql:variables'] ?? ''"
        page.wait.until(lambda _: browser.execute_script(script) == page.text("variables.json"))

        browser.refresh()
        again = GraphiQL(browser)

        assert again.titles() == TITLES
        assert again.headers()["Authorization"].startswith("Bearer ")
        assert "Bearer" not in browser.execute_script("return JSON.stringify(localStorage)")
        assert json.loads(again.text("variables.json")) == {"first": 20, "after": None}

    def test_survives_tabs_that_it_did_not_write(self, browser: Chrome, live: Live) -> None:
        open_graphiql(browser, live)
        stored = {"graphiql:tabState": "{]", "tandem:graphiql:tabState": '{"tabs": 1}', "tandem:tabsVersion": "old"}
        browser.execute_script("Object.assign(localStorage, arguments[0])", stored)

        browser.refresh()

        assert GraphiQL(browser).titles() == TITLES
        assert complaints(browser) == []


class TestFrontPage:
    def test_leads_to_graphiql(self, browser: Chrome, live: Live) -> None:
        browser.get(f"{live.url}/")
        assert complaints(browser) == []

        browser.find_element(By.CSS_SELECTOR, "a[href='/graphiql']").click()

        assert GraphiQL(browser).titles() == TITLES
        assert [url for url in requested_urls(browser) if leaves(url, live.url)] == []
