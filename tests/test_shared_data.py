"""All of the shared data: which of its files are not read, and that no two families of formats read one file."""

from pathlib import Path

import pytest

from herdsight.loading.load import looked_at
from herdsight.loading.records import LogFile, ReadOptions
from herdsight.logs.files import found, shown_path
from herdsight.logs.packed.archives import opened

# By folder, what is no log of a format that is named: texts, lists of names and domains, Zeek's logs of other kinds,
# output of tshark, a log without a header.
_UNREAD = {
    "": "INDEX.md",
    "formats/defender-advanced-hunting": "LICENSE README.md",
    "formats/defender-advanced-hunting/tests/results": "Defender_2023-10_output.csv",
    "formats/rita-text_file": "conn.log",
    "formats/rita-truncated": "conn_top.log",
    "formats/sysmon-json": "LICENSE-MIT",
    "formats/zat": "LICENSE",
    "formats/zat/data": "app_stats.log files.log ftp.log intel_example.intel smtp.log top_domains_1k.csv x509.log",
    "formats/zat/data/json": (
        "capture_loss.log dce_rpc.log files.log kerberos.log loaded_scripts.log ntp.log "
        "packet_filter.log smb_files.log smb_mapping.log stats.log x509.log"
    ),
    "indicators": "LICENSE-MIT cobaltstrike.txt elf_mirai.txt lapdogs.txt raptrain.txt",
    "labelled": "STRATOSPHERE-LICENSE-GPL-2.0",
    "labelled/dns-c2-txt": "LICENSE.txt README.md",
    "labelled/dns-c2-txt/rdp_sharprdp/json": (
        "capture_loss.log known_certs.log known_hosts.log known_services.log packet_filter.log rdp.log "
        "stats.log telemetry.log x509.log"
    ),
    "labelled/dns-c2-txt/rdp_sharprdp/tsv": (
        "capture_loss.log known_certs.log known_hosts.log known_services.log packet_filter.log rdp.log "
        "stats.log telemetry.log x509.log"
    ),
    "labelled/dns-tunnel": "dns2tcp.dnsq.tsv",
    "labelled/remcos-test18": "README.md labels.config",
    "labelled/remcos-test18/zeek-labeled": "quic.log.labeled telemetry.log.labeled",
    "labelled/rita-proxy": (
        "capture_loss.log dpd.log files.log known_hosts.log known_services.log loaded_scripts.log "
        "packet_filter.log software.log stats.log tunnel.log x509.log"
    ),
    "labelled/stratosphere-001-zeek-scenario-malicious": "README.md",
    "labelled/stratosphere-002-zeek-scenario-port-scanning": "README.md",
    "labelled/stratosphere-003-zeek-scenario-malicious": "README.md",
    "labelled/stratosphere-008-zeek-mixed": "README.md labels.config",
    "labelled/stratosphere-008-zeek-mixed/data": "sip.log.labeled tunnel.log.labeled",
}
_BTEST = "formats/zeek-btest/"  # most of it is output of zeek-cut: a line of names that is no header of Zeek's
_NO_ENDS = {f"{_BTEST}spicy.terminate-session/conn.log", f"{_BTEST}javascript.http-uri-sha256/http.log"}
_FAMILIES = {"sysmon": "windows"}  # one event log holds both


@pytest.mark.shared_data
def test_only_what_is_no_log_of_a_named_format_is_not_read(shared_data: Path, tmp_path: Path) -> None:
    data = shared_data / "data"
    readings = _readings(data, tmp_path)
    unread = {name for name, each in readings.items() if not any(reading.is_readable for reading in each)}
    listed = {f"{folder}/{name}".lstrip("/") for folder, names in _UNREAD.items() for name in names.split()}
    lists = {name for name in readings if name.startswith("dga/")}
    bare = {name for name in readings if name.startswith(_BTEST) and not _has_header(data / name)}
    assert unread == listed | lists | bare | _NO_ENDS


@pytest.mark.shared_data
def test_no_file_is_of_two_families(shared_data: Path, tmp_path: Path) -> None:
    several = {
        name: families
        for name, each in _readings(shared_data / "data", tmp_path).items()
        if len(families := {_family(reading) for reading in each if reading.format}) > 1
    }
    assert several == {}


def _readings(data: Path, folder: Path) -> dict[str, list[LogFile]]:
    """By the name of a file, or of a member of an archive, its readings."""
    members = (member for path in found([data]) for member in opened(path, shown_path(path), folder))
    readings: dict[str, list[LogFile]] = {}
    for each in looked_at(members, ReadOptions()):
        readings.setdefault(each.shown.removeprefix(f"{data}/"), []).append(each)
    return readings


def _has_header(path: Path) -> bool:
    return any(line.startswith((b"#fields", b"{")) for line in path.read_bytes().splitlines())


def _family(reading: LogFile) -> str:
    family = reading.known_format.name.split("-")[0]
    return _FAMILIES.get(family, family)
