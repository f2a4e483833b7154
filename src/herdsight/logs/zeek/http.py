"""Zeek's http.log: one line, one request with its response."""

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.values import constants
from herdsight.logs.web import url, web_result
from herdsight.logs.zeek.records import ENDS, Filled, Protocol, computed, copied, count_of, elements
from herdsight.tables import WEB_SESSION
from herdsight.trees import column, text


def _direction(scope: Scope) -> exp.Expr:
    return heading(column("orig_h"), column("resp_h"), scope.local)


HTTP = Protocol(
    path="http",
    table=WEB_SESSION,
    fields=(
        *("method", "host", "uri", "referrer", "version", "user_agent", "request_body_len", "response_body_len"),
        *("status_code", "username", "resp_mime_types"),
    ),
    vectors=("resp_mime_types",),
    columns={
        **ENDS,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": Filled(("orig_h", "resp_h"), _direction),
        "Url": computed(url(column("host"), column("uri")), "host", "uri"),
        "HttpRequestMethod": copied("method"),
        "HttpHost": copied("host"),
        "HttpReferrer": copied("referrer"),
        "HttpVersion": copied("version"),
        "HttpUserAgent": copied("user_agent"),
        "HttpContentType": computed(elements("resp_mime_types"), "resp_mime_types"),
        "SrcUsername": copied("username"),
        "SrcBytes": count_of("request_body_len"),
        "DstBytes": count_of("response_body_len"),
        "EventResultDetails": copied("status_code"),
        "EventResult": computed(web_result(column("status_code")), "status_code"),
    },
    derived={
        **constants("Zeek", "Zeek", "HTTPsession"),
        "NetworkProtocol": text("TCP"),
        "NetworkApplicationProtocol": text("HTTP"),
    },
)

FORMATS = HTTP.formats()
