"""AdditionalFields: what a log says beside the columns of its table, as one object."""

from collections.abc import Iterable, Mapping

from sqlglot import exp

from herdsight.tables import ColumnType
from herdsight.trees import call, sql_type, text


def bag(members: Mapping[str, exp.Expr]) -> exp.Expr:
    """An object of those members that are there; NULL where none is. An empty text is none."""
    pairs: Iterable[exp.Expr] = (part for name, tree in members.items() for part in (text(name), tree.copy()))
    # A patch leaves out what is null.
    whole = call("json_merge_patch", text("{}"), call("json_object", *pairs))
    words = exp.Cast(this=whole, to=sql_type(ColumnType.DYNAMIC))
    return exp.Nullif(this=words, expression=text("{}"))


def said(tree: exp.Expr) -> exp.Expr:
    """A text, NULL where it is empty."""
    return exp.Nullif(this=tree, expression=text(""))
