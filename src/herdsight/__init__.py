"""Herdsight finds the bots, relays and floods in the logs you already have.

`hunt` is the main job, `query` asks anything in KQL, `inspect` says what logs are; all take paths of log files and
folders, or a store, which `import_` takes logs into. They are imported when they are first used, so that
`import herdsight` is quick.
"""

from typing import TYPE_CHECKING

from herdsight.version import VERSION as __version__  # noqa: N811 it is the same thing under the usual name

if TYPE_CHECKING:
    from herdsight.api import evaluate, explain, hunt, import_, inspect, query, query_all, simulate, why

__all__ = ["__version__", "evaluate", "explain", "hunt", "import_", "inspect", "query", "query_all", "simulate", "why"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from herdsight import api

        return getattr(api, name)
    raise AttributeError(f"module 'herdsight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
