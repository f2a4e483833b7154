"""Zeek's ssh.log: one line, one connection of SSH, and what its encrypted packets let Zeek conclude of the sign-in.

Zeek's documentation of `SSH::Info`: `auth_success` is unset where it could not tell; `auth_attempts` are all seen. Who
signed in, and by which method, is encrypted.
"""

from sqlglot import exp

from herdsight.logs.values import cast, constants
from herdsight.logs.zeek.records import ENDS, Protocol, additional, computed, copied, either, port_of
from herdsight.tables import AUTHENTICATION, ColumnType
from herdsight.trees import column, text

_RESULTS = {"success": "Success", "failure": "Failure"}  # of `status`, which logs before Zeek 2.4 have


def _result() -> exp.Expr:
    cases = [exp.If(this=text(said), true=text(meant)) for said, meant in _RESULTS.items()]
    status = exp.Case(this=column("status"), ifs=cases, default=text("NA"))
    return either("auth_success", text("Success"), text("Failure"), status)


SSH = Protocol(
    path="ssh",
    table=AUTHENTICATION,
    fields=(
        *("version", "auth_success", "auth_attempts", "direction", "client", "server", "cipher_alg", "mac_alg"),
        *("compression_alg", "kex_alg", "host_key_alg", "host_key", "hassh", "hasshServer", "status"),
    ),
    columns={
        "TimeGenerated": ENDS["TimeGenerated"],
        "SrcIpAddr": ENDS["SrcIpAddr"],
        "SrcPortNumber": ENDS["SrcPortNumber"],
        "TargetIpAddr": copied("resp_h"),
        "TargetPortNumber": port_of("resp_p"),
        "TargetSessionId": copied("uid"),
        "ActingAppName": copied("client"),
        "TargetAppName": copied("server"),
        "EventResult": computed(_result()),
        "AdditionalFields": additional(
            *("client", "server", "direction", "cipher_alg", "mac_alg", "compression_alg", "kex_alg", "host_key_alg"),
            *("host_key", "hassh", "hasshServer"),
            auth_attempts=cast(column("auth_attempts"), ColumnType.LONG),
            version=cast(column("version"), ColumnType.LONG),
        ),
    },
    derived={
        **constants("Zeek", "Zeek", "Logon"),
        "EventSubType": text("Remote"),
        "EventOriginalType": text("ssh"),
        "LogonProtocol": text("SSH"),
    },
)

FORMATS = SSH.formats()
