"""Which of Zeek's logs a file is: by the name that it gives itself, else by fields that no other of the logs has."""

from collections.abc import Collection, Mapping
from itertools import islice

from herdsight.logs.head import Head

_LOOKED_AT = 50  # objects of the head
# Where JSON says which log a line is of: Zeek's own writers, shippers, and those that pass these on.
PATHS = ("_path", "@path", "#path", "@stream", "stream")
_SHARED = "stream"  # a name that other programs' lines have, too

# Fields that tell a log from all others, in sets of which one is enough; the first log that has one is it. Zeek's
# documentation, "Log Files", lists the fields of each.
_TELLING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "conn": (("conn_state",), ("orig_bytes",), ("orig_pkts",), ("history", "proto")),
    "dns": (("qtype_name",), ("qtype",), ("rcode_name",), ("qclass",)),
    # SIP and SMTP, too, have requests in a row, and SIP their methods, statuses and agents.
    "sip": (("call_id",), ("request_from",), ("response_from",), ("request_path",), ("response_path",), ("seq",)),
    "smtp": (("mailfrom",), ("rcptto",), ("helo",), ("last_reply",)),
    "websocket": (("subprotocol",), ("client_protocols",), ("server_extensions",), ("client_extensions",)),
    "http": (("user_agent",), ("status_code",), ("method",), ("trans_depth",)),
    "quic": (("client_initial_dcid",), ("client_scid",), ("server_scid",)),
    "kerberos": (("request_type",), ("till",), ("renewable",)),
    "ssh": (("auth_attempts",), ("auth_success",), ("host_key_alg",), ("kex_alg",), ("hassh",)),
    "ssl": (("established",), ("last_alert",), ("cert_chain_fps",), ("cert_chain_fuids",), ("server_name", "cipher")),
    "notice": (("note", "msg"), ("note", "suppress_for")),
    "weird": (("name", "notice"),),
    "irc": (("nick",), ("dcc_file_name",), ("command", "value")),
    "dhcp": (("assigned_addr",), ("assigned_ip",), ("client_addr",), ("msg_types",)),
}
# Names that Zeek itself gives to logs: a file that has one is that log, whatever its fields. Under another name, which
# a site may choose, is what the fields tell.
_NAMES = frozenset(
    {
        *_TELLING,
        *("analyzer", "app_stats", "barnyard2", "broker", "capture_loss", "cluster", "communication", "config"),
        *("dce_rpc", "dnp3", "dnp3_control", "dnp3_objects", "dpd", "files", "ftp", "intel", "ipsec", "known_certs"),
        *("known_devices", "known_hosts", "known_modbus", "known_services", "ldap", "ldap_search", "loaded_scripts"),
        *("modbus", "modbus_register_change", "mqtt_connect", "mqtt_publish", "mqtt_subscribe", "mysql", "netcontrol"),
        *("netcontrol_drop", "netcontrol_shunt", "netcontrol_catch_release", "notice_alarm", "ntlm", "ntp", "ocsp"),
        *("openflow", "packet_filter", "pe", "postgresql", "print", "prof", "radius", "rdp", "redis", "reporter"),
        *("rfb", "signatures", "smb_cmd", "smb_files", "smb_mapping", "snmp", "socks", "software", "stats", "stderr"),
        *("stdout", "syslog", "telemetry", "telemetry_histogram", "traceroute", "tunnel", "unknown_protocols"),
        *("weird_stats", "wireguard", "x509"),
    }
)


def log_of(path: str, fields: Collection[str]) -> str:
    """The log of that name with those fields; "" where neither tells."""
    if path in _NAMES:
        return path
    present = set(fields)
    return next((log for log, sets in _TELLING.items() if any(present.issuperset(each) for each in sets)), "")


def path_in(head: Head) -> str:
    """The log that the first JSON lines say they are of; "" where they say none."""
    return next(iter(said_in(head)), "")


def said_in(head: Head) -> dict[str, None]:
    """The logs that the first JSON lines say they are of; of several keys in a line, the first one tells."""
    said = (_said_by(each) for each in islice(head.objects(), _LOOKED_AT))
    return dict.fromkeys(name for name in said if name)


def _said_by(record: Mapping[str, object]) -> str:
    said = ((key, record.get(key)) for key in PATHS)
    names = (name for key, name in said if isinstance(name, str) and (key != _SHARED or name in _NAMES))
    return next(names, "")


def names_in(head: Head) -> tuple[str, ...]:
    """The keys that the first objects have, in the order of their first appearance."""
    names: dict[str, None] = {}
    for each in islice(head.objects(), _LOOKED_AT):
        names.update(dict.fromkeys(each))
    return tuple(names)
