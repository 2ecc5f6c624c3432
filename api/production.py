"""Production: a process starts only where that is safe, and is told all that is missing at once."""

from api import checks
from api.checks import Finding, Verdict
from api.settings import ConfigurationError, Settings

_REFUSED = {Verdict.UNSAFE, Verdict.UNUSABLE}


def check(settings: Settings, *, signs: bool = True) -> None:
    """Raise ConfigurationError where production would not be safe; `signs`: whether this process checks tokens."""
    if not settings.in_production:
        return
    found: list[Finding] = [checks.signing(settings.auth)] if signs else []
    write, read = settings.for_reads if signs else settings.for_projections
    found += [*checks.write_store(write), *checks.read_store(read), checks.queue(settings), *checks.roles(settings)]
    if unsafe := [finding for finding in found if finding.verdict in _REFUSED]:
        missing = "\n".join(f"* {finding}" for finding in unsafe)
        raise ConfigurationError(
            f"Not started, since TANDEM_ENVIRONMENT is production, and this is not safe:\n{missing}"
        )
