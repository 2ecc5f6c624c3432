"""What is there to run Tandem for real is whole: files exist, settings are known, nobody has too many rights."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from api.settings import Settings

TOP = Path(__file__).parents[2]
RUNNING = TOP / "api/running"
UNITS = sorted(RUNNING.glob("tandem-*.service"))
OURS, STORES = ("migrate", "api", "worker"), ("write", "read", "redis")
LONGEST_STOP = 12  # seconds that a process may take to stop
MOST_EXPOSED = 20  # of 100, as systemd-analyze counts
OWNERS = {"WRITE_PASSWORD", "READ_PASSWORD"}
OF_ROLES = {"COMMANDS_PASSWORD", "PROJECTIONS_PASSWORD", "READS_PASSWORD"}
SECRETS = OWNERS | OF_ROLES | {"REDIS_PASSWORD", "TANDEM_AUTH_SECRET", "TANDEM_METRICS_TOKEN"}
# By service: the passwords of databases that it is given.
KNOWS = {
    "migrate": OWNERS | OF_ROLES,
    "api": {"COMMANDS_PASSWORD", "READS_PASSWORD"},
    "worker": {"PROJECTIONS_PASSWORD", "COMMANDS_PASSWORD"},
    "write": {"WRITE_PASSWORD"},
    "read": {"READ_PASSWORD"},
    "redis": set[str](),
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((RUNNING / "compose.yaml").read_text())
    return found


class TestTheContainerfile:
    def test_copies_what_exists(self) -> None:
        lines = (RUNNING / "Containerfile").read_text().splitlines()
        copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
        sources = [source for line in copied for source in line]
        assert [source for source in sources if not (TOP / source).exists()] == []
        assert {"api", "domain", "projections", "tasks", "requirements.lock"} <= set(sources)

    def test_ends_as_a_user_who_is_not_root_and_is_looked_at(self) -> None:
        final = (RUNNING / "Containerfile").read_text().rpartition("\nFROM ")[2]
        assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == ["10001:10001"]
        assert "HEALTHCHECK" in final
        assert "/livez" in final


class TestTheComposeFile:
    def test_has_all_parts(self, compose: dict[str, Any]) -> None:
        assert set(compose["services"]) == {*OURS, *STORES}

    @pytest.mark.parametrize("name", [*OURS, *STORES])
    def test_gives_nobody_more_rights_than_needed(self, compose: dict[str, Any], name: str) -> None:
        service = compose["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("read_only", False) == (name not in {"write", "read"})
        assert not service.get("privileged", False)
        assert "healthcheck" in service or name == "api"  # whose image has one
        assert set(re.findall(r"\w+_PASSWORD(?=:)", str(service["environment"]))) - {"REDIS_PASSWORD"} == KNOWS[name]

    def test_has_each_part_connect_as_a_role_of_its_own_and_only_migrations_as_the_owner(
        self, compose: dict[str, Any]
    ) -> None:
        migrate, api, worker = (settings_of(compose, name) for name in OURS)
        assert migrate.logins is not None
        assert {make_url(each.database_url).username for each in (migrate.write, migrate.read)} == {"tandem"}
        of_api = [make_url(url).username for url in (api.for_commands, *api.for_reads)]
        assert of_api == [migrate.logins.commands.name, *[migrate.logins.reads.name] * 2]
        projecting, pruning = worker.worker, worker.worker.pruning
        assert pruning is not None
        urls = (projecting.write.database_url, projecting.read.database_url, pruning.database_url)
        of_worker = [make_url(url).username for url in urls]
        assert of_worker == [*[migrate.logins.projections.name] * 2, migrate.logins.commands.name]

    @pytest.mark.parametrize("name", OURS)
    def test_configures_processes_so_that_they_start(self, compose: dict[str, Any], name: str) -> None:
        service = compose["services"][name]
        assert settings_of(compose, name).in_production
        known = {word for source in ("api/settings.py", "README.md") for word in words(TOP / source)}
        assert set(service["environment"]) <= known
        assert int(service["stop_grace_period"].removesuffix("s")) > LONGEST_STOP
        assert service["command"][0] == name

    def test_starts_nothing_before_the_stores_are_migrated(self, compose: dict[str, Any]) -> None:
        for name in ("api", "worker"):
            assert compose["services"][name]["depends_on"] == {
                "migrate": {"condition": "service_completed_successfully"}
            }
        assert compose["services"]["migrate"]["depends_on"] == {
            "write": {"condition": "service_healthy"},
            "read": {"condition": "service_healthy"},
        }

    def test_lets_nobody_reach_a_store_from_outside(self, compose: dict[str, Any]) -> None:
        assert compose["networks"]["stores"] == {"internal": True}
        for name in STORES:
            assert compose["services"][name]["networks"] == ["stores"]
            assert "ports" not in compose["services"][name]
        assert compose["services"]["api"]["ports"] == ["127.0.0.1:8000:8000"]

    def test_believes_the_proxy_of_this_host_and_nobody_else_about_clients(self, compose: dict[str, Any]) -> None:
        front = filled(compose["networks"]["front"]["ipam"]["config"][0]["subnet"])
        assert settings_of(compose, "api").limits.proxies == (front,)
        assert [name for name, each in compose["services"].items() if "front" in each["networks"]] == ["api"]
        assert f"FRONT_NETWORK={front}" in lines_of(RUNNING / "example.env")

    def test_keeps_the_databases_and_runs_a_redis_that_evicts_nothing(self, compose: dict[str, Any]) -> None:
        volumes = [compose["services"][name]["volumes"] for name in ("write", "read")]
        assert volumes == [["write:/var/lib/postgresql"], ["read:/var/lib/postgresql"]]
        assert set(compose["volumes"]) == {"write", "read"}
        assert "--maxmemory-policy noeviction" in compose["services"]["redis"]["command"][-1]

    def test_asks_for_what_the_example_has_and_for_no_secret_that_has_a_default(self) -> None:
        text = (RUNNING / "compose.yaml").read_text()
        asked = dict(re.findall(r"(?<!\$)\$\{(\w+)(:[?-])", text))
        example = dict(line.split("=", 1) for line in lines_of(RUNNING / "example.env"))
        assert set(asked) == set(example)
        assert {name for name, how in asked.items() if how == ":?"} == SECRETS
        assert [name for name in SECRETS if example[name]] == []


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
class TestASystemdUnit:
    def test_has_settings_of_its_own_beside_the_common_ones(self, unit: Path) -> None:
        files = re.findall(r"^EnvironmentFile=(.*)$", unit.read_text(), re.MULTILINE)
        own = unit.stem.removeprefix("tandem-")
        assert files == ["/etc/tandem/environment", f"/etc/tandem/{own}"]

    def test_starts_a_command_that_exists(self, unit: Path) -> None:
        [started] = re.findall(r"^ExecStart=/opt/tandem/bin/tandem (.*)$", unit.read_text(), re.MULTILINE)
        command, *options = started.split()
        shown = subprocess.run(
            [sys.executable, "-m", "api.cli", command, "--help"], check=True, capture_output=True, text=True
        ).stdout
        assert [option for option in options if option.startswith("--") and option not in shown] == []

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
    def test_is_valid_and_shut_in(self, unit: Path, tmp_path: Path) -> None:
        copy = tmp_path / unit.name  # which starts something that is there
        copy.write_text(unit.read_text().replace("/opt/tandem/bin/tandem", "/bin/true"))
        environment = os.environ | {"SYSTEMD_LOG_LEVEL": "warning"}
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(copy)],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
        said = [line for line in verified.stderr.splitlines() if unit.name in line]
        assert (verified.returncode, said) == (0, [])
        threshold = f"--threshold={MOST_EXPOSED}"
        exposed = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, str(copy)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert exposed.returncode == 0, exposed.stdout[-500:]


def test_prometheus_asks_where_processes_tell_of_themselves(compose: dict[str, Any]) -> None:
    scraped = yaml.safe_load((RUNNING / "prometheus.yml").read_text())["scrape_configs"]
    targets = {
        job["job_name"]: target
        for job in scraped
        for static in job["static_configs"]
        for [target] in [static["targets"]]
    }
    port = compose["services"]["worker"]["environment"]["TANDEM_WORKER_METRICS_PORT"]
    assert targets == {"tandem-api": "api:8000", "tandem-worker": f"worker:{port}"}
    assert compose["services"]["api"]["command"][-2:] == ["--port", "8000"]
    assert f"'127.0.0.1', {port})" in compose["services"]["worker"]["healthcheck"]["test"][-1]
    assert f"Environment=TANDEM_WORKER_METRICS_PORT={port}" in lines_of(RUNNING / "tandem-worker.service")


def test_the_unit_of_the_api_believes_the_proxy_of_its_host() -> None:
    [started] = re.findall(r"^ExecStart=.* --host (\S+) ", (RUNNING / "tandem-api.service").read_text(), re.MULTILINE)
    assert f"Environment=TANDEM_TRUSTED_PROXIES={started}" in lines_of(RUNNING / "tandem-api.service")


def test_nginx_passes_on_the_address_that_it_saw_and_nothing_that_the_client_says_of_it() -> None:
    site = (RUNNING / "nginx.conf").read_text()
    passing = [each for each in re.findall(r"location [^{]*\{([^}]*)\}", site) if "proxy_pass" in each]
    said = [re.findall(r"proxy_set_header +X-Forwarded-For +([^;]+);", each) for each in passing]
    assert said == [["$remote_addr"]] * 2


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here")
def test_the_site_for_nginx_is_valid(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example.com"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    site = (RUNNING / "nginx.conf").read_text()
    site = site.replace("/etc/ssl/tandem/fullchain.pem", str(certificate))
    site = site.replace("/etc/ssl/tandem/privkey.pem", str(key))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {site} }}")
    tried = subprocess.run(
        ["nginx", "-t", "-c", str(whole), "-e", str(tmp_path / "errors")], check=False, capture_output=True, text=True
    )
    assert tried.returncode == 0, tried.stderr


def settings_of(compose: dict[str, Any], name: str) -> Settings:
    given = {key: filled(value) for key, value in compose["services"][name]["environment"].items()}
    return Settings.from_environment(given)


def filled(value: str) -> str:
    """Return a value as it is once all that is asked for is given."""
    return re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", "0123456789abcdef" * 4, value))


def words(path: Path) -> set[str]:
    return set(re.findall(r"TANDEM_\w+", path.read_text()))


def lines_of(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
