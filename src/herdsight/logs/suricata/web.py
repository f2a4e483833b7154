"""Suricata's events of web requests and of TLS handshakes."""

from sqlglot import exp

from herdsight.logs.bags import bag, said
from herdsight.logs.suricata.events import DIRECTION, ENDS, TIMESTAMP, Kind, Values, always, number_of, own, words
from herdsight.logs.values import string
from herdsight.logs.web import secured, url, web_result
from herdsight.trees import call, column, text

_SESSION: Values = {**ENDS, "NetworkDirection": DIRECTION, "NetworkSessionId": always(column("flow_id"))}

HTTP = Kind(
    name="http",
    fields={
        "http": (
            *("hostname", "url", "http_user_agent", "http_content_type", "http_method", "protocol", "status"),
            *("length", "http_refer"),
        )
    },
    time=TIMESTAMP,
    values={
        **_SESSION,
        "NetworkApplicationProtocol": always(text("HTTP")),
        "Url": always(url(string(own("http", "hostname")), string(own("http", "url")))),
        "HttpRequestMethod": words(own("http", "http_method")),
        "HttpHost": words(own("http", "hostname")),
        "HttpReferrer": words(own("http", "http_refer")),
        "HttpVersion": always(call("replace", string(own("http", "protocol")), text("HTTP/"), text(""))),
        "HttpUserAgent": words(own("http", "http_user_agent")),
        "HttpContentType": words(own("http", "http_content_type")),
        "DstBytes": number_of(own("http", "length")),
        "EventResultDetails": words(own("http", "status")),
        "EventResult": always(web_result(own("http", "status"))),
    },
)


def _hash(field: str) -> exp.Expr:
    """The hash of an object that has it, which may also be the whole of the field."""
    written = own("tls", field)
    is_object = exp.and_(call("starts_with", written, text("{")), call("json_valid", written.copy()))
    found = call("json_extract_string", written.copy(), text("$.hash"))
    return exp.Case(ifs=[exp.If(this=is_object, true=found)], default=said(written.copy()))


_TOLD = {  # what AdditionalFields has, under the names that Zeek's handshakes have
    "version": "version",
    "subject": "subject",
    "issuer": "issuerdn",
    "serial": "serial",
    "fingerprint": "fingerprint",
    "notbefore": "notbefore",
    "notafter": "notafter",
    "ja4": "ja4",
}

# Whether the handshake came to its end is not told.
TLS = Kind(
    name="tls",
    fields={"tls": ("sni", "ja3", "ja3s", *_TOLD.values())},
    time=TIMESTAMP,
    values={
        **_SESSION,
        "NetworkApplicationProtocol": always(text("TLS")),
        **{name: always(tree) for name, tree in secured(string(own("tls", "sni"))).items()},
        "EventOriginalType": always(text("tls")),
        "EventResult": always(text("NA")),
        "AdditionalFields": always(
            bag(
                {
                    **{name: said(own("tls", field)) for name, field in _TOLD.items()},
                    "ja3": _hash("ja3"),
                    "ja3s": _hash("ja3s"),
                }
            )
        ),
    },
)
