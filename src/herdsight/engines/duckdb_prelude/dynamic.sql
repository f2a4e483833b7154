-- Dynamic values: JSON text, null where there is none.

CREATE MACRO kql_set(items, most) AS CAST(to_json(coalesce(list_sort(items), [])[1:most]) AS VARCHAR);
CREATE MACRO kql_list(items, most) AS CAST(to_json(coalesce(items, [])[1:most]) AS VARCHAR);
-- An array's elements; a value that is no array is its own.
CREATE MACRO kql_elements(item) AS
    CASE WHEN json_type(item) = 'ARRAY' THEN CAST(CAST(item AS JSON) AS JSON[]) ELSE [CAST(item AS JSON)] END;
CREATE MACRO kql_union(arrays, most) AS
    CAST(to_json(list_sort(list_distinct(flatten(coalesce(arrays, []))))[1:most]) AS VARCHAR);
-- A string in a dynamic is its characters, without quotes; all else is JSON.
CREATE MACRO kql_dynamic_text(item) AS item ->> '$';

-- A value boxed in a dynamic: its JSON. A time is its text.
CREATE MACRO kql_boxed(value) AS CAST(to_json(value) AS VARCHAR);
-- JSON's null is no value.
CREATE MACRO kql_value(item) AS list_filter([CAST(item AS VARCHAR)], lambda j: j <> 'null')[1];
CREATE MACRO kql_member(item, name) AS kql_value(json_extract(item, '/' || replace(replace(name, '~', '~0'), '/', '~1')));
CREATE MACRO kql_is_array(item) AS coalesce(json_type(item) = 'ARRAY', FALSE);
-- Arrays are counted from 0; a negative index counts from the end.
CREATE MACRO kql_item(item, position) AS
    kql_value(json_extract(item, '$[' || CASE WHEN position < 0 THEN '#' ELSE '' END || position || ']'));

-- What a dynamic holds as a value of another type; null where it holds none.
CREATE MACRO kql_dynamic_real(item) AS CASE json_type(item)
    WHEN 'BOOLEAN' THEN CAST(CAST(item AS BOOLEAN) AS DOUBLE)
    WHEN 'VARCHAR' THEN TRY_CAST(item ->> '$' AS DOUBLE)
    ELSE TRY_CAST(item AS DOUBLE) END;
CREATE MACRO kql_dynamic_long(item) AS CASE json_type(item)
    WHEN 'BOOLEAN' THEN CAST(CAST(item AS BOOLEAN) AS BIGINT)
    WHEN 'VARCHAR' THEN TRY_CAST(kql_whole_text(item ->> '$') AS BIGINT)
    WHEN 'DOUBLE' THEN TRY_CAST(trunc(TRY_CAST(item AS DOUBLE)) AS BIGINT)
    ELSE TRY_CAST(item AS BIGINT) END;
CREATE MACRO kql_dynamic_bool(item) AS CASE json_type(item)
    WHEN 'BOOLEAN' THEN CAST(item AS BOOLEAN)
    WHEN 'VARCHAR' THEN kql_bool_text(item ->> '$')
    ELSE TRY_CAST(item AS DOUBLE) <> 0 END;
CREATE MACRO kql_dynamic_datetime(item) AS CASE WHEN json_type(item) = 'VARCHAR' THEN TRY_CAST(item ->> '$' AS TIMESTAMP) END;
CREATE MACRO kql_value_kind(item) AS CASE json_type(item)
    WHEN 'BIGINT' THEN 'long' WHEN 'UBIGINT' THEN 'long' WHEN 'DOUBLE' THEN 'real' WHEN 'BOOLEAN' THEN 'bool'
    WHEN 'VARCHAR' THEN 'string' WHEN 'ARRAY' THEN 'dynamic' WHEN 'OBJECT' THEN 'dynamic' ELSE '' END;

-- Below, what an argument is used for more than once is bound by a lambda to be computed once: a macro would repeat it,
-- and calls that are nested repeat it by the power of their depth.

-- Arrays. The elements of one as a list of JSON; null of what is no array.
CREATE MACRO kql_array(item) AS CAST(from_json(item, '["JSON"]') AS JSON[]);
CREATE MACRO kql_array_of(items) AS CAST(to_json(items) AS VARCHAR);
CREATE MACRO kql_joined(items, more) AS items || more;
CREATE MACRO kql_array_length(item) AS len(kql_array(item));
CREATE MACRO kql_array_reverse(item) AS kql_array_of(list_reverse(kql_array(item)));
-- Both ends belong to the slice.
CREATE MACRO kql_array_slice(item, low, high) AS kql_array_of(list_transform(
    [{'items': kql_array(item), 'low': kql_bounded(low), 'high': kql_bounded(high)}],
    lambda s: s.items[
        CASE WHEN s.low < 0 THEN greatest(len(s.items) + s.low, 0) ELSE s.low END + 1
        : greatest(CASE WHEN s.high < 0 THEN len(s.items) + s.high ELSE s.high END + 1, 0)])[1]);
CREATE MACRO kql_array_rotate(item, places) AS kql_array_of(list_transform(list_transform(
    [{'items': kql_array(item), 'places': places}],
    lambda s: {'items': s.items, 'cut': CASE WHEN len(s.items) = 0 THEN 0 ELSE kql_modulo(s.places, len(s.items)) END}),
    lambda r: r.items[r.cut + 1:] || r.items[:r.cut])[1]);
-- To the left; a negative number of places is to the right. Where the filling is null, "" fills an array of strings.
CREATE MACRO kql_array_shift(item, places, filling) AS kql_array_of(list_transform(list_transform(
    [{'items': kql_array(item), 'places': kql_bounded(places), 'filling': CAST(filling AS JSON)}],
    lambda s: {'items': s.items, 'places': s.places, 'filling': coalesce(s.filling, kql_filling(s.items))}),
    lambda r: CASE WHEN r.places >= 0 THEN list_resize(r.items[r.places + 1:], len(r.items), r.filling)
        WHEN r.places < 0 THEN
        (list_resize(r.items[:0], least(-r.places, len(r.items)), r.filling) || r.items)[:len(r.items)] END)[1]);
CREATE MACRO kql_filling(items) AS CASE WHEN len(items) > 0
    AND len(list_filter(items, lambda e: coalesce(NOT starts_with(CAST(e AS VARCHAR), '"'), TRUE))) = 0 THEN '""' END;
-- Null where an element is no number.
CREATE MACRO kql_array_sum(item) AS list_transform(
    [list_transform(kql_array(item), lambda e: TRY_CAST(CAST(e AS VARCHAR) AS DOUBLE))],
    lambda n: CASE WHEN len(list_filter(n, lambda x: x IS NULL)) = 0 THEN coalesce(list_sum(n), 0) END)[1];

-- Whether an array holds a value, and where; the value is boxed. A whole number may be spelt as a long or as a real.
CREATE MACRO kql_holds(item, value) AS coalesce(list_contains(kql_array(item), value), FALSE);
CREATE MACRO kql_holds_number(item, value) AS coalesce(list_transform(
    [{'items': kql_array(item), 'value': value}],
    lambda s: list_contains(s.items, s.value) OR list_contains(s.items, kql_twin(s.value)))[1], FALSE);
CREATE MACRO kql_twin(value) AS CASE
    WHEN regexp_full_match(value, '-?\d+') THEN value || '.0'
    WHEN regexp_full_match(value, '-?\d+\.0') THEN left(value, -2)
    ELSE value END;
CREATE MACRO kql_array_index_of(item, value) AS list_transform(
    [{'items': kql_array(item), 'value': value}],
    lambda s: CASE WHEN s.items IS NOT NULL THEN CAST(coalesce(least(
        list_position(s.items, s.value), list_position(s.items, kql_twin(s.value))), 0) - 1 AS BIGINT) END)[1];
-- Among `most` elements from `low` on (-1: all), the place of the nth that equals the value.
CREATE MACRO kql_array_index_within(item, value, low, most, nth) AS list_transform(list_transform(
    [{'items': kql_array(item), 'value': value, 'low': low, 'most': most, 'nth': nth}],
    lambda s: {'items': s.items, 'value': s.value, 'twin': kql_twin(s.value), 'most': s.most, 'nth': s.nth,
        'low': CASE WHEN s.low < 0 THEN greatest(len(s.items) + s.low, 0) ELSE s.low END}),
    lambda w: CASE WHEN w.items IS NOT NULL AND w.nth >= 0 AND w.most >= -1 AND w.low >= 0 THEN
        CAST(coalesce(list_filter(
            list_transform(w.items, lambda e, i: CASE WHEN (e = w.value OR e = w.twin)
                AND i > w.low AND (w.most = -1 OR i <= w.low + w.most) THEN i - 1 END),
            lambda p: p IS NOT NULL)[w.nth], -1) AS BIGINT) END)[1];

-- Sets, as lists of JSON. Elements are equal where their JSON is; they stand in the order of their first appearance.
-- The places of first appearances: sorted by element and place, the first of each run.
CREATE MACRO kql_firsts(items) AS list_sort(list_transform(list_transform(
    [list_sort(list_transform(items, lambda e, i: {'element': e, 'place': i}))],
    lambda r: list_filter(r, lambda x, k: k = 1 OR x.element IS DISTINCT FROM r[k - 1].element))[1],
    lambda x: x.place));
CREATE MACRO kql_distinct(items) AS list_transform([items], lambda u: list_select(u, kql_firsts(u)))[1];
-- Behind the others' elements, only what is in none of them makes a first appearance.
CREATE MACRO kql_difference(items, others) AS list_transform(list_transform(
    [{'items': items, 'others': others}],
    lambda s: {'joined': s.others || s.items, 'others': len(s.others)}),
    lambda d: list_select(d.joined, list_filter(kql_firsts(d.joined), lambda p: p > d.others)))[1];
CREATE MACRO kql_intersection(items, others) AS list_transform(
    [{'items': items, 'others': others}],
    lambda t: kql_difference(t.items, kql_difference(t.items, t.others)))[1];
-- DuckDB's own set functions pass over null, which is an element like any other.
CREATE MACRO kql_members(item) AS list_transform(kql_array(item), lambda e: coalesce(e, 'null'));
CREATE MACRO kql_set_equals(item, other) AS coalesce(list_transform(
    [{'these': kql_members(item), 'those': kql_members(other)}],
    lambda s: list_has_all(s.these, s.those) AND list_has_all(s.those, s.these))[1], FALSE);
-- What two sets share is what they have together less their union.
CREATE MACRO kql_jaccard_index(item, other) AS kql_boxed(list_transform(list_transform(
    [{'these': kql_members(item), 'those': kql_members(other)}],
    lambda s: {'each': list_unique(s.these) + list_unique(s.those), 'both': list_unique(s.these || s.those)}),
    lambda c: (CAST(c."each" AS BIGINT) - CAST(c."both" AS BIGINT)) / nullif(c."both", 0))[1]);

-- Arrays of numbers, datetimes and timespans in equal steps, 1048576 at most. A step of 0 leads nowhere.
CREATE MACRO kql_range_long(low, high, step) AS kql_array_of(kql_longs(low, high, step));
CREATE MACRO kql_range_datetime(low, high, step) AS kql_array_of(list_transform(
    kql_longs(epoch_us(low), epoch_us(high), step), lambda t: kql_datetime_text(make_timestamp(t))));
CREATE MACRO kql_range_timespan(low, high, step) AS kql_array_of(list_transform(
    kql_longs(low, high, step), lambda t: kql_timespan_text(t)));
-- Counted with 128 bits, so that no difference of 64 overflows.
CREATE MACRO kql_longs(low, high, step) AS list_transform(list_transform(
    [{'low': CAST(low AS HUGEINT), 'high': CAST(high AS HUGEINT), 'step': CAST(step AS HUGEINT)}],
    lambda s: {'low': s.low, 'step': s.step, 'count': CASE
        WHEN s.step > 0 AND s.high >= s.low OR s.step < 0 AND s.high <= s.low
        THEN least((s.high - s.low) // nullif(s.step, 0) + 1, 1048576)
        WHEN s.step <> 0 AND s.high <> s.low THEN 0 END}),
    lambda c: list_transform(range(CAST(c."count" AS BIGINT)), lambda i: CAST(c.low + i * c.step AS BIGINT)))[1];
CREATE MACRO kql_range_real(low, high, step) AS kql_array_of(list_transform(list_transform(
    [{'low': low, 'high': high, 'step': step}],
    lambda s: {'low': s.low, 'step': s.step, 'steps': CASE WHEN s.step <> 0 THEN floor((s.high - s.low) / s.step) END}),
    lambda c: CASE WHEN NOT isnan(c.steps) THEN list_transform(
        range(CAST(greatest(least(c.steps + 1, 1048576), 0) AS BIGINT)), lambda i: c.low + i * c.step) END)[1]);
CREATE MACRO kql_repeat(value, times) AS list_transform(
    [{'value': value, 'times': times}],
    lambda s: CASE WHEN s.times >= 0
        THEN '[' || rtrim(repeat(s.value || ',', least(s.times, 1048576)), ',') || ']' END)[1];

-- Bags.
CREATE MACRO kql_bag_keys(item) AS list_transform(
    [item], lambda j: CASE WHEN json_type(j) = 'OBJECT' THEN CAST(to_json(json_keys(j)) AS VARCHAR) END)[1];
-- A bag of those of the properties, `"name":value` each, that are not null.
CREATE MACRO kql_bag_given(properties) AS
    '{' || array_to_string(list_filter(properties, lambda p: p IS NOT NULL), ',') || '}';
CREATE MACRO kql_has_property(item, path) AS json_extract(item, path) IS NOT NULL;

-- JSON from text. The engine takes NaN and the infinities for JSON, which no other reader does.
CREATE MACRO kql_is_json(t) AS CASE
    WHEN NOT json_valid(t) THEN FALSE
    WHEN regexp_matches(t, '(?i)(^|[\[:,\s])-?(nan|inf)')
    THEN regexp_replace(t, '("(?:[^"\\]|\\.)*")|-?(?i:nan|infinity|inf)', '\1', 'g') = t -- in no string
    ELSE TRUE END;
CREATE MACRO kql_valid_json(s) AS list_filter([s], lambda w: kql_is_json(w))[1];
-- What a log says of a dynamic value. Whoever sends the event writes it: what is no JSON must not end a query.
CREATE MACRO kql_dynamic(t) AS
    CASE WHEN json_valid(t) THEN t WHEN trim(t) <> '' THEN CAST(to_json(t) AS VARCHAR) END;
-- What is no JSON is a string, and nothing is null.
CREATE MACRO kql_parse_json(s) AS list_transform(
    [s], lambda t: CASE WHEN t <> '' THEN kql_value(coalesce(json(kql_valid_json(t)), to_json(t))) END)[1];
CREATE MACRO kql_extract_json(path, s) AS kql_value(json_extract(kql_valid_json(s), path));
