"""DeviceNetworkEvents of Defender: advanced-hunting and Sentinel exports, the streaming API, Parquet."""

from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.formats import Format
from herdsight.logs.microsoft import Export
from herdsight.logs.values import NOT_NETWORK, reason
from herdsight.logs.writing import write_json_lines
from herdsight.tables import DEVICE_NETWORK_EVENTS
from herdsight.trees import call, column, text

# The documented action types of the table, and those that the community has seen. An export from advanced hunting may
# join several device tables; what else ends in ConnectionInspected or begins with Connection is a newer one of these.
ACTION_TYPES = (
    "ConnectionSuccess",
    "ConnectionFailed",
    "ConnectionRequest",
    "ConnectionAttempt",
    "ConnectionAcknowledged",
    "ConnectionFound",
    "InboundConnectionAccepted",
    "ListeningConnectionCreated",
    "InboundInternetScanInspected",
    "NetworkSignatureInspected",
    "SshConnectionInspected",
    "SmtpConnectionInspected",
    "HttpConnectionInspected",
    "FtpConnectionInspected",
    "IcmpConnectionInspected",
    "DnsConnectionInspected",
    "SslConnectionInspected",
    "NtlmAuthenticationInspected",
    "ConnectionSuccessAggregatedReport",
    "ConnectionFailedAggregatedReport",
)


def _reasons() -> list[exp.If]:
    """A row without a network action is one all the same where it has an address."""
    action = column("ActionType")
    known = exp.In(this=action, expressions=[text(each) for each in ACTION_TYPES])
    alike = exp.or_(
        call("ends_with", action.copy(), text("ConnectionInspected")),
        call("starts_with", action.copy(), text("Connection")),
    )
    addressed = exp.NEQ(this=column("RemoteIP"), expression=text(""))
    return [reason(exp.Not(this=exp.paren(exp.or_(known, alike, addressed))), NOT_NETWORK)]


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
    reasons=_reasons,
    category="AdvancedHunting-DeviceNetworkEvents",
)


def write(table: pa.Table, path: Path) -> None:
    """Write events as JSON lines, one object a row, times with microseconds and Z; NULL is left out."""
    write_json_lines(table, path)


FORMATS = (Format("device-network-events", DEVICE_NETWORK_EVENTS, EXPORT.recognise, EXPORT.read, write),)
