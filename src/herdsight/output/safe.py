"""Log text is hostile: what may reach a terminal, and how the rest is shown."""

# Letters by category, yet drawn as nothing: with them two different host names look the same.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, range(0x180B, 0x1810)))
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)


def printable(text: str) -> str:
    r"""The text with every character that could act on a terminal, or hide, shown as an escape.

    Controls, escape sequences, text-direction marks, zero-width and format characters, line separators, lone
    surrogates and unassigned characters become visible; the result is one line.

    >>> printable("evil\x1b[31m.exe")
    'evil\\x1b[31m.exe'
    """
    if harmless(text):
        return text
    return "".join(char if harmless(char) else _escape(char) for char in text)


def harmless(text: str) -> bool:
    """Whether the text is one line without a character that acts on a terminal or hides."""
    return text.isprintable() and (text.isascii() or _INVISIBLE.isdisjoint(text))


def _escape(char: str) -> str:
    if "\ud800" <= char <= "\udfff":
        return f"\\u{ord(char):04x}"
    return char.encode("unicode_escape").decode("ascii")
