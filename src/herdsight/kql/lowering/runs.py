"""Many runs of one plan as one tree: the plan beside a table of runs, each of which gives it its own times."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.literals import moment
from herdsight.kql.lowering.lower import lower
from herdsight.kql.lowering.order import sort_keys
from herdsight.kql.lowering.relations import gathers_in_order
from herdsight.kql.lowering.scalars import RUN, sql_names
from herdsight.kql.rewrites.steady import is_steady
from herdsight.kql.rewrites.walk import relations, scalars

SINCE, UNTIL = plan.Given("since"), plan.Given("until")
NUMBER = "#run"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run is given, in microseconds since 1970."""

    since: int
    until: int


def works_on_sets(relation: plan.Relation) -> bool:
    """Whether a plan means the same where an engine works on the rows of many runs at once, which come as they will.

    It does not where it goes by an order of rows without saying by which columns, or draws random numbers, which an
    engine may then draw anew for each place that reads them.
    """
    return all(map(_on_sets, relations(relation)))


def _on_sets(part: plan.Relation) -> bool:
    if not all(map(is_steady, scalars(part))):
        return False
    match part:
        case plan.Steps():
            return False
        case plan.Windows(input=below) | plan.Sessions(input=below) | plan.Numbered(input=below):
            return sort_keys(below) is not None
        case plan.Aggregation(input=below) if gathers_in_order(part):
            return sort_keys(below) is not None
        case _:
            return True


def lower_runs(relation: plan.Relation, runs: Sequence[Bounds]) -> exp.Select:
    """The rows of all runs of a plan whose times are SINCE and UNTIL, each behind its run's number from 0, in order.

    The plan stands in a LATERAL subquery, which engines that know it take apart into joins and groups by run.
    """
    names = sql_names(relation.fields)
    each = exp.Lateral(
        this=lower(relation).subquery(copy=False), alias=exp.TableAlias(this=exp.to_identifier(_EACH, quoted=True))
    )
    tree = exp.select(trees.column(NUMBER, RUN), *(trees.column(name, _EACH) for name in names.values())).from_(
        _table(runs)
    )
    tree.append("joins", exp.Join(this=each, kind="CROSS"))
    return tree.order_by(trees.column(NUMBER, RUN), *_order(relation, names), copy=False)


_EACH = "each"


def _table(runs: Sequence[Bounds]) -> exp.Values:
    rows = [
        exp.Tuple(expressions=[trees.number(number), *(trees.timestamp(moment(end)) for end in ends)])
        for number, ends in enumerate((each.since, each.until) for each in runs)
    ]
    columns = [exp.to_identifier(name, quoted=True) for name in (NUMBER, SINCE.name, UNTIL.name)]
    alias = exp.TableAlias(this=exp.to_identifier(RUN, quoted=True), columns=columns)
    return exp.Values(expressions=rows, alias=alias)


def _order(relation: plan.Relation, names: dict[str, str]) -> list[exp.Ordered]:
    """The order that the plan's own rows come in, as far as it goes by columns that it puts out."""
    keys = sort_keys(relation) or ()
    return [
        exp.Ordered(this=trees.column(names[key.value.name], _EACH), desc=key.descending, nulls_first=key.nulls_first)
        for key in keys
        if isinstance(key.value, plan.Ref)
    ]
