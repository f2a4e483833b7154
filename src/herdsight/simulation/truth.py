"""The truth file that lies beside simulated telemetry: who in it is what, so that a hunt can be judged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ruamel.yaml import YAML

Deed = Literal["beacon", "relay", "flood", "spread", "ddos", "dga", "tunnel", "irc", "p2p"]
DEEDS: tuple[str, ...] = get_args(Deed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Malicious:
    """One behaviour of one host, under the name that a log knows it by."""

    behaviour: Deed
    host: str
    remote: str | None = None  # an address, a network or a domain
    port: int | None = None

    def entry(self) -> dict[str, str | int]:
        """As it stands in the file: what is not known is absent."""
        facts = {"behaviour": self.behaviour, "host": self.host, "remote": self.remote, "port": self.port}
        return {name: fact for name, fact in facts.items() if fact is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of some logs; `benign_hosts` "*" means every host that is not named as malicious."""

    name: str
    logs: tuple[str, ...]  # relative to the truth file
    local: tuple[str, ...]  # networks that are inside
    malicious: tuple[Malicious, ...]
    benign_hosts: tuple[str, ...] = ("*",)

    def write(self, path: Path) -> None:
        """Write it as YAML."""
        yaml = YAML()
        yaml.default_flow_style = None  # a list of plain values on one line, as people write it
        yaml.dump(
            {
                "name": self.name,
                "logs": list(self.logs),
                "local": list(self.local),
                "malicious": [entry.entry() for entry in self.malicious],
                "benign_hosts": list(self.benign_hosts),
            },
            path,
        )
