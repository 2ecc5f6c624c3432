"""Workers take messages by a transport of ours, which differs from kombu's in one method alone."""

from kombu.transport import redis

from tasks.app import create_producer
from tasks.settings import QueueSettings
from tasks.transport import Channel, Transport


class TestTransport:
    def test_is_what_every_connection_of_ours_uses(self) -> None:
        app = create_producer(QueueSettings(redis_url="redis://cache:6379/0"))
        assert app.connection_for_read().get_transport_cls() is Transport
        assert app.connection_for_write().clone().get_transport_cls() is Transport

    def test_overrides_what_kombu_has(self) -> None:
        assert Transport.Channel is Channel
        assert callable(redis.Channel._brpop_read)  # of the installed kombu; a renamed one would not be overridden
