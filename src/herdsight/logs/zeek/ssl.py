"""Zeek's ssl.log: one line, one handshake of TLS, of its predecessors, or of what carries it (DTLS, QUIC).

The log does not say which transport carried it, but for DTLS; and a handshake is one of any protocol that TLS secures,
of which most are HTTPS.
"""

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.values import constants
from herdsight.logs.web import secured
from herdsight.logs.zeek.records import ENDS, Filled, Protocol, additional, computed, copied, either
from herdsight.tables import WEB_SESSION
from herdsight.trees import call, column, text

_FALSE_OR_TRUE = ("resumed", "sni_matches_cert")


def _direction(scope: Scope) -> exp.Expr:
    return heading(column("orig_h"), column("resp_h"), scope.local)


def _transport() -> exp.Expr:
    is_dtls = exp.If(this=call("starts_with", column("version"), text("DTLS")), true=text("UDP"))
    return exp.Case(ifs=[is_dtls], default=text(""))


SSL = Protocol(
    path="ssl",
    table=WEB_SESSION,
    fields=(
        *("version", "cipher", "curve", "server_name", "resumed", "last_alert", "next_protocol", "established"),
        *("ssl_history", "subject", "issuer", "client_subject", "client_issuer", "validation_status"),
        *("sni_matches_cert", "ja3", "ja3s"),
    ),
    # Before Zeek 2.2 the issuers had these names.
    spellings={
        "issuer": ("issuer", "issuer_subject"),
        "client_issuer": ("client_issuer", "client_issuer_subject"),
    },
    columns={
        **ENDS,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": Filled((), _direction),
        "NetworkProtocol": computed(_transport(), "version"),
        **{name: computed(tree, "server_name") for name, tree in secured(column("server_name")).items()},
        "EventResult": computed(either("established", text("Success"), text("Failure"), text("NA"))),
        "EventOriginalResultDetails": copied("last_alert"),
        "AdditionalFields": additional(
            *("version", "cipher", "curve", "next_protocol", "ssl_history", "subject", "issuer"),
            *("client_subject", "client_issuer", "validation_status", "ja3", "ja3s"),
            **{name: either(name, exp.true(), exp.false()) for name in _FALSE_OR_TRUE},
        ),
    },
    derived={
        **constants("Zeek", "Zeek", "HTTPsession"),
        "EventOriginalType": text("ssl"),
        "NetworkApplicationProtocol": text("TLS"),
    },
)

FORMATS = SSL.formats()
