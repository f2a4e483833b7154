-- What KQL means where DuckDB has no word for it. Every engine declares the same names.
SELECT 1;
