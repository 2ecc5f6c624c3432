"""Hosts of their own network each, as namespaces of this machine on one switch; any can be unplugged."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_NETNS = Path("/run/netns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    name: str
    address: str
    switch: str

    @property
    def port(self) -> str:
        """The switch's end of its cable."""
        return f"{self.name}p"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Run this thread there, and with it all threads and processes that it starts meanwhile."""
        with _network("/proc/thread-self/ns/net") as before, _network(str(_NETNS / self.name)) as there:
            _enter(there)
            try:
                yield
            finally:
                _enter(before)

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Whatever is sent to it or by it vanishes; nobody is told."""
        _ip("link", "set", self.port, "nomaster")
        try:
            yield
        finally:
            _ip("link", "set", self.port, "master", self.switch)


def can_be() -> bool:
    """Return whether this is root on a Linux that has `ip` and lets it make networks."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"td{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


@contextmanager
def hosts(names: Sequence[str]) -> Iterator[tuple[str, list[Host]]]:
    """Yield the network they are on, which this process is on too, and the hosts."""
    number = os.getpid() % 250
    network, switch = f"10.213.{number}", f"td{number}"
    with ExitStack() as stack:
        _ip("link", "add", switch, "type", "bridge")
        stack.callback(_ip, "link", "del", switch)
        _ip("addr", "add", f"{network}.1/24", "dev", switch)
        _ip("link", "set", switch, "up")
        found = [
            Host(name=f"{switch}{name}", address=f"{network}.{place}", switch=switch)
            for place, name in enumerate(names, start=2)
        ]
        for host in found:
            _ip("netns", "add", host.name)
            stack.callback(_ip, "netns", "del", host.name)
            _plug(host)
        yield f"{network}.0/24", found


def _plug(host: Host) -> None:
    _ip("link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("link", "set", host.port, "master", host.switch, "up")
    _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", host.name, "link", "set", device, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def _network(path: str) -> Iterator[int]:
    found = os.open(path, os.O_RDONLY)
    try:
        yield found
    finally:
        os.close(found)


def _enter(network: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(network, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
