"""What logs of the web share: the address of a request, the name of a host, and how a status says that it ended."""

from sqlglot import exp

from herdsight.logs.values import cast, has_address_shape
from herdsight.tables import ColumnType
from herdsight.trees import call, number, text

_FIRST_FAILURE = 400  # HTTP's codes from here on say that the request failed


def url(host: exp.Expr, asked: exp.Expr) -> exp.Expr:
    """The whole address, of texts. A proxy is asked for one, or (CONNECT) for host and port: that is kept as it is."""
    is_path = call("starts_with", asked.copy(), text("/"))
    whole = call("concat", text("http://"), host, asked.copy())
    return exp.Case(ifs=[exp.If(this=is_path, true=whole)], default=asked)


def web_result(status: exp.Expr) -> exp.Expr:
    """ASIM's result by the text of HTTP's status; NA where there is none."""
    code = cast(status, ColumnType.INT)
    failed = exp.GTE(this=code.copy(), expression=number(_FIRST_FAILURE))
    none = exp.If(this=exp.Is(this=code, expression=exp.null()), true=text("NA"))
    return exp.Case(ifs=[none, exp.If(this=failed, true=text("Failure"))], default=text("Success"))


def secured(name: exp.Expr) -> dict[str, exp.Expr]:
    """What the name tells, a text, that a client asks a TLS server for: the site's address, and the host's names.

    ASIM wants a host's name without its domain, and both together as FQDN. An address is no name.
    """
    site = exp.Case(ifs=[_unless_empty(name, call("concat", text("https://"), name.copy()))], default=text(""))
    is_name = exp.Not(this=exp.paren(has_address_shape(name.copy())))
    has_domain = exp.and_(is_name.copy(), call("contains", name.copy(), text(".")))
    place = call("strpos", name.copy(), text("."))
    return {
        "Url": site,
        "HttpHost": name,
        "DstHostname": _where(is_name, call("split_part", name.copy(), text("."), number(1))),
        "DstDomain": _where(has_domain, call("substr", name.copy(), exp.Add(this=place, expression=number(1)))),
        "DstDomainType": _where(has_domain.copy(), text("FQDN")),
        "DstFQDN": _where(has_domain.copy(), name.copy()),
    }


def _unless_empty(words: exp.Expr, tree: exp.Expr) -> exp.If:
    return exp.If(this=exp.NEQ(this=words.copy(), expression=text("")), true=tree)


def _where(condition: exp.Expr, tree: exp.Expr) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition, true=tree)], default=text(""))
