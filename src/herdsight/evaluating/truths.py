"""Truth files: YAML to what is true of some logs, every fault with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from herdsight.documents import faults, loaded, place_of
from herdsight.errors import InputError
from herdsight.simulation.truth import Deed
from herdsight.texts import read_text

Text = Annotated[str, Field(min_length=1, max_length=500)]
EVERY_OTHER = "*"  # as a benign host: every host that is not named as malicious


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Part):
    """One malicious behaviour of one host; `remote` is an address, a network or a domain."""

    behaviour: Deed
    host: Text
    remote: Text | None = None
    port: Annotated[int, Field(ge=0, le=65_535)] | None = None


class Truth(_Part):
    """What is true of some logs.

    `logs` are files or folders. `mappings` say how those are read that no format knows; they are relative to the truth
    file. `benign_hosts`: every finding on these that matches no entry is a false alert.
    """

    name: Text
    logs: Annotated[tuple[Text, ...], Field(min_length=1)]
    local: tuple[Text, ...] = ()
    malicious: tuple[Entry, ...] = ()
    benign_hosts: tuple[Text, ...] = ()
    mappings: tuple[Text, ...] = ()

    @field_validator("local")
    @classmethod
    def _networks(cls, local: tuple[str, ...]) -> tuple[str, ...]:
        for each in local:
            ip_network(each, strict=False)  # its ValueError says what is wrong
        return local

    def is_benign(self, host: str) -> bool:
        """Whether what is said of a host, and is none of the entries, is a false alert."""
        named = any(entry.host.lower() == host.lower() for entry in self.malicious)
        listed = any(each.lower() == host.lower() for each in self.benign_hosts)
        return listed or (EVERY_OTHER in self.benign_hosts and not named)


@dataclass(frozen=True, slots=True)
class TruthFile:
    """A truth and where it was read."""

    source: str
    truth: Truth
    tree: Mapping[str, object] = field(repr=False, compare=False, default_factory=dict)

    def logs(self, data: Path | None) -> tuple[Path, ...]:
        """The logs, which are relative to `data`, or else to the truth file.

        Raises:
            InputError: one of them is not there.
        """
        folder = data if data is not None else Path(self.source).parent
        return tuple(self._there(folder / name, "logs", number) for number, name in enumerate(self.truth.logs))

    def mappings(self) -> tuple[str, ...]:
        """The mapping files.

        Raises:
            InputError: one of them is not there.
        """
        folder = Path(self.source).parent
        named = enumerate(self.truth.mappings)
        return tuple(str(self._there(folder / name, "mappings", number)) for number, name in named)

    def _there(self, path: Path, *where: str | int) -> Path:
        if path.exists():
            return path
        hint = "--data names the folder that logs are relative to" if where[0] == "logs" else None
        place = place_of(self.source, self.tree, where)
        raise InputError(f"there is no file or folder {str(path)!r}", place=place, hint=hint)


def read_truth(path: Path) -> TruthFile:
    """One truth file.

    Raises:
        InputError: it cannot be read, or is no truth file; with its line and column, and every fault.
    """
    source, text = str(path), read_text(path, holds="a truth file")
    tree = loaded(source, text, InputError, holds="a truth file")
    try:
        return TruthFile(source, Truth.model_validate(tree), tree)
    except ValidationError as error:
        found = faults(source, tree, error, whole="the truth file")
        raise InputError("; ".join(each.said for each in found), place=found[0].place) from error
