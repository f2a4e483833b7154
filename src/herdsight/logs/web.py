"""What logs of web requests share: the whole address of a request, and how its status says that it ended."""

from sqlglot import exp

from herdsight.logs.values import cast
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
