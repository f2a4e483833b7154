"""DeviceEvents of Defender, as far as they tell of DNS queries: advanced-hunting and Sentinel exports, Parquet.

An event of action DnsQueryResponse has the name that was asked, and what was answered, in AdditionalFields
(`DnsQueryString`, `DnsQueryResult`). The table's other events are no traffic. An export from advanced hunting may join
several device tables, so a file can be read as this and as DeviceNetworkEvents.
"""

from sqlglot import exp

from herdsight.logs.formats import Format, Layout
from herdsight.logs.head import Head
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.values import NOT_NETWORK, reason
from herdsight.tables import DEVICE_EVENTS
from herdsight.trees import call, column, text

_DNS_ACTIONS = "Dns.*"
_TOLD = "DnsQuery"  # begins the action and the names of its fields
# Of the device tables, only this one has all of them; the others have each.
_OWN = frozenset({"RegistryKey", "RemoteIP", "ProcessCommandLine", "AdditionalFields"})


def _kinds(columns: tuple[str, ...]) -> list[exp.If]:
    """An event that asks for no name is none of these."""
    del columns
    asked = call("json_extract_string", column("AdditionalFields"), text("$.DnsQueryString"))
    is_action = call("regexp_full_match", column("ActionType"), text(_DNS_ACTIONS))
    tells = exp.and_(is_action, exp.NEQ(this=exp.Coalesce(this=asked, expressions=[text("")]), expression=text("")))
    return [reason(exp.Not(this=exp.paren(tells)), NOT_NETWORK)]


EXPORT = Export(
    table=DEVICE_EVENTS,
    times=("TimeGenerated", "Timestamp"),
    telling=frozenset(
        {"DeviceName", "DeviceId", "ActionType", "AdditionalFields", "ReportId", "InitiatingProcessFileName"}
    ),
    decisive=frozenset({"AdditionalFields"}),
    required=(("TimeGenerated", "Timestamp"), ("DeviceName",), ("ActionType",), ("AdditionalFields",)),
    wanted=("InitiatingProcessFileName", "InitiatingProcessAccountName", "LocalIP"),
    reasons=lambda _columns: [],
    kinds=_kinds,
    category="AdvancedHunting-DeviceEvents",
)


def recognise(head: Head) -> Layout | None:
    """An export with all of the table's kinds of columns, or whose first events tell of DNS."""
    layout = EXPORT.recognise(head)
    if layout is None:
        return None
    return layout if layout.envelope or _TOLD in head.text or set(layout.fields) >= _OWN else None


FORMATS = (Format("device-events", DEVICE_EVENTS, recognise, EXPORT.read),)
