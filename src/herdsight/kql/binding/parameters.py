"""Query parameters: the texts that a user gives for them, read as the types that the query declares."""

from uuid import UUID

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import NOTHING, Context
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.statements import literal
from herdsight.tables import ColumnType

_LIKE = {
    ColumnType.BOOL: "true",
    ColumnType.DATETIME: "2026-05-31 or 2026-05-31T10:00:00Z",
    ColumnType.TIMESPAN: "5m or 1.02:03:04",
    ColumnType.DYNAMIC: '["a", "b"]',
    ColumnType.GUID: "74be27de-1e4e-49d9-b579-fe0b331d3642",
}


def query_parameter(context: Context, parameter: syntax.Parameter) -> plan.Scalar:
    """The value of a declared parameter: what the user gave, or else its default.

    Raises:
        QueryError: it has neither, or what was given is none of its type.
    """
    kind = parameter.type or ColumnType.STRING
    given = context.surroundings.parameters.get(parameter.name)
    if given is not None:
        return _given(context, parameter, kind, given)
    if parameter.default is None:
        hint = f"give it with --parameter {parameter.name}=VALUE"
        raise context.wrong(
            f"the query parameter `{parameter.name}` has no value", parameter.start, code="HS045", hint=hint
        )
    return fold(converted(scalar(context, parameter.default, NOTHING), kind))


def _given(context: Context, parameter: syntax.Parameter, kind: ColumnType, text: str) -> plan.Const:
    if kind is ColumnType.STRING:
        return plan.Const(text, kind)
    try:
        value = literal(text, kind).value
        if kind is ColumnType.GUID and value is not None:
            value = str(UUID(str(value)))
    except (QueryError, ValueError) as error:
        raise context.wrong(
            f"the query parameter `{parameter.name}` is a {kind}, and {text!r} is none",
            parameter.start,
            code="HS047",
            hint=f"write it like {_LIKE.get(kind, '25')}",
        ) from error
    return plan.Const(value, kind)
