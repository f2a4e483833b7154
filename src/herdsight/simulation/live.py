"""The page's four tests for real: sockets on loopback alone, few of them, and for a bounded time.

Nothing else is ever connected to: an address that is not plainly a loopback one is refused before a socket is made, and
each connection is opened to the address that was checked, so that no name is looked up.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from herdsight.errors import InputError
from herdsight.findings.simulated import Opened

_MOST_ATTEMPTS = 200
_MOST_S = 900.0
_PATIENCE_S = 2.0  # for one connection
_MOST_PORT = 65_535
_HOSTS = 254  # of 127.0.0.0/24, which test 4 goes through

Say = Callable[[Opened], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """How a test is run. `port` 0 takes a free one; `gap_s` are seconds between two connections."""

    address: str = "127.0.0.1"
    port: int = 0
    attempts: int = 1
    gap_s: float = 0.0
    listens: bool = True


TESTS: Mapping[str, Live] = {
    "page-test-1": Live(port=8080, attempts=30, gap_s=10.0),
    "page-test-2": Live(port=19_876, attempts=2, gap_s=2.0),
    "page-test-3": Live(port=6667),
    # Nobody listens: the attempts go to ever other addresses.
    "page-test-4": Live(port=22_022, attempts=30, gap_s=0.2, listens=False),
}


def run_live(name: str, values: Mapping[str, str], say: Say | None = None) -> tuple[Opened, ...]:
    """Run a test of the page with those values for fields of `Live`, and tell each connection as it was opened.

    Raises:
        InputError: there is no such test, a value is wrong, the address is not loopback, or it would be too much.
    """
    test = _set(name, values)
    address = loopback(test.address)
    _bound(test)
    told: list[Opened] = []
    with ExitStack() as open_things:
        port = open_things.enter_context(_listener(address, test.port)) if test.listens else test.port
        for opened in _connections(name, replace(test, port=port), address):
            told.append(opened)
            if say is not None:
                say(opened)
    return tuple(told)


def loopback(text: str) -> IPv4Address | IPv6Address:
    """The address, which must be written plainly: 127.0.0.0/8 in dotted decimals, or ::1.

    Raises:
        InputError: it is a name, another address, or a loopback address in disguise.
    """
    hint = "write it like 127.0.0.1 or ::1; a live test connects to this machine alone"
    try:
        address = ip_address(text)
    except ValueError as fault:
        raise InputError(f"{text!r} is no plain address", hint=hint) from fault
    # ::ffff:127.0.0.1 is refused, too: what it means is up to the system.
    is_odd = isinstance(address, IPv6Address) and (address.ipv4_mapped or address.scope_id)
    if not address.is_loopback or str(address) != text or is_odd:
        raise InputError(f"{text!r} is not a loopback address", hint=hint)
    return address


def _set(name: str, values: Mapping[str, str]) -> Live:
    if name not in TESTS:
        raise InputError(f"{name!r} cannot be run live", hint=f"there are {', '.join(TESTS)}")
    test = TESTS[name]
    for key, text in values.items():
        if key not in _READ:
            raise InputError(f"a live test has no parameter {key!r}", hint=f"there are {', '.join(_READ)}")
        try:
            test = replace(test, **{key: _READ[key](text)})
        except ValueError as fault:
            raise InputError(f"{key} cannot be {text!r}", hint="it is a number") from fault
    return test


_READ: Mapping[str, Callable[[str], Any]] = {"address": str, "port": int, "attempts": int, "gap_s": float}


def _bound(test: Live) -> None:
    if not 1 <= test.attempts <= _MOST_ATTEMPTS:
        raise InputError(f"attempts must be from 1 to {_MOST_ATTEMPTS}, not {test.attempts:,}")
    if not (test.gap_s >= 0 and test.attempts * test.gap_s <= _MOST_S):
        raise InputError(f"a live test may last {_MOST_S:g} seconds", hint="make attempts or gap_s smaller")
    if not 0 <= test.port <= _MOST_PORT:
        raise InputError(f"port must be from 0 to {_MOST_PORT}, not {test.port}")


@contextmanager
def _listener(address: IPv4Address | IPv6Address, port: int) -> Iterator[int]:
    """A socket that takes connections; its port."""
    with socket.socket(_family(address), socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((str(address), port))
        except OSError as fault:
            hint = "take another with --set port=N; 0 takes a free one"
            raise InputError(f"port {port} cannot be listened on: {fault.strerror}", hint=hint) from fault
        listening.listen(_MOST_ATTEMPTS)
        yield listening.getsockname()[1]


def _connections(name: str, test: Live, address: IPv4Address | IPv6Address) -> Iterator[Opened]:
    until = time.monotonic() + _MOST_S
    for number in range(test.attempts):
        if number:
            time.sleep(test.gap_s)
        if time.monotonic() > until:
            return
        yield _connected(_target(name, address, number), test.port)


def _target(name: str, address: IPv4Address | IPv6Address, number: int) -> IPv4Address | IPv6Address:
    """Test 4 goes through the addresses of loopback; IPv6 has only one."""
    if name != "page-test-4" or isinstance(address, IPv6Address):
        return address
    return loopback(f"127.0.0.{1 + number % _HOSTS}")


def _connected(address: IPv4Address | IPv6Address, port: int) -> Opened:
    when = datetime.now(UTC)
    with socket.socket(_family(address), socket.SOCK_STREAM) as going:
        going.settimeout(_PATIENCE_S)
        try:
            going.connect((str(address), port))
        except OSError as fault:
            return Opened(when=when, address=str(address), port=port, outcome=fault.strerror or "timed out")
        source = going.getsockname()[1]
    return Opened(when=when, address=str(address), port=port, source_port=source, outcome="connected")


def _family(address: IPv4Address | IPv6Address) -> socket.AddressFamily:
    return socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
