"""An ordinary small office: its hosts, their addresses and who sits at them."""

from dataclasses import dataclass
from enum import StrEnum

NETWORK = "10.20.0.0/16"
DOMAIN = "corp.example"


class Part(StrEnum):
    """What a host is there for."""

    WORKSTATION = "ws"
    DIRECTORY = "dc"  # also the office's resolver and clock
    FILES = "files"
    DATABASE = "db"
    WEB = "www"  # the only one that serves the public
    STORAGE = "nas"  # reachable from outside, so that people get at their files from home
    MONITOR = "monitor"
    PRINTER = "printer"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Host:
    """One host."""

    name: str
    address: str
    part: Part
    account: str = ""  # who sits at it


_SERVERS = (
    (Part.DIRECTORY, "10.20.1.10"),
    (Part.FILES, "10.20.1.11"),
    (Part.DATABASE, "10.20.1.12"),
    (Part.STORAGE, "10.20.1.13"),
    (Part.MONITOR, "10.20.1.14"),
    (Part.WEB, "10.20.9.10"),
)
_DEVICES = ((Part.PRINTER, "10.20.3.20"), (Part.PRINTER, "10.20.3.21"), (Part.CAMERA, "10.20.3.30"))


def office(workstations: int = 16) -> tuple[Host, ...]:
    """The hosts of an office with so many workstations (at most 40,000)."""
    people = (
        Host(f"ws{number:02d}.{DOMAIN}", _desk(number), Part.WORKSTATION, f"user{number:02d}")
        for number in range(1, workstations + 1)
    )
    return (*people, *(_host(part, address) for part, address in _SERVERS + _DEVICES))


OTHERS = len(_SERVERS + _DEVICES)  # hosts of an office that are no workstations
_DESKS = 200  # workstations of a floor, which has a network of its own


def _desk(number: int) -> str:
    floor, desk = divmod(number - 1, _DESKS)
    return f"10.20.{15 + floor if floor else 2}.{11 + desk}"


def _host(part: Part, address: str) -> Host:
    return Host(f"{part}-{address.rpartition('.')[2]}.{DOMAIN}", address, part)


def having(hosts: tuple[Host, ...], *parts: Part) -> tuple[Host, ...]:
    """The hosts that are one of these."""
    return tuple(host for host in hosts if host.part in parts)
