"""The direction of a session, from where its two ends are."""

from sqlglot import exp

from herdsight.addresses import MANY, PRIVATE, within
from herdsight.trees import text

__all__ = ["MANY", "PRIVATE", "direction", "within"]


def direction(inside: exp.Expr, to_inside: exp.Expr, to_many: exp.Expr) -> exp.Expr:
    """ASIM's NetworkDirection, from where the source and the destination are."""
    from_inside = exp.Case(ifs=[exp.If(this=to_inside.copy(), true=text("Local"))], default=text("Outbound"))
    from_outside = exp.Case(ifs=[exp.If(this=to_inside.copy(), true=text("Inbound"))], default=text("External"))
    return exp.Case(
        ifs=[exp.If(this=to_many, true=text("Local")), exp.If(this=inside, true=from_inside)], default=from_outside
    )
