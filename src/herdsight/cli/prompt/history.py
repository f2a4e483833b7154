"""Where a prompt's history is kept: in the user's state folder, for the user alone to read."""

import os
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class _Kept(FileHistory):
    """A history that goes on without its file when that cannot be written."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)


def history() -> History:
    """What was typed before; where it cannot be kept, only for as long as the prompt is open."""
    path = history_path()
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # The queries of an investigation are nobody else's business.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE))
        path.chmod(_PRIVATE_FILE)
    except OSError:
        return InMemoryHistory()
    return _Kept(path)


def history_path() -> Path:
    """The file of the history: in $XDG_STATE_HOME, which by default is ~/.local/state."""
    given = os.environ.get("XDG_STATE_HOME", "")
    state = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return state / "herdsight" / "history"
