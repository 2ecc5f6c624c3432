"""The files for Prometheus and Grafana are what their tools take, and ask for what a running Tandem tells, no else."""

import json
import re
import shutil
import subprocess

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import free_port
from tests.support.running import eventually, servers, watched
from tests.support.sources import ROOT

FOLDER = ROOT / "api" / "running"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
SCRAPED = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
PANELS = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in DASHBOARD["panels"]}
OF_PROMETHEUS = {"up", "job", "instance", "le"}
PROMTOOL = shutil.which("promtool")

METRIC = re.compile(r"\b((?:tandem|process)_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*=~?\s*\"([^\"]*)\"")
GROUPED = re.compile(r"\b(?:by|ignoring|on)\s*\(([^)]*)\)")


def expressions() -> dict[str, str]:
    asked = {name: rule["expr"] for name, rule in ALERTS.items()}
    return asked | {f"{title} {n}": expr for title, exprs in PANELS.items() for n, expr in enumerate(exprs)}


def unknown(expression: str, told: dict[str, dict[str, set[str]]]) -> list[str]:
    """Return what an expression asks for that is not told: metrics, their labels, and what these labels say."""
    found = []
    for name, matchers in METRIC.findall(expression):
        if name == "up":
            continue
        if name not in told:
            found.append(name)
            continue
        for label, values in LABEL.findall(matchers):
            if label not in OF_PROMETHEUS and not set(values.split("|")) <= told[name].get(label, set()):
                found.append(f'{name}{{{label}="{values}"}}')
    labels = {label for of in told.values() for label in of} | OF_PROMETHEUS
    grouped = {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")}
    return [*found, *sorted(grouped - labels)]


def samples(text: str) -> dict[str, dict[str, set[str]]]:
    """Return the names of all samples that are told, or would be once there is one, and what their labels say."""
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for ending in endings:
            found.setdefault(family.name + ending, {})
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """What an API and a worker tell that have had something to do, and what outcomes of commands there are."""
    port = free_port()
    with servers(tmp_path_factory.mktemp("watching") / "data") as running:
        running.environment["TANDEM_WORKER_METRICS_PORT"] = str(port)
        running.add_worker("api.cli", "worker")
        api = running.add_api("api.cli", "api")
        with watched(running):
            worker = f"http://127.0.0.1:{port}/metrics"
            eventually(lambda: "tandem_drain_seconds_count" in httpx.get(worker).text, "a drain is told of")
            found = samples(httpx.get(f"{api.url}/metrics").text) | samples(httpx.get(worker).text)
    found["tandem_commands_total"]["outcome"] |= {"refused", "failed"}  # by api/counts.py; there was nothing to refuse
    return found


class TestExpressions:
    @pytest.mark.parametrize("what", expressions())
    def test_ask_for_what_is_told(self, told: dict[str, dict[str, set[str]]], what: str) -> None:
        assert METRIC.search(expressions()[what])
        assert unknown(expressions()[what], told) == []

    def test_that_ask_for_anything_else_would_be_shown(self) -> None:
        told = samples('# TYPE tandem_a counter\ntandem_a_total{outcome="sent"} 1\n')
        asked = 'sum by (outcome, none) (tandem_a_total{outcome=~"sent|lost"}) / tandem_b + tandem_a_total{way="x"}'
        assert unknown(asked, told) == [
            'tandem_a_total{outcome="sent|lost"}',
            "tandem_b",
            'tandem_a_total{way="x"}',
            "none",
        ]


class TestAlerts:
    @pytest.mark.parametrize("name", ALERTS)
    def test_say_how_bad_it_is_and_what_to_do(self, name: str) -> None:
        rule = ALERTS[name]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {key: bool(said.strip()) for key, said in rule["annotations"].items()} == {
            "summary": True,
            "description": True,
        }

    def test_are_of_the_jobs_that_are_scraped(self) -> None:
        jobs = {job["job_name"] for job in SCRAPED["scrape_configs"]}
        asked = {job for expr in expressions().values() for job in re.findall(r'job="([^"]*)"', expr)}
        assert asked == jobs


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("check", ["check rules alerts.yml", "check config --syntax-only prometheus.yml"])
def test_prometheus_takes_them(check: str) -> None:
    assert PROMTOOL is not None
    said = subprocess.run([PROMTOOL, *check.split()], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


class TestDashboard:
    def test_has_panels_that_do_not_overlap(self) -> None:
        places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
        taken = [
            (x, y)
            for place in places
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) < 24
        assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
