"""Which machine a host is: an address that a sensor saw and a name that an agent gave may be one and the same."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from herdsight.kql.text import condition_text
from herdsight.querying import compiled, run
from herdsight.tables import DEVICE_NETWORK_EVENTS
from herdsight.telemetry import Telemetry

# Both saw the same connection: the same four ends at the same time. An address alone proves nothing, since every home
# has a 192.168.1.5; and the same ends on another day may be another machine's.
_SAME_CONNECTIONS = """
let skew = 1h;  // a firewall tells of a connection when it has ended
let named = DeviceNetworkEvents | where {addresses} and DeviceName != LocalIP
    | project NamedAt = TimeGenerated, DeviceName, LocalIP, LocalPort, RemoteIP, RemotePort;
let bare = DeviceNetworkEvents | where {addresses} and DeviceName == LocalIP
    | project BareAt = TimeGenerated, LocalIP, LocalPort, RemoteIP, RemotePort;
bare
| join kind=inner named on LocalIP, LocalPort, RemoteIP, RemotePort
| where NamedAt between ((BareAt - skew) .. (BareAt + skew))
| distinct LocalIP, DeviceName
"""


def names(telemetry: Telemetry, hosts: Collection[str]) -> Mapping[str, str]:
    """The names of those hosts that are bare addresses, where the logs show what machine one is.

    An address that several machines had in turn keeps its own name.
    """
    if not hosts or DEVICE_NETWORK_EVENTS not in telemetry.spans:
        return {}
    kql = _SAME_CONNECTIONS.replace("{addresses}", condition_text("LocalIP", sorted(hosts)))
    found: dict[str, list[str]] = defaultdict(list)
    for row in run(telemetry, compiled(kql, "machines")[0].query.relation).to_pylist():
        found[row["LocalIP"]].append(row["DeviceName"])
    return {address: given[0] for address, given in found.items() if len(given) == 1}
