"""Flow logs of Azure as its storage accounts keep them: of network security groups (versions 1 and 2) and of networks.

A file is JSON whose records nest: a record has rules, a rule its flows as texts between commas. Each of these is a
record of ours. The values and their order are told by Microsoft's "Flow logging for network security groups" and
"Virtual network flow logs".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from herdsight.logs.flows.flow import Flows, columns_of, derived_from, sessions
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.microsoft.exports import json_objects
from herdsight.logs.scan import VARCHAR, file_number, list_type, objects, struct_type
from herdsight.logs.values import BAD_JSON, TOO_FEW, TOO_MANY, cast, count, microseconds, numbered, reason
from herdsight.tables import FILE_COLUMN, NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, named, number, text

NOT_FLOW = "not a flow"

_SEVERAL = "a flow that lasts has several records: its begin (B), each stretch of it (C), and its end (E)"
_TUPLES, _RULE = "flowTuples", "rule"
_KEYS = ("time", "category")  # of a record, beside the one that holds its flows
_COUNTS = ("src_packets", "src_bytes", "dst_packets", "dst_bytes")
_PROTOCOLS = {"T": "tcp", "U": "udp"}
_RULE_NAME = column(_RULE)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the two logs.

    Below the key `holder` of a record, `flows` is a list of objects, each of which has a list of objects under
    `groups`; these have the tuples, and one of the two the rule. `fields` are the values of a tuple in order, of which
    there are at least `least`; `action` is over `values` what was done, `unit` what the time counts in microseconds.
    """

    name: str
    product: str
    category: str
    holder: str
    groups: str
    ruled: str  # the level that names the rule: "flow" or "group"
    fields: tuple[str, ...]
    least: int
    unit: int
    action: Callable[["_Kind"], exp.Expr]

    def recognise(self, head: Head) -> Layout | None:
        """Text that is JSON, and names the category of such records."""
        words = head.text.lstrip("\ufeff \r\n\t")
        if head.parquet is not None or words[:1] not in {"{", "["} or not self._is_named(words):
            return None
        shape, _ = json_objects(head)
        columns = columns_of((*self.fields, "action", "rule"), "EventResult", "EventSubType")
        derived = derived_from("Microsoft", self.product, columns, kind="Flow")
        return Layout(
            shape, fields=(*_KEYS, self.holder), columns=columns, derived=derived, notes=(_SEVERAL,), certain=True
        )

    def _is_named(self, words: str) -> bool:
        return f'"{self.category}"' in words and f'"{_TUPLES}"' in words and f'"{self.groups}"' in words

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """Flows as sessions; one tuple, one row. A record, a rule or a group that has no list of them is one, too."""
        fields = {field: self._typed(field) for field in self.fields}
        fields |= {"action": self.action(self), "rule": _RULE_NAME}
        found = Flows(self._tuples(source, layout.shape), fields, column(FILE_COLUMN), self._early())
        return sessions(found, layout.columns, scope, {"EventSubType": _sub_type()})

    def _tuples(self, source: Source, shape: Shape) -> exp.Expr:
        """The tuples as lists of their values, each with its rule, the number of its file, and whether it is JSON."""
        record = named(exp.Is(this=_member("record", "category"), expression=exp.null()), "broken")
        flows = _unnested(self._records(source, shape), _member("record", self.holder, "flows"), "flow", record)
        rule = _member(self.ruled, _RULE)
        groups = _unnested(flows, _member("flow", self.groups), "group", column("flow"), column("broken"))
        kept = (column("broken"), named(rule, _RULE))
        tuples = _unnested(groups, _member("group", _TUPLES), "tuple", *kept)
        values = named(call("string_split", column("tuple"), text(",")), "values")
        return exp.select(exp.Star(), values).from_(tuples.subquery("tuples")).subquery("records")

    def _records(self, source: Source, shape: Shape) -> exp.Select:
        keys = dict.fromkeys(_KEYS, VARCHAR) | {self.holder: self._type()}
        file = numbered(file_number(source))
        if shape is Shape.JSON_RECORDS:
            documents = objects(source, shape, {"records": list_type(struct_type(keys))})
            return exp.select(named(call("unnest", _or_nothing(column("records"))), "record"), file).from_(documents)
        members = [exp.PropertyEQ(this=text(key), expression=column(key)) for key in keys]
        return exp.select(named(exp.Struct(expressions=members), "record"), file).from_(objects(source, shape, keys))

    def _type(self) -> str:
        group = {_RULE: VARCHAR, _TUPLES: list_type(VARCHAR)}
        flow = {_RULE: VARCHAR, self.groups: list_type(struct_type(group))}
        return struct_type({"flows": list_type(struct_type(flow))})

    def _early(self) -> list[exp.If]:
        width = call("len", column("values"))
        return [
            reason(exp.and_(exp.Is(this=column("tuple"), expression=exp.null()), column("broken")), BAD_JSON),
            reason(exp.Is(this=column("tuple"), expression=exp.null()), NOT_FLOW),
            reason(exp.LT(this=width, expression=number(self.least)), TOO_FEW),
            reason(exp.GT(this=width.copy(), expression=number(len(self.fields))), TOO_MANY),
        ]

    def value(self, field: str) -> exp.Expr:
        """A value of a tuple, as text."""
        return call("list_extract", column("values"), number(self.fields.index(field) + 1))

    def _typed(self, field: str) -> exp.Expr:
        words = self.value(field)
        match field:
            case "begin":
                seconds = exp.Div(this=cast(words, ColumnType.REAL), expression=number(1_000_000 // self.unit))
                return microseconds(seconds)
            case "src_port" | "dst_port":
                return cast(words, ColumnType.INT)
            case "protocol":
                named_ones = [exp.If(this=text(letter), true=text(name)) for letter, name in _PROTOCOLS.items()]
                return exp.Case(this=words, ifs=named_ones, default=words.copy())
        return count(words) if field in _COUNTS else words


def _or_nothing(items: exp.Expr) -> exp.Expr:
    """A list to unnest: where there is none, of one NULL, so that what should have had one is not lost."""
    return exp.Coalesce(this=items, expressions=[exp.array(exp.null())])


def _unnested(records: exp.Select, items: exp.Expr, name: str, *kept: exp.Expr) -> exp.Select:
    """A row for each item of a list, in order, with what is kept of the record and the number of the file."""
    item = named(call("unnest", _or_nothing(items)), name)
    return exp.select(item, *kept, column(FILE_COLUMN)).from_(records.subquery("outer"))


def _member(holder: str, *names: str) -> exp.Expr:
    tree: exp.Expr = column(holder)
    for name in names:
        tree = exp.Dot(this=tree, expression=exp.to_identifier(name, quoted=True))
    return tree


def _sub_type() -> exp.Expr:
    """ASIM's word for the record that begins a flow, and for the one that ends it."""
    words: Mapping[str, str] = {"B": "Start", "E": "End"}
    return exp.Case(
        this=column("state"),
        ifs=[exp.If(this=text(letter), true=text(word)) for letter, word in words.items()],
        default=text(""),
    )


def _decided(kind: _Kind) -> exp.Expr:
    """Of a network security group: the decision, which is a value of its own."""
    return kind.value("decision")


def _denied(kind: _Kind) -> exp.Expr:
    """Of a network: the state D is that of a flow that was denied, any other that of one that was not."""
    state = kind.value("state")
    denied = exp.EQ(this=state, expression=text("D"))
    other = exp.In(this=state.copy(), expressions=[text(each) for each in "BCE"])
    return exp.Case(ifs=[exp.If(this=denied, true=text("D")), exp.If(this=other, true=text("A"))])


_ENDS = ("begin", "src", "dst", "src_port", "dst_port", "protocol", "direction")
_KINDS = (
    _Kind(
        name="azure-nsg-flow",
        product="NSGFlow",
        category="NetworkSecurityGroupFlowEvent",
        holder="properties",
        groups="flows",
        ruled="flow",
        fields=(*_ENDS, "decision", "state", *_COUNTS),
        least=8,  # version 1 ends with the decision
        unit=1_000_000,
        action=_decided,
    ),
    _Kind(
        name="azure-vnet-flow",
        product="VNetFlow",
        category="FlowLogFlowEvent",
        holder="flowRecords",
        groups="flowGroups",
        ruled="group",
        fields=(*_ENDS, "state", "encryption", *_COUNTS),
        least=13,
        unit=1_000,
        action=_denied,
    ),
)

FORMATS = tuple(Format(kind.name, NETWORK_SESSION, kind.recognise, kind.read) for kind in _KINDS)
