"""Staff see in GraphQL how far every read table is, as exactly as the stores know it."""

from time import sleep

from api.settings import Settings
from projections.catalogue import projections
from tests.support import tables
from tests.support.client import Client

DOCUMENT = "{ projections { name version state head applied lag lagSeconds quarantined rebuildProgress } }"


def test_projections_are_told_of_once_they_are_level(staff: Client, settings: Settings) -> None:
    staff.ordered(staff.registered(), staff.added())
    events = len(tables.everything(settings.write.database_url)["events"])
    found = staff.ask(DOCUMENT)["projections"]
    for _ in range(200):
        if not any(each["lag"] for each in found):
            break
        sleep(0.05)
        found = staff.ask(DOCUMENT)["projections"]
    assert found == [
        {
            "name": projection.name,
            "version": projection.version,
            "state": "LIVE",
            "head": events,
            "applied": events,
            "lag": 0,
            "lagSeconds": 0.0,
            "quarantined": 0,
            "rebuildProgress": None,
        }
        for projection in projections()
    ]
