"""What logs of DHCP share: which event of ASIM's a message, or the messages of one exchange, are, and how it ended."""

from sqlglot import exp

from herdsight.trees import call, text

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what DHCP's messages have where there is no address


def kind(messages: exp.Expr, is_renewal: exp.Expr) -> exp.Expr:
    """ASIM's EventType, which knows no other than these: a lease is given, given again, or given back."""
    release = exp.If(this=_has(messages, "RELEASE"), true=text("Release"))
    return exp.Case(ifs=[release, exp.If(this=is_renewal, true=text("Renew"))], default=text("Assign"))


def result(messages: exp.Expr) -> exp.Expr:
    """How it ended, by the messages: NA where the server has not answered, or not for good."""
    refused = exp.or_(_has(messages, "NAK"), _has(messages, "DECLINE"))
    done = exp.or_(_has(messages, "ACK"), _has(messages, "RELEASE"))
    ifs = [exp.If(this=refused, true=text("Failure")), exp.If(this=done, true=text("Success"))]
    return exp.Case(ifs=ifs, default=text("NA"))


def _has(messages: exp.Expr, message: str) -> exp.Expr:
    """Whether that message is one of those, which stand between commas."""
    return call("list_contains", call("string_split", call("upper", messages.copy()), text(",")), text(message))


def some(address: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """The first of those texts that is an address; "" where none is."""

    def real(each: exp.Expr) -> exp.Expr:
        return exp.Nullif(this=exp.Nullif(this=each.copy(), expression=text("")), expression=text(NO_ADDRESS))

    return exp.Coalesce(this=real(address), expressions=[*map(real, others), text("")])
