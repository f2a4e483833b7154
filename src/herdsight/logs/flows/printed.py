"""What programs share that print flows as delimited text under titles: where the fields stand, and their types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from herdsight.logs.flows.flow import columns_of, derived_from, instant, is_icmp, length, spelled
from herdsight.logs.formats import Layout, Scope, Shape
from herdsight.logs.scan import position
from herdsight.logs.values import cast, count
from herdsight.tables import ColumnType
from herdsight.trees import column, number

BYTE = 256

Texts = Mapping[str, exp.Expr]  # by the field of a flow, the text that the file has for it


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a program prints the type and the code of ICMP as one number: in which port, and under what condition.

    `type_first` tells whether the type is the higher byte.
    """

    port: str
    when: Callable[[Texts], exp.Expr]
    type_first: bool


@dataclass(frozen=True, slots=True)
class FlowTable:
    """How a program prints flows.

    `titles` are the spellings of each field, `unsure` fields of which 0 means that nobody counted, `result` EventResult
    over the declared columns, where there are states.
    """

    product: str
    titles: Mapping[str, tuple[str, ...]]
    packed: Packed
    result: Callable[[], exp.Expr]
    unsure: frozenset[str] = frozenset()

    def layout(self, shape: Shape, titles: tuple[str, ...], delimiter: str, skip: int, more: Sequence[str]) -> Layout:
        """The layout under those titles; `more` are fields that follow from others."""
        columns = columns_of((*spelled(titles, self.titles), *more))
        derived = derived_from(self.product, self.product, columns, self.result())
        return Layout(shape, fields=titles, columns=columns, derived=derived, delimiter=delimiter, skip=skip)

    def texts(self, layout: Layout) -> Texts:
        """The text of each field that the file has."""
        return {field: column(position(place)) for field, place in spelled(layout.fields, self.titles).items()}

    def fields(self, texts: Texts, scope: Scope) -> dict[str, exp.Expr]:
        """The fields that the file has, typed."""
        return {field: self._typed(field, texts, scope) for field in texts}

    def _typed(self, field: str, texts: Texts, scope: Scope) -> exp.Expr:
        tree = texts[field].copy()
        match field:
            case "begin" | "end":
                return instant(tree, scope.zone)
            case "duration":
                return length(tree)
            case "src_port" | "dst_port":
                return port(field, texts, self.packed)
            case "src" | "dst" | "protocol" | "state":
                return exp.Trim(this=tree)
        return exp.Nullif(this=count(tree), expression=number(0)) if field in self.unsure else count(tree)

    def shown(self, titles: Sequence[str], field: str, records: Sequence[Sequence[str]]) -> Iterator[str]:
        """The values of a field in some records."""
        place = spelled(titles, self.titles).get(field)
        if place is not None:
            yield from (each[place].strip() for each in records if len(each) > place)


def port(field: str, texts: Texts, packed: Packed) -> exp.Expr:
    """A port; of ICMP the type as the source's and the code as the destination's, as Zeek has them."""
    plain = cast(texts[field].copy(), ColumnType.INT)
    if not {"src_port", "dst_port", "protocol"} <= set(texts):
        return plain
    both = exp.paren(cast(texts[packed.port].copy(), ColumnType.INT))
    high = (field == "src_port") is packed.type_first
    part = (exp.IntDiv if high else exp.Mod)(this=both, expression=number(BYTE))
    condition = exp.and_(packed.when(texts), is_icmp(exp.Trim(this=texts["protocol"].copy())))
    return exp.Case(ifs=[exp.If(this=condition, true=cast(part, ColumnType.INT))], default=plain)
