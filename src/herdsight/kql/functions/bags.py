"""Bags of named properties, and JSON text."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arrays import concatenated, element, packed
from herdsight.kql.functions.conversions import as_text, boxed
from herdsight.kql.functions.model import ANY, DYNAMIC, STRING, Naming, Operand, Scalar, calls
from herdsight.prelude.json_path import spelt, steps
from herdsight.tables import ColumnType

# --- bags -------------------------------------------------------------------------------------------------------------


def _pack(*operands: Operand) -> exp.Expr:
    """A bag of names and values in turn."""
    names, values = operands[::2], operands[1::2]
    distinct = {name.value for name in names if name.is_constant}
    if len(names) > 1 and len(distinct) < len(names):  # a name may be there twice
        return trees.call("kql_bag", packed(*operands))
    properties = [
        part
        for name, value in zip(names, values, strict=True)
        for part in (trees.text(","), _name(name), trees.text(":"), element(value))
    ]
    return concatenated(trees.text("{"), *properties[1:], trees.text("}"))


def _pack_given(*operands: Operand) -> exp.Expr:
    """A bag of names and values in turn, without those that are null or an empty string."""
    properties = [
        exp.DPipe(this=concatenated(_name(name), trees.text(":")), expression=_given(value))
        for name, value in zip(operands[::2], operands[1::2], strict=True)
    ]
    return trees.call("kql_bag_given", exp.Array(expressions=properties))


def _given(value: Operand) -> exp.Expr:
    return exp.Nullif(this=boxed(value), expression=trees.text(trees.json_text("")))


def _name(operand: Operand) -> exp.Expr:
    return trees.text(trees.json_text(operand.value)) if operand.is_constant else boxed(operand)


def _pack_result(types: Sequence[ColumnType]) -> ColumnType:
    """A dynamic, of names and values in turn.

    Raises:
        ValueError: a value is missing, or a name is no string.
    """
    if len(types) % 2:
        raise ValueError("a bag is packed of pairs of name and value")
    if any(kind is not ColumnType.STRING for kind in types[::2]):
        raise ValueError("the names in a bag must be strings")
    return ColumnType.DYNAMIC


def _has_key(bag: Operand, key: Operand) -> exp.Expr:
    name = str(key.value)
    way = steps(name) or (name,)
    path = spelt(way)
    if not key.is_constant or path is None or any(isinstance(step, int) for step in way):
        return trees.call("kql_bag_has_key", bag.sql, key.sql)
    return trees.call("kql_has_property", bag.sql, trees.text(path))


def _set_key(bag: Operand, key: Operand, value: Operand) -> exp.Expr:
    return trees.call("kql_bag_set_key", bag.sql, key.sql, boxed(value))


def _packing(name: str) -> Scalar:
    return Scalar(name, (STRING, ANY, ANY), _pack_result, _pack, "pack-function", optional=1, variadic=True)


# --- JSON text --------------------------------------------------------------------------------------------------------


def _to_json(value: Operand) -> exp.Expr:
    if value.type is not ColumnType.DYNAMIC:
        return as_text(value)
    return exp.Coalesce(this=trees.call("kql_dynamic_to_json", value.sql), expressions=[trees.text("")])


def _found(path: Operand, text: Operand) -> exp.Expr:
    """What stands at a JSON path, as a dynamic; null at what is no path."""
    way = steps(str(path.value)) if path.is_constant else None
    spelling = spelt(way) if way is not None else None
    if spelling is None:
        return trees.call("kql_extract_json_at", path.sql, text.sql)
    return trees.call("kql_extract_json", trees.text(spelling), text.sql)


def _extract(path: Operand, text: Operand) -> exp.Expr:
    return as_text(Operand(_found(path, text), ColumnType.DYNAMIC))


def _parsing(name: str) -> tuple[Scalar, Scalar]:
    page = "parse-json-function"
    return (
        Scalar(name, (STRING,), ColumnType.DYNAMIC, calls("kql_parse_json"), page, Naming.ARGUMENT),
        Scalar(name, (DYNAMIC,), ColumnType.DYNAMIC, lambda value: value.sql, page, Naming.ARGUMENT),
    )


def _extracting(name: str) -> Scalar:
    return Scalar(name, (STRING, STRING), ColumnType.STRING, _extract, "extract-json-function")


# The names have a space so that no query can name them. What extract_json converts to the type that it is given:
EXTRACTED = Scalar("extracted json", (STRING, STRING), ColumnType.DYNAMIC, _found, "extract-json-function")
# What pack_all packs where it leaves out what is null or empty:
PACK_GIVEN = Scalar(
    "pack given", (STRING, ANY, ANY), _pack_result, _pack_given, "pack-all-function", optional=1, variadic=True
)

ROWS = (
    *(row for name in ("parse_json", "parsejson", "todynamic", "toobject") for row in _parsing(name)),
    *(_packing(name) for name in ("bag_pack", "pack", "pack_dictionary")),
    *(_extracting(name) for name in ("extract_json", "extractjson")),
    EXTRACTED,
    PACK_GIVEN,
    Scalar("dynamic_to_json", (ANY,), ColumnType.STRING, _to_json, "dynamic-to-json-function"),
    Scalar("bag_has_key", (DYNAMIC, STRING), ColumnType.BOOL, _has_key, "bag-has-key-function"),
    Scalar("bag_keys", (DYNAMIC,), ColumnType.DYNAMIC, calls("kql_bag_keys"), "bag-keys-function"),
    Scalar(
        "bag_merge",
        (DYNAMIC, DYNAMIC, DYNAMIC),
        ColumnType.DYNAMIC,
        lambda *bags: trees.call("kql_bag_merge", packed(*bags)),
        "bag-merge-function",
        optional=1,
        variadic=True,
    ),
    Scalar(
        "bag_remove_keys",
        (DYNAMIC, DYNAMIC),
        ColumnType.DYNAMIC,
        calls("kql_bag_remove_keys"),
        "bag-remove-keys-function",
    ),
    Scalar("bag_set_key", (DYNAMIC, STRING, ANY), ColumnType.DYNAMIC, _set_key, "bag-set-key-function"),
    Scalar("bag_zip", (DYNAMIC, DYNAMIC), ColumnType.DYNAMIC, calls("kql_bag_zip"), "bag-zip"),
    Scalar(
        "treepath",
        (DYNAMIC,),
        ColumnType.DYNAMIC,
        calls("kql_treepath"),
        "treepath-function",
        Naming.PREFIXED,
        prefix="tree",
    ),
)
