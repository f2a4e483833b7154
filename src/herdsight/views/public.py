"""A view for each public table, over all parts that can carry it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network, address_type
from herdsight.tables import DEVICE_NETWORK_EVENTS, FILE_COLUMN, NAMES, REJECT_COLUMN, ROW_COLUMN, table
from herdsight.trees import column, text
from herdsight.views import alone, dns, network
from herdsight.views.parts import Family, Part, Rows, Values, first, part_column

FAMILIES = (network.FAMILY, dns.FAMILY, *alone.FAMILIES)


@dataclass(frozen=True, slots=True)
class View:
    """A public table and the query that it stands for."""

    name: str
    tree: exp.Query


def public_views(parts: Sequence[Part], local: Sequence[Network] = ()) -> tuple[View, ...]:
    """A view for every table there is, over all parts; without a part that can carry it, a view is empty.

    `local` are the networks that are inside, by default the private ones; it matters where a log says no direction.
    """
    return tuple(View(name, _view(name, parts, local)) for name in NAMES)


def carried(parts: Sequence[Part], name: str) -> frozenset[str]:
    """The columns of that table that some part can fill."""
    found: set[str] = set()
    for part in parts:
        if part.table == name:
            found.update(part.columns)
        else:
            found.update(*(rows.values for rows in _derived(name, part, ())))
    return frozenset(found)


def _view(name: str, parts: Sequence[Part], local: Sequence[Network]) -> exp.Query:
    branches = [branch for part in parts for branch in _branches(name, part, local)]
    if not branches:
        return _projected(name, {}).where(exp.false())
    tree: exp.Query = branches[0]
    for branch in branches[1:]:
        tree = exp.Union(this=tree, expression=branch, distinct=False)
    return tree


def _branches(name: str, part: Part, local: Sequence[Network]) -> Iterable[exp.Select]:
    accepted = exp.Is(this=column(REJECT_COLUMN), expression=exp.null())
    if part.table == name:
        yield _projected(name, _own(part)).from_(part.source.copy()).where(accepted)
        return
    for rows in _derived(name, part, local):
        yield _projected(name, rows.values).from_(part.source.copy()).where(accepted.copy(), rows.condition)


def _projected(name: str, values: Values) -> exp.Select:
    """A select of all columns of the table: those given, and what stands for a missing value for the rest."""
    declared = table(name).columns
    if values:  # Log Analytics tells in each row which table it is of
        values = {"Type": text(name), **values}
    columns = [trees.named(values.get(each.name, trees.null(each.type)).copy(), each.name) for each in declared]
    provenance = [column(FILE_COLUMN), column(ROW_COLUMN)] if values else []
    return exp.select(*columns, *provenance)


def _own(part: Part) -> Values:
    values: dict[str, exp.Expr] = {name: column(name) for name in part.columns}
    if part.table == DEVICE_NETWORK_EVENTS:
        for kind, address in (("RemoteIPType", "RemoteIP"), ("LocalIPType", "LocalIP")):
            if address in values:  # some events, and some exports, leave it blank
                given = part_column(part, kind)
                values[kind] = first(given, address_type(column(address)))
    return values


def _derived(name: str, part: Part, local: Sequence[Network]) -> tuple[Rows, ...]:
    """The rows of another table of the same family as this one tells of them."""
    family = _family(part.table)
    if name not in family.to_hub:
        return ()
    event = family.event(part, local)
    if name == family.hub:
        return (Rows(event.known, {"Type": text(part.table), **event.values}),)
    made = family.from_hub[name](event)
    return tuple(Rows(exp.and_(event.known.copy(), rows.condition), rows.values) for rows in made)


def _family(name: str) -> Family:
    return next(family for family in FAMILIES if name in family.to_hub)
