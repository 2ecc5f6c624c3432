"""The span of each request, where traces are on; where they are off, requests come by here no more than once."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tasks import traces

_HEADERS = {b"traceparent", b"tracestate"}


def traced(app: ASGIApp, route: str) -> ASGIApp:
    """Return an application whose requests have a span each, or, while traces are off, the application itself."""
    return Traced(app, route) if traces.are_on() else app


class Traced:
    def __init__(self, app: ASGIApp, route: str) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
        said = {"http.request.method": scope["method"], "http.route": self._route}
        with traces.request(f"{scope['method']} {self._route}", given, said) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    ids = [value.decode() for name, value in message["headers"] if name == b"x-request-id"]
                    span.set_attribute("tandem.correlation_id", *ids or [""])
                await send(message)

            await self._app(scope, receive, noted)
