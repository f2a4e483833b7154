"""What a behaviour makes: rows of several tables, and what of them is malicious."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from herdsight import tables
from herdsight.simulation import defender, queries, sessions, sign_ins
from herdsight.simulation.truth import Malicious


def _no_sessions() -> pa.Table:
    return sessions.schema().empty_table()


def _no_queries() -> pa.Table:
    return queries.SCHEMA.empty_table()


def _no_sign_ins() -> pa.Table:
    return sign_ins.SCHEMA.empty_table()


def _no_reports() -> pa.Table:
    return defender.SCHEMA.empty_table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What happened on the network and on the hosts.

    `sessions` are what passed a sensor, as ASimNetworkSessionLogs, with what only the host knows of each; `queries` and
    `sign_ins` are ASimDnsActivityLogs and ASimAuthenticationEventLogs. `reports` are DeviceNetworkEvents beyond those
    that follow from the sessions. `attempts_logged`: Sysmon logs connections that failed, too.
    """

    sessions: pa.Table = field(default_factory=_no_sessions)
    queries: pa.Table = field(default_factory=_no_queries)
    sign_ins: pa.Table = field(default_factory=_no_sign_ins)
    reports: pa.Table = field(default_factory=_no_reports)
    malicious: tuple[Malicious, ...] = ()
    attempts_logged: bool = False

    @property
    def events(self) -> pa.Table:
        """DeviceNetworkEvents: what the agents on the hosts report, in the order of time."""
        told = defender.events(self.sessions)
        if not self.reports.num_rows:
            return told
        return pa.concat_tables([told, self.reports]).sort_by([("TimeGenerated", "ascending")])


def together(parts: Sequence[Simulated]) -> Simulated:
    """All that happened, each table in the order in which it is logged."""
    return Simulated(
        sessions=sessions.combine(each.sessions for each in parts),
        queries=_in_time((each.queries for each in parts), tables.DNS_ACTIVITY),
        sign_ins=_in_time((each.sign_ins for each in parts), tables.AUTHENTICATION),
        reports=_in_time((each.reports for each in parts), tables.DEVICE_NETWORK_EVENTS),
        malicious=tuple(entry for each in parts for entry in each.malicious),
        attempts_logged=any(each.attempts_logged for each in parts),
    )


_BESIDE = {  # what decides between rows of one moment
    tables.DNS_ACTIVITY: "DnsSessionId",
    tables.AUTHENTICATION: "SrcIpAddr",
    tables.DEVICE_NETWORK_EVENTS: "DeviceName",
}


def _in_time(parts: Iterable[pa.Table], name: str) -> pa.Table:
    together = pa.concat_tables(parts).combine_chunks()
    return together.sort_by([("TimeGenerated", "ascending"), (_BESIDE[name], "ascending")])
