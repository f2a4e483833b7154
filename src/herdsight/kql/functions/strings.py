"""Strings: their parts, and what is made of them. Positions and lengths count characters (Unicode code points)."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conversions import as_text
from herdsight.kql.functions.model import ANY, DYNAMIC, LONG, NUMBER, STRING, Naming, Operand, Scalar
from herdsight.tables import ColumnType


def text_call(name: str) -> Callable[..., exp.Expr]:
    """A meaning that is one call of the prelude's function of that name, with the arguments as texts."""
    return lambda *operands: trees.call(name, *(as_text(operand) for operand in operands))


def never_missing(tree: exp.Expr) -> exp.Expr:
    """A string: "" where the tree gives null."""
    return exp.Coalesce(this=tree, expressions=[trees.text("")])


def given(operand: Operand | None, otherwise: float | str) -> exp.Expr:
    """An argument, or what stands for it where it is left out."""
    return operand.sql if operand else trees.literal(otherwise)


def _sides(*, case: bool, node: type[exp.Binary | exp.Func]) -> Callable[[Operand, Operand], exp.Expr]:
    def lower(haystack: Operand, needle: Operand) -> exp.Expr:
        if case:
            return node(this=haystack.sql, expression=needle.sql)
        return node(this=exp.Lower(this=haystack.sql), expression=exp.Lower(this=needle.sql))

    return lower


def _negated(lower: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    return lambda *operands: exp.Not(this=lower(*operands))


_PARTS = {"contains": exp.Contains, "startswith": exp.StartsWith, "endswith": exp.EndsWith}


def _part_rows(name: str) -> tuple[Scalar, ...]:
    any_case, same_case = (_sides(case=case, node=_PARTS[name]) for case in (False, True))
    two, page = (STRING, STRING), f"{name}-operator"
    return (
        Scalar(name, two, ColumnType.BOOL, any_case, page),
        Scalar(f"{name}_cs", two, ColumnType.BOOL, same_case, page),
        Scalar(f"!{name}", two, ColumnType.BOOL, _negated(any_case), page),
        Scalar(f"!{name}_cs", two, ColumnType.BOOL, _negated(same_case), page),
    )


def _concatenated(*parts: Operand) -> exp.Expr:
    return exp.Concat(expressions=[as_text(part) for part in parts], safe=False, coalesce=False)


def _repeated(value: Operand, times: Operand, delimiter: Operand | None = None) -> exp.Expr:
    between = as_text(delimiter) if delimiter else trees.text("")
    return never_missing(trees.call("kql_strrep", as_text(value), times.sql, between))


def _substring(value: Operand, start: Operand, length: Operand | None = None) -> exp.Expr:
    if length is None:
        return never_missing(trees.call("kql_rest", as_text(value), start.sql))
    return never_missing(trees.call("kql_substring", as_text(value), start.sql, length.sql))


def _index(
    text: Operand,
    part: Operand,
    start: Operand | None = None,
    length: Operand | None = None,
    occurrence: Operand | None = None,
) -> exp.Expr:
    if start is None:
        return trees.call("kql_indexof", as_text(text), as_text(part))
    window = as_text(text), as_text(part), start.sql, given(length, -1)
    if occurrence is None:
        return trees.call("kql_indexof_between", *window)
    return trees.call("kql_indexof_nth", *window, occurrence.sql)


def _overlaps_itself(part: str) -> bool:
    return any(part.startswith(part[start:]) for start in range(1, len(part)))


def plain_count(text: Operand, part: Operand) -> exp.Expr:
    """How often the part is in the text; where it can overlap itself, every position is tried."""
    apart = part.is_constant and part.value and not _overlaps_itself(str(part.value))
    return trees.call("kql_countof_apart" if apart else "kql_countof", text.sql, part.sql)


def _split(text: Operand, delimiter: Operand, position: Operand | None = None) -> exp.Expr:
    if position is None:
        return trees.call("kql_split", as_text(text), delimiter.sql)
    return trees.call("kql_split_at", as_text(text), delimiter.sql, position.sql)


def _joined(array: Operand, delimiter: Operand) -> exp.Expr:
    name = "kql_strcat_array" if delimiter.is_constant else "kql_strcat_array_by"
    return trees.call(name, array.sql, as_text(delimiter))


def _replaced_all(text: Operand, lookups: Operand, rewrites: Operand) -> exp.Expr:
    if isinstance(lookups.value, list) and isinstance(rewrites.value, list):
        pairs = _pairs(lookups.value, rewrites.value)
        sides = (exp.Array(expressions=[trees.text(side) for side in column]) for column in zip(*pairs, strict=True))
        return trees.call("kql_replace_strings", text.sql, *sides) if pairs else text.sql
    return never_missing(trees.call("kql_replace_strings_of", text.sql, lookups.sql, rewrites.sql))


def _pairs(lookups: Sequence[object], rewrites: Sequence[object]) -> list[tuple[str, str]]:
    """What each text becomes. One whose rewrite is no string is found and stays as it is."""
    padded = [*rewrites, *([None] * len(lookups))]
    return [
        (lookup, rewrite if isinstance(rewrite, str) else lookup)
        for lookup, rewrite in zip(lookups, padded, strict=False)
        if isinstance(lookup, str) and lookup
    ]


def _bytes_text(size: Operand, places: Operand | None = None, unit: Operand | None = None) -> exp.Expr:
    return trees.call("kql_format_bytes", size.sql, given(places, 0), given(unit, ""))


def _delimited(delimiter: Operand, *parts: Operand) -> exp.Expr:
    return exp.ConcatWs(expressions=[as_text(part) for part in (delimiter, *parts)], safe=False, coalesce=False)


def _joined_texts(*texts: str) -> str:
    return "".join(texts)


_S, _L, _D = ColumnType.STRING, ColumnType.LONG, ColumnType.DYNAMIC

ROWS = (
    *(row for name in _PARTS for row in _part_rows(name)),
    Scalar("strlen", (STRING,), _L, lambda s: exp.Length(this=s.sql), "strlen-function", Naming.PREFIXED),
    Scalar("string_size", (STRING,), _L, text_call("kql_string_size"), "string-size-function", Naming.PREFIXED),
    Scalar("tolower", (ANY,), _S, lambda s: exp.Lower(this=as_text(s)), "tolower-function"),
    Scalar("toupper", (ANY,), _S, lambda s: exp.Upper(this=as_text(s)), "toupper-function"),
    Scalar("reverse", (ANY,), _S, text_call("kql_reverse"), "reverse-function"),
    Scalar("strcat", (STRING,), _S, _concatenated, "strcat-function", variadic=True, evaluate=_joined_texts),
    Scalar("strcat", (ANY,), _S, _concatenated, "strcat-function", variadic=True),
    Scalar("strcat_delim", (ANY, ANY, ANY), _S, _delimited, "strcat-delim-function", variadic=True),
    Scalar("strcat_array", (DYNAMIC, ANY), _S, _joined, "strcat-array-function"),
    Scalar("array_strcat", (DYNAMIC, ANY), _S, _joined, "strcat-array-function"),
    Scalar("strcmp", (ANY, ANY), _L, text_call("kql_strcmp"), "strcmp-function"),
    Scalar("strrep", (ANY, LONG, ANY), _S, _repeated, "strrep-function", optional=1),
    Scalar("substring", (ANY, LONG, LONG), _S, _substring, "substring-function", optional=1),
    Scalar("indexof", (ANY, ANY, LONG, LONG, LONG), _L, _index, "indexof-function", optional=3),
    Scalar("split", (ANY, STRING, LONG), _D, _split, "split-function", Naming.ARGUMENT, optional=1),
    Scalar("replace_string", (STRING, STRING, STRING), _S, text_call("kql_replace_string"), "replace-string-function"),
    Scalar("replace_strings", (STRING, DYNAMIC, DYNAMIC), _S, _replaced_all, "replace-strings-function"),
    Scalar("translate", (STRING, STRING, STRING), _S, text_call("kql_translate"), "translate-function"),
    Scalar(
        "format_bytes", (NUMBER, NUMBER, STRING), _S, _bytes_text, "format-bytes-function", Naming.ARGUMENT, optional=2
    ),
)
