"""One address of Redis, as redis-py and as Celery spell it."""

import pytest

from tasks.settings import QueueSettings


class TestBrokerUrl:
    @pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://:pw@cache:6380/1?ssl_cert_reqs=required"])
    def test_of_a_network_address_is_the_same(self, url: str) -> None:
        assert QueueSettings(redis_url=url).broker_url == url

    @pytest.mark.parametrize(
        ("url", "broker_url"),
        [
            ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
            ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
            ("unix://ada:p%40w@/run/redis.sock?db=3", "redis+socket://ada:p%40w@/run/redis.sock?virtual_host=3"),
            # Celery takes a name and a password from here only, not from behind the question mark.
            ("unix:///run/redis.sock?password=p%40w&db=3", "redis+socket://:p%40w@/run/redis.sock?virtual_host=3"),
        ],
    )
    def test_of_a_socket_is_spelt_as_celery_wants_it(self, url: str, broker_url: str) -> None:
        assert QueueSettings(redis_url=url).broker_url == broker_url
