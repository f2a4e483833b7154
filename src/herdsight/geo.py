"""Where addresses are and whose network that is, by databases in MaxMind's format (`.mmdb`) that the user has."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from herdsight.errors import InputError

if TYPE_CHECKING:
    from maxminddb import Reader

_LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of an address; what no database says is empty.

    `country`: its ISO code. `network`: the number of its autonomous system. `use`: what the network is for, as its
    database calls it: "hosting", "residential", "isp", "business".
    """

    country: str = ""
    network: int | None = None
    owner: str = ""
    use: str = ""

    def __str__(self) -> str:
        known = (self.country, f"AS{self.network}" if self.network else "", self.owner, self.use)
        return ", ".join(each for each in known if each)


class Geo:
    """Open databases. Close them, or use them as a context manager."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._open = ExitStack()
        try:
            self._readers = [self._open.enter_context(_reader(path)) for path in paths]
        except BaseException:
            self._open.close()
            raise

    def where(self, address: str) -> Whereabouts:
        """What the databases say of an address; of several the first that says something counts."""
        found = [_whereabouts(record) for reader in self._readers if (record := _record(reader, address))]
        return Whereabouts(
            country=next((each.country for each in found if each.country), ""),
            network=next((each.network for each in found if each.network), None),
            owner=next((each.owner for each in found if each.owner), ""),
            use=next((each.use for each in found if each.use), ""),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def _reader(path: str | Path) -> "Reader":
    try:
        from maxminddb import InvalidDatabaseError, open_database
    except ModuleNotFoundError as error:
        raise InputError(
            "to look up where addresses are needs the package maxminddb", hint="pip install 'herdsight[geo]'"
        ) from error
    if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for
        raise _none(path)
    try:
        return open_database(str(path))
    except OSError as error:
        raise InputError(f"cannot read the database {str(path)!r}: {error.strerror or error}") from error
    except (InvalidDatabaseError, *_BROKEN) as error:
        raise _none(path) from error


def _none(path: str | Path) -> InputError:
    hint = "it is a file ending in .mmdb, as MaxMind, IPinfo and DB-IP have them"
    return InputError(f"{str(path)!r} is no database in MaxMind's format", hint=hint)


# What a database that is broken inside comes to, beside its own error, which is a RuntimeError.
_BROKEN = (RuntimeError, ValueError, TypeError, IndexError, KeyError, RecursionError)


def _record(reader: "Reader", address: str) -> Mapping[str, object]:
    try:
        found = reader.get(address)
    except _BROKEN:
        return {}  # no address; or version 6, where the database has version 4 alone; or broken at this place
    return found if isinstance(found, Mapping) else {}


def _whereabouts(record: Mapping[str, object]) -> Whereabouts:
    """MaxMind's and DB-IP's fields, and IPinfo's."""
    country = record.get("country")
    inner = country.get("iso_code") if isinstance(country, Mapping) else None
    number = record.get("autonomous_system_number") or record.get("asn")
    return Whereabouts(
        country=_text(record.get("country_code") or inner or country),
        network=_number(number),
        owner=_text(record.get("autonomous_system_organization") or record.get("as_name") or record.get("name")),
        use=_text(record.get("type") or record.get("as_type") or _traits(record)),
    )


def _traits(record: Mapping[str, object]) -> object:
    traits = record.get("traits")
    return traits.get("user_type") if isinstance(traits, Mapping) else None


def _text(value: object) -> str:
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    digits = str(value).upper().removeprefix("AS") if isinstance(value, str | int) else ""
    return int(digits) if digits.isdecimal() and len(digits) <= 10 else None  # noqa: PLR2004
