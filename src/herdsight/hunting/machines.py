"""Which machine a host is: an address that a sensor saw and a name that an agent gave may be one and the same."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from herdsight.kql.text import condition_text
from herdsight.querying import compiled, run
from herdsight.tables import DEVICE_NETWORK_EVENTS, DHCP
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

_LEASES = """
ASimDhcpEventLogs
| where {addresses} and EventResult == "Success" and isnotempty(SrcHostname)
| distinct SrcIpAddr, SrcHostname
"""


def names(telemetry: Telemetry, hosts: Collection[str]) -> Mapping[str, str]:
    """The names of those hosts that are bare addresses, where the logs show what machine one is.

    An address that several machines had in turn keeps its own name.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for host, name in (*_connected(telemetry, hosts), *_leased(telemetry, hosts)):
        found[host].add(name)
    return {address: next(iter(given)) for address, given in found.items() if len(given) == 1}


def _connected(telemetry: Telemetry, hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    if hosts and DEVICE_NETWORK_EVENTS in telemetry.spans:
        kql = _SAME_CONNECTIONS.replace("{addresses}", condition_text("LocalIP", sorted(hosts)))
        for row in run(telemetry, compiled(kql, "machines")[0].query.relation).to_pylist():
            yield row["LocalIP"], row["DeviceName"]


def _leased(telemetry: Telemetry, hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names that machines gave when they were given an address."""
    if hosts and DHCP in telemetry.spans:
        kql = _LEASES.replace("{addresses}", condition_text("SrcIpAddr", sorted(hosts)))
        for row in run(telemetry, compiled(kql, "leases")[0].query.relation).to_pylist():
            yield row["SrcIpAddr"], row["SrcHostname"]
