"""What is known of ports and names: services that call by a timer for honest reasons, what is popular, what is free."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Protocols whose clients ask by a timer by design, or that talk to their own network alone: none of these is tested.
PERIODIC_PORTS = frozenset({0, 53, 67, 68, 123, 137, 138, 546, 547, 1900, 5351, 5353, 5355})

# Push and keep-alive services, as IANA's registry and their makers name them.
PUSH_PORTS = {
    1883: "MQTT",
    3478: "STUN",
    3479: "STUN",
    5060: "SIP",
    5061: "SIP",
    5223: "Apple's push service",
    5228: "Google's push service",
    5229: "Google's push service",
    5230: "Google's push service",
    8883: "MQTT",
}

# Ports of the services that clients on any network use; a program that calls another port brings its own protocol.
SERVICE_PORTS = frozenset(
    {
        20,
        21,
        22,
        25,
        43,
        80,
        88,
        110,
        143,
        389,
        443,
        445,
        465,
        500,
        563,
        587,
        636,
        853,
        873,
        989,
        990,
        993,
        995,
        1194,
        1701,
        1723,
        3128,
        3389,
        4500,
        5222,
        8000,
        8008,
        8080,
        8443,
        *PUSH_PORTS,
    }
)

# Whose names ordinary hosts ask for by a timer: by what their makers document of updates, telemetry and checks.
_KNOWN_NAMES = {
    "microsoft.com": "Microsoft's",
    "windowsupdate.com": "Microsoft's",
    "windows.com": "Microsoft's",
    "windows.net": "Microsoft's",
    "msftconnecttest.com": "Microsoft's",
    "msftncsi.com": "Microsoft's",
    "office.com": "Microsoft's",
    "office365.com": "Microsoft's",
    "live.com": "Microsoft's",
    "skype.com": "Microsoft's",
    "google.com": "Google's",
    "googleapis.com": "Google's",
    "gstatic.com": "Google's",
    "apple.com": "Apple's",
    "icloud.com": "Apple's",
    "mozilla.com": "Mozilla's",
    "mozilla.org": "Mozilla's",
    "mozilla.net": "Mozilla's",
    "firefox.com": "Mozilla's",
    "ubuntu.com": "Canonical's",
    "dropbox.com": "Dropbox's",
    "digicert.com": "a certificate authority's",
}


def known_name(name: str) -> str | None:
    """Whose a name is, where its owner is known to be called by a timer: "Microsoft's"; None where it is not."""
    parts = list(_parents(name))
    owner = next((_KNOWN_NAMES[part] for part in parts if part in _KNOWN_NAMES), None)
    if owner is None and any(part in _listed(*_OF_WINDOWS) for part in parts):
        return "a name that Windows and Office call themselves"
    return owner


def is_popular(name: str) -> bool:
    """Whether a name, or the domain that it is under, is among the 30,000 that most of the Internet asks for."""
    return any(part in _listed(*_POPULAR) for part in _parents(name))


def is_dynamic(name: str) -> bool:
    """Whether anyone can have a name under that domain at once and for nothing, and move it from address to address."""
    return any(part in _listed("dynamic-dns") for part in _parents(name))


def is_popular_itself(name: str) -> bool:
    """Whether that very name is among the 30,000 that most of the Internet asks for."""
    return name in _listed(*_POPULAR)


def is_public_suffix(name: str) -> bool:
    """Whether anyone can register a name under that one, as under `com` or `co.uk`, so that it stands for nobody."""
    return name in _listed(*_SUFFIXES)


# MISP's warning lists, which the package pymispwarninglists carries: by its own names of them.
_OF_WINDOWS = ("microsoft-win10-connection-endpoints", "microsoft-office365", "captive-portals")
_POPULAR = ("tranco10k", "cisco_top20k")
_SUFFIXES = ("tlds", "second-level-tlds")


@cache
def warning_lists() -> Path:
    """The folder of MISP's warning lists. The package is found and not imported: that takes as long as a small hunt."""
    spec = find_spec("pymispwarninglists")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pymispwarninglists is not installed")
    return Path(spec.submodule_search_locations[0], "data", "misp-warninglists", "lists")


def warning_list(name: str) -> list[str]:
    """The entries of one of MISP's warning lists."""
    found: list[str] = json.loads(Path(warning_lists(), name, "list.json").read_text(encoding="utf-8"))["list"]
    return found


@cache
def _listed(*lists: str) -> frozenset[str]:
    return frozenset(name.lower().lstrip(".") for each in lists for name in warning_list(each))


def _parents(name: str) -> Iterator[str]:
    """A name and the domains that it is under, the top-level one left out."""
    labels = name.lower().rstrip(".").split(".")
    return (".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))
