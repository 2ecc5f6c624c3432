"""Whether one can listen on an address, asked before anything is started for it."""

import errno
import socket


class AddressError(Exception):
    pass


def check_address(host: str, port: int) -> None:
    """Raise AddressError where nothing can listen on this address; the message says what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the API does
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"Port {port} is in use. Stop what runs there, or choose another one with --port."
        else:
            why = f"Cannot listen on {host}, port {port}: {error.strerror}. Choose others with --host and --port."
        raise AddressError(why) from error
