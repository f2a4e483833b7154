"""IP addresses, which KQL holds as text.

IPv4 is compared as numbers, of which a prefix ("/24") leaves the first bits. Of networks that are known beforehand, all
is computed that does not depend on the rows.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arrays import packed
from herdsight.kql.functions.model import DYNAMIC, LONG, STRING, Operand, Scalar, calls
from herdsight.prelude.addresses import disjoint, network
from herdsight.tables import ColumnType

Lower = Callable[..., exp.Expr]

_BITS, _WIDE_BITS = 32, 128
_FEW = 64  # networks; a list in a lambda is copied for every row


def _bits(prefix: Operand | None, most: int = _BITS) -> exp.Expr:
    return prefix.sql if prefix else trees.number(most)


def _between(number: exp.Expr, found: IPv4Network) -> exp.Expr:
    first, last = (trees.number(int(end)) for end in (found.network_address, found.broadcast_address))
    return exp.Between(this=number, low=first, high=last)


# Ranges


def _constants(operands: Sequence[Operand]) -> list[object] | None:
    """The elements of an array, or of texts one by one, where they are known beforehand."""
    if not all(operand.is_constant for operand in operands):
        return None
    values: list[object] = [operand.value for operand in operands]
    return values[0] if operands[0].type is ColumnType.DYNAMIC and isinstance(values[0], list) else values


def _array(operands: Sequence[Operand]) -> exp.Expr:
    """One array, or texts one by one, as an array."""
    return operands[0].sql if operands[0].type is ColumnType.DYNAMIC else packed(*operands)


def _in_range(ip: Operand, *networks: Operand) -> exp.Expr:
    known = _constants(networks)
    return trees.call("kql_ipv4_is_in_range", ip.sql, networks[0].sql) if known is None else _within(ip, known)


def _in_any_range(ip: Operand, *networks: Operand) -> exp.Expr:
    known = _constants(networks)
    return trees.call("kql_ipv4_is_in_any", ip.sql, _array(networks)) if known is None else _within(ip, known)


def _within(ip: Operand, texts: Sequence[object]) -> exp.Expr:
    """Whether the address lies in one of the networks; those that are none do not count beside others."""
    found = disjoint(texts)
    if not found:
        return trees.null(ColumnType.BOOL) if texts else exp.false()
    number = trees.call("kql_ipv4", ip.sql)
    if len(found) == 1:
        return _between(number, found[0])
    if len(found) > _FEW:
        return _in_one(number, found)
    # The parameter holds the number, which would otherwise be computed anew for every length of prefix.
    test = exp.Lambda(this=_in_one(trees.column("n"), found), expressions=[exp.to_identifier("n", quoted=True)])
    tested = trees.call("list_transform", exp.Array(expressions=[number]), test)
    return trees.call("list_extract", tested, trees.number(1))


def _in_one(number: exp.Expr, networks: Sequence[IPv4Network]) -> exp.Expr:
    """Whether one network begins as the number does: for each length of prefix, a look into a list."""
    lengths = sorted({each.prefixlen for each in networks})
    return exp.or_(*(_among(number.copy(), [each for each in networks if each.prefixlen == n]) for n in lengths))


def _among(number: exp.Expr, networks: Sequence[IPv4Network]) -> exp.Expr:
    spare = _BITS - networks[0].prefixlen
    beginnings = [trees.number(int(each.network_address) >> spare) for each in networks]
    beginning = exp.BitwiseRightShift(this=number, expression=trees.number(spare))
    return trees.call("list_contains", exp.Array(expressions=beginnings), beginning)


# Comparisons


def _equal(name: str, most: int) -> Callable[..., exp.Expr]:
    def lower(one: Operand, other: Operand, prefix: Operand | None = None) -> exp.Expr:
        return exp.EQ(this=trees.call(name, one.sql, other.sql, _bits(prefix, most)), expression=trees.number(0))

    return lower


_same = _equal("kql_ipv4_compare", _BITS)


def _match(one: Operand, other: Operand, prefix: Operand | None = None) -> exp.Expr:
    if one.is_constant and not other.is_constant:
        one, other = other, one
    found = _cut(other, prefix)
    if found is None:
        return _same(one, other, prefix)
    # Few addresses have a prefix: only what is none alone is compared in full.
    plain = _between(trees.call("kql_ipv4_plain", one.sql.copy()), found)
    return exp.Coalesce(this=plain, expressions=[_same(one, other, prefix)])


def _cut(constant: Operand, prefix: Operand | None) -> IPv4Network | None:
    """The network that an address without a prefix is to lie in, where all else is known beforehand."""
    found = network(constant.value) if constant.is_constant else None
    bits = prefix.value if prefix else _BITS
    if found is None or not isinstance(bits, int) or not 0 <= bits <= _BITS:
        return None
    return found.supernet(new_prefix=min(bits, found.prefixlen))


def _compare(name: str, most: int) -> Callable[..., exp.Expr]:
    return lambda one, other, prefix=None: trees.call(name, one.sql, other.sql, _bits(prefix, most))


def _cut_to(name: str, most: int = _BITS) -> Callable[..., exp.Expr]:
    return lambda ip, prefix=None: trees.call(name, ip.sql, _bits(prefix, most))


# Addresses in texts

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_BEGINNING = re.compile(rf"(?:{_OCTET}\.){{1,3}}")
_EDGE = r"[^\p{L}\p{N}]"


def _whole_form(address: object) -> str | None:
    """A pattern of the address; None where it is none."""
    return re.escape(str(address)) if network(address) and "/" not in str(address) else None


def _beginning_form(start: object) -> str | None:
    """A pattern of the addresses that begin so: with an address, or with octets and their dots."""
    if not isinstance(start, str) or not _BEGINNING.fullmatch(start):
        return _whole_form(start)
    return re.escape(start) + rf"(?:{_OCTET}\.){{{3 - start.count('.')}}}{_OCTET}"


def _has(name: str, form: Callable[[object], str | None], *, many: bool = False) -> Callable[..., exp.Expr]:
    def lower(text: Operand, *sought: Operand) -> exp.Expr:
        known = _constants(sought)
        if known is None:
            return trees.call(name, text.sql, _array(sought) if many else sought[0].sql)
        return _holds(text, {str(each): made for each in known if (made := form(each))})

    return lower


def _holds(text: Operand, forms: dict[str, str]) -> exp.Expr:
    """Whether one of these stands in the text, between what is no letter and no digit."""
    if not forms:
        return exp.false()
    pattern = trees.text(f"(?:^|{_EDGE})(?:{'|'.join(forms.values())})(?:$|{_EDGE})")
    found = exp.RegexpLike(this=text.sql, expression=pattern)
    if len(forms) > 1:
        return found
    # To look for the characters is several times quicker, and few rows have them.
    rough = exp.Contains(this=text.sql.copy(), expression=trees.text(next(iter(forms))))
    return exp.case().when(rough, found, copy=False).else_(exp.false(), copy=False)


def _any_rows(name: str, lower: Lower) -> tuple[Scalar, ...]:
    """A function of a text and an array of others, or others one by one."""
    page = f"{name.replace('_', '-')}-function"
    return (
        Scalar(name, (STRING, DYNAMIC), _BOOL, lower, page),
        Scalar(name, (STRING, STRING), _BOOL, lower, page, variadic=True),
    )


def _in_any_wide(ip: Operand, *networks: Operand) -> exp.Expr:
    return trees.call("kql_ipv6_is_in_any", ip.sql, _array(networks))


_BOOL, _STRING, _LONG = ColumnType.BOOL, ColumnType.STRING, ColumnType.LONG
_TWO, _TWO_CUT, _CUT = (STRING, STRING), (STRING, STRING, LONG), (STRING, LONG)

ROWS = (
    Scalar("ipv4_is_private", (STRING,), _BOOL, calls("kql_ipv4_is_private"), "ipv4-is-private-function"),
    Scalar("ipv4_is_in_range", _TWO, _BOOL, _in_range, "ipv4-is-in-range-function"),
    *_any_rows("ipv4_is_in_any_range", _in_any_range),
    Scalar("ipv4_is_match", _TWO_CUT, _BOOL, _match, "ipv4-is-match-function", optional=1),
    Scalar("ipv4_compare", _TWO_CUT, _LONG, _compare("kql_ipv4_compare", _BITS), "ipv4-compare-function", optional=1),
    Scalar("ipv4_netmask_suffix", (STRING,), _LONG, calls("kql_ipv4_bits"), "ipv4-netmask-suffix-function"),
    Scalar(
        "ipv4_range_to_cidr_list",
        _TWO,
        ColumnType.DYNAMIC,
        calls("kql_ipv4_range_to_cidrs"),
        "ipv4-range-to-cidr-list-function",
    ),
    Scalar("parse_ipv4", (STRING,), _LONG, calls("kql_ipv4"), "parse-ipv4-function"),
    Scalar("parse_ipv4_mask", _CUT, _LONG, calls("kql_ipv4_mask"), "parse-ipv4-mask-function"),
    Scalar("format_ipv4", _CUT, _STRING, _cut_to("kql_format_ipv4"), "format-ipv4-function", optional=1),
    Scalar("format_ipv4", (LONG, LONG), _STRING, _cut_to("kql_format_ipv4_number"), "format-ipv4-function", optional=1),
    Scalar("format_ipv4_mask", _CUT, _STRING, _cut_to("kql_format_ipv4_mask"), "format-ipv4-mask-function", optional=1),
    Scalar(
        "format_ipv4_mask",
        (LONG, LONG),
        _STRING,
        _cut_to("kql_format_ipv4_number_mask"),
        "format-ipv4-mask-function",
        optional=1,
    ),
    Scalar("has_ipv4", _TWO, _BOOL, _has("kql_has_ipv4", _whole_form), "has-ipv4-function"),
    Scalar("has_ipv4_prefix", _TWO, _BOOL, _has("kql_has_ipv4_prefix", _beginning_form), "has-ipv4-prefix-function"),
    *_any_rows("has_any_ipv4", _has("kql_has_any_ipv4", _whole_form, many=True)),
    *_any_rows("has_any_ipv4_prefix", _has("kql_has_any_ipv4_prefix", _beginning_form, many=True)),
    Scalar("ipv6_is_in_range", _TWO, _BOOL, calls("kql_ipv6_is_in_range"), "ipv6-is-in-range-function"),
    *_any_rows("ipv6_is_in_any_range", _in_any_wide),
    Scalar(
        "ipv6_is_match", _TWO_CUT, _BOOL, _equal("kql_ipv6_compare", _WIDE_BITS), "ipv6-is-match-function", optional=1
    ),
    Scalar(
        "ipv6_compare", _TWO_CUT, _LONG, _compare("kql_ipv6_compare", _WIDE_BITS), "ipv6-compare-function", optional=1
    ),
    Scalar("parse_ipv6", (STRING,), _STRING, _cut_to("kql_parse_ipv6", _WIDE_BITS), "parse-ipv6-function"),
    Scalar("parse_ipv6_mask", _CUT, _STRING, calls("kql_parse_ipv6"), "parse-ipv6-mask-function"),
)
