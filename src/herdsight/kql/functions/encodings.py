"""Encodings and hashes: base64, URLs, punycode, compressed texts, code points."""

from collections.abc import Callable

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conversions import as_text, boxed, converted
from herdsight.kql.functions.model import ANY, DYNAMIC, LONG, SCALAR, STRING, Operand, Scalar, calls
from herdsight.kql.functions.strings import text_call
from herdsight.tables import ColumnType

_S, _L, _D, _G = ColumnType.STRING, ColumnType.LONG, ColumnType.DYNAMIC, ColumnType.GUID
_GUID = frozenset({_G})
_HASHED = SCALAR - {ColumnType.DECIMAL}
_HASHES = {_S: "kql_hash_text", _G: "kql_hash_guid", ColumnType.REAL: "kql_hash_real"}  # all else is a whole number


def _hash(value: Operand, modulus: Operand | None = None) -> exp.Expr:
    name = _HASHES.get(value.type, "kql_hash_long")
    call = trees.call(name, value.sql if value.type in _HASHES else _whole(value))
    return trees.call("kql_modulo", call, modulus.sql) if modulus else call


def _whole(value: Operand) -> exp.Expr:
    """A number as it is, a time and a span in their ticks of 100 ns."""
    return converted(value, ColumnType.LONG) if value.type is not ColumnType.LONG else value.sql


def _of_guid(name: str) -> Callable[[Operand], exp.Expr]:
    return lambda guid: exp.Coalesce(this=trees.call(name, guid.sql), expressions=[trees.text("")])


def _of_array(array: Operand) -> exp.Expr:
    return exp.Coalesce(this=trees.call("kql_array_base64", array.sql), expressions=[trees.text("")])


def _from_codepoints(*points: Operand) -> exp.Expr:
    items = [exp.Coalesce(this=boxed(point), expressions=[trees.text("null")]) for point in points]
    return trees.call("kql_codepoints_text", trees.call("kql_json_array", exp.Array(expressions=items)))


def _text_rows(result: ColumnType, rows: dict[str, tuple[str, str]]) -> tuple[Scalar, ...]:
    """Functions of one string: by name, the prelude's function and the page."""
    return tuple(Scalar(name, (STRING,), result, calls(called), page) for name, (called, page) in rows.items())


ROWS = (
    Scalar("new_guid", (), ColumnType.GUID, lambda: trees.call("kql_new_guid"), "new-guid-function"),
    *_text_rows(
        _S,
        {
            "base64_encode_tostring": ("kql_base64", "base64-encode-tostring-function"),
            "base64_encodestring": ("kql_base64", "base64-encode-tostring-function"),
            "base64_decode_tostring": ("kql_unbase64", "base64-decode-tostring-function"),
            "base64_decodestring": ("kql_unbase64", "base64-decode-tostring-function"),
            "url_encode": ("kql_url_encode_form", "url-encode-function"),
            "url_encode_component": ("kql_url_encode", "url-encode-component-function"),
            "url_decode": ("kql_url_decode", "url-decode-function"),
            "punycode_from_string": ("kql_punycode", "punycode-from-string-function"),
            "punycode_to_string": ("kql_unpunycode", "punycode-to-string-function"),
            "punycode_domain_to_string": ("kql_punycode_domain", "punycode-domain-to-string-function"),
            "punycode_domain_from_string": ("kql_unpunycode_domain", "punycode-domain-from-string-function"),
            "gzip_compress_to_base64_string": ("kql_gzip", "gzip-base64-compress"),
            "gzip_decompress_from_base64_string": ("kql_gunzip", "gzip-base64-decompress"),
            "zlib_compress_to_base64_string": ("kql_zlib", "zlib-base64-compress"),
            "zlib_decompress_from_base64_string": ("kql_unzlib", "zlib-base64-decompress"),
        },
    ),
    *_text_rows(_D, {"base64_decode_toarray": ("kql_base64_array", "base64-decode-toarray-function")}),
    *_text_rows(_G, {"base64_decode_toguid": ("kql_base64_guid", "base64-decode-toguid-function")}),
    Scalar("base64_encode_fromarray", (DYNAMIC,), _S, _of_array, "base64-encode-fromarray-function"),
    Scalar("base64_encode_fromguid", (_GUID,), _S, _of_guid("kql_guid_base64"), "base64-encode-fromguid-function"),
    *(
        Scalar(name, (ANY,), _D, text_call("kql_codepoints"), "unicode-codepoints-from-string-function")
        for name in ("unicode_codepoints_from_string", "to_utf8")
    ),
    *(
        Scalar(name, (LONG | DYNAMIC,), _S, _from_codepoints, "unicode-codepoints-to-string-function", variadic=True)
        for name in ("unicode_codepoints_to_string", "make_string")
    ),
    Scalar("isascii", (ANY,), ColumnType.BOOL, text_call("kql_is_ascii"), "isascii"),
    Scalar("isutf8", (ANY,), ColumnType.BOOL, lambda s: trees.call("kql_is_utf8", as_text(s)), "isutf8"),
    *(
        Scalar(name, (_HASHED, LONG), _L, _hash, page, optional=1)
        for name, page in (("hash", "hash-function"), ("hash_xxhash64", "hash-xxhash64-function"))
    ),
    *(
        Scalar(f"hash_{name}", (SCALAR,), _S, text_call(f"kql_{name}"), f"hash-{name}-function")
        for name in ("md5", "sha1", "sha256")
    ),
)
