"""Simulated attempts to sign in, as a service's own log tells of them: ASimAuthenticationEventLogs."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from herdsight.simulation.sessions import Coded, Texts, column_of, schema
from herdsight.simulation.timing import Seconds
from herdsight.tables import AUTHENTICATION

COLUMNS = (
    "TimeGenerated",
    "EventStartTime",
    "EventCount",
    "EventType",
    "EventResult",
    "EventResultDetails",
    "EventVendor",
    "EventProduct",
    "EventSchema",
    "EventSchemaVersion",
    "SrcIpAddr",
    "TargetUsername",
    "TargetUsernameType",
    "TargetHostname",
    "TargetIpAddr",
    "TargetAppName",
    "LogonMethod",
)
SCHEMA = schema(AUTHENTICATION, COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Attempts as columns."""

    at_s: Seconds
    source: Texts
    account: Texts
    succeeded: np.typing.NDArray[np.bool_]
    known: np.typing.NDArray[np.bool_]  # whether there is such an account
    target: str  # address of the service
    target_name: str
    application: str


def sign_in_table(attempts: Attempts, start: datetime) -> pa.Table:
    """The attempts as rows; `start` (UTC) is the moment that they count from."""
    when = np.datetime64(start.replace(tzinfo=None), "us") + (attempts.at_s * 1e6).astype("timedelta64[us]")
    wrong = np.where(attempts.known, 1, 2)
    columns: dict[str, object] = {
        "TimeGenerated": when,
        "EventStartTime": when,
        "EventCount": 1,
        "EventType": "Logon",
        "EventResult": Coded(["Failure", "Success"], attempts.succeeded.astype(np.int64)),
        "EventResultDetails": Coded(["", "Incorrect password", "No such user"], np.where(attempts.succeeded, 0, wrong)),
        "EventVendor": "Herdsight",
        "EventProduct": "Simulated web login",
        "EventSchema": "Authentication",
        "EventSchemaVersion": "0.1.3",
        "SrcIpAddr": attempts.source,
        "TargetUsername": attempts.account,
        "TargetUsernameType": "Simple",
        "TargetHostname": attempts.target_name,
        "TargetIpAddr": attempts.target,
        "TargetAppName": attempts.application,
        "LogonMethod": "Username & Password",
    }
    rows = attempts.at_s.size
    return pa.table({field.name: column_of(columns[field.name], rows) for field in SCHEMA}).cast(SCHEMA)
