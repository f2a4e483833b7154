"""Files of indicators: recognised by what they hold, read within bounds, and accounted for entry by entry."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from herdsight import errors
from herdsight.analytics.known import is_popular_itself
from herdsight.errors import InputError
from herdsight.indicators import lines, misp, records, stix
from herdsight.indicators.model import Account, Columns, Entry, Kind, Place, RefusalError, Sample
from herdsight.indicators.values import LOCAL, NO_DOT, NO_INDICATOR, SUFFIX, place_of
from herdsight.logs.files import shown_path
from herdsight.logs.packed.packing import compression_of, plain_blocks

MOST = 2_000_000  # indicators of all files: some gigabyte of memory
_MOST_TEXT = 256_000_000  # bytes, unpacked
_MOST_JSON = 100_000_000  # bytes: as a tree it takes ten times as many
_SAMPLES = 5  # refused entries of a file that are told
_MOST_REASONS = 30  # beyond it they are counted together
_MOST_WARNINGS = 5
_OTHER = "for other reasons"
# Why a line may be of no list at all.
_NOTHING = (NO_INDICATOR, NO_DOT, SUFFIX, LOCAL, lines.TOO_LONG, lines.BAD_QUOTES)
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ARCHIVES = {b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf": "a 7-Zip archive", b"Rar!": "a RAR archive"}
_WANTED = "a list with one indicator a line, CSV, STIX 2 or MISP JSON"


@dataclass(frozen=True, slots=True)
class Indicators:
    """All indicators of some lists, and an account for each list."""

    columns: Columns
    accounts: tuple[Account, ...]


def read_indicators(paths: Sequence[str | Path]) -> Indicators:
    """The indicators of files; a file that was read before, and is as it was, is not read again.

    Raises:
        InputError: a file cannot be read, is no list of indicators, or has too many; with the line where there is one.
    """
    return _read(tuple((str(path), _state(path)) for path in paths))


def _state(path: str | Path) -> tuple[int, int]:
    """What a file is known by as long as nobody changes it."""
    try:
        found = Path(path).stat()
    except OSError as error:
        hint = "name a file with indicators" if isinstance(error, FileNotFoundError) else None
        raise InputError(f"cannot read the indicators {str(path)!r}: {error.strerror}", hint=hint) from error
    if not (S_ISREG(found.st_mode) or S_ISDIR(found.st_mode)):  # a pipe gives once what is read twice
        hint = "save the list to a file, and name that"
        raise InputError(f"cannot read the indicators {str(path)!r}: it is no file", hint=hint)
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=1)
def _read(files: tuple[tuple[str, tuple[int, int]], ...]) -> Indicators:
    columns, accounts = Columns(), []
    for number, (name, _) in enumerate(files):
        form, entries = _entries(name)
        account = taken(entries, columns, number, Account(shown_path(Path(name)), form))
        _check_some(account)
        accounts.append(account)
    return Indicators(columns, tuple(accounts))


def taken(entries: Iterable[Entry], columns: Columns, source: int, account: Account) -> Account:
    """Take in what entries name; the account says what became of each.

    Raises:
        InputError: there are more indicators than are read.
    """
    seen: set[tuple[object, ...]] = set()
    for entry in entries:
        account.read += 1
        place = _place(entry, account)
        if place is None:
            continue
        own = (place.value, entry.port or place.port, entry.since, entry.until, entry.label, entry.way, place.kind)
        if own in seen:
            account.repeated += 1
            continue
        seen.add(own)
        if len(columns.value) >= MOST:
            raise InputError(
                f"there are more than {MOST:,} indicators", place=errors.Place(account.source), hint="split the files"
            )
        account.used += 1
        columns.add(entry, place, source)
        if place.kind in {Kind.DOMAIN, Kind.HOST} and is_popular_itself(place.value):
            _warn(account, f"{place.value} is among the names that most of the Internet asks for")
    return account


def _place(entry: Entry, account: Account) -> Place | None:
    """What an entry names; None where it is refused, of which the account is told."""
    if entry.refused is None:
        try:
            return place_of(entry.text, exact=entry.exact)
        except RefusalError as error:
            entry.refused = str(error)
    _refuse(account, entry, entry.refused)
    return None


def _refuse(account: Account, entry: Entry, reason: str) -> None:
    known = reason in account.refused or len(account.refused) < _MOST_REASONS
    account.refused[reason if known else _OTHER] += 1
    if len(account.samples) < _SAMPLES or (known and account.refused[reason] == 1):
        account.samples.append(Sample(entry.line, entry.text[:100], reason))


def _warn(account: Account, sentence: str) -> None:
    if len(account.warnings) < _MOST_WARNINGS:
        account.warnings.append(sentence)
    elif len(account.warnings) == _MOST_WARNINGS:
        account.warnings.append("and there are more such names")


def _check_some(account: Account) -> None:
    """A file in which nothing is an indicator is another file than was meant."""
    if account.read and sum(account.refused[reason] for reason in _NOTHING) == account.read:
        first = account.samples[0]
        raise InputError(
            f"nothing in the file is an indicator; {first.text!r} is {first.reason}",
            place=errors.Place(account.source, first.line),
            hint=f"--indicators takes {_WANTED}",
        )


# --- forms ----------------------------------------------------------------------------------------------------------


def _entries(name: str) -> tuple[str, Iterator[Entry]]:
    """The form of a file, and its entries."""
    content = _content(Path(name))
    for sign, what in _ARCHIVES.items():
        if content.startswith(sign):
            raise InputError(f"{name!r} is {what}", hint="unpack it and name the file in it")
    text_encoding = next((form for sign, form in _WIDE.items() if content.startswith(sign)), "utf-8-sig")
    if text_encoding == "utf-8-sig" and b"\0" in content[:_FIRST]:
        raise InputError(f"{name!r} is no text", hint=f"--indicators takes {_WANTED}")
    if _is_json(content, text_encoding):
        return _of_json(name, content, text_encoding)

    def opened() -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(content), text_encoding, errors="replace")

    return lines.entries(opened)


_FIRST = 4_096  # bytes by which a file is recognised


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            compression = compression_of(file.read(16))
        content = bytearray()
        for block in plain_blocks(path, compression):
            content += block
            if len(content) > _MOST_TEXT:
                raise InputError(f"{str(path)!r} has more than {_MOST_TEXT // 10**6} MB", hint="split it")
    except OSError as error:
        raise InputError(f"cannot read the indicators {str(path)!r}: {error.strerror}") from error
    except EOFError as error:
        raise InputError(f"cannot read the indicators {str(path)!r}: {error}", hint="fetch the file anew") from error
    return bytes(content)


def _is_json(content: bytes, encoding: str) -> bool:
    """Whether a text is JSON: a bracket may also begin an address of IPv6 with its port, or a defanged dot."""
    first = content[:_FIRST].decode(encoding, errors="replace").lstrip()
    return first.startswith("{") or (first.startswith("[") and first[1:].lstrip()[:1] in {"{", '"', "]"})


def _of_json(name: str, content: bytes, encoding: str) -> tuple[str, Iterator[Entry]]:
    if len(content) > _MOST_JSON:
        hint = f"split it, or give {_WANTED.partition(',')[0]}"
        raise InputError(f"{name!r} has more than {_MOST_JSON // 10**6} MB of JSON", hint=hint)
    tree = _tree(name, content, encoding)
    if misp.is_misp(tree):
        return "MISP", misp.entries(tree)
    objects = list(_objects(tree))
    if any(each.get("type") == "indicator" and "pattern" in each for each in objects):
        return "STIX", stix.entries(objects)
    if isinstance(tree, Mapping) and tree.get("type") == "bundle":
        return "STIX", iter(())
    if isinstance(tree, list) and all(isinstance(each, str) for each in tree):
        return "JSON", (Entry(number, each) for number, each in enumerate(tree, 1))
    entries = records.of_objects(objects)
    if entries is None:
        manifest = "; a manifest of MISP names events, and each has its own file" if "Orgc" in str(objects[:1]) else ""
        raise InputError(f"{name!r} is JSON without indicators{manifest}", hint=f"--indicators takes {_WANTED}")
    return "JSON", entries


def _tree(name: str, content: bytes, encoding: str) -> object:
    text = content.decode(encoding, errors="replace")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise InputError(f"{name!r} nests too deep to be a list of indicators") from error
    except json.JSONDecodeError as error:
        values = _json_lines(text)
        if values is None:
            place = errors.Place(name, error.lineno, error.colno)
            raise InputError(f"not JSON: {error.msg}", place=place, hint="fetch the file anew") from error
        return values
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"{name!r}: not JSON that can be read: {error}") from error


def _json_lines(text: str) -> list[object] | None:
    """The values of a text that has one a line; None where it has not."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _objects(tree: object) -> Iterator[Mapping[str, object]]:
    """The records of a tree: of a bundle or an answer, of a list, or of lists under the keys of a mapping."""
    if isinstance(tree, list):
        yield from (each for each in tree if isinstance(each, Mapping))
    elif isinstance(tree, Mapping):
        lists = [
            each for each in tree.values() if isinstance(each, list) and any(isinstance(one, Mapping) for one in each)
        ]
        if lists:
            yield from (each for one in lists for each in one if isinstance(each, Mapping))
        elif tree and all(isinstance(each, Mapping) for each in tree.values()):
            yield from (each for each in tree.values() if isinstance(each, Mapping))
        else:
            yield tree
