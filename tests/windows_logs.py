"""Windows events that the tests of their formats share, and the rows that are made of them."""

from datetime import datetime

from conftest import Row

NOON = datetime(2024, 5, 1, 12)  # noqa: DTZ001 times are UTC without saying so
SYSMON, SECURITY = "Microsoft-Windows-Sysmon/Operational", "Security"
AT = "2024-05-01T12:00:09.000Z"

CONNECTED: Row = {
    "UtcTime": "2024-05-01 12:00:00.000",
    "ProcessId": "4711",
    "Image": "C:\\Users\\ann\\evil.exe",
    "User": "CORP\\ann",
    "Protocol": "tcp",
    "Initiated": "true",
    "SourceIp": "10.0.0.5",
    "SourcePort": "50000",
    "DestinationIp": "5.6.7.8",
    "DestinationHostname": "evil.test",
    "DestinationPort": "443",
}
ASKED: Row = {
    "UtcTime": "2024-05-01 12:00:00.000",
    "ProcessId": "4711",
    "Image": "C:\\Users\\ann\\evil.exe",
    "User": "CORP\\ann",
    "QueryName": "evil.test.",
    "QueryStatus": "0",
    "QueryResults": "type:  5 cdn.evil.test;::ffff:5.6.7.8;",
}
PERMITTED: Row = {
    "ProcessId": "4711",
    "Application": "\\device\\harddiskvolume2\\users\\ann\\evil.exe",
    "Direction": "%%14593",
    "SourceAddress": "10.0.0.5",
    "SourcePort": "50000",
    "DestAddress": "5.6.7.8",
    "DestPort": "443",
    "Protocol": "6",
}


def told(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "")}


OUTBOUND: Row = {
    "TimeGenerated": NOON,
    "Timestamp": NOON,
    "DeviceName": "pc-1",
    "ActionType": "ConnectionSuccess",
    "LocalIP": "10.0.0.5",
    "LocalPort": 50000,
    "LocalIPType": "Private",
    "RemoteIP": "5.6.7.8",
    "RemotePort": 443,
    "RemoteIPType": "Public",
    "Protocol": "Tcp",
    "InitiatingProcessFileName": "evil.exe",
    "InitiatingProcessId": 4711,
    "Type": "DeviceNetworkEvents",
}
