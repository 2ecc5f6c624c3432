"""The status page in a real browser: it shows how Tandem is doing, at rest, under load, and when something is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import uuid4

import httpx
import psycopg
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from api.auth import mint
from api.settings import AuthSettings
from tests.support.browser import PATIENCE_SECONDS, complaints, leaves, requested_urls
from tests.support.client import Client
from tests.support.running import Part, Tandem, end, eventually, tandem

NAMES = ["daily_sales_view", "products_view", "user_orders_view", "users_view"]
AUTH = AuthSettings(secret="a secret of production, long enough")

pytestmark = pytest.mark.browser


class StatusPage:
    def __init__(self, chrome: Chrome, api: Part) -> None:
        self.chrome, self.url = chrome, api.url
        self.wait = WebDriverWait(chrome, PATIENCE_SECONDS)
        chrome.get(f"{api.url}/status")

    def text(self, selector: str) -> str:
        return str(self.chrome.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def says(self, verdict: str) -> None:
        self.wait.until(lambda _: self.text("#verdict") == verdict, f"the page does not say: {verdict}")

    def number(self, label: str) -> str:
        return self._pairs("#numbers div", "dt", "dd").get(label, "")

    def states(self) -> dict[str, str]:
        return self._pairs("#projections tr", "th", "td")

    def _pairs(self, of: str, name: str, value: str) -> dict[str, str]:
        """Read it all at once: it is made anew each second."""
        script = """
            const [of, name, value] = arguments;
            const found = [...document.querySelectorAll(of)];
            const pairs = found.map((each) => [each.querySelector(name), each.querySelector(value)]);
            return Object.fromEntries(pairs.map(([name, value]) => [name.innerText, value.innerText]));
        """
        return dict(self.chrome.execute_script(script, of, name, value))

    def drawn(self) -> list[bool]:
        """Return of each chart whether there is a line in it: all else that it draws is grey."""
        script = """
            return [...document.querySelectorAll("figure canvas")].map((canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              for (let at = 0; at < data.length; at += 4) {
                const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
                if (data[at + 3] > 127 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) return true;
              }
              return false;
            });
        """
        return list(self.chrome.execute_script(script))

    def is_sound(self) -> bool:
        asked = [url for url in requested_urls(self.chrome) if leaves(url, self.url)]
        return (asked, complaints(self.chrome)) == ([], [])


@contextmanager
def busy(url: str) -> Iterator[None]:
    """Give one command after the other meanwhile."""
    enough = Event()

    def give() -> None:
        with httpx.Client(base_url=url, timeout=20) as http:
            while not enough.is_set():
                Client(http=http).give("registerUser", {"name": "Ada", "email": f"{uuid4().hex}@example.com"})

    thread = Thread(target=give)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tandem]:
    with tandem(tmp_path_factory.mktemp("status") / "data") as running:
        yield running


def test_is_well_at_rest(whole: Tandem, browser: Chrome) -> None:
    eventually(whole.level, "all is level")
    page = StatusPage(browser, whole.running.apis[0])
    page.says("All is well")
    assert page.states() == dict.fromkeys(NAMES, "live")
    assert (page.number("Behind"), page.number("Set aside"), page.text("#troubles")) == ("0", "0", "")
    assert page.is_sound()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_draws_what_happens_under_load(whole: Tandem, browser: Chrome, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    page = StatusPage(browser, whole.running.apis[0])
    page.says("All is well")

    def draws(_: Chrome) -> bool:
        is_told = page.number("Commands").endswith("s") and any(
            digit in page.number("Written") for digit in "123456789"
        )
        return is_told and all(page.drawn())

    with busy(whole.running.apis[0].url):
        page.wait.until(draws, "it draws what is done")
    assert page.states().keys() == set(NAMES)
    assert page.is_sound()


def test_says_that_redis_is_away_and_goes_on(whole: Tandem, browser: Chrome) -> None:
    page = StatusPage(browser, whole.running.apis[0])
    page.says("All is well")
    end(whole.running.valkey.process)
    try:
        page.says("Running, with one thing missing")
        assert page.text("#troubles") == (
            "Redis: not reachable: ConnectionError. Commands go on; read tables follow a second or two behind, by the "
            "sweep."
        )
        assert page.states() == dict.fromkeys(NAMES, "live")
    finally:
        whole.running.valkey.restart()
    page.says("All is well")
    assert page.is_sound()


def test_says_what_is_halted_and_what_is_set_aside(whole: Tandem, browser: Chrome) -> None:
    page = StatusPage(browser, whole.running.apis[0])
    page.says("All is well")
    user = whole.client.registered("Eve")
    with psycopg.connect(whole.running.where.read_url) as connection:
        connection.execute("alter table users_view add constraint no_other check (name <> 'Mallory')")
        connection.execute(
            "update projection_states set log_id = gen_random_uuid() where projection = 'user_orders_view'"
        )
    whole.client.give("renameUser", {"userId": user, "name": "Mallory"})

    page.says("Needs attention")
    page.wait.until(lambda _: page.states()["user_orders_view"] == "halted")
    page.wait.until(lambda _: "UserRenamed" in page.text("#streams"))
    assert "users_view has set 1 stream aside." in page.text("#troubles")
    assert "user_orders_view is halted. MixedUpError: its rows come from another log" in page.text("#troubles")
    assert page.text("#streams").split("\t")[:3] == ["users_view", user, "UserRenamed"]
    assert page.number("Set aside") == "1"
    assert page.is_sound()


def test_asks_for_a_token_in_production_and_keeps_it_for_the_tab(whole: Tandem, browser: Chrome) -> None:
    whole.running.environment |= {"TANDEM_ENVIRONMENT": "production", "TANDEM_AUTH_SECRET": AUTH.secret}
    page = StatusPage(browser, whole.running.add_api("api.cli", "api"))
    page.says("Signed out")

    def sign_in(token: str) -> None:
        browser.find_element(By.ID, "token").send_keys(token)
        browser.find_element(By.CSS_SELECTOR, "#sign-in button").click()

    sign_in(Client(http=whole.http).as_staff().token or "")
    page.wait.until(lambda _: page.text("#why") == "The token is not valid here: sign in again.")
    sign_in(mint(AUTH, subject="7d6a6cb5-1c7e-4d3e-8a41-0d5b4f9a2c11", role="customer"))
    page.wait.until(lambda _: page.text("#why") == "Only staff may do this.")
    sign_in(mint(AUTH, subject="operator", role="staff"))
    page.wait.until(lambda _: page.states().keys() == set(NAMES))

    browser.refresh()
    page.wait.until(lambda _: page.states().keys() == set(NAMES))
    assert browser.execute_script("return [localStorage.length, document.cookie, location.search]") == [0, "", ""]
