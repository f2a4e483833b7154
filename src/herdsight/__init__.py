"""Herdsight finds the bots, relays and floods in the logs you already have.

`hunt` is the main job, `query` asks anything in KQL; both take paths of log files and folders. They are imported when
they are first used, so that `import herdsight` is quick.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herdsight.api import hunt, query, query_all

__version__ = "0.1.0"
__all__ = ["__version__", "hunt", "query", "query_all"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from herdsight import api  # noqa: PLC0415 heavy: an engine and Arrow come with it

        return getattr(api, name)
    raise AttributeError(f"module 'herdsight' has no attribute {name!r}")
