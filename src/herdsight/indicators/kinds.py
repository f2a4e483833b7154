"""Words that lists use for kinds of indicators, for times and for how sure they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from herdsight.indicators.model import RefusalError, Way
from herdsight.kql.literals import datetime_micros, moment

_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Meant:
    """What a type's name says of the values under it; `parts`: it is several values with | between them."""

    way: Way = Way.ANY
    exact: bool = False
    parts: tuple[str, ...] = ()


_ANY, _SOURCE, _HOST = Meant(), Meant(Way.SOURCE), Meant(exact=True)
# MISP's attributes, STIX's observables, and what exports of abuse.ch and others call them; `-` stands for `_`, too.
_MEANT: Mapping[str, Meant] = {
    **dict.fromkeys(
        (
            *("ip", "ipv4", "ipv6", "ip-address", "ip:port", "address", "cidr", "ipv4-cidr", "network", "subnet"),
            *("ip-dst", "dst-ip", "ipv4-addr", "ipv6-addr", "ipv4-addr:value", "ipv6-addr:value", "networkipv4"),
            *("network-traffic:dst-ref.value", "networkdestinationipv4", "ip-range", "domain", "fqdn", "networkipv6"),
            *("domain-name", "domain-name:value", "domainname", "networkdestinationipv6"),
        ),
        _ANY,
    ),
    **dict.fromkeys(("ip-src", "src-ip", "network-traffic:src-ref.value", "networksourceipv4"), _SOURCE),
    **dict.fromkeys(("host", "hostname", "url", "uri", "url:value", "http-url"), _HOST),
    "domain|ip": Meant(parts=("domain", "ip")),
    "ip-dst|port": Meant(parts=("ip", "port")),
    "ip-src|port": Meant(Way.SOURCE, parts=("ip", "port")),
    "hostname|port": Meant(exact=True, parts=("host", "port")),
}


def meant(name: str) -> Meant:
    """What the name of a type means.

    Raises:
        RefusalError: it is none of those that name places.
    """
    found = _MEANT.get(name.strip().lower().replace("_", "-"))
    if found is None:
        raise RefusalError(f"of the type {name.strip().lower()[:40]}")
    return found


def text_of(value: object) -> str:
    """A value as a short text; "" for what is none. Of JSON's lone surrogates, which no UTF-8 has, it has `?`."""
    return value.strip().encode(errors="replace").decode() if isinstance(value, str) else ""


def label_of(value: object) -> str:
    """What malware or campaign an indicator is said to be of, on one line and not too long."""
    return " ".join(text_of(value).split())[:_LONGEST_LABEL]


def confidence_of(value: object) -> int | None:
    """How sure a list is, from 0 to 100; None where it does not say so by such a number."""
    try:
        number = float(value) if isinstance(value, int | float | str) and value != "" else -1.0
    except (ValueError, OverflowError):  # an integer may be beyond all reals
        return None
    return round(number) if 0 <= number <= 100 else None  # noqa: PLR2004


def moment_of(value: object) -> datetime | None:
    """A time in UTC, without its zone: ISO, what KQL's datetime reads, or seconds since 1970; None of no time."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not text or text == "0":
        return None
    try:
        if text.isdigit() and len(text) in {9, 10}:
            return datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None)
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except ValueError:
        return _read_by_kql(text)
    except OverflowError:  # in UTC it is before the year 1 or after 9999
        return None


def _read_by_kql(text: str) -> datetime | None:
    try:
        return moment(datetime_micros(text)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
