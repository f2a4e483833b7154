"""Where addresses are, by databases in MaxMind's format that the tests write."""

import builtins
from pathlib import Path
from typing import Any

import pytest
from conftest import zeek_conn
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it has no types
from test_analytics_indicator import session

import herdsight
from herdsight.errors import InputError
from herdsight.geo import Geo, Whereabouts


def database(path: Path, records: dict[str, Any]) -> Path:
    writer = MMDBWriter(6, "test", ipv4_compatible=True)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (
            {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net"},
            Whereabouts(network=64_500, owner="Example Net"),
        ),
        ({"country": {"iso_code": "NL", "names": {"en": "Netherlands"}}}, Whereabouts(country="NL")),
        (
            {"asn": "AS64500", "as_name": "Example Net", "country": "Netherlands", "country_code": "NL"},
            Whereabouts("NL", 64_500, "Example Net"),
        ),
        (
            {"asn": "AS64500", "name": "Example Net", "type": "hosting"},
            Whereabouts("", 64_500, "Example Net", "hosting"),
        ),
        ({"traits": {"user_type": "residential"}}, Whereabouts(use="residential")),
        ({"asn": "AS" + "9" * 50, "country": ["NL"], "name": 7}, Whereabouts()),
    ],
)  # fmt: skip
def test_the_fields_of_each_maker(tmp_path: Path, record: dict[str, Any], known: Whereabouts) -> None:
    with Geo([database(tmp_path / "a.mmdb", {"198.51.100.0/24": record})]) as geo:
        assert geo.where("198.51.100.7") == known
        assert geo.where("198.51.101.7") == geo.where("no address") == geo.where("2001:db8::1") == Whereabouts()


def test_a_hunt_tells_where_the_places_of_its_findings_are(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "conn.log").write_text(zeek_conn([session("10.0.0.5", "198.51.100.7")]), encoding="utf-8")
    (tmp_path / "bad.txt").write_text("198.51.100.7\n", encoding="utf-8")
    country = database(tmp_path / "country.mmdb", {"198.51.100.0/24": {"country": {"iso_code": "NL"}}})
    network = database(tmp_path / "asn.mmdb", {"198.51.100.0/24": {"asn": "AS64500", "name": "Example Net"}})
    (found,) = herdsight.hunt(logs, indicators=tmp_path / "bad.txt", geo=[country, network]).findings
    assert found.reasons[-1] == "198.51.100.7 is in NL, AS64500, Example Net"
    assert (found.numbers["country"], found.numbers["asn"]) == ("NL", 64_500)


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com" + b"\xff" * 20])
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mmdb").write_bytes(content)
    with pytest.raises(InputError, match="no database in MaxMind's format"):
        Geo([tmp_path / "a.mmdb"])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        Geo([tmp_path / "a.mmdb"])


def test_damage_inside_a_database_tells_nothing(tmp_path: Path) -> None:
    path = database(tmp_path / "a.mmdb", {"198.51.100.0/24": {"country": {"iso_code": "NL"}}})
    content = bytearray(path.read_bytes())
    tree = content.index(b"iso_code")
    content[tree - 20 : tree + 8] = b"\xff" * 28
    path.write_bytes(content)
    with Geo([path]) as geo:
        assert geo.where("198.51.100.7") == Whereabouts()


def test_without_its_package_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "maxminddb":
            raise ModuleNotFoundError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'herdsight\[geo\]'"):
        Geo([tmp_path / "a.mmdb"])
