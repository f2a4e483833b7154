"""Lists of indicators: what each form says, what is refused and why, and that nothing is lost."""

import gzip
import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdsight.errors import InputError
from herdsight.indicators import Indicators, read_indicators
from herdsight.indicators.model import RefusalError
from herdsight.indicators.stix import entries as stix_entries
from herdsight.indicators.stix import parse
from herdsight.indicators.values import INSIDE, LOCAL, NO_DOT, NO_INDICATOR, SUFFIX, TOO_WIDE, place_of


def written(folder: Path, content: str | bytes, name: str = "list") -> Indicators:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_indicators([path])


def values(found: Indicators) -> list[str]:
    return found.columns.value


class TestValues:
    @pytest.mark.parametrize(
        ("text", "value", "kind", "port"),
        [
            ("198.51.100.7", "198.51.100.7", "address", 0),
            ("198[.]51[.]100(.)7", "198.51.100.7", "address", 0),
            ("198.51.100.7:8443", "198.51.100.7", "address", 8443),
            ("198.51.100.7/32", "198.51.100.7", "address", 0),
            ("198.51.100.7/22", "198.51.100.0/22", "network", 0),
            ("2001:DB8::7", "2001:db8::7", "address", 0),
            ("[2001:db8::7]:443", "2001:db8::7", "address", 443),
            ("::ffff:198.51.100.7", "198.51.100.7", "address", 0),
            ("2001:db8::/47", "2001:db8::/47", "network", 0),
            ("Evil.Example.Net.", "evil.example.net", "domain", 0),
            ("*.evil.example.net", "evil.example.net", "domain", 0),
            ("evil[dot]example{.}net", "evil.example.net", "domain", 0),
            ("bücher.example.net", "xn--bcher-kva.example.net", "domain", 0),
            ("hxxps[://]evil[.]example[.]net:8443/a?b=c@d", "evil.example.net", "host", 8443),
            ("http://user@evil.example.net/", "evil.example.net", "host", 0),
            ("http://198.51.100.7:53000/bin.sh", "198.51.100.7", "address", 53000),
            ("evil.example.net/path", "evil.example.net", "host", 0),
            ("http://pages.github.io/x", "pages.github.io", "host", 0),
        ],
    )
    def test_what_a_text_names(self, text: str, value: str, kind: str, port: int) -> None:
        place = place_of(text)
        assert (place.value, place.kind, place.port) == (value, kind, port)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("0.0.0.0/0", TOO_WIDE),
            ("8.0.0.0/7", TOO_WIDE),
            ("::/0", TOO_WIDE),
            ("10.1.2.3", INSIDE),
            ("192.168.0.0/16", INSIDE),
            ("172.0.0.0/8", INSIDE),  # it holds a private range
            ("127.0.0.1", INSIDE),
            ("224.0.0.5", INSIDE),
            ("255.255.255.255", INSIDE),
            ("fe80::1", INSIDE),
            ("com", SUFFIX),
            ("co.uk", SUFFIX),
            ("github.io", SUFFIX),
            ("localhost", LOCAL),
            ("printer.local", LOCAL),
            ("desktop-12x", NO_DOT),
            ("198.51.100.999", NO_INDICATOR),
            ("198.51.100.07", NO_INDICATOR),
            ("198.51.100.7/99", NO_INDICATOR),
            ("198.51.100.7:99999", NO_INDICATOR),
            ("d41d8cd98f00b204e9800998ecf8427e.", NO_DOT),
            ("two words.example.net", NO_INDICATOR),
            ("", NO_INDICATOR),
            ("a" * 5_000, NO_INDICATOR),
        ],
    )
    def test_what_is_refused(self, text: str, reason: str) -> None:
        with pytest.raises(RefusalError) as error:
            place_of(text)
        assert str(error.value) == reason

    def test_a_prefix_that_ends_inside_a_digit_has_a_key_for_each_choice(self) -> None:
        # 198.51.100.0/22 is c6 33 64..67; 2001:db8::/31 is 20010db8 and 20010db9
        assert place_of("198.51.100.0/22").keys == ("4c63364", "4c63365", "4c63366", "4c63367")
        assert place_of("2001:db8::/31").keys == ("620010db8", "620010db9")

    @given(st.text(max_size=80))
    def test_any_text_is_a_place_or_refused(self, text: str) -> None:
        with suppress(RefusalError):
            assert place_of(text).keys


class TestLists:
    def test_lines_with_comments_and_defanged(self, tmp_path: Path) -> None:
        text = (
            "# a\n// b\n\nhxxp://a[.]evil[.]net/x\n198.51.100[.]7  # c2\n203.0.113.0/24 ; SBL1\n198.51.100.7\nco.uk\n"
        )
        found = written(tmp_path, text)
        (account,) = found.accounts
        assert values(found) == ["a.evil.net", "198.51.100.7", "203.0.113.0/24"]
        assert found.columns.line == [4, 5, 6]
        assert (account.read, account.used, account.repeated, dict(account.refused)) == (5, 3, 1, {SUFFIX: 1})
        assert [(each.line, each.text) for each in account.samples] == [(8, "co.uk")]

    def test_a_file_of_hosts(self, tmp_path: Path) -> None:
        found = written(tmp_path, "127.0.0.1 localhost\n0.0.0.0 evil.example.net\n0.0.0.0 bad.example.org # x\n")
        assert values(found) == ["evil.example.net", "bad.example.org"]

    def test_packed_and_in_utf_16(self, tmp_path: Path) -> None:
        assert values(written(tmp_path, gzip.compress(b"198.51.100.7\n"))) == ["198.51.100.7"]
        assert values(written(tmp_path, "198.51.100.7\nevil.example.net\n".encode("utf-16"))) == [
            "198.51.100.7",
            "evil.example.net",
        ]

    def test_a_popular_name_is_told(self, tmp_path: Path) -> None:
        (account,) = written(tmp_path, "google.com\n").accounts
        assert account.used == 1
        assert account.warnings == ["google.com is among the names that most of the Internet asks for"]

    def test_a_list_of_comments_is_empty(self, tmp_path: Path) -> None:
        (account,) = written(tmp_path, "# nothing today\n").accounts
        assert account.read == account.used == 0

    def test_a_file_that_changes_is_read_again(self, tmp_path: Path) -> None:
        written(tmp_path, "198.51.100.7\n")
        assert values(written(tmp_path, "198.51.100.77\n")) == ["198.51.100.77"]


class TestTables:
    def test_threatfox(self, tmp_path: Path) -> None:
        head = (
            '# ThreatFox IOCs\n#\n# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware",'
            '"malware_alias","malware_printable","last_seen_utc","confidence_level"\n'
        )
        rows = (
            '"2026-11-01 10:00:00", "1", "198.51.100.7:4444", "ip:port", "botnet_cc", "x", "y", "Remcos", "", "75"\n'
            '"2026-11-01 10:00:00", "2", "evil.example.net", "domain", "botnet_cc", "x", "y", "Vidar", "", "100"\n'
            '"2026-11-01 10:00:00", "3", "00ff", "md5_hash", "payload", "x", "y", "Vidar", "", "100"\n'
        )
        found = written(tmp_path, head + rows)
        assert values(found) == ["198.51.100.7", "evil.example.net"]
        assert found.columns.label == ["Remcos", "Vidar"]
        assert found.columns.confidence == [75, 100]
        assert found.columns.port == [4444, 0]
        assert found.columns.since[0] == datetime(2026, 11, 1, 10)  # noqa: DTZ001 they are in UTC
        assert dict(found.accounts[0].refused) == {"of the type md5_hash": 1}

    def test_urlhaus(self, tmp_path: Path) -> None:
        text = (
            "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
            '"35","2026-11-20 10:00:12","http://198.51.100.7:53000/b","online","","malware_download","elf","l","r"\n'
        )
        found = written(tmp_path, text)
        assert (values(found), found.columns.port, found.columns.label) == (
            ["198.51.100.7"],
            [53000],
            ["malware_download"],
        )

    def test_feodo_tracker(self, tmp_path: Path) -> None:
        text = (
            '# Feodo\n"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n'
            '"2026-05-04 19:34:06","198.51.100.7","443","offline","2026-03-12","QakBot"\n# END 1 entries\n'
        )
        found = written(tmp_path, text)
        assert (values(found), found.columns.port, found.columns.label) == (["198.51.100.7"], [443], ["QakBot"])

    def test_misp_csv(self, tmp_path: Path) -> None:
        text = (
            "uuid,event_id,category,type,value,comment,to_ids,date\n"
            'u,1,Network activity,domain|ip,evil.example.net|198.51.100.7,"two\nlines",1,1700000000\n'
            "u,1,Network activity,ip-src,198.51.100.8,c,1,1700000000\n"
            "u,1,Network activity,ip-dst,198.51.100.9,c,0,1700000000\n"
        )
        found = written(tmp_path, text)
        assert values(found) == ["evil.example.net", "198.51.100.7", "198.51.100.8"]
        assert found.columns.way == ["any", "any", "source"]
        assert found.columns.line == [2, 2, 4]
        assert dict(found.accounts[0].refused) == {"not for detection (to_ids is off)": 1}

    def test_headings_decide_before_content(self, tmp_path: Path) -> None:
        found = written(tmp_path, "Reporter;IOC;ValidUntil\nexample.org;evil.example.net;2026-12-01T00:00:00Z\n")
        assert values(found) == ["evil.example.net"]
        assert found.columns.until == [datetime(2026, 12, 1)]  # noqa: DTZ001 they are in UTC

    def test_without_headings_the_content_decides(self, tmp_path: Path) -> None:
        found = written(tmp_path, "1,evil.example.net,Trojan\n2,bad.example.org,Worm\n")
        assert values(found) == ["evil.example.net", "bad.example.org"]

    def test_one_column_with_a_heading(self, tmp_path: Path) -> None:
        found = written(tmp_path, "ip\n198.51.100.7\n")
        assert (values(found), found.accounts[0].refused) == (["198.51.100.7"], {})

    def test_a_quote_that_never_closes_spoils_its_own_line_alone(self, tmp_path: Path) -> None:
        found = written(tmp_path, 'ip,malware\n198.51.100.7,"open\n' + "198.51.100.8,x\n" * 200)
        (account,) = found.accounts
        assert values(found) == ["198.51.100.8"]
        assert (account.read, account.repeated, dict(account.refused)) == (201, 199, {"quotes that never close": 1})

    @pytest.mark.parametrize(
        "tree",
        [
            [{"ip_address": "198.51.100.7", "port": 443, "malware": "QakBot"}],
            {"1": [{"ioc_value": "198.51.100.7:443", "ioc_type": "ip:port", "malware_printable": "QakBot"}]},
        ],
    )
    def test_records_of_json(self, tmp_path: Path, tree: Any) -> None:
        found = written(tmp_path, json.dumps(tree))
        assert (values(found), found.columns.port, found.columns.label) == (["198.51.100.7"], [443], ["QakBot"])

    def test_texts_and_lines_of_json(self, tmp_path: Path) -> None:
        assert values(written(tmp_path, '["198.51.100.7"]')) == ["198.51.100.7"]
        assert values(written(tmp_path, '{"indicator": "198.51.100.7"}\n{"indicator": "a.example.net"}\n')) == [
            "198.51.100.7",
            "a.example.net",
        ]


def bundle(*objects: dict[str, Any]) -> str:
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": list(objects)})


class TestStix:
    def test_a_bundle(self, tmp_path: Path) -> None:
        found = written(
            tmp_path,
            bundle(
                {"type": "malware", "id": "malware--1", "name": "Remcos"},
                {
                    "type": "indicator",
                    "id": "indicator--1",
                    "name": "an address",
                    "pattern": "[ipv4-addr:value = '198.51.100.7']",
                    "valid_from": "2026-01-01T00:00:00Z",
                    "valid_until": "2026-06-01T02:00:00+02:00",
                    "confidence": 90,
                },
                {
                    "type": "relationship",
                    "relationship_type": "indicates",
                    "source_ref": "indicator--1",
                    "target_ref": "malware--1",
                },
                {"type": "indicator", "id": "i2", "pattern": "[file:hashes.'SHA-256' = '00']"},
                {"type": "indicator", "id": "i3", "pattern": "[ipv4-addr:value = '198.51.100.8']", "revoked": True},
                {"type": "indicator", "id": "i4", "pattern": "alert tcp", "pattern_type": "snort"},
            ),
        )
        (account,) = found.accounts
        assert account.form == "STIX"
        assert (values(found), found.columns.label, found.columns.confidence) == (["198.51.100.7"], ["Remcos"], [90])
        assert found.columns.since == [datetime(2026, 1, 1)]  # noqa: DTZ001 they are in UTC
        assert found.columns.until == [datetime(2026, 6, 1)]  # noqa: DTZ001
        assert dict(account.refused) == {
            "a pattern about file": 1,
            "revoked by who made it": 1,
            "a pattern that is not STIX's": 1,
        }

    @pytest.mark.parametrize(
        ("pattern", "named"),
        [
            ("[ipv4-addr:value='198.51.100.1' OR ipv4-addr:value='198.51.100.2']", ["198.51.100.1", "198.51.100.2"]),
            ("[ipv4-addr:value='198.51.100.1'] OR [domain-name:value='a.net']", ["198.51.100.1", "a.net"]),
            ("([url:value='http://a.net/x'])", ["http://a.net/x"]),
            ("[ipv4-addr:value IN ('198.51.100.1', '198.51.100.2')]", ["198.51.100.1", "198.51.100.2"]),
            ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", ["198.51.100.0/24"]),
            (r"[domain-name:value = 'a\'b.net']", ["a'b.net"]),
        ],
    )
    def test_alternatives(self, pattern: str, named: list[str]) -> None:
        found = list(stix_entries([{"type": "indicator", "pattern": pattern}]))
        assert [each.text for each in found] == named
        assert not [each.refused for each in found if each.refused]

    def test_a_port_goes_with_each_place(self) -> None:
        pattern = (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND (network-traffic:dst_ref.value = '198.51.100.1' OR "
            "network-traffic:dst_ref.value = '198.51.100.2') AND network-traffic:dst_port = 8080]"
        )
        found = list(stix_entries([{"type": "indicator", "pattern": pattern}]))
        assert [(each.text, each.port) for each in found] == [("198.51.100.1", 8080), ("198.51.100.2", 8080)]

    def test_a_source_is_met_by_what_comes_from_it(self) -> None:
        pattern = "[network-traffic:src_ref.value = '198.51.100.1']"
        (found,) = stix_entries([{"type": "indicator", "pattern": pattern}])
        assert found.way == "source"

    def test_start_and_stop_bound_it(self) -> None:
        pattern = "[ipv4-addr:value = '198.51.100.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'"
        (found,) = stix_entries([{"type": "indicator", "pattern": pattern}])
        assert (found.since, found.until) == (datetime(2026, 1, 1), datetime(2026, 2, 1))  # noqa: DTZ001

    @pytest.mark.parametrize(
        ("pattern", "reason"),
        [
            (
                "[ipv4-addr:value='198.51.100.1' AND domain-name:value='a.net']",
                "a pattern of several places together (AND)",
            ),
            (
                "[ipv4-addr:value='198.51.100.1'] AND [domain-name:value='a.net']",
                "a pattern of several observations together (AND)",
            ),
            (
                "[domain-name:value='a.net'] OR [domain-name:value='b.net'] FOLLOWEDBY [domain-name:value='c.net']",
                "a pattern of several observations together (FOLLOWEDBY)",
            ),
            ("[domain-name:value LIKE '%.net']", "a pattern with LIKE"),
            ("[domain-name:value NOT = 'a.net']", "a pattern with NOT ="),
            ("[domain-name:value != 'a.net']", "a pattern with !="),
            ("[ipv4-addr:value='198.51.100.1'] REPEATS 5 TIMES", "a pattern of how often and how fast (REPEATS)"),
            ("[ipv4-addr:value='198.51.100.1' AND network-traffic:src_port=1]", "a pattern about network-traffic"),
            ("[network-traffic:dst_port=1]", "a pattern without a place"),
            ("[ipv4-addr:value = ", "no pattern that can be read"),
            ("(" * 500, "a pattern that nests too deep"),
            ("[" + "(" * 500, "a pattern that nests too deep"),
            ("", "no pattern that can be read"),
        ],
    )  # fmt: skip
    def test_what_logs_cannot_answer_is_refused_by_name(self, pattern: str, reason: str) -> None:
        (found,) = stix_entries([{"type": "indicator", "pattern": pattern}])
        assert found.refused == reason

    def test_alternatives_that_explode_are_refused(self) -> None:
        part = "(" + " OR ".join(f"ipv4-addr:value = '198.51.100.{number}'" for number in range(200)) + ")"
        with pytest.raises(RefusalError, match="too many alternatives"):
            parse(f"[{part} AND {part} AND {part}]")

    @given(st.text(alphabet="[]()' =ANDORINipv4-addr:value.,\\t1", max_size=60))
    def test_any_pattern_is_read_or_refused(self, pattern: str) -> None:
        assert list(stix_entries([{"type": "indicator", "pattern": pattern}]))


class TestMisp:
    EVENT: dict[str, Any] = {  # noqa: RUF012
        "Event": {
            "info": "A wave",
            "Attribute": [
                {"type": "ip-dst", "value": "198.51.100.7", "to_ids": True},
                {"type": "ip-dst|port", "value": "198.51.100.8|8080", "to_ids": True},
                {"type": "sha256", "value": "00", "to_ids": True},
                {"type": "domain", "value": "context.example.net", "to_ids": False},
            ],
            "Object": [
                {
                    "name": "domain-ip",
                    "Attribute": [
                        {
                            "type": "hostname",
                            "value": "evil.example.net",
                            "Tag": [{"name": 'misp-galaxy:malpedia="Emotet"'}],
                        }
                    ],
                }
            ],
        }
    }

    @pytest.mark.parametrize("tree", [EVENT, [EVENT], {"response": [EVENT]}, {"response": EVENT["Event"]}])
    def test_events_however_they_are_wrapped(self, tmp_path: Path, tree: Any) -> None:
        found = written(tmp_path, json.dumps(tree))
        (account,) = found.accounts
        assert account.form == "MISP"
        assert values(found) == ["198.51.100.7", "198.51.100.8", "evil.example.net"]
        assert found.columns.kind == ["address", "address", "host"]
        assert found.columns.port == [0, 8080, 0]
        assert found.columns.label == ["A wave", "A wave", "Emotet"]
        assert dict(account.refused) == {"of the type sha256": 1, "not for detection (to_ids is off)": 1}


class TestHostile:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"hello world\nno list at all\n", ":1: nothing in the file is an indicator"),
            (b"\0\1\2" * 50, "is no text"),
            (b"PK\x03\x04rest", "is a zip archive"),
            (b'{"type": "bundle", "objects": [{]}', ":1:33: not JSON"),
            (b'{"a":' + b"[" * 200_000, "nests too deep"),
            (b'{"a":' + b"9" * 6_000 + b"}", "not JSON that can be read"),
            (b'{"one": {"Orgc": {"name": "x"}, "info": "y"}}', "a manifest of MISP names events"),
            (gzip.compress(b"198.51.100.7\n" * 9_999)[:40], "compressed data ends early"),
        ],
    )
    def test_what_is_no_list_is_an_error_that_says_so(self, tmp_path: Path, content: bytes, said: str) -> None:
        with pytest.raises(InputError) as error:
            written(tmp_path, content)
        assert said in str(error.value)

    def test_files_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            read_indicators([tmp_path / "none"])
        with pytest.raises(InputError, match="Is a directory"):
            read_indicators([tmp_path])

    def test_a_line_that_is_too_long_is_refused_alone(self, tmp_path: Path) -> None:
        for head in ("", "ip,malware\n"):
            found = written(tmp_path, f"{head}198.51.100.7,x\n{'a' * 100_000}\n198.51.100.8,x\n")
            assert values(found) == ["198.51.100.7", "198.51.100.8"]
            assert dict(found.accounts[0].refused) == {"a line that is too long": 1}

    def test_reasons_are_bounded(self, tmp_path: Path) -> None:
        rows = [{"type": f"t{number}", "value": "198.51.100.7"} for number in range(500)]
        (account,) = written(tmp_path, json.dumps([*rows, {"type": "ip", "value": "198.51.100.7"}])).accounts
        assert len(account.refused) <= 31
        assert sum(account.refused.values()) == 500
        assert len(account.samples) <= 40

    def test_what_is_no_text_is_refused(self, tmp_path: Path) -> None:
        found = written(tmp_path, b"198.51.100.7\nb\xfccher.example.net\n")
        assert (values(found), dict(found.accounts[0].refused)) == (["198.51.100.7"], {NO_INDICATOR: 1})

    @given(st.binary(max_size=300))
    def test_any_bytes_are_accounted_for(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        try:
            (account,) = written(tmp_path_factory.mktemp("any"), content).accounts
        except InputError:
            return
        assert account.read == account.used + account.repeated + sum(account.refused.values())
