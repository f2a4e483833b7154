"""Zeek's http.log: one line, one request with its response."""

from sqlglot import exp

from herdsight.addresses import direction, inside, to_many
from herdsight.logs.formats import Scope
from herdsight.logs.values import cast
from herdsight.logs.zeek_records import ENDS, Filled, Protocol, computed, copied, elements, number_of
from herdsight.tables import WEB_SESSION, ColumnType
from herdsight.trees import call, column, number, text

_FIRST_FAILURE = 400  # HTTP's codes from here on say that the request failed


def _url() -> exp.Expr:
    """The whole address. A proxy is asked for one, or (CONNECT) for host and port."""
    is_path = call("starts_with", column("uri"), text("/"))
    whole = call("concat", text("http://"), column("host"), column("uri"))
    return exp.Case(ifs=[exp.If(this=is_path, true=whole)], default=column("uri"))


def _result() -> exp.Expr:
    code = cast(column("status_code"), ColumnType.INT)
    failed = exp.GTE(this=code.copy(), expression=number(_FIRST_FAILURE))
    none = exp.If(this=exp.Is(this=code, expression=exp.null()), true=text("NA"))
    return exp.Case(ifs=[none, exp.If(this=failed, true=text("Failure"))], default=text("Success"))


def _direction(scope: Scope) -> exp.Expr:
    source, destination = (inside(column(end), scope.local) for end in ("orig_h", "resp_h"))
    return direction(source, destination, to_many(column("resp_h")))


HTTP = Protocol(
    path="http",
    table=WEB_SESSION,
    fields=(
        *("method", "host", "uri", "referrer", "version", "user_agent", "request_body_len", "response_body_len"),
        *("status_code", "username", "resp_mime_types"),
    ),
    telling=("user_agent", "status_code", "method", "trans_depth"),
    columns={
        **ENDS,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": Filled(("orig_h", "resp_h"), _direction),
        "Url": computed(_url(), "host", "uri"),
        "HttpRequestMethod": copied("method"),
        "HttpHost": copied("host"),
        "HttpReferrer": copied("referrer"),
        "HttpVersion": copied("version"),
        "HttpUserAgent": copied("user_agent"),
        "HttpContentType": computed(elements("resp_mime_types"), "resp_mime_types"),
        "SrcUsername": copied("username"),
        "SrcBytes": number_of("request_body_len", ColumnType.LONG),
        "DstBytes": number_of("response_body_len", ColumnType.LONG),
        "EventResultDetails": copied("status_code"),
        "EventResult": computed(_result(), "status_code"),
    },
    derived={
        "EventStartTime": column("TimeGenerated"),
        "EventCount": exp.Cast(this=number(1), to=exp.DataType.build("INT")),
        "EventVendor": text("Zeek"),
        "EventProduct": text("Zeek"),
        "EventType": text("HTTPsession"),
        "NetworkProtocol": text("TCP"),
        "NetworkApplicationProtocol": text("HTTP"),
    },
)

FORMATS = HTTP.formats()
