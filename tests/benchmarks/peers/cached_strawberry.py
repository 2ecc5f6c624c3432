"""The page of orders by plain Strawberry with its two caches: a document is parsed and validated once."""

from functools import partial

from strawberry.extensions import ParserCache, ValidationCache

from tests.benchmarks.peers.plain_strawberry import create_app
from tests.benchmarks.peers.serving import serve

if __name__ == "__main__":
    serve(partial(create_app, [ParserCache, ValidationCache]))
