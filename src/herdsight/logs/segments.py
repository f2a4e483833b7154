"""One file that holds several Zeek logs after one another, each under its own header: it is read piece by piece."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from herdsight.logs.formats import Format, Layout
from herdsight.logs.head import Head
from herdsight.logs.packed.packing import plain_blocks
from herdsight.logs.repair import Copy
from herdsight.logs.values import OTHER_LOG

_FIELDS = b"#fields"
_SEPARATOR = b"#separator"


def segments(copy: Copy, log_format: Format, folder: Path) -> Iterator[Copy]:
    """The pieces of a file, in order: a new one where a #fields line names other columns than the one before.

    Records under a header of another kind of log are counted as lost.

    Raises:
        OSError: the file cannot be read, or a piece not written.
    """
    separator = b"#separator " + "".join(f"\\x{ord(each):02x}" for each in copy.layout.delimiter).encode()
    fields = copy.layout.delimiter.join(("#fields", *copy.layout.fields)).encode()
    for place, (header, records) in enumerate(_pieces(_lines(copy), separator, fields)):
        path = folder / f"{copy.path.name[:40]}-{abs(hash(copy.path)):x}-{place}.piece"
        path.write_bytes(b"\n".join([*header, *records, b""]))
        layout = log_format.recognise(Head(b"\n".join([*header, b""])))
        piece = Copy(path, layout or copy.layout, notes=copy.notes if place == 0 else ())
        if layout is None or layout.refused:
            count = len(records)
            path.write_bytes(b"")
            piece = replace(piece, lost=Counter({OTHER_LOG: count}), lost_at=tuple(range(1, count + 1)))
        else:
            piece = replace(piece, layout=_keeping(copy.layout, layout))
        yield piece


def _keeping(first: Layout, layout: Layout) -> Layout:
    """A later header names its columns; what it leaves unsaid holds as the first one said."""
    return replace(
        layout, missing=tuple(dict.fromkeys((*layout.missing, *first.missing))), set_separator=first.set_separator
    )


def _pieces(lines: Iterable[bytes], separator: bytes, fields: bytes) -> Iterator[tuple[list[bytes], list[bytes]]]:
    header, records = [separator, fields], list[bytes]()
    for line in lines:
        if line.startswith(_SEPARATOR):
            separator = line
        elif line.startswith(_FIELDS) and line != header[-1]:
            if records:
                yield header, records
            header, records = [separator, line], []
        elif not line.startswith(b"#") and line.strip():
            records.append(line)
    yield header, records


def _lines(copy: Copy) -> Iterator[bytes]:
    held = b""
    for block in plain_blocks(copy.path, copy.compression):
        *whole, held = (held + block).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
    yield held
