"""A real browser, headless, that reaches this machine alone, and what it asked for and complained of."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

PATIENCE_SECONDS = 30
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
    # Whatever asks for another host fails, also where the page's log cannot see it: in workers.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
RECORD_VIOLATIONS = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (e) => violations.push(`${e.effectiveDirective}: ${e.blockedURI}`));
"""


@contextmanager
def browsing(profile: Path) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver (Debian: chromium, chromium-driver) are not installed")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=ChromeService(executable_path=driver))
    chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": RECORD_VIOLATIONS})
    chrome.get("about:blank")
    chrome.get_log("performance")  # what a new profile's own first page asked for
    try:
        yield chrome
    finally:
        chrome.quit()


def requested_urls(browser: Chrome) -> list[str]:
    return [params["request"]["url"] for params in network(browser, "requestWillBeSent")]


def opened_sockets(browser: Chrome) -> list[str]:
    return [params["url"] for params in network(browser, "webSocketCreated")]


def network(browser: Chrome, what: str) -> list[Any]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [message["params"] for message in messages if message["method"] == f"Network.{what}"]


def leaves(url: str, origin: str) -> bool:
    return urlsplit(url).scheme not in {"data", "blob"} and not url.startswith(f"{origin}/")


def complaints(browser: Chrome) -> list[Any]:
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [*severe, *browser.execute_script("return window.violations")]
