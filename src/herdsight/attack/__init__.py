"""The techniques of MITRE ATT&CK (v18.1) that detections here are about: name, and the tactics each serves."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique; its tactics are written as Sentinel writes them, `CommandAndControl`."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its page."""
        return f"https://attack.mitre.org/techniques/{self.id.replace('.', '/')}/"


@cache
def techniques() -> Mapping[str, Technique]:
    """Every technique, by its id."""
    text = files("herdsight").joinpath("attack", "techniques.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["id"]: Technique(row["id"], row["name"], tuple(row["tactics"].split(" "))) for row in rows}
