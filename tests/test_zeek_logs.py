"""Zeek's logs of handshakes, sign-ins, leases, chats and of what it found worth telling; which log a file is."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loaded import account
from zeeks import (
    ALL_WAYS,
    NOON,
    TS,
    WAYS,
    Way,
    asked,
    in_json,
    in_lines,
    in_nameless_lines,
    in_plain_json,
    in_stream_json,
    told,
)

import herdsight
from herdsight.logs.formats import all_formats
from herdsight.logs.head import read_head

ENDS: Row = {
    "ts": TS,
    "uid": "C1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 50001,
    "id.resp_h": "5.6.7.8",
    "id.resp_p": 443,
}
SAID: Row = {"SrcIpAddr": "10.0.0.5", "SrcPortNumber": 50001, "DstIpAddr": "5.6.7.8", "DstPortNumber": 443}
SEEN: Row = {**SAID, "NetworkSessionId": "C1", "NetworkDirection": "Outbound"}

HANDSHAKE: Row = ENDS | {
    "version": "TLSv12",
    "cipher": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "server_name": "c2.evil.test",
    "resumed": False,
    "established": True,
    "ssl_history": "CsxknGIi",
    "subject": "CN=c2.evil.test,O=Évil",
    "issuer": "CN=root",
    "validation_status": "self signed certificate",
    "ja3": "0123",
    "ja3s": "4567",
}
SIGN_IN: Row = ENDS | {
    "id.resp_p": 22,
    "version": 2,
    "auth_success": True,
    "auth_attempts": 3,
    "client": "SSH-2.0-libssh_0.9",
    "server": "SSH-2.0-OpenSSH_9.6",
    "kex_alg": "curve25519-sha256",
    "hassh": "abc",
}
WEIRD: Row = ENDS | {"name": "bad_TCP_checksum", "addl": "twice", "notice": False, "peer": "zeek"}
NOTICE: Row = ENDS | {
    "proto": "tcp",
    "note": "SSL::Invalid_Server_Cert",
    "msg": "the certificate is not trusted",
    "sub": "CN=x",
    "src": "10.0.0.5",
    "dst": "5.6.7.8",
    "p": 443,
    "n": 7,
    "actions": ["Notice::ACTION_LOG", "Notice::ACTION_EMAIL"],
    "suppress_for": 3600.0,
}
CHAT: Row = ENDS | {
    "id.resp_p": 6667,
    "nick": "bot17",
    "user": "x",
    "command": "JOIN",
    "value": "#owned",
    "addl": "with channel key: 'k'",
}
LEASE: Row = {
    "ts": TS,
    "uids": ["C1", "C2"],
    "client_addr": "10.0.0.5",
    "server_addr": "10.0.0.1",
    "mac": "06:10:9f:eb:8f:14",
    "host_name": "desk-1",
    "client_fqdn": "desk-1.example.org",
    "domain": "example.org",
    "requested_addr": "10.0.0.4",
    "assigned_addr": "10.0.0.6",
    "lease_time": 3600.0,
    "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"],
    "duration": 0.0125,
}


# --- ssl --------------------------------------------------------------------------------------------------------------


@ALL_WAYS
def test_a_handshake_is_a_web_session(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([HANDSHAKE], "ssl"), "ASimWebSessionLogs")
    assert row["TimeGenerated"] == row["EventStartTime"] == NOON + timedelta(milliseconds=250)
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {
        "version": "TLSv12",
        "cipher": "TLS_RSA_WITH_AES_128_CBC_SHA",
        "ssl_history": "CsxknGIi",
        "subject": "CN=c2.evil.test,O=Évil",
        "issuer": "CN=root",
        "validation_status": "self signed certificate",
        "ja3": "0123",
        "ja3s": "4567",
        "resumed": False,
    }
    assert found == {
        **SEEN,
        "EventType": "HTTPsession",
        "EventOriginalType": "ssl",
        "EventResult": "Success",
        "NetworkApplicationProtocol": "TLS",
        "Url": "https://c2.evil.test",
        "HttpHost": "c2.evil.test",
        "DstHostname": "c2",
        "DstDomain": "evil.test",
        "DstDomainType": "FQDN",
        "DstFQDN": "c2.evil.test",
    }


NAMES = ("Url", "HttpHost", "DstHostname", "DstDomain", "DstFQDN")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ("", "", "", "", "")),
        ("nas", ("https://nas", "nas", "nas", "", "")),
        ("192.168.56.101", ("https://192.168.56.101", "192.168.56.101", "", "", "")),
        ("a.b.c.test", ("https://a.b.c.test", "a.b.c.test", "a", "b.c.test", "a.b.c.test")),
    ],
)
@WAYS
def test_the_name_that_a_server_was_asked_for(
    tmp_path: Path, way: Way, name: str | None, expected: tuple[str, ...]
) -> None:
    rows = asked(tmp_path, way([HANDSHAKE | {"server_name": name}], "ssl"), "ASimWebSessionLogs")
    assert [tuple(row[each] for each in NAMES) for row in rows] == [expected]


@WAYS
def test_whether_a_handshake_came_to_its_end(tmp_path: Path, way: Way) -> None:
    cases = [(True, None, "Success"), (False, "handshake_failure", "Failure"), (None, None, "NA")]
    rows = [HANDSHAKE | {"established": done, "last_alert": alert} for done, alert, _ in cases]
    found = asked(tmp_path, way(rows, "ssl"), "ASimWebSessionLogs")
    assert [(row["EventResult"], row["EventOriginalResultDetails"]) for row in found] == [
        (result, alert or "") for _, alert, result in cases
    ]


@WAYS
def test_only_of_datagrams_the_transport_is_known(tmp_path: Path, way: Way) -> None:
    rows = [HANDSHAKE | {"version": version} for version in ("DTLSv12", "TLSv13", None)]
    found = asked(tmp_path, way(rows, "ssl"), "ASimWebSessionLogs")
    assert [row["NetworkProtocol"] for row in found] == ["UDP", "", ""]


def test_an_old_log_has_other_names_for_issuers(tmp_path: Path) -> None:
    old = ENDS | {"version": "TLSv10", "server_name": "a.test", "issuer_subject": "CN=old", "last_alert": None}
    (row,) = asked(tmp_path, in_lines([old], "ssl"), "ASimWebSessionLogs")
    assert (json.loads(row["AdditionalFields"]), row["EventResult"]) == (
        {"version": "TLSv10", "issuer": "CN=old"},
        "NA",
    )


def test_a_handshake_is_no_network_session(tmp_path: Path) -> None:
    (tmp_path / "ssl.log").write_text(in_lines([HANDSHAKE], "ssl"), encoding="utf-8")
    request = ENDS | {"method": "GET", "host": "a.test", "uri": "/", "status_code": 200, "user_agent": "x"}
    (tmp_path / "http.log").write_text(in_lines([request], "http"), encoding="utf-8")
    flow = ENDS | {"proto": "tcp", "conn_state": "SF", "orig_bytes": 1, "resp_bytes": 1}
    (tmp_path / "conn.log").write_text(in_lines([flow], "conn"), encoding="utf-8")
    kql = "\n\n".join(f"{name} | count" for name in ("ASimNetworkSessionLogs", "DeviceNetworkEvents", "_Im_WebSession"))
    assert [each.table.to_pylist() for each in herdsight.query_all(kql, tmp_path)] == [
        [{"Count": 1}],
        [{"Count": 1}],
        [{"Count": 2}],
    ]


# --- ssh --------------------------------------------------------------------------------------------------------------


@ALL_WAYS
def test_a_sign_in(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([SIGN_IN], "ssh"), "ASimAuthenticationEventLogs")
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {
        "client": "SSH-2.0-libssh_0.9",
        "server": "SSH-2.0-OpenSSH_9.6",
        "kex_alg": "curve25519-sha256",
        "hassh": "abc",
        "auth_attempts": 3,
        "version": 2,
    }
    assert found == {
        "EventType": "Logon",
        "EventSubType": "Remote",
        "EventOriginalType": "ssh",
        "EventResult": "Success",
        "LogonProtocol": "SSH",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50001,
        "TargetIpAddr": "5.6.7.8",
        "TargetPortNumber": 22,
        "TargetSessionId": "C1",
        "ActingAppName": "SSH-2.0-libssh_0.9",
        "TargetAppName": "SSH-2.0-OpenSSH_9.6",
    }


@WAYS
def test_how_a_sign_in_ended(tmp_path: Path, way: Way) -> None:
    rows = [SIGN_IN | {"auth_success": said, "auth_attempts": 0} for said in (True, False, None)]
    found = asked(tmp_path, way(rows, "ssh"), "ASimAuthenticationEventLogs")
    assert [row["EventResult"] for row in found] == ["Success", "Failure", "NA"]


def test_how_a_sign_in_ended_in_an_old_log(tmp_path: Path) -> None:
    rows = [ENDS | {"status": said, "client": "x"} for said in ("success", "failure", "undetermined", None)]
    found = asked(tmp_path, in_lines(rows, "ssh"), "ASimAuthenticationEventLogs")
    assert [row["EventResult"] for row in found] == ["Success", "Failure", "NA", "NA"]


@WAYS
def test_asims_parser_reads_sign_ins(tmp_path: Path, way: Way) -> None:
    kql = "_Im_Authentication(eventresult='Failure', srcipaddr_has_any_prefix=dynamic(['10.0.'])) | project Src, Dst"
    rows = [SIGN_IN, SIGN_IN | {"auth_success": False}]
    assert asked(tmp_path, way(rows, "ssh"), kql) == [{"Src": "10.0.0.5", "Dst": "5.6.7.8"}]


# --- weird, notice, irc -----------------------------------------------------------------------------------------------

REPORT: Row = {"EventType": "IDS", "EventResult": "Success", "EventSeverity": "Informational"}


@ALL_WAYS
def test_something_weird_is_a_report(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([WEIRD], "weird"), "ASimNetworkSessionLogs")
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {"peer": "zeek", "notice": False}
    assert found == REPORT | SEEN | {
        "EventOriginalType": "weird",
        "EventOriginalSubType": "bad_TCP_checksum",
        "NetworkRuleName": "bad_TCP_checksum",
        "EventMessage": "twice",
    }


@ALL_WAYS
def test_a_notice_is_a_report(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([NOTICE], "notice"), "ASimNetworkSessionLogs")
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {
        "sub": "CN=x",
        "n": 7,
        "actions": "Notice::ACTION_LOG,Notice::ACTION_EMAIL",
    }
    assert found == REPORT | SEEN | {
        "EventOriginalType": "notice",
        "EventOriginalSubType": "SSL::Invalid_Server_Cert",
        "NetworkProtocol": "TCP",
        "NetworkRuleName": "SSL::Invalid_Server_Cert",
        "EventMessage": "the certificate is not trusted",
    }


HOST_ALONE: Row = {
    **dict.fromkeys(ENDS),
    "ts": TS,
    "note": "SSH::Password_Guessing",
    "msg": "guessed 30 times",
    "src": "9.9.9.9",
    "actions": ["Notice::ACTION_DROP"],
    "suppress_for": 3600.0,
}


@WAYS
def test_a_notice_may_be_on_a_host_alone(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([HOST_ALONE], "notice"), "ASimNetworkSessionLogs")
    names = ("SrcIpAddr", "DstIpAddr", "DstPortNumber", "NetworkDirection", "DvcAction", "EventResult")
    assert tuple(row[name] for name in names) == ("9.9.9.9", "", None, "NA", "Drop", "Failure")


@WAYS
def test_a_notice_on_two_hosts_has_a_direction(tmp_path: Path, way: Way) -> None:
    scan = HOST_ALONE | {"dst": "10.0.0.7", "p": 23, "actions": []}
    (row,) = asked(tmp_path, way([scan], "notice"), "ASimNetworkSessionLogs")
    names = ("SrcIpAddr", "DstIpAddr", "DstPortNumber", "NetworkDirection", "DvcAction", "EventResult")
    assert tuple(row[name] for name in names) == ("9.9.9.9", "10.0.0.7", 23, "Inbound", "", "Success")


@WAYS
def test_a_report_on_no_host_is_no_network_event(tmp_path: Path, way: Way) -> None:
    nowhere = dict.fromkeys(("uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"))
    path = tmp_path / "x.log"
    path.write_text(way([WEIRD, WEIRD | nowhere, WEIRD | {"id.resp_h": "there"}], "weird"), encoding="utf-8")
    found = account(path)
    assert (found.rows, dict(found.reasons)) == (1, {"bad address": 1, "not a network event": 1})


@ALL_WAYS
def test_a_command_of_a_chat_is_a_report(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([CHAT], "irc"), "ASimNetworkSessionLogs")
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {
        name: CHAT[name] for name in ("nick", "user", "command", "value", "addl")
    }
    assert found == REPORT | SEEN | {
        "DstPortNumber": 6667,
        "EventOriginalType": "irc",
        "EventOriginalSubType": "JOIN",
        "NetworkProtocol": "TCP",
        "NetworkApplicationProtocol": "IRC",
        "SrcUsername": "bot17",
    }


@pytest.mark.parametrize(
    ("row", "path", "name"),
    [(WEIRD, "weird", "bad_TCP_checksum"), (NOTICE, "notice", "SSL::Invalid_Server_Cert"), (CHAT, "irc", "JOIN")],
)
@WAYS
def test_defender_tells_of_a_report_as_of_a_signature(tmp_path: Path, way: Way, row: Row, path: str, name: str) -> None:
    kql = "DeviceNetworkEvents | extend Name = tostring(AdditionalFields.SignatureName)"
    (found,) = asked(tmp_path, way([row], path), f"{kql} | project ActionType, DeviceName, RemoteIP, Name")
    assert found == {
        "ActionType": "NetworkSignatureInspected",
        "DeviceName": "10.0.0.5",
        "RemoteIP": "5.6.7.8",
        "Name": name,
    }


@WAYS
def test_a_report_is_not_in_a_firewalls_log(tmp_path: Path, way: Way) -> None:
    inbound = WEIRD | {"id.orig_h": "5.6.7.8", "id.resp_h": "10.0.0.5"}
    assert asked(tmp_path, way([inbound], "weird"), "CommonSecurityLog") == []


# --- dhcp -------------------------------------------------------------------------------------------------------------


@ALL_WAYS
def test_a_lease(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([LEASE], "dhcp"), "ASimDhcpEventLogs")
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {"server_addr": "10.0.0.1", "client_addr": "10.0.0.5"}
    assert found == {
        "EventSchema": "DhcpEvent",
        "EventType": "Assign",
        "EventOriginalType": "DISCOVER,OFFER,REQUEST,ACK",
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.6",
        "SrcMacAddr": "06:10:9f:eb:8f:14",
        "SrcHostname": "desk-1",
        "SrcFQDN": "desk-1.example.org",
        "SrcDomain": "example.org",
        "SrcDomainType": "FQDN",
        "RequestedIpAddr": "10.0.0.4",
        "DhcpLeaseDuration": 3600,
        "DhcpSessionDuration": 12,
        "DhcpSessionId": "C1,C2",
    }


@pytest.mark.parametrize(
    ("messages", "kind", "result"),
    [
        (["REQUEST", "ACK"], "Renew", "Success"),
        (["REQUEST", "NAK"], "Renew", "Failure"),
        (["DISCOVER", "OFFER"], "Assign", "NA"),
        (["DISCOVER", "OFFER", "REQUEST", "ACK", "DECLINE"], "Assign", "Failure"),
        (["RELEASE"], "Release", "Success"),
    ],
)
@WAYS
def test_what_became_of_a_lease(tmp_path: Path, way: Way, messages: list[str], kind: str, result: str) -> None:
    (row,) = asked(tmp_path, way([LEASE | {"msg_types": messages}], "dhcp"), "ASimDhcpEventLogs")
    assert (row["EventType"], row["EventResult"]) == (kind, result)


@WAYS
def test_an_old_log_has_a_line_for_each_lease(tmp_path: Path, way: Way) -> None:
    old = ENDS | {"mac": "06:10:9f:eb:8f:14", "assigned_ip": "10.0.0.6", "lease_time": 60.0, "trans_id": 99}
    (row,) = asked(tmp_path, way([old], "dhcp"), "_Im_DhcpEvent")
    assert (row["SrcIpAddr"], row["EventType"], row["EventResult"]) == ("10.0.0.6", "Assign", "Success")
    assert (row["IpAddr"], row["SessionId"], row["Duration"]) == ("10.0.0.6", "C1", 60)


@WAYS
def test_a_client_without_a_lease_has_the_address_that_it_has(tmp_path: Path, way: Way) -> None:
    inform = LEASE | {"assigned_addr": None, "msg_types": ["INFORM", "ACK"], "host_name": None}
    (row,) = asked(tmp_path, way([LEASE, inform], "dhcp"), "ASimDhcpEventLogs | where isempty(SrcHostname)")
    assert row["SrcIpAddr"] == "10.0.0.5"


@WAYS
def test_a_lease_of_no_address_is_rejected(tmp_path: Path, way: Way) -> None:
    path = tmp_path / "x.log"
    path.write_text(way([LEASE, LEASE | {"assigned_addr": "here"}], "dhcp"), encoding="utf-8")
    found = account(path)
    assert (found.rows, dict(found.reasons)) == (1, {"bad address": 1})


# --- which log it is --------------------------------------------------------------------------------------------------

REQUEST: Row = ENDS | {"trans_depth": 1, "method": "GET", "uri": "/", "user_agent": "x", "status_code": 200}
CALL: Row = ENDS | {
    "trans_depth": 0,
    "method": "INVITE",
    "uri": "sip:100@5.6.7.8",
    "call_id": "1",
    "user_agent": "friendly-scanner",
    "status_code": None,
}
MAIL: Row = ENDS | {"trans_depth": 1, "helo": "x", "mailfrom": "a@b.test", "user_agent": "x", "tls": False}
TICKET: Row = ENDS | {"request_type": "AS", "cipher": "aes256", "till": 1.0, "success": True, "renewable": True}
STREAM: Row = ENDS | {"version": "1", "client_initial_dcid": "a", "server_name": "a.test", "history": "ISIS"}
TRANSFER: Row = ENDS | {"user": "anonymous", "command": "RETR", "arg": "x", "reply_code": 226}
LOOKUP: Row = ENDS | {"proto": "udp", "trans_id": 1, "query": "a.test", "qtype": 1, "qtype_name": "A"}
FLOW: Row = ENDS | {"proto": "tcp", "conn_state": "SF", "orig_bytes": 1, "resp_bytes": 1}
LOGS = {
    "conn": FLOW,
    "dns": LOOKUP,
    "http": REQUEST,
    "ssl": HANDSHAKE,
    "ssh": SIGN_IN,
    "weird": WEIRD,
    "notice": NOTICE,
    "irc": CHAT,
    "dhcp": LEASE,
    "sip": CALL,
    "smtp": MAIL,
    "kerberos": TICKET,
    "quic": STREAM,
    "ftp": TRANSFER,
}
READ = ("conn", "dns", "http", "ssl", "ssh", "weird", "notice", "irc", "dhcp")


def _format(path: Path) -> str | None:
    """What the only format calls it that knows that log."""
    head = read_head(path)
    found = [(each, layout) for each in all_formats() if (layout := each.recognise(head))]
    assert len(found) <= 1, [each.name for each, _ in found]
    return (found[0][1].name or found[0][0].name) if found else None


def _format_of(tmp_path: Path, text: str) -> str | None:
    (tmp_path / "x.log").write_text(text, encoding="utf-8")
    return _format(tmp_path / "x.log")


@pytest.mark.parametrize("path", LOGS)
@ALL_WAYS
def test_a_log_is_itself_alone(tmp_path: Path, way: Way, path: str) -> None:
    found = _format_of(tmp_path, way([LOGS[path]], path))
    if path in READ:
        assert found == (f"zeek-{path}-json" if way in (in_json, in_plain_json, in_stream_json) else f"zeek-{path}")
    elif way in (in_nameless_lines, in_plain_json):
        assert found in (f"zeek-{path}", "zeek")  # what tells a log that is not read is not always known
    else:
        assert found == f"zeek-{path}"


def test_a_log_is_what_it_says_whatever_its_fields(tmp_path: Path) -> None:
    for path in ("sip", "http", "smtp", "files"):
        assert _format_of(tmp_path, in_lines([CALL], path)) == f"zeek-{path}"


def test_under_a_sites_own_name_the_fields_tell(tmp_path: Path) -> None:
    assert _format_of(tmp_path, in_lines([HANDSHAKE], "ssl_inbound")) == "zeek-ssl"
    assert _format_of(tmp_path, in_json([SIGN_IN], "ssh_red")) == "zeek-ssh-json"


@pytest.mark.parametrize("key", ["_path", "@path", "#path", "@stream", "stream"])
def test_json_says_under_many_keys_which_log_it_is(tmp_path: Path, key: str) -> None:
    line = json.dumps({key: "sip", **CALL}) + "\n"
    assert _format_of(tmp_path, line) == "zeek-sip"
    assert _format_of(tmp_path, line.replace('"sip"', '"http"', 1)) == "zeek-http-json"


def test_of_several_keys_the_first_tells_which_log_it_is(tmp_path: Path) -> None:
    line = json.dumps({"@stream": "sensor-7", "_path": "ssl", **HANDSHAKE})
    assert _format_of(tmp_path, line + "\n") == "zeek-ssl-json"


def test_what_other_programs_call_a_stream_is_none(tmp_path: Path) -> None:
    assert _format_of(tmp_path, '{"ts": 1, "stream": "stdin", "log": "x"}\n') is None


# --- several logs in one file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["_path", "@stream"])
def test_lines_of_several_logs_are_each_of_their_own(tmp_path: Path, key: str) -> None:
    rows = [json.dumps({key: path, **row}) for path, row in LOGS.items()] * 2
    path = tmp_path / "x.log"
    path.write_text("\n".join([*rows, "{", '{"a": 1}', json.dumps(CHAT)]) + "\n", encoding="utf-8")
    found = account(path)
    assert (found.rows, found.table) == (2 * len(READ), "ASimNetworkSessionLogs")
    unread = {f"other event: {log}": 2 for log in ("sip", "smtp", "kerberos", "quic", "ftp")}
    # An object without any key of Zeek's is told as what is no JSON.
    assert found.reasons == unread | {"bad JSON": 2, "other event": 1}
    tables = ("ASimNetworkSessionLogs", "ASimDnsActivityLogs", "ASimWebSessionLogs", "ASimAuthenticationEventLogs")
    kql = "\n\n".join(f"{table} | count" for table in (*tables, "ASimDhcpEventLogs"))
    counts = [each.table.to_pylist()[0]["Count"] for each in herdsight.query_all(kql, path)]
    assert counts == [2 * 4, 2, 2 * 2, 2, 2]


def test_a_line_of_a_mixed_file_leads_back_to_its_record(tmp_path: Path) -> None:
    rows = [{"_path": "dns", **LOOKUP}, {"_path": "ssl", **HANDSHAKE}, {"_path": "ssl", **HANDSHAKE, "id.resp_h": "x"}]
    path = tmp_path / "x.log"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (file,) = herdsight.inspect(path).files
    assert {each.reason: each.records for each in file.samples} == {"bad address": (3,)}


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("path", ["ssl", "ssh", "weird", "notice", "irc", "dhcp"])
@WAYS
def test_whatever_happens_to_its_bytes_no_record_is_lost(
    tmp_path: Path, way: Way, path: str, data: st.DataObject
) -> None:
    text = way([LOGS[path]] * 5, path)
    end = "\n" if way is in_json else f"{list(LOGS[path])[-1]}\n"
    head, _, body = text.partition(end)
    raw = bytearray(body.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00\xff\t"{}[]\\,#x0'))
    (tmp_path / "x.log").write_bytes(head.encode() + end.encode() + bytes(raw))
    found = account(tmp_path / "x.log")
    lines = [line for line in bytes(raw).split(b"\n") if line.strip(b" \r\t")]
    most = len(lines) + (way is in_json)
    assert found.rows + found.rejected in range(most - sum(line.startswith(b"#") for line in lines), most + 1)


# --- Real captures ----------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_calls_are_no_web_requests(shared_data: Path) -> None:
    path = shared_data / "data" / "labelled" / "stratosphere-008-zeek-mixed" / "data" / "sip.log.labeled"
    assert _format(path) == "zeek-sip"


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "log", "rows", "rejected"),
    [
        ("labelled/remcos-test18/zeek-labeled/ssl.log.labeled", "zeek-ssl", None, 0),
        ("labelled/remcos-test18/zeek-labeled/dhcp.log.labeled", "zeek-dhcp", 1, 0),
        ("labelled/dns-c2-txt/rdp_sharprdp/json/dhcp.log", "zeek-dhcp-json", 1, 0),
        ("labelled/dns-c2-txt/rdp_sharprdp/json/notice.log", "zeek-notice-json", 1, 0),
        ("labelled/rita-proxy/weird.log", "zeek-weird", 90, 41),
        ("formats/zat/data/tor_ssl.log", "zeek-ssl", 733, 0),
    ],
)
def test_real_logs_are_read(shared_data: Path, name: str, log: str, rows: int | None, rejected: int) -> None:
    path = shared_data / "data" / name
    found = account(path)
    plain = [line for line in path.read_bytes().splitlines() if line.strip() and not line.startswith(b"#")]
    assert (found.format, found.rejected) == (log, rejected)
    assert found.rows == (len(plain) if rows is None else rows)
    assert found.rows + found.rejected == len(plain)


@pytest.mark.shared_data
def test_both_ways_to_write_a_real_log_say_the_same(shared_data: Path) -> None:
    folder = shared_data / "data" / "labelled" / "dns-c2-txt" / "rdp_sharprdp"
    for name, table in (
        ("ssl", "ASimWebSessionLogs"),
        ("dhcp", "ASimDhcpEventLogs"),
        ("notice", "ASimNetworkSessionLogs"),
    ):
        kql = f"{table} | project-away TimeGenerated, EventStartTime"
        tabbed, in_objects = (herdsight.query(kql, folder / way / f"{name}.log").to_pylist() for way in ("tsv", "json"))
        assert tabbed == in_objects
