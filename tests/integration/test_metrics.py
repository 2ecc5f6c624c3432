"""/metrics tells what one process did and how projections are doing, exactly, and only to whoever may see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from api.settings import Environment, Settings
from projections.catalogue import projections
from tasks.settings import MetricsSettings
from tests.support.client import Client
from tests.support.projecting import drained
from tests.support.serving import serving

NAMES = [projection.name for projection in projections()]
TOKEN = "operators-only"
ADA = UUID(int=7)


@contextmanager
def client(settings: Settings) -> Iterator[Client]:
    with serving(settings) as served, httpx.Client(base_url=served.url, timeout=10) as http:
        yield Client(http=http).as_staff()


def told(by: Client, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a name, by the values of their labels in the order of the labels' names."""
    text = by.http.get("/metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for sample in samples
        if sample.name == name
    }


def give(to: Client, field: str, kind: str, given: str) -> None:
    to.post(f"mutation {{ {field}(input: {{{given}}}) {{ ... on {kind} {{ version }} }} }}")


class TestCommands:
    def test_are_counted_by_what_became_of_them(self, fresh: Settings) -> None:
        ada = 'name: "Ada", email: "ada@example.com"'
        with client(fresh) as staff:
            give(staff, "registerUser", "UserAccepted", f'{ada}, idempotencyKey: "1"')
            give(staff, "registerUser", "UserAccepted", f'{ada}, idempotencyKey: "1"')
            give(staff, "registerUser", "UserAccepted", 'name: "Bob", email: "bob@example.com", dryRun: true')
            give(staff, "registerUser", "UserAccepted", 'name: "", email: "bob@example.com"')
            stranger = staff.as_customer(UUID(int=8))
            give(stranger, "createOrder", "OrderAccepted", f'userId: "{ADA}", items: []')
            assert told(staff, "tandem_commands_total") == {
                ("", "RegisterUser", "accepted"): 1,
                ("", "RegisterUser", "replayed"): 1,
                ("", "RegisterUser", "dry_run"): 1,
                ("INVALID_INPUT", "RegisterUser", "refused"): 1,
                ("FORBIDDEN", "CreateOrder", "refused"): 1,
            }
            assert told(staff, "tandem_command_seconds_count") == {("RegisterUser",): 4, ("CreateOrder",): 1}
            assert sum(told(staff, "tandem_nudges_total").values()) == 1


class TestReads:
    def test_are_counted_by_whether_a_plan_answered_them(self, fresh: Settings) -> None:
        with client(fresh) as staff:
            for _ in range(3):
                staff.ask("{ products(first: 1) { nodes { name } } }")
            staff.ask("{ __schema { queryType { name } } }")
            staff.errors("{ nothing }")
            assert told(staff, "tandem_reads_total") == {("compiled",): 3, ("plain",): 1}
            assert told(staff, "tandem_plan_cache_total") == {("hit",): 2, ("miss",): 2}

    def test_are_all_plain_where_none_is_planned(self, fresh: Settings) -> None:
        with client(replace(fresh, compiled_reads=False)) as staff:
            staff.ask("{ products(first: 1) { nodes { name } } }")
            assert told(staff, "tandem_reads_total") == {("compiled",): 0, ("plain",): 1}


class TestProjections:
    def test_are_told_of_as_the_stores_know_them(self, fresh: Settings, log: Engine, read: Engine) -> None:
        with client(fresh) as staff:
            give(staff, "registerUser", "UserAccepted", 'name: "Ada", email: "ada@example.com"')
            assert told(staff, "tandem_log_events") == {(): 1}
            assert told(staff, "tandem_projection_lag_events") == {(name,): 1 for name in NAMES}
            seconds = told(staff, "tandem_projection_lag_seconds")
            assert seconds.keys() == {(name,) for name in NAMES}
            assert all(value > 0 for value in seconds.values())
        assert drained(log, read)
        with client(fresh) as staff:
            assert told(staff, "tandem_projection_lag_events") == {(name,): 0 for name in NAMES}
            assert told(staff, "tandem_projection_applied_events") == {(name,): 1 for name in NAMES}
            assert told(staff, "tandem_projection_lag_seconds") == {(name,): 0 for name in NAMES}
            assert told(staff, "tandem_projection_quarantined_streams") == {(name,): 0 for name in NAMES}
            assert told(staff, "tandem_projection_state") == {
                (name, state): float(state == "live")
                for name in NAMES
                for state in ("live", "catching_up", "rebuilding", "halted")
            }

    def test_are_not_told_of_while_a_store_is_away_but_all_else_is(self, fresh: Settings) -> None:
        away = replace(fresh, read=replace(fresh.read, database_url="postgresql://tandem@127.0.0.1:9/nowhere"))
        with client(away) as staff:
            assert told(staff, "tandem_projection_lag_events") == {}
            assert told(staff, "tandem_streams") == {(): 0}


class TestPools:
    def test_are_told_of_with_what_they_may_use(self, fresh: Settings) -> None:
        with client(fresh) as staff:
            give(staff, "registerUser", "UserAccepted", 'name: "Ada", email: "ada@example.com"')
            staff.ask("{ products { totalCount } }")
            assert told(staff, "tandem_pool_connections") == {
                ("commands", "idle"): 1,
                ("commands", "in_use"): 0,
                ("queries", "idle"): 1,
                ("queries", "in_use"): 0,
            }
            assert told(staff, "tandem_pool_connections_most") == {("commands",): 16, ("queries",): 16}


class TestAccess:
    @pytest.mark.parametrize("environment", Environment)
    def test_is_for_who_has_the_token_where_there_is_one(self, fresh: Settings, environment: Environment) -> None:
        settings = replace(fresh, environment=environment, metrics=MetricsSettings(token=TOKEN))
        with client(settings) as staff:
            codes = [
                staff.http.get("/metrics", headers=headers).status_code
                for headers in (
                    {},
                    {"Authorization": f"Bearer {staff.token}"},
                    {"Authorization": f"Bearer {TOKEN}"},
                )
            ]
        assert codes == [401, 401, 200]

    def test_is_for_nobody_in_production_without_a_token(self, fresh: Settings) -> None:
        with client(replace(fresh, environment=Environment.PRODUCTION)) as staff:
            assert staff.http.get("/metrics").status_code == 404


class TestHealth:
    def test_is_told_with_the_lag_of_each_read_table(self, fresh: Settings) -> None:
        with client(fresh) as staff:
            assert staff.http.get("/livez").json() == {"live": True}
            ready = staff.http.get("/readyz").json()
        lags = ready.pop("lag")
        assert ready == {"ready": True, "write": "ok", "read": "ok", "redis": "ok"}
        assert lags.keys() == set(NAMES)
        assert set(lags.values()) <= {0, None}  # None until the first look

    def test_of_the_process_does_not_hang_on_its_stores(self, fresh: Settings) -> None:
        away = replace(fresh, write=replace(fresh.write, database_url="postgresql://tandem@127.0.0.1:9/nowhere"))
        with client(away) as staff:
            assert staff.http.get("/livez").status_code == 200
            assert staff.http.get("/readyz").status_code == 503
