"""`simulate`: each behaviour has what its parameters promise, and what is written is read back."""

import json
import socket
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import herdsight
from herdsight.cli import main
from herdsight.errors import InputError
from herdsight.logs.zeek import dns
from herdsight.simulation import live
from herdsight.simulation.behaviours import all_behaviours
from herdsight.simulation.behaviours.beacon import Beacon, beacon
from herdsight.simulation.behaviours.inbound import REFLECTORS, Amplification, Stuffing, amplification, stuffing
from herdsight.simulation.behaviours.names import Dga, DnsTunnel, dga, dns_tunnel
from herdsight.simulation.behaviours.ordinary import Ordinary, background, days
from herdsight.simulation.behaviours.outbound import P2pBot, Spreader, p2p_bot, spreader
from herdsight.simulation.behaviours.relay import Relay, relay
from herdsight.simulation.office import NETWORK
from herdsight.simulation.parameters import parameters_of
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.truth import DEEDS

SMALL: dict[str, Any] = {
    "http-flood": {"requests": 500},
    "syn-flood": {"requests": 500},
    "outbound-ddos": {"sessions": 500},
}
QUICK = [name for name in all_behaviours() if name != "background"]


def _rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def _made(name: str, seed: int = 1) -> Simulated:
    behaviour = all_behaviours()[name]
    return behaviour.make(replace(behaviour.setting, **SMALL.get(name, {})), _rng(seed))


def _values(table: pa.Table, column: str) -> set[Any]:
    return set(table[column].to_pylist())


def _counts(table: pa.Table, column: str) -> dict[Any, int]:
    return dict(Counter(table[column].to_pylist()))


def _seconds(table: pa.Table) -> "np.typing.NDArray[np.float64]":
    times = np.sort(table["TimeGenerated"].to_numpy())
    seconds: np.typing.NDArray[np.float64] = (times - times[0]) / np.timedelta64(1, "s")
    return seconds


# --- every behaviour --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUICK)
def test_the_same_generator_makes_the_same_rows(name: str) -> None:
    one, again, other = _made(name), _made(name), _made(name, 2)
    for part in ("sessions", "queries", "sign_ins", "reports"):
        assert getattr(one, part).equals(getattr(again, part))
    assert not (one.sessions.equals(other.sessions) and one.reports.equals(other.reports))


@pytest.mark.parametrize("name", QUICK)
def test_the_truth_names_what_is_there(name: str) -> None:
    made = _made(name)
    assert bool(made.malicious) != (name in {f"page-test-{number}" for number in range(1, 5)})
    known = {
        value
        for column in ("SrcIpAddr", "DstIpAddr", "SrcHostname", "DstHostname")
        for value in _values(made.sessions, column)
    }
    asked = " ".join(_values(made.queries, "DnsQuery"))
    for entry in made.malicious:
        assert entry.behaviour in DEEDS
        assert entry.host in known
        assert entry.remote is None or entry.remote in known or entry.remote in asked
        assert entry.port is None or entry.port in _values(made.sessions, "DstPortNumber")


@pytest.mark.parametrize("name", list(all_behaviours()))
def test_every_parameter_says_what_it_means(name: str) -> None:
    found = list(parameters_of(type(all_behaviours()[name].setting)))
    assert found
    assert all(each.meaning for each in found)


@pytest.mark.parametrize("name", QUICK)
def test_each_query_is_a_session(name: str) -> None:
    made = _made(name)
    assert _values(made.queries, "DnsSessionId") <= _values(made.sessions, "NetworkSessionId")


# --- beacons ----------------------------------------------------------------------------------------------------------


@given(
    period_s=st.floats(20, 3_600),
    jitter=st.floats(0, 0.5),
    spread=st.sampled_from(["uniform", "normal"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_gaps_stay_within_the_jitter(period_s: float, jitter: float, spread: Any, seed: int) -> None:
    bot = Beacon(period_s=period_s, jitter=jitter, spread=spread, days=0.3)
    gaps = np.diff(_seconds(beacon(bot, _rng(seed)).sessions))
    assert (gaps >= period_s * (1 - jitter) - 1e-5).all()
    assert (gaps <= period_s * (1 + jitter) + 1e-5).all()


def test_the_sleep_of_a_beacon_changes() -> None:
    gaps = np.diff(_seconds(beacon(Beacon(jitter=0, period_s=60, new_period_s=600), _rng()).sessions))
    assert np.count_nonzero(np.isclose(gaps, 60)) == pytest.approx(719, abs=2)
    assert np.count_nonzero(np.isclose(gaps, 600)) == pytest.approx(71, abs=2)


def test_a_check_in_may_be_a_burst() -> None:
    made = beacon(Beacon(jitter=0, period_s=600, burst=3), _rng())
    assert made.sessions.num_rows == 3 * 144
    assert np.count_nonzero(np.diff(_seconds(made.sessions)) < 0.4) == 2 * 144


def test_a_beacon_rotates_its_servers() -> None:
    made = beacon(Beacon(servers=4), _rng())
    counts = _counts(made.sessions, "DstIpAddr").values()
    assert len(counts) == 4
    assert max(counts) - min(counts) <= 1
    assert {entry.remote for entry in made.malicious} == _values(made.sessions, "DstIpAddr")


def test_a_dead_server_refuses() -> None:
    made = beacon(Beacon(failing=1, failure="REJ"), _rng())
    assert _values(made.sessions, "EventOriginalResultDetails") == {"REJ"}
    assert _values(made.events, "ActionType") == {"ConnectionFailed"}


def test_behind_a_proxy_the_name_alone_tells_the_server() -> None:
    made = beacon(Beacon(proxy="10.20.1.20", domain="c2.example"), _rng())
    assert _values(made.sessions, "DstIpAddr") == {"10.20.1.20"}
    assert _values(made.events, "RemoteUrl") == {"c2.example"}
    assert _values(made.events, "RemoteIPType") == {"Private"}
    assert not made.queries.num_rows


def test_a_named_server_is_looked_up_first() -> None:
    made = beacon(Beacon(domain="c2.example"), _rng())
    assert _values(made.queries, "DnsQuery") == {"c2.example"}
    assert 200 < made.queries.num_rows <= 289
    assert _values(made.queries, "DnsResponseName") <= _values(made.sessions, "DstIpAddr")


def test_an_aggregated_report_counts_what_the_sensor_sees() -> None:
    made = beacon(Beacon(aggregated=True, failing=0), _rng())
    bags = [json.loads(each) for each in made.events["AdditionalFields"].to_pylist() if each]
    assert 24 <= len(bags) <= 25
    assert sum(each["uniqueEventsAggregated"] for each in bags) == made.sessions.num_rows
    assert _values(made.events, "ActionType") == {"ConnectionSuccess", "ConnectionSuccessAggregatedReport"}


# --- the others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_a_relay_has_its_hops(hops: int) -> None:
    node = Relay(hops=hops, days=2)
    made = relay(node, _rng())
    counts = _counts(made.sessions, "NetworkDirection")
    expected = {"Inbound": 60, "Outbound": 60, "Local": 60 * (hops - 1)}
    assert counts == {name: count for name, count in expected.items() if count}
    assert [entry.host for entry in made.malicious] == list(node.chain)


def test_a_watched_relay_accepts_and_connects() -> None:
    made = relay(Relay(process="relay.exe"), _rng())
    assert _counts(made.events, "ActionType") == {
        "InboundConnectionAccepted": 30,
        "ConnectionSuccess": 30,
    }
    assert _values(made.events, "DeviceName") == {"nas-13.corp.example"}
    assert 8443 in made.events.filter(pc.field("ActionType") == "InboundConnectionAccepted")["LocalPort"].to_pylist()


def test_stolen_passwords_come_from_many_networks_and_few_get_in() -> None:
    made = stuffing(Stuffing(networks=30, sources=120), _rng())
    networks = {address.rpartition(".")[0] for address in _values(made.sessions, "SrcIpAddr")}
    assert len(networks) == 30
    served = made.sessions.filter(pc.field("EventOriginalResultDetails") == "SF").num_rows
    assert made.sign_ins.num_rows == served
    succeeded = made.sign_ins.filter(pc.field("EventResult") == "Success").num_rows
    assert 0 < succeeded < served * 0.01
    assert _values(made.sign_ins, "SrcIpAddr") <= _values(made.sessions, "SrcIpAddr")


def test_an_amplification_comes_from_the_ports_of_the_services() -> None:
    made = amplification(Amplification(by=("ntp", "memcached")), _rng())
    assert _values(made.sessions, "SrcPortNumber") == {REFLECTORS["ntp"][0], REFLECTORS["memcached"][0]}
    assert _values(made.sessions, "NetworkProtocol") == {"UDP"}
    assert _values(made.sessions, "DstBytes") == {0}


@given(silent=st.floats(0, 1), count=st.integers(1, 300))
@settings(max_examples=10, deadline=None)
def test_a_spreader_tries_each_address_once(silent: float, count: int) -> None:
    made = spreader(Spreader(destinations=count, silent=silent, refusing=0), _rng())
    assert len(_values(made.sessions, "DstIpAddr")) == made.sessions.num_rows == count
    assert _values(made.sessions, "DstPortNumber") == {23}


@pytest.mark.parametrize("family", ["character", "hash", "words"])
def test_made_up_names_do_not_exist_but_the_last(family: Any) -> None:
    made = dga(Dga(family=family, days=2, a_day=50), _rng())
    codes = made.queries["EventResultDetails"].to_pylist()
    assert codes == (["NXDOMAIN"] * 49 + ["NOERROR"]) * 2
    names = _values(made.queries, "DnsQuery")
    assert len(names) > 95 or family == "words"
    assert all(name.rpartition(".")[2] in {"example", "test", "invalid"} for name in names)


@pytest.mark.parametrize("kind", ["TXT", "NULL", "A"])
def test_a_tunnel_asks_ever_new_names_of_one_domain(kind: Any) -> None:
    made = dns_tunnel(DnsTunnel(kind=kind, queries=200, label_bytes=60), _rng())
    names = _values(made.queries, "DnsQuery")
    assert len(names) == 200
    assert all(name.endswith(".sync.harborlight.example") for name in names)
    assert all(len(label) <= 63 for name in names for label in name.split("."))
    assert _values(made.queries, "DnsQueryTypeName") == {kind}


def test_a_p2p_bot_asks_its_peers_in_rounds() -> None:
    made = p2p_bot(P2pBot(), _rng())
    assert made.sessions.num_rows == pytest.approx(48 * 12, abs=36)
    assert _values(made.sessions, "SrcPortNumber") == _values(made.sessions, "DstPortNumber") == {16_464}
    assert len(_values(made.sessions, "DstIpAddr")) <= 120


# --- the tests of the page --------------------------------------------------------------------------------------------


def test_the_first_test_is_as_the_page_states_it() -> None:
    made = _made("page-test-1")
    events = made.events.to_pylist()
    assert made.sessions.num_rows == 0
    assert len(events) == 30
    assert {(row["InitiatingProcessFileName"], row["RemoteIP"], row["RemotePort"]) for row in events} == {
        ("powershell.exe", "127.0.0.1", 8080)
    }
    assert {(row["ActionType"], row["RemoteIPType"]) for row in events} == {("ConnectionFailed", "Loopback")}
    gaps = np.diff(_seconds(made.events))
    assert ((gaps > 9.6) & (gaps < 10.4)).all()


def test_the_second_test_is_one_connection_in_and_one_out() -> None:
    came, went = _made("page-test-2").events.to_pylist()
    assert (came["ActionType"], came["LocalPort"], came["RemoteIPType"]) == (
        "InboundConnectionAccepted",
        19_876,
        "Loopback",
    )
    assert (went["ActionType"], went["RemoteIP"], went["RemotePort"]) == ("ConnectionSuccess", "8.8.8.8", 53)
    assert went["TimeGenerated"] - came["TimeGenerated"] < timedelta(minutes=5)


def test_the_third_test_is_one_event_on_the_port_of_irc() -> None:
    (event,) = _made("page-test-3").events.to_pylist()
    assert (event["RemotePort"], event["InitiatingProcessFileName"]) == (6667, "powershell.exe")


def test_the_fourth_test_goes_to_thirty_addresses_of_a_documentation_network() -> None:
    events = _made("page-test-4").events
    assert len(_values(events, "RemoteIP")) == events.num_rows == 30
    assert all(address.startswith("203.0.113.") for address in _values(events, "RemoteIP"))
    assert _values(events, "RemotePort") == {22}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_sysmon_logs_what_the_page_expects_of_it(number: int, tmp_path: Path) -> None:
    herdsight.simulate(f"page-test-{number}", tmp_path / "out", forms="sysmon")
    rows = herdsight.query("DeviceNetworkEvents | project RemoteIP, RemotePort", tmp_path / "out" / "logs")
    assert rows.num_rows == {1: 30, 2: 2, 3: 1, 4: 30}[number]


# --- the background ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weekday() -> Simulated:
    return background(Ordinary(hosts=25), _rng())


def test_every_host_is_heard_of_in_every_hour(weekday: Simulated) -> None:
    rows = weekday.sessions
    hours = (rows["TimeGenerated"].to_numpy().astype("datetime64[h]")).astype(np.int64) % 24
    heard: dict[str, set[int]] = {}
    for name in ("SrcIpAddr", "DstIpAddr"):
        for address, hour in zip(map(str, rows[name].to_pylist()), hours, strict=True):
            if address.startswith(NETWORK[:6]):
                heard.setdefault(address, set()).add(int(hour))
    assert len(heard) == 25
    assert {len(each) for each in heard.values()} == {24}


def test_a_server_outside_is_looked_up_before_it_is_called(weekday: Simulated) -> None:
    answers = weekday.queries.filter(pc.field("DnsResponseName") != "").to_pylist()
    first: dict[tuple[str, str], Any] = {}
    for row in answers:
        first.setdefault((row["SrcIpAddr"], row["DnsResponseName"]), row["TimeGenerated"])
    web = weekday.sessions.filter(pc.field("SrcAppName") == "chrome.exe").to_pylist()
    assert web
    assert all(first[row["SrcIpAddr"], row["DstIpAddr"]] <= row["EventStartTime"] for row in web)


def test_names_are_asked_less_often_than_their_servers_are_called(weekday: Simulated) -> None:
    called = weekday.sessions.filter(pc.field("NetworkDirection") == "Outbound").num_rows
    assert 0.05 * called < weekday.queries.num_rows < 0.8 * called
    codes = weekday.queries["EventResultDetails"].to_pylist()
    assert 0 < codes.count("NXDOMAIN") < 0.02 * len(codes)


def test_at_weekends_few_people_work_and_the_servers_outside_stay() -> None:
    thursday, _friday, saturday = days(Ordinary(hosts=25, days=3), _rng())
    at_work, at_rest = (day.sessions.filter(pc.field("SrcAppName") == "chrome.exe") for day in (thursday, saturday))
    assert at_rest.num_rows < 0.2 * at_work.num_rows
    telemetry = [
        _values(day.sessions.filter(pc.field("SrcAppName") == "MsMpEng.exe"), "DstIpAddr")
        for day in (thursday, saturday)
    ]
    assert telemetry[0] == telemetry[1]


@pytest.mark.parametrize("hosts", [0, 9, 100_000])
def test_an_office_has_a_size(hosts: int) -> None:
    with pytest.raises(InputError, match="an office has from"):
        background(Ordinary(hosts=hosts), _rng())


# --- writing ----------------------------------------------------------------------------------------------------------

ALL_FORMS = ("zeek", "defender", "cef", "sysmon", "suricata", "argus")


def test_the_same_options_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once", "again"):
        herdsight.simulate("beacon", tmp_path / name, forms=ALL_FORMS, seed=3, background=12, domain="c2.example")
    files = {path.relative_to(tmp_path / "once"): path for path in (tmp_path / "once").rglob("*") if path.is_file()}
    assert len(files) == 10
    assert all((tmp_path / "again" / name).read_bytes() == path.read_bytes() for name, path in files.items())


@pytest.mark.parametrize("form", ALL_FORMS)
def test_all_that_is_written_is_read(form: str, tmp_path: Path) -> None:
    found = herdsight.simulate("beacon", tmp_path / "out", forms=form, domain="c2.example", days=0.5)
    read = {(each.path, each.format): each.rows for each in herdsight.inspect(tmp_path / "out" / "logs").files}
    assert read == {(each.path, each.format): each.rows for each in found.files}
    assert found.left_out


def test_sign_ins_are_read(tmp_path: Path) -> None:
    found = herdsight.simulate("credential-stuffing", tmp_path / "out", forms="defender", requests=300)
    kql = "ASimAuthenticationEventLogs | summarize n = count() by EventResult, LogonMethod"
    rows = herdsight.query(kql, tmp_path / "out" / "logs").to_pylist()
    assert sum(row["n"] for row in rows) == found.files[0].rows
    assert {row["LogonMethod"] for row in rows} == {"Username & Password"}


@pytest.mark.parametrize("name", ["dga", "dns-tunnel"])
def test_queries_are_read_back_as_they_were_made(name: str, tmp_path: Path) -> None:
    made = _made(name)
    dns.write(made.queries, tmp_path / "dns.log")
    columns = [each for each in made.queries.column_names if not each.startswith(("Dvc", "Src")) or each == "SrcIpAddr"]
    kql = f"ASimDnsActivityLogs | project {', '.join(columns)}"
    read = herdsight.query(kql, tmp_path / "dns.log").select(columns)
    assert read.to_pylist() == made.queries.select(columns).to_pylist()


def test_the_truth_file_lies_beside_the_logs(tmp_path: Path) -> None:
    herdsight.simulate("dga", tmp_path / "out")
    said = YAML(typ="safe").load(tmp_path / "out" / "truth.yaml")
    assert (said["name"], said["logs"], said["local"]) == ("dga", ["logs"], [NETWORK])
    assert [entry["behaviour"] for entry in said["malicious"]] == ["dga", "dga"]


# --- what is refused --------------------------------------------------------------------------------------------------


def _refused(*words: str) -> str:
    done = CliRunner().invoke(main, ["simulate", *words])
    assert done.exit_code == 2
    return done.stderr


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert "holds something already" in _refused("beacon", "--out", str(tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("becon",), "did you mean `beacon`"),
        (("beacon", "--as", "zeek,papyrus"), "there is no form 'papyrus'"),
        (("beacon", "--set", "perod_s=3"), "did you mean `period_s`"),
        (("beacon", "--set", "period_s=soon"), "it is a number"),
        (("beacon", "--set", "period_s=nan"), "it is a number"),
        (("beacon", "--set", "period_s=0"), "must be more than 0"),
        (("beacon", "--set", "jitter=1.5"), "from 0 to 1"),
        (("beacon", "--set", "port=70000"), "from 0 to 65535"),
        (("beacon", "--set", "spread=pareto"), "one of uniform, normal"),
        (("beacon", "--set", "aggregated=perhaps"), "true or false"),
        (("beacon", "--days", "-1"), "days must be"),
        (("beacon", "--set", "start=yesterday"), "a time, as"),
        (("relay", "--set", "lag_s=1"), "a list of values"),
        (("background", "--background", "20"), "no background"),
        ((), "name a behaviour"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    assert said in _refused(*words, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_list_has_every_behaviour() -> None:
    done = CliRunner().invoke(main, ["simulate", "--list", "--format", "json"])
    said = json.loads(done.stdout)
    assert [each["name"] for each in said["behaviours"]] == list(all_behaviours())
    assert CliRunner().invoke(main, ["simulate", "--list"]).stdout.startswith("amplification")


# --- live -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [f"page-test-{number}" for number in range(1, 4)])
def test_a_live_test_opens_sockets_of_this_machine(name: str) -> None:
    told = live.run_live(name, {"port": "0", "attempts": "3", "gap_s": "0"})
    assert [(each.address, each.outcome) for each in told] == [("127.0.0.1", "connected")] * 3
    assert len({each.port for each in told}) == 1


def test_the_fourth_live_test_goes_through_the_addresses_of_loopback() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = live.run_live("page-test-4", {"port": str(port), "gap_s": "0"})
    assert [each.address for each in told] == [f"127.0.0.{number}" for number in range(1, 31)]


@pytest.mark.parametrize(
    "address",
    [
        *(
            "localhost",
            "8.8.8.8",
            str(ip_address(0)),
            "::",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "0x7f000001",
            "2130706433",
        ),
        *(
            "127.1",
            "0177.0.0.1",
            "127.0.0.01",
            "127.0.0.1:80",
            "127.0.0.1%lo",
            "::1%lo",
            "0:0:0:0:0:0:0:1",
            "",
            " 127.0.0.1",
        ),
        *("10.0.0.1", "169.254.169.254", "255.255.255.255", "example.com", "127.0.0.1/8"),
    ],
)
def test_a_live_test_refuses_every_other_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: object) -> None:
        pytest.fail("a socket was made")

    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(InputError, match="address"):
        live.run_live("page-test-1", {"address": address, "attempts": "1"})


@pytest.mark.parametrize(
    "values",
    [
        {"attempts": "0"},
        {"attempts": "201"},
        {"gap_s": "nan"},
        {"gap_s": "1e9"},
        {"gap_s": "-1"},
        {"port": "70000"},
        {"port": "x"},
        {"host": "127.0.0.1"},
    ],
)
def test_a_live_test_is_bounded(values: dict[str, str]) -> None:
    with pytest.raises(InputError):
        live.run_live("page-test-1", values)


def test_only_the_tests_of_the_page_run_live() -> None:
    with pytest.raises(InputError, match="cannot be run live"):
        live.run_live("outbound-ddos", {})


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be listened on"):
            live.run_live("page-test-1", {"port": str(taken.getsockname()[1]), "attempts": "1"})


def test_the_command_prints_what_it_opened() -> None:
    words = ["simulate", "page-test-3", "--live", "--set", "port=0", "--format", "json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0
    assert [each["outcome"] for each in json.loads(done.stdout)["opened"]] == ["connected"]
    assert "127.0.0.1 port" in done.stderr
