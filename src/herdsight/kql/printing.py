"""A syntax tree back as KQL text, in one form: an operator a line, parentheses where the tree needs them.

The parser reads the same tree out of it again. Comments are no part of a tree, and are not kept.
"""

import re
from collections.abc import Iterable, Sequence
from functools import singledispatch

from herdsight.kql import syntax
from herdsight.kql.expressions import EQUALITY, ORDER, POWERS, SIGN, TYPE_NAMES
from herdsight.kql.operators import SOURCES, UNSUPPORTED
from herdsight.kql.reserved import BOUND
from herdsight.kql.text import name_text, typed_text
from herdsight.tables import ColumnType

_ATOM = SIGN + 1  # binds tighter than every operator
_LOOSE = 0  # stands in parentheses wherever an operator reaches it
_UNCHAINED = (EQUALITY, ORDER)  # Microsoft's parser reads no chain of these
_INDENT = "    "

# Words that this parser or Microsoft's reads as something else than a name somewhere: in brackets, they are names.
_RESERVED = BOUND | {
    *(word for word in (*POWERS, *SOURCES, *UNSUPPORTED, *TYPE_NAMES) if word.isidentifier()),
    *("let", "declare", "alias", "restrict"),  # begin a statement
    *("true", "True", "TRUE", "false", "False", "FALSE"),
}


def printed(statements: Sequence[syntax.Statement]) -> str:
    """The statements of a block as text."""
    return ";\n".join(_statement(statement) for statement in statements)


def operator_text(operator: syntax.Operator) -> str:
    """An operator of a pipeline as text, without the `|` before it."""
    return _text(operator)


def _statement(statement: syntax.Statement) -> str:
    match statement:
        case syntax.Let(name=name, value=value):
            return f"let {_name(name)} = {_let_value(value)}"
        case syntax.Setting(name=name, value=value):
            return f"set {name}" + (f" = {_expression(value)}" if value is not None else "")
        case syntax.Declaration(parameters=parameters):
            return f"declare query_parameters({_parameters(parameters)})"
        case _:
            return _query(statement)


def _let_value(value: syntax.Expression | syntax.Function) -> str:
    match value:
        case syntax.Function():
            return _function(value)
        case syntax.Pipeline():
            return _indented(_text(value))
        case _:
            return _shielded(_expression(value), "view")


def _query(value: syntax.Expression) -> str:
    """A statement's value: a query, or an expression."""
    return _text(value) if isinstance(value, syntax.Pipeline) else _expression(value)


def _function(function: syntax.Function) -> str:
    body = "".join(f"\n{_statement(statement)};" for statement in function.body)
    view = "view " if function.view else ""
    return f"{view}({_parameters(function.parameters)}) {{{_indented(body)}\n}}"


def _parameters(parameters: Iterable[syntax.Parameter]) -> str:
    return ", ".join(map(_parameter, parameters))


def _parameter(parameter: syntax.Parameter) -> str:
    kind = parameter.type or f"({_columns(parameter.columns) or '*'})"
    default = "" if parameter.default is None else f" = {_expression(parameter.default)}"
    return f"{_name(parameter.name)}: {kind}{default}"


# --- names and layout -----------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    return name_text(name, _RESERVED)


def _columns(columns: Iterable[syntax.ColumnDeclaration]) -> str:
    return ", ".join(f"{_name(column.name)}: {column.type}" for column in columns)


def _indented(text: str) -> str:
    return text.replace("\n", f"\n{_INDENT}")


def _block(text: str) -> str:
    """The text in parentheses, on lines of its own if it has several."""
    return f"({_indented(chr(10) + text)}\n)" if "\n" in text else f"({text})"


def _shielded(text: str, word: str) -> str:
    """The text in parentheses if it begins with a call of that name, which would be read as a clause."""
    return f"({text})" if text.startswith(f"{word}(") else text


def _option(name: str, value: str | None) -> str:
    """`name=value ` before what follows; nothing where there is no value."""
    plain = value is not None and value.isascii() and value.isidentifier()
    return f"{name}={value if plain else typed_text(value, ColumnType.STRING)} " if value else ""


def _clause(word: str, nodes: Sequence[syntax.Expression]) -> str:
    """` by a, b` behind what it belongs to; nothing where there are none."""
    return f" {word} {_items(nodes)}" if nodes else ""


# --- expressions ----------------------------------------------------------------------------------------------------


def _power(node: syntax.Expression) -> int:
    """How tightly the node's text holds together."""
    match node:
        case syntax.Binary(operator=operator):
            return POWERS[operator.removesuffix(" regex")]
        case syntax.Between() | syntax.Membership():
            return EQUALITY
        case syntax.Unary() | syntax.Star():
            return SIGN
        case syntax.Literal(value=value, type=kind):
            return SIGN if typed_text(value, kind).startswith("-") else _ATOM
        case syntax.Pipeline() | syntax.Assignment() | syntax.Unpacking():
            return _LOOSE
        case _:
            return _ATOM


def _expression(node: syntax.Expression, least: int = _LOOSE + 1) -> str:
    """A value, in parentheses where its text holds together less tightly than `least`."""
    return _text(node) if _power(node) >= least else _block(_text(node))


def _named(node: syntax.Expression) -> str:
    """A value, or one with its name."""
    match node:
        case syntax.Assignment(name=name, value=value):
            return f"{_name(name)} = {_expression(value)}"
        case syntax.Unpacking(names=names, value=value):
            return f"({', '.join(map(_name, names))}) = {_expression(value)}"
        case _:
            return _expression(node)


def _items(nodes: Iterable[syntax.Expression]) -> str:
    return ", ".join(map(_named, nodes))


def _arguments(nodes: Sequence[syntax.Expression]) -> str:
    """Arguments in parentheses; a query needs none of its own where nothing follows it."""
    if nodes and isinstance(nodes[-1], syntax.Pipeline):
        return _block("".join(f"{_named(node)}, " for node in nodes[:-1]) + _text(nodes[-1]))
    return f"({_items(nodes)})"


@singledispatch
def _text(node: object) -> str:
    """A node as it stands where nothing is in its way."""
    raise AssertionError(f"no text is known for {type(node).__name__}")


@_text.register
def _(node: syntax.Name) -> str:
    return _name(node.name)


@_text.register
def _(node: syntax.Literal) -> str:
    return typed_text(node.value, node.type)


@_text.register
def _(node: syntax.Unary) -> str:
    return f"{node.operator}{_expression(node.operand, _ATOM)}"


_Infix = syntax.Binary | syntax.Between | syntax.Membership


@_text.register
def _(node: syntax.Binary | syntax.Between | syntax.Membership) -> str:
    """A chain is walked and not descended into: people write hundreds of conditions."""
    parts: list[str] = []
    left, least = _split(node, parts)
    while isinstance(left, _Infix) and _power(left) >= least:
        left, least = _split(left, parts)
    return "".join((_expression(left, least), *reversed(parts)))


def _split(node: _Infix, parts: list[str]) -> tuple[syntax.Expression, int]:
    """What stands left of the operator, and how tightly it must hold together; the text from there on into `parts`."""
    power = _power(node)
    match node:
        case syntax.Binary(operator=operator, left=value, right=right):
            parts.append(f" {operator} {_expression(right, power + 1)}")
        case syntax.Between(value=value, low=low, high=high, negated=negated):
            parts.append(f" {'!' if negated else ''}between ({_expression(low)} .. {_expression(high)})")
        case syntax.Membership(operator=operator, value=value, items=items):
            parts.append(f" {operator} {_arguments(items)}")
    return value, power + 1 if power in _UNCHAINED else power


@_text.register
def _(node: syntax.Call) -> str:
    return f"{node.name}{_arguments(node.arguments)}"


def _called(call: syntax.Call) -> str:
    """A call whose name may stand in brackets, as an operator's may."""
    return f"{_name(call.name)}{_arguments(call.arguments)}"


@_text.register
def _(node: syntax.Assignment | syntax.Unpacking) -> str:
    return _named(node)


@_text.register
def _(node: syntax.TypeOf) -> str:
    return f"typeof({node.type})"


@_text.register
def _(node: syntax.Pattern) -> str:
    return node.pattern


@_text.register
def _(node: syntax.Member) -> str:
    is_literal = isinstance(node.value, syntax.Literal)
    base = _block(_text(node.value)) if is_literal else _expression(node.value, _ATOM)  # 1.e5 is a number
    return f"{base}.{_name(node.name)}"


@_text.register
def _(node: syntax.Index) -> str:
    return f"{_expression(node.value, _ATOM)}[{_expression(node.key)}]"


@_text.register
def _(_node: syntax.Star) -> str:
    return "*"


# --- sources --------------------------------------------------------------------------------------------------------


@_text.register
def _(node: syntax.Pipeline) -> str:
    first = _block(_text(node.source)) if isinstance(node.source, syntax.Pipeline) else _text(node.source)
    return "\n| ".join((first, *map(_text, node.operators)))


def _table(node: syntax.Expression) -> str:
    """A table among others, or beside one: bare where a name or a call says which."""
    if not isinstance(node, syntax.Pipeline):
        return _text(node)
    is_bare = not node.operators and isinstance(node.source, syntax.Name | syntax.Call | syntax.Member)
    return _text(node.source) if is_bare else _block(_text(node))


@_text.register
def _(node: syntax.Print) -> str:
    items = _items(node.items)
    first = _items(node.items[:1])
    return f"print {f'({first}){items.removeprefix(first)}' if first.startswith('*') else items}"


@_text.register
def _(node: syntax.DataTable) -> str:
    width = len(node.columns) or 1
    values = [_expression(value) for value in node.values]
    rows = [", ".join(values[start : start + width]) for start in range(0, len(values), width)]
    lines = ",".join(f"\n{row}" for row in rows)
    return f"datatable({_columns(node.columns)})[{_indented(lines)}{chr(10) if rows else ''}]"


@_text.register
def _(node: syntax.Range) -> str:
    low, high, step = (_expression(part) for part in (node.low, node.high, node.step))
    return f"range {_name(node.name)} from {low} to {high} step {step}"


@_text.register
def _(node: syntax.ExternalData) -> str:
    uris = ", ".join(_expression(uri) for uri in node.uris)
    return f"externaldata({_columns(node.columns)})[{uris}]{_options(node.options)}"


def _options(given: Sequence[syntax.Assignment]) -> str:
    return f" with ({_items(given)})" if given else ""


# What may not come right behind `union` and `search` where they begin a query: there, these are names of columns.
_TAKEN_FOR_NAME = re.compile(r"\[|(?:has|contains)\b")
_SEARCHED = re.compile(r"(?!(?:has|contains|datetime|guid|timespan)\()[A-Za-z_$\"*(-]")


@_text.register
def _(node: syntax.Union) -> str:
    sources = ", ".join(map(_table, node.sources))
    said = node.kind != "outer" or _TAKEN_FOR_NAME.match(sources)
    fuzzy = "isfuzzy=true " if node.fuzzy else ""
    options = _option("kind", node.kind if said else None) + _option("withsource", node.with_source)
    return f"union {options}{fuzzy}{sources}"


@_text.register
def _(node: syntax.Search) -> str:
    kind = "kind=case_sensitive " if node.case_sensitive else ""
    tables = f"in ({', '.join(map(_table, node.tables))}) " if node.tables else ""
    condition = _expression(node.condition)
    return f"search {kind}{tables}{condition if _SEARCHED.match(condition) else f'({condition})'}"


@_text.register
def _(node: syntax.Find) -> str:
    tables = f"in ({', '.join(map(_table, node.tables))}) " if node.tables else ""
    columns = ""
    if node.columns is not None:
        packed = ("pack_all()",) if node.packed else ()
        columns = f" project {', '.join((*map(_text, node.columns), *packed))}"
    return f"find {_option('withsource', node.with_source)}{tables}where {_expression(node.condition)}{columns}"


@_text.register
def _(node: syntax.FoundColumn) -> str:
    return _name(node.name) if node.type is None else f"{_name(node.name)}: {node.type}"


# --- operators ------------------------------------------------------------------------------------------------------


def _sub_query(operators: Iterable[syntax.Operator]) -> str:
    return _block("\n| ".join(map(_text, operators)))


@_text.register
def _(node: syntax.Where) -> str:
    return f"where {_expression(node.condition)}"


@_text.register
def _(node: syntax.Extend) -> str:
    return f"extend {_items(node.items)}"


@_text.register
def _(node: syntax.Project) -> str:
    return f"project {_items(node.items)}".rstrip()


@_text.register
def _(node: syntax.Serialize) -> str:
    return f"serialize {_items(node.items)}".rstrip()


@_text.register
def _(node: syntax.Distinct) -> str:
    return f"distinct {_items(node.items)}"


@_text.register
def _(node: syntax.ProjectRename) -> str:
    return f"project-rename {_items(node.items)}"


@_text.register
def _(node: syntax.ProjectByNames) -> str:
    return f"project-by-names {', '.join(_expression(item) for item in node.items)}"


# A name with wildcards, as it stands where no brackets are needed: of names, stars and short whole numbers.
_WILD = re.compile(r"(?:\*|\$?[A-Za-z_][A-Za-z_\d]*|(?<!\d)\d{1,18}(?![A-Za-z_\d]))+")


def _wild(pattern: str) -> str:
    return pattern if _WILD.fullmatch(pattern) else name_text(pattern)


@_text.register
def _(node: syntax.ProjectAway) -> str:
    return f"project-away {', '.join(map(_wild, node.patterns))}"


@_text.register
def _(node: syntax.ProjectKeep) -> str:
    return f"project-keep {', '.join(map(_wild, node.patterns))}"


@_text.register
def _(node: syntax.ProjectReorder) -> str:
    return f"project-reorder {', '.join(map(_text, node.patterns))}"


@_text.register
def _(node: syntax.Reordered) -> str:
    return f"{_wild(node.pattern)} {node.order or ''}".rstrip()


@_text.register
def _(node: syntax.Summarize) -> str:
    aggregates = "".join(f" {_shielded(item, 'by')}," for item in map(_named, node.aggregates)).removesuffix(",")
    return f"summarize{aggregates}{_clause('by', node.keys)}"


@_text.register
def _(node: syntax.Sort) -> str:
    return f"sort by {', '.join(map(_text, node.keys))}"


@_text.register
def _(node: syntax.Ordering) -> str:
    nulls = "" if node.nulls_first is not node.descending else f" nulls {'first' if node.nulls_first else 'last'}"
    return f"{_expression(node.value)} {_direction(node.descending)}{nulls}"


def _direction(descending: bool) -> str:
    return "desc" if descending else "asc"


@_text.register
def _(node: syntax.Top) -> str:
    return f"top {_expression(node.count)} by {', '.join(map(_text, node.keys))}"


@_text.register
def _(node: syntax.Take) -> str:
    return f"take {_expression(node.count)}"


@_text.register
def _(node: syntax.Count) -> str:
    return f"count as {_name(node.name)}" if node.name is not None else "count"


@_text.register
def _(node: syntax.Join) -> str:
    condition = f" where {_expression(node.where)}" if node.where is not None else _conditions(node.conditions)
    return f"join kind={node.kind} {_table(node.right)}{condition}"


@_text.register
def _(node: syntax.Lookup) -> str:
    return f"lookup kind={node.kind} {_table(node.right)}{_conditions(node.conditions)}"


def _conditions(conditions: Iterable[syntax.Expression]) -> str:
    return f" on {', '.join(_expression(condition) for condition in conditions)}"


@_text.register
def _(node: syntax.As) -> str:
    return f"as {_name(node.name)}"


@_text.register
def _(node: syntax.Invoke) -> str:
    return f"invoke {_called(node.call)}"


@_text.register
def _(node: syntax.Parse) -> str:
    options = _option("kind", node.kind if node.kind != "simple" else None) + _option("flags", node.flags)
    parts = " ".join(map(_text, node.parts))
    return f"{'parse-where' if node.only else 'parse'} {options}{_expression(node.value)} with {parts}"


@_text.register
def _(node: syntax.Capture) -> str:
    return _name(node.name) if node.type is ColumnType.STRING else f"{_name(node.name)}: {node.type}"


@_text.register
def _(node: syntax.ParseKv) -> str:
    return f"parse-kv {_expression(node.value)} as ({_columns(node.keys)}){_options(node.options)}"


@_text.register
def _(node: syntax.MvExpand) -> str:
    return f"mv-expand {_expanded(node)}"


@_text.register
def _(node: syntax.MvApply) -> str:
    return f"mv-apply {_expanded(node.expand)} on {_sub_query(node.operators)}"


def _expanded(node: syntax.MvExpand) -> str:
    options = _option("kind", node.kind if node.kind != "bag" else None) + _option("with_itemindex", node.index)
    limit = f" limit {_expression(node.limit)}" if node.limit is not None else ""
    return f"{options}{', '.join(map(_text, node.items))}{limit}"


@_text.register
def _(node: syntax.Expansion) -> str:
    name = f"{_name(node.name)} = " if node.name is not None else ""
    kind = f" to typeof({node.type})" if node.type is not None else ""
    return f"{name}{_expression(node.value)}{kind}"


@_text.register
def _(node: syntax.MakeSeries) -> str:
    kind = _option("kind", "nonempty" if node.nonempty else None)
    items = ", ".join(map(_text, node.items))
    return f"make-series {kind}{items} on {_axis(node.axis)}{_extent(node)}{_clause('by', node.keys)}"


@_text.register
def _(node: syntax.SeriesItem) -> str:
    return _named(node.value) + (f" default={_expression(node.default)}" if node.default is not None else "")


def _axis(axis: syntax.Expression) -> str:
    """The axis, which stands where `in` is no test of membership."""
    if isinstance(axis, syntax.Assignment):
        return f"{_name(axis.name)} = {_expression(axis.value, EQUALITY + 1)}"
    return _expression(axis, EQUALITY + 1)


def _extent(node: syntax.MakeSeries) -> str:
    low, high = (None if end is None else _expression(end) for end in (node.low, node.high))
    step = _expression(node.step)
    if node.inclusive:
        return f" in range({low}, {high}, {step})"
    return (f" from {low}" if low else "") + (f" to {high}" if high else "") + f" step {step}"


@_text.register
def _(node: syntax.Partition) -> str:
    if node.source is None:
        return f"partition by {_text(node.key)} {_sub_query(node.operators)}"
    query = _text(syntax.Pipeline(node.start, node.source, node.operators))
    return f"partition by {_text(node.key)} {{{_indented(chr(10) + query)}\n}}"


@_text.register
def _(node: syntax.Sample) -> str:
    return f"sample {_expression(node.count)}"


@_text.register
def _(node: syntax.SampleDistinct) -> str:
    return f"sample-distinct {_expression(node.count)} of {_expression(node.value)}"


@_text.register
def _(node: syntax.TopHitters) -> str:
    weight = f" by {_expression(node.weight)}" if node.weight is not None else ""
    return f"top-hitters {_expression(node.count)} of {_named(node.value)}{weight}"


@_text.register
def _(node: syntax.TopNested) -> str:
    return ", ".join(f"top-nested {_text(level)}" for level in node.levels)


@_text.register
def _(node: syntax.Level) -> str:
    count = f"{_shielded(_expression(node.count), 'of')} " if node.count is not None else ""
    others = f" with others = {_expression(node.others)}" if node.others is not None else ""
    return f"{count}of {_named(node.value)}{others} by {_named(node.by)} {_direction(node.descending)}"


@_text.register
def _(node: syntax.Scan) -> str:
    declared = f"declare ({_parameters(node.declared)}) " if node.declared else ""
    steps = "".join(f"\n{_text(step)};" for step in node.steps)
    return f"scan {_option('with_match_id', node.match_id)}{declared}with ({_indented(steps)}\n)"


@_text.register
def _(node: syntax.Step) -> str:
    optional = " optional" if node.optional else ""
    output = f" output={node.output}" if node.output != "all" else ""
    assigned = f" => {_items(node.assignments)}" if node.assignments else ""
    return f"step {_name(node.name)}{optional}{output}: {_expression(node.condition)}{assigned}"


@_text.register
def _(node: syntax.Evaluate) -> str:
    if node.schema is None:
        return f"evaluate {_called(node.call)}"
    columns = ", ".join(part for part in ("*" if node.keeps else "", _columns(node.schema)) if part)
    return f"evaluate {_called(node.call)} : ({columns})"


@_text.register
def _(_node: syntax.GetSchema) -> str:
    return "getschema"


@_text.register
def _(_node: syntax.Consume) -> str:
    return "consume"


@_text.register
def _(node: syntax.Render) -> str:
    return f"render {name_text(node.chart)}"


@_text.register
def _(node: syntax.AssertSchema) -> str:
    return f"assert-schema ({_columns(node.columns)})"
