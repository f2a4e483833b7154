-- What mv-expand, make-series and their kin are made of.

-- The parts of a dynamic: an array's elements, a bag's properties as bags of one; what is neither is one part.
CREATE MACRO kql_expanded(item) AS CASE json_type(item)
    WHEN 'ARRAY' THEN list_transform(CAST(CAST(item AS JSON) AS JSON[]), lambda e: kql_value(e))
    WHEN 'OBJECT' THEN list_transform(json_keys(item), lambda k: CAST(json_object(k, json_extract(item, kql_pointer(k))) AS VARCHAR))
    ELSE [CAST(item AS VARCHAR)] END;
-- The same with a bag's properties as [name, value].
CREATE MACRO kql_expanded_pairs(item) AS CASE json_type(item)
    WHEN 'OBJECT' THEN list_transform(json_keys(item), lambda k: CAST(json_array(k, json_extract(item, kql_pointer(k))) AS VARCHAR))
    ELSE kql_expanded(item) END;
CREATE MACRO kql_pointer(name) AS '/' || replace(replace(name, '~', '~0'), '/', '~1');
-- An element where it is of a type already, else null.
CREATE MACRO kql_fitting(item, kind) AS CASE
    WHEN kind IN ('long', 'int') THEN CASE WHEN json_type(item) IN ('BIGINT', 'UBIGINT') THEN item END
    WHEN kind IN ('real', 'decimal') THEN CASE WHEN json_type(item) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN item END
    WHEN kind = 'bool' THEN CASE WHEN json_type(item) = 'BOOLEAN' THEN item END
    WHEN kind IN ('datetime', 'timespan', 'guid') THEN CASE WHEN json_type(item) = 'VARCHAR' THEN item END
    ELSE item END;

-- `bins`: a map from a bin's number to what is in it.
-- Steps between places of a series. Two longs may be farther apart than a long.
CREATE MACRO kql_steps(low, high, step) AS CASE
    WHEN typeof(high) = 'BIGINT' THEN CAST(CAST(high AS HUGEINT) - CAST(low AS HUGEINT) AS DOUBLE) / step
    ELSE (CAST(high AS DOUBLE) - low) / step END;
CREATE MACRO kql_whole_steps(steps) AS CASE WHEN steps > 1048576
    THEN error('herdsight: a series would have more than 1,048,576 values; take a longer step or a shorter range')
    ELSE CAST(greatest(steps, -1) AS BIGINT) END;
CREATE MACRO kql_series(bins, n, otherwise) AS CAST(to_json(list_transform(
    range(n), lambda i: CAST(coalesce(bins[i], otherwise) AS JSON))) AS VARCHAR);
CREATE MACRO kql_axis_datetime(low, n, step) AS CAST(to_json(list_transform(
    range(n), lambda i: kql_datetime_text(kql_moment(low + i * step)))) AS VARCHAR);
CREATE MACRO kql_axis_timespan(low, n, step) AS CAST(to_json(list_transform(
    range(n), lambda i: kql_timespan_text(low + i * step))) AS VARCHAR);
CREATE MACRO kql_axis_number(low, n, step) AS CAST(to_json(list_transform(range(n), lambda i: low + i * step)) AS VARCHAR);
CREATE MACRO kql_bin_micros(us, size) AS ((us + 62135596800000000) // size) * size - 62135596800000000;
-- How many values there are from one end to the other; none where the step leads away, or an end is null.
CREATE MACRO kql_range_count(low, high, step) AS
    greatest(0, coalesce(CAST(floor((CAST(high AS DOUBLE) - low) / nullif(step, 0)) AS BIGINT) + 1, 0));
