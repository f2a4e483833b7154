"""Windows events as XML, each put on a line of its own: exports have them in one element, indented, and in UTF-16.

Nothing here is a parser of XML. Windows writes events without comments, sections of CDATA or entities of their own, so
an event is what stands between its two tags; a document that declares entities has them left as they are, and nothing
expands.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from herdsight.logs.repair import LONGEST_LINE

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_EVENTS = re.compile(
    r"\ufeff?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)?(?:<Events[^>]*>\s*)?<Event(?:\s[^>]*schemas\.microsoft\.com/win/|>\s*<System>)"
)
_START = re.compile(rb"<Event[\s>]")
_END = b"</Event>"
_PASSED = re.compile(rb"(?:\s|<\?xml[^>]*>|</?Events(?:\s[^>]*)?>|<!--[^>]{0,500}>)*")  # what is no record
_LINE_END = re.compile(rb"[\r\n]+")
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_SPECIAL = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BLANKS = "\t\n\r"
_SURROGATES = range(0xD800, 0xE000)
_MOST_CODE = 0x110000


def is_xml_events(first: bytes) -> bool:
    """Whether a file that begins like that holds Windows events as XML."""
    return bool(_EVENTS.match(first.decode(_encoding(first) or "utf-8", errors="replace")))


def _encoding(first: bytes) -> str | None:
    return next((name for bom, name in _BOMS.items() if first.startswith(bom)), None)


def xml_in_lines(blocks: Iterable[bytes], damaged: bytes, cut: bytes) -> Iterator[bytes]:
    """Each event on a line, in UTF-8; `damaged` for text that is none, and `cut` for one that the text ends in."""
    held, is_passing = b"", False
    for block in _in_utf8(blocks):
        held += block
        if is_passing:
            end = held.find(_END)
            held, is_passing = (held[end + len(_END) :], False) if end >= 0 else (held[-len(_END) :], True)
        written, held = _whole(held, damaged) if not is_passing else (b"", held)
        yield written
        if len(held) > LONGEST_LINE and not is_passing:
            yield damaged + b"\n"
            held, is_passing = held[-len(_END) :], True
    rest = held[_passed(held, 0) :]
    if rest.strip(b"\0 \t\r\n") and not is_passing:
        yield (cut if _START.match(rest) else damaged) + b"\n"


def _in_utf8(blocks: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(blocks)
    first = next(source, b"")
    encoding = _encoding(first)
    if encoding is None:
        yield first
        yield from source
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(first).encode(errors="replace")
    yield from (decoder.decode(each).encode(errors="replace") for each in source)
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _whole(data: bytes, damaged: bytes) -> tuple[bytes, bytes]:
    """The lines of the events that end within some text, and the text behind them."""
    lines: list[bytes] = []
    place = 0
    while (end := data.find(_END, place)) >= 0:
        end += len(_END)
        start = _passed(data, place)
        for found in _START.finditer(data, start, end):
            # Before the last tag that opens an event, there is one that was not closed, or something else.
            if found.start() > start:
                lines.append(damaged)
                start = found.start()
        is_event = _START.match(data, start) and end - start < LONGEST_LINE
        lines.append(_line(data[start:end]) if is_event else damaged)
        place = end
    return b"".join(line + b"\n" for line in lines), data[place:]


def _passed(data: bytes, place: int) -> int:
    matched = _PASSED.match(data, place)
    return matched.end() if matched else place


def _line(event: bytes) -> bytes:
    line = _LINE_END.sub(b" ", event)
    return _REFERENCE.sub(_character, line) if b"&#" in line else line


def _character(reference: re.Match[bytes]) -> bytes:
    """The character that a number stands for, written so that the line stays a line of XML."""
    hexadecimal, decimal = reference.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code in _SURROGATES or not 0 < code < _MOST_CODE:
        return "\ufffd".encode()
    character = chr(code)
    return (" " if character in _BLANKS else _SPECIAL.get(character, character)).encode()
