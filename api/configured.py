"""What all commands of the command line need first: settings, out of the environment or of a running `tandem up`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from api import data_folder

if TYPE_CHECKING:
    from api.settings import Settings

Data = Annotated[
    Path, typer.Option(help="The data folder of the `tandem up` to use where no URLs are set.", file_okay=False)
]
DATA = Path(".tandem")
UNUSABLE = 2


def settings(data: Path) -> "Settings":
    """Return the settings, or end with a word about what is missing."""
    from api.settings import ConfigurationError, Settings  # noqa: PLC0415 - `tandem --help` answers at once

    try:
        return Settings.from_environment({**os.environ, **data_folder.urls(data, os.environ)})
    except (ConfigurationError, data_folder.NotConfiguredError) as error:
        refuse(error)


def refuse(error: Exception | str, code: int = UNUSABLE) -> NoReturn:
    print(error, file=sys.stderr)
    raise typer.Exit(code)
