"""Media types: in which one to answer, and which one a body is taken in."""

from functools import lru_cache

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
_LONGEST_KEPT = 500  # characters of a header that is worth remembering


def answer_type(accept: str | None) -> str | None:
    """Return the media type to answer in, as an Accept header ranks them; None where it takes neither.

    Who names none is answered in JSON: `application/graphql-response+json` has to be asked for by its name.
    """
    if accept is None:
        return JSON
    return _best(accept) if len(accept) <= _LONGEST_KEPT else _best.__wrapped__(accept)


def is_json(content_type: str | None) -> bool:
    """Return whether a body is JSON in UTF-8. Only this makes a browser ask first, before another site's page sends."""
    if content_type == JSON:
        return True
    kind, _, parameters = (content_type or "").lower().partition(";")
    return kind.strip() == JSON and _parameter(parameters, "charset", "utf-8") in {"utf-8", "utf8"}


@lru_cache(maxsize=256)
def _best(accept: str) -> str | None:
    ranked = _ranked(accept)
    any_type = ranked.get("application/*", ranked.get("*/*", 0.0))
    json = ranked.get(JSON, any_type)
    if ranked.get(GRAPHQL_RESPONSE, 0.0) > 0 and ranked[GRAPHQL_RESPONSE] >= json:
        return GRAPHQL_RESPONSE
    if json > 0:
        return JSON
    return GRAPHQL_RESPONSE if ranked.get(GRAPHQL_RESPONSE, any_type) > 0 else None


def _ranked(accept: str) -> dict[str, float]:
    """Return the quality of each range in an Accept header; one that cannot be read is none."""
    ranked = {}
    for given in accept.lower().split(","):
        kind, _, parameters = given.partition(";")
        try:
            ranked[kind.strip()] = float(_parameter(parameters, "q", "1"))
        except ValueError:
            ranked[kind.strip()] = 0.0
    return ranked


def _parameter(parameters: str, name: str, default: str) -> str:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip() == name:
            return value.strip().strip('"')
    return default
