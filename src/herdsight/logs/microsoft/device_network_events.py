"""DeviceNetworkEvents of Defender: advanced-hunting and Sentinel exports, the streaming API, Parquet."""

from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.formats import Format
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.values import NOT_NETWORK, reason
from herdsight.logs.writing import write_json_lines
from herdsight.tables import DEVICE_NETWORK_EVENTS
from herdsight.trees import call, column, text

# The documented action types of the table and those that the community has seen, and what is named like them. An export
# from advanced hunting may join several device tables.
_NETWORK_ACTIONS = (
    "Connection.*",  # Success, Failed, Request, Attempt, Acknowledged, Found, ...AggregatedReport
    ".*ConnectionInspected",  # Ssh, Smtp, Http, Ftp, Icmp, Dns, Ssl
    "InboundConnectionAccepted",
    "ListeningConnectionCreated",
    "InboundInternetScanInspected",
    "NetworkSignatureInspected",
    "NtlmAuthenticationInspected",
)
_ADDRESSES = ("RemoteIP", "LocalIP")


def _kinds(columns: tuple[str, ...]) -> list[exp.If]:
    """A row without a network action is one all the same where it has an address."""
    # A pattern, not a list: the engine joins with a long list, and a join loses the order of the rows.
    is_action = call("regexp_full_match", column("ActionType"), text("|".join(_NETWORK_ACTIONS)))
    addressed = exp.or_(*(exp.NEQ(this=column(each), expression=text("")) for each in _ADDRESSES if each in columns))
    return [reason(exp.Not(this=exp.paren(exp.or_(is_action, addressed))), NOT_NETWORK)]


EXPORT = Export(
    table=DEVICE_NETWORK_EVENTS,
    times=("TimeGenerated", "Timestamp"),
    telling=frozenset(
        {
            "DeviceName",
            "DeviceId",
            "ActionType",
            "RemoteIP",
            "RemotePort",
            "RemoteUrl",
            "RemoteIPType",
            "LocalIP",
            "LocalPort",
            "InitiatingProcessFileName",
        }
    ),
    decisive=frozenset({"RemoteIP", "RemotePort", "RemoteUrl", "RemoteIPType", "LocalIP", "LocalPort"}),
    required=(("TimeGenerated", "Timestamp"), ("DeviceName",), ("ActionType",), ("RemoteIP",)),
    # RemoteIPType is not among them: it is computed from RemoteIP.
    wanted=(
        "RemotePort",
        "LocalIP",
        "LocalPort",
        "Protocol",
        "InitiatingProcessFileName",
        "InitiatingProcessCommandLine",
        "InitiatingProcessAccountName",
        "InitiatingProcessId",
    ),
    reasons=lambda _columns: [],
    kinds=_kinds,
    category="AdvancedHunting-DeviceNetworkEvents",
)


def write(table: pa.Table, path: Path) -> None:
    """Write events as JSON lines, one object a row, times with microseconds and Z; NULL is left out."""
    write_json_lines(table, path)


FORMATS = (Format("device-network-events", DEVICE_NETWORK_EVENTS, EXPORT.recognise, EXPORT.read, write),)
