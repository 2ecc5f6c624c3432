"""Every setting is one that the installed Celery and kombu know: a misspelt one would be passed over in silence."""

import pytest
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten
from kombu.transport.redis import Channel, Transport

from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks.app import create_producer, create_worker
from tasks.project import PROJECT
from tasks.settings import QueueSettings, WorkerSettings

QUEUE = QueueSettings(redis_url="redis://cache:6379/0")
WORKER = create_worker(
    WorkerSettings(
        write=WriteSettings(database_url="postgresql://db/write"),
        read=ReadSettings(database_url="postgresql://db/read"),
        queue=QUEUE,
    )
)
PRODUCER = create_producer(QUEUE)
KNOWN = dict(flatten(NAMESPACES))
OF_THE_TRANSPORT = {"polling_interval"}  # which is read apart from the others
OF_CELERY_ITSELF = {"deprecated_settings"}  # where it notes the old names that it met

both = pytest.mark.parametrize("app", [WORKER, PRODUCER], ids=["worker", "producer"])


def unknown(app: Celery) -> set[str]:
    return set(app.conf) - set(KNOWN) - OF_CELERY_ITSELF


def unknown_to_the_transport(app: Celery) -> set[str]:
    return set(app.conf.broker_transport_options) - set(Channel.from_transport_options) - OF_THE_TRANSPORT


class TestSettings:
    @both
    def test_are_all_known_to_celery(self, app: Celery) -> None:
        assert app.conf.task_default_queue == "project"  # they were taken in
        assert unknown(app) == set()

    @both
    def test_of_the_transport_are_all_known_to_kombu(self, app: Celery) -> None:
        assert app.conf.broker_transport_options["global_keyprefix"] == "tandem:"
        assert unknown_to_the_transport(app) == set()

    def test_would_be_found_misspelt(self) -> None:
        app = create_producer(QUEUE)
        app.conf.update({"task_ack_late": True, "broker_transport_options": {"socket_timeouts": 1}})
        assert unknown(app) == {"task_ack_late"}
        assert unknown_to_the_transport(app) == {"socket_timeouts"}

    def test_say_for_how_long_a_worker_may_be_deaf(self) -> None:
        with WORKER.connection() as connection:
            transport = connection.transport
        assert isinstance(transport, Transport)
        assert transport.brpop_timeout == 0.25

    def test_end_a_task_that_hangs(self) -> None:
        assert 0 < WORKER.conf.task_soft_time_limit < WORKER.conf.task_time_limit

    def test_do_not_wait_for_acknowledgements(self) -> None:
        assert [(queue.name, queue.no_ack) for queue in WORKER.conf.task_queues] == [("project", True)]


class TestTask:
    def test_is_known_to_workers_by_the_name_that_nudges_use(self) -> None:
        assert PROJECT == "tandem.project"
        assert PROJECT in WORKER.tasks
