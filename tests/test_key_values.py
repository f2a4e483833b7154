"""Keys and values in texts: the delimiters, quotes and escapes of parse-kv, in whatever text."""

import time
from typing import Any

import pytest
from sqlglot import exp

from herdsight import trees
from herdsight.engines.duckdb import DuckDbEngine
from herdsight.prelude.key_values import kql_kv_by_delimiters

SPACES = {"pair_delimiter": " ", "kv_delimiter": "="}
COMMAS = {"pair_delimiter": ",", "kv_delimiter": ":"}
QUOTED = {**SPACES, "quote": '"'}
BRACKETED = {**SPACES, "quote": "[]"}
ESCAPED = {**QUOTED, "escape": "\\"}
GREEDY = {**SPACES, "greedy": True}


def found(text: str, keys: str, options: dict[str, Any]) -> Any:
    """The values of the keys, which are separated by bars."""
    return kql_kv_by_delimiters(text, {**options, "keys": keys.split("|")})


@pytest.mark.parametrize(
    ("text", "keys", "options", "expected"),
    [
        ("a=1 b=2 c=3", "a|c", SPACES, {"a": "1", "c": "3"}),
        ("a=1 a=2", "a", SPACES, {"a": "1"}),  # the first counts
        ("a= b=2", "a|b", SPACES, {"a": "", "b": "2"}),
        ("a=b=c", "a", SPACES, {"a": "b=c"}),
        ("noise a=1 more noise b=2", "a|b", SPACES, {"a": "1", "b": "2"}),
        ("A=1", "a", SPACES, {}),
        ("  a : 1 , b:two words ,c:", "a|b|c", COMMAS, {"a": "1", "b": "two words", "c": ""}),
        ("a::1;;b::2", "a|b", {"pair_delimiter": ";;", "kv_delimiter": "::"}, {"a": "1", "b": "2"}),
        ("", "a", SPACES, {}),
        ("a", "a", SPACES, {}),
        ("=1", "a", SPACES, {}),
    ],
)
def test_delimiters_part_pairs_and_keys(text: str, keys: str, options: dict[str, Any], expected: Any) -> None:
    assert found(text, keys, options) == expected


@pytest.mark.parametrize(
    ("text", "keys", "options", "expected"),
    [
        ('a="x y=1" b=2', "a|b|y", QUOTED, {"a": "x y=1", "b": "2"}),
        ('"a b"=1 c="2"', "a b|c", QUOTED, {"a b": "1", "c": "2"}),
        ('noise "a b"="1 2"', "a b", QUOTED, {"a b": "1 2"}),
        ('a="" b=2', "a|b", QUOTED, {"a": "", "b": "2"}),
        ('a="open b=2', "a|b", QUOTED, {"a": '"open', "b": "2"}),  # nothing closes it: a sign as any other
        ('a="x"y b=2', "a|b", QUOTED, {"a": "x", "b": "2"}),
        ("a=[x y] [b c]=[2]", "a|b c", BRACKETED, {"a": "x y", "b c": "2"}),
        (r'a="say \"hi\" \\" b=2', "a|b", ESCAPED, {"a": 'say "hi" \\', "b": "2"}),
        (r'a="open \" b=2', "a|b", ESCAPED, {"a": '"open', "b": "2"}),
        ('a="say ""hi""" b=2', "a|b", {**QUOTED, "escape": '"'}, {"a": 'say "hi"', "b": "2"}),
        ('a: "x, y" ,b:2', "a|b", {**COMMAS, "quote": '"'}, {"a": "x, y", "b": "2"}),
    ],
)
def test_quotes_keep_delimiters(text: str, keys: str, options: dict[str, Any], expected: Any) -> None:
    assert found(text, keys, options) == expected


@pytest.mark.parametrize(
    ("text", "keys", "options", "expected"),
    [
        ("name=Ann Lee town=Old Town", "name|town", GREEDY, {"name": "Ann Lee", "town": "Old Town"}),
        ("name=Ann Lee town=Old Town", "name", GREEDY, {"name": "Ann Lee"}),
        ("a:1, 2, b:3", "a|b", {**COMMAS, "greedy": True}, {"a": "1, 2", "b": "3"}),
        ('a=1 2 "b c"=3 4', "a|b c", {**QUOTED, "greedy": True}, {"a": "1 2", "b c": "3 4"}),
        ('a="1 2" b=3 4', "a|b", {**QUOTED, "greedy": True}, {"a": "1 2", "b": "3 4"}),
    ],
)
def test_a_greedy_value_goes_on_to_the_next_key(text: str, keys: str, options: dict[str, Any], expected: Any) -> None:
    assert found(text, keys, options) == expected


@pytest.mark.parametrize(
    ("text", "keys", "options", "expected"),
    [
        ("at 10:00 [x] User-> bob; Id=7", "User|Id", {}, {"User": "bob", "Id": "7"}),
        ("UserId=1 User=2", "User", {}, {"User": "2"}),  # a key is a word of its own
        (
            "Text: 'it \\'is\\' up', Level: 3",
            "Text|Level",
            {"quote": "'", "escape": "\\"},
            {"Text": "it 'is' up", "Level": "3"},
        ),
        ('"a b": "c d" e=f', "a b|e", {"quote": '"'}, {"a b": "c d", "e": "f"}),
        ("a: 'open b: 2", "a|b", {"quote": "'"}, {"a": "open", "b": "2"}),
        ("a:", "a", {}, {"a": ""}),
        ("nothing", "a", {}, {}),
    ],
)
def test_without_delimiters_every_sign_is_one(text: str, keys: str, options: dict[str, Any], expected: Any) -> None:
    assert found(text, keys, options) == expected


HOSTILE = ['"', "(", "a=(,", r"a=(\),", "\\", "=", ",", " ", "\0", 'a="', '"a" ', "a ", "a-", "a=b c "]


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("options", [{}, {"greedy": True}])
@pytest.mark.parametrize("quote", ["", '"', "()"])
def test_time_grows_with_the_text_alone(part: str, options: dict[str, Any], quote: str) -> None:
    text = part * (400_000 // len(part))
    started = time.process_time()
    found(text, "z|a=", {**COMMAS, "kv_delimiter": "=", "quote": quote, "escape": "\\", **options})
    found(text, "z|a", {"quote": quote, "escape": "\\"})
    assert time.process_time() - started < 5  # what looked again at every place would take minutes


def test_a_pattern_gives_keys_and_values() -> None:
    options = '{"regex":"\\"([\\\\w ]+)\\\\s*:\\\\s*([^\\"]*)\\"","keys":["user name","id","none"]}'
    text = '["user name: ann lee ", "id: 7", "id: 8"]'
    bag = trees.named(trees.call("kql_parse_kv", trees.text(text), trees.text(options)), "bag")
    with DuckDbEngine(threads=1) as engine:
        assert engine.run(exp.select(bag)).to_pylist() == [{"bag": '{"user name":"ann lee","id":"7"}'}]
