"""Suricata's alerts: a signature that matched in a session, which is an event of its own."""

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.bags import bag
from herdsight.logs.formats import Scope
from herdsight.logs.suricata.events import ENDS, INT, LONG, TIMESTAMP, Kind, Value, always, own, words
from herdsight.logs.values import address, cast, port
from herdsight.trees import column, text

_ACTIONS = {"allowed": "Allow", "blocked": "Deny"}
# Of a signature's priority, where 1 is the most severe; what is less is as severe as what is not told.
_SEVERITIES = {"1": "High", "2": "Medium", "3": "Low"}


def _chosen(field: str, choices: dict[str, str], otherwise: str) -> exp.Expr:
    ifs = [exp.If(this=text(given), true=text(meant)) for given, meant in choices.items()]
    return exp.Case(this=own("alert", field), ifs=ifs, default=text(otherwise))


def _end(name: str) -> exp.Expr:
    """An end of the session, where the alert tells of it; else of the packet, which may have gone back."""
    return exp.Coalesce(this=own("flow", name), expressions=[column(name)])


def _direction(scope: Scope) -> exp.Expr:
    return heading(address(_end("src_ip")), address(_end("dest_ip")), scope.local)


def _port(name: str) -> Value:
    return always(port(_end(name)))


_DENIED = exp.EQ(this=own("alert", "action"), expression=text("blocked"))

ALERT = Kind(
    name="alert",
    fields={
        "alert": ("action", "gid", "signature_id", "rev", "signature", "category", "severity", "metadata"),
        "flow": ("src_ip", "src_port", "dest_ip", "dest_port"),
    },
    time=TIMESTAMP,
    values={
        **ENDS,
        "SrcIpAddr": always(address(_end("src_ip"))),
        "SrcPortNumber": _port("src_port"),
        "DstIpAddr": always(address(_end("dest_ip"))),
        "DstPortNumber": _port("dest_port"),
        "EventType": always(text("IDS")),
        "EventOriginalType": always(text("alert")),
        "NetworkDirection": _direction,
        "NetworkApplicationProtocol": words(exp.Nullif(this=column("app_proto"), expression=text("failed"))),
        "NetworkSessionId": always(column("flow_id")),
        "NetworkRuleName": words(own("alert", "signature")),
        "NetworkRuleNumber": always(cast(own("alert", "signature_id"), INT)),
        "ThreatId": words(own("alert", "signature_id")),
        "ThreatName": words(own("alert", "signature")),
        "ThreatCategory": words(own("alert", "category")),
        "ThreatOriginalRiskLevel": words(own("alert", "severity")),
        "EventOriginalSeverity": words(own("alert", "severity")),
        "EventSeverity": always(_chosen("severity", _SEVERITIES, "Informational")),
        "DvcAction": always(_chosen("action", _ACTIONS, "")),
        "DvcOriginalAction": words(own("alert", "action")),
        "EventResult": always(exp.Case(ifs=[exp.If(this=_DENIED, true=text("Failure"))], default=text("Success"))),
        "AdditionalFields": always(
            bag(
                {
                    "gid": cast(own("alert", "gid"), LONG),
                    "rev": cast(own("alert", "rev"), LONG),
                    "metadata": exp.TryCast(this=own("alert", "metadata"), to=exp.DataType.build("JSON")),
                }
            )
        ),
    },
)
