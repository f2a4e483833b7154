"""DNS response codes as SQL trees: their names, and what they say of how a query ended."""

from sqlglot import exp

from herdsight.trees import text

# IANA, "DNS RCODEs", by number from 0.
NAMES = (
    *("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET"),
    *("NOTAUTH", "NOTZONE"),
)


def response_name(code: exp.Expr) -> exp.Expr:
    """The name of a response code; "" of null and of one that has none."""
    named = [exp.If(this=exp.Literal.number(number), true=text(name)) for number, name in enumerate(NAMES)]
    return exp.Case(this=code, ifs=named, default=text(""))


def response_result(name: exp.Expr) -> exp.Expr:
    """ASIM's result of a response by its code's name: NA where nothing was answered."""
    ways = [
        exp.If(this=text("NOERROR"), true=text("Success")),
        exp.If(this=text(""), true=text("NA")),
    ]
    return exp.Case(this=name, ifs=ways, default=text("Failure"))
