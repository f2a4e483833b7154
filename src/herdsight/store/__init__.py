"""The store: logs as Parquet, by table and day, each record once, with a manifest of what came from where."""
