"""An API process that cuts a reader soon, and takes what asks for much: `python -m tests.support.hurried_api PORT`."""

import os
import sys

from api.app import create_app
from api.cost import Limits
from api.server import Server, run
from api.settings import Settings
from api.streams import Bounds

SEND_SECONDS = 0.5

if __name__ == "__main__":
    bounds = Bounds(send_seconds=SEND_SECONDS, documents=Limits(aliases=200, fields=600, of_a_name=200))
    app = create_app(Settings.from_environment(os.environ), bounds)
    run(Server(app, "127.0.0.1", int(sys.argv[1]), stop=app.state.streams.stop))
