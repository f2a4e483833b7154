"""What every engine is: something that runs a SQL tree and returns Arrow."""

from typing import Protocol

import pyarrow as pa
from sqlglot import exp


class Engine(Protocol):
    """Runs trees that were lowered from KQL or built by an analytic."""

    name: str

    def sql(self, tree: exp.Expr) -> str:
        """The tree in this engine's own dialect, as text to read."""

    def run(self, tree: exp.Expr) -> pa.Table:
        """Run a query and return its rows.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
