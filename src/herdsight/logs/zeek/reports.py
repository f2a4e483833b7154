"""What Zeek's logs of reports share: something that Zeek saw in a session, or of a host, and found worth a line.

ASIM's network schema has such rows as events of type IDS: reports on sessions, which are no sessions themselves and
may name one of the ends alone. A report that names no host at all (a sensor on itself, or on a packet without an
address) is no network event.
"""

from collections.abc import Mapping

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.values import BAD_ADDRESS, NOT_NETWORK, constants, has_address_shape, reason
from herdsight.logs.zeek.records import Filled
from herdsight.trees import column, text

_ENDS = ("orig_h", "resp_h")


def _is_empty(end: str) -> exp.Expr:
    return exp.EQ(this=column(end), expression=text(""))


def _is_bad(end: str) -> exp.Expr:
    return exp.Not(this=exp.paren(exp.or_(_is_empty(end), has_address_shape(column(end)))))


# Of a record that may lack an end, or both.
REJECTIONS = (
    reason(exp.or_(*map(_is_bad, _ENDS)), BAD_ADDRESS),
    reason(exp.and_(*map(_is_empty, _ENDS)), NOT_NETWORK),
)


def _direction(scope: Scope) -> exp.Expr:
    """Of one end alone there is none."""
    one_only = exp.or_(*map(_is_empty, _ENDS))
    told = heading(column("orig_h"), column("resp_h"), scope.local)
    return exp.Case(ifs=[exp.If(this=one_only, true=text("NA"))], default=told)


DIRECTION = Filled((), _direction)


def of_reports(log: str) -> Mapping[str, exp.Expr]:
    """What is the same in each row of that log. ASIM: where no action is told, the result is success."""
    told = {"EventOriginalType": log, "EventResult": "Success", "EventSeverity": "Informational"}
    return {**constants("Zeek", "Zeek", "IDS"), **{name: text(words) for name, words in told.items()}}
