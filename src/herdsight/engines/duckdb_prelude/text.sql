-- Strings.

-- Whole terms. A text is marked at both ends of every term; one that is whole terms of another is then found in it as
-- it stands. `opens`, `closes`: '<' and '>' where that end must be the end of a term; `same_case`: '=' where case matters.
CREATE MACRO kql_terms(s) AS regexp_replace(s, '([\p{L}\p{N}]+)', chr(1) || '\1' || chr(2), 'g');
CREATE MACRO kql_needle(part, opens, closes) AS
    CASE WHEN opens = '<' AND closes = '>' THEN kql_terms(part)
    WHEN opens = '<' THEN rtrim(kql_terms(part), chr(2))
    ELSE ltrim(kql_terms(part), chr(1)) END;
CREATE MACRO kql_has_terms(s, part, opens, closes) AS
    CASE WHEN contains(s, part) THEN contains(kql_terms(s), kql_needle(part, opens, closes)) ELSE FALSE END;
CREATE MACRO kql_has(s, part, opens, closes, same_case) AS
    CASE WHEN same_case = '=' THEN kql_has_terms(s, part, opens, closes)
    ELSE kql_has_terms(lower(s), lower(part), opens, closes) END;
-- An array's elements as texts, null for one that is null; a value that is no array is its own.
CREATE MACRO kql_texts(items) AS coalesce(from_json(items, '["VARCHAR"]'), [kql_dynamic_text(items)]);
CREATE MACRO kql_has_each(s, items) AS list_transform([lower(s)], lambda text: list_transform(
    kql_texts(items), lambda part: kql_has_terms(text, lower(part), '<', '>')))[1];
CREATE MACRO kql_has_any(s, items) AS coalesce(list_bool_or(kql_has_each(s, items)), FALSE);
CREATE MACRO kql_has_all(s, items) AS
    coalesce(list_bool_and(list_transform(kql_has_each(s, items), lambda has: coalesce(has, FALSE))), TRUE);
CREATE MACRO kql_has_any_index(s, items) AS coalesce(list_position(kql_has_each(s, items), TRUE), 0) - 1;

CREATE MACRO kql_string_size(s) AS strlen(s);
CREATE MACRO kql_reverse(s) AS reverse(s);
CREATE MACRO kql_strcmp(a, b) AS CASE WHEN a = b THEN 0 WHEN a < b THEN -1 ELSE 1 END;
CREATE MACRO kql_strrep(s, times, delimiter) AS
    CASE WHEN times >= 1 THEN repeat(s || delimiter, least(times, 1024) - 1) || s END;
CREATE MACRO kql_replace_string(s, part, rewrite) AS replace(s, part, rewrite);
-- A character without a counterpart becomes the last one there is, and goes where there is none.
CREATE MACRO kql_translate(search, replacement, s) AS
    translate(s, search, replacement || repeat(right(replacement, 1), length(search)));

-- Positions count from 0; a negative start counts from the end. A length of -1 reaches to the end.
-- No text and no array is as long as the bound, so that a position that is bounded says the same and can be counted with.
CREATE MACRO kql_bounded(n) AS
    CASE WHEN n > 2147483647 THEN CAST(2147483647 AS BIGINT) WHEN n < -2147483647 THEN -2147483647 ELSE n END;
CREATE MACRO kql_begin(s, start) AS
    CASE WHEN start < 0 THEN greatest(length(s) + start, 0) ELSE kql_bounded(start) END;
-- A negative start before the beginning leaves nothing: measured with Microsoft's engine by the team of duckdb-kql.
CREATE MACRO kql_first(s, start) AS
    CASE WHEN start >= 0 THEN kql_bounded(start) WHEN start < -length(s) THEN length(s) ELSE length(s) + start END;
CREATE MACRO kql_rest(s, start) AS substr(s, kql_first(s, start) + 1);
CREATE MACRO kql_substring(s, start, length) AS substr(s, kql_first(s, start) + 1, greatest(kql_bounded(length), 0));
CREATE MACRO kql_window(s, begin, reach) AS
    CASE WHEN reach = -1 THEN substr(s, kql_bounded(begin) + 1)
    WHEN reach >= 0 THEN substr(s, kql_bounded(begin) + 1, kql_bounded(reach)) END;
CREATE MACRO kql_indexof(s, part) AS strpos(s, part) - 1;
CREATE MACRO kql_indexof_from(s, part, begin, reach) AS
    CASE WHEN reach >= -1 THEN coalesce(nullif(strpos(kql_window(s, begin, reach), part), 0) + begin, 0) - 1 END;
CREATE MACRO kql_indexof_between(s, part, start, reach) AS kql_indexof_from(s, part, kql_begin(s, start), reach);
-- From each occurrence to the next, the length counts anew: the reference's example with an occurrence of 2 says so.
CREATE MACRO kql_indexof_nth(s, part, start, reach, nth) AS
    CASE WHEN nth = 0 THEN -1 WHEN nth > 0 AND reach >= -1 THEN list_reduce(
        range(least(nth, length(s) + 1)),
        lambda found, i: CASE WHEN found < 0 AND i > 0 THEN -1 ELSE kql_indexof_from(s, part, found + 1, reach) END,
        kql_begin(s, start) - 1) END;

-- Plain occurrences may overlap.
CREATE MACRO kql_countof_apart(s, part) AS (strlen(s) - strlen(replace(s, part, ''))) // strlen(part);
CREATE MACRO kql_countof(s, part) AS
    CASE WHEN part = '' OR NOT contains(s, part) THEN 0 ELSE
    len(list_filter(range(1, length(s) - length(part) + 2), lambda i: substr(s, i, length(part)) = part)) END;

CREATE MACRO kql_parts(s, delimiter) AS string_split(s, delimiter);
CREATE MACRO kql_split(s, delimiter) AS CAST(to_json(kql_parts(s, delimiter)) AS VARCHAR);
CREATE MACRO kql_split_at(s, delimiter, position) AS
    CAST(to_json(CASE WHEN position >= 0 THEN
    kql_parts(s, delimiter)[kql_bounded(position) + 1:kql_bounded(position) + 1] ELSE [] END) AS VARCHAR);
-- A value that is no array is one element.
CREATE MACRO kql_strcat_array(item, delimiter) AS list_transform([item], lambda each: CASE json_type(each)
    WHEN 'ARRAY' THEN kql_strcat_items(each, delimiter) WHEN 'OBJECT' THEN '' ELSE coalesce(each ->> '$', '') END)[1];
CREATE MACRO kql_strcat_array_by(item, delimiter) AS list_transform([item], lambda each: CASE json_type(each)
    WHEN 'ARRAY' THEN kql_strcat_items_by(each, delimiter) WHEN 'OBJECT' THEN '' ELSE coalesce(each ->> '$', '') END)[1];
CREATE MACRO kql_strcat_items(items, delimiter) AS coalesce(array_to_string(
    list_transform(from_json(items, '["VARCHAR"]'), lambda item: coalesce(item, '')), delimiter), '');
CREATE MACRO kql_strcat_items_by(items, delimiter) AS coalesce(substr(list_reduce(
    from_json(items, '["VARCHAR"]'), lambda text, item: text || delimiter || coalesce(item, ''), ''),
    len(delimiter) + 1), '');

-- Each lookup in turn takes from what is left of the text and leaves a private character; these then become the rewrites.
CREATE MACRO kql_stand_in(i) AS chr(CAST(983039 + i AS INTEGER));
CREATE MACRO kql_replace_strings(s, lookups, rewrites) AS list_reduce(
    range(1, len(lookups) + 1), lambda text, i: replace(text, kql_stand_in(i), rewrites[i]),
    list_reduce(range(1, len(lookups) + 1), lambda text, i: replace(text, lookups[i], kql_stand_in(i)), s));
-- Of arrays: a lookup that is no string is not looked for, and one whose rewrite is none stays as it is.
CREATE MACRO kql_json_text(item) AS CASE WHEN json_type(item) = 'VARCHAR' THEN item ->> '$' END;
CREATE MACRO kql_strings(items) AS
    coalesce(list_transform(from_json(items, '["JSON"]'), lambda item: kql_json_text(item)), []);
CREATE MACRO kql_lookups(items) AS list_transform(kql_strings(items), lambda part: coalesce(part, ''));
CREATE MACRO kql_rewrites(items, lookups) AS list_transform(
    range(1, len(lookups) + 1), lambda i: coalesce(kql_strings(items)[i], lookups[i]));
CREATE MACRO kql_replace_strings_of(s, lookups, rewrites) AS
    kql_replace_strings(s, kql_lookups(lookups), kql_rewrites(rewrites, kql_lookups(lookups)));

-- Sizes: the unit is the largest that gives 1 or more where none is named.
CREATE MACRO kql_bytes_power(size, unit) AS
    CASE WHEN unit = '' THEN least(6, TRY_CAST(floor(log2(greatest(abs(CAST(size AS DOUBLE)), 1)) / 10) AS BIGINT))
    ELSE list_position(['BYTES', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'], upper(unit)) - 1 END;
CREATE MACRO kql_rounded_text(x, places) AS regexp_replace(
    printf('%.' || least(greatest(TRY_CAST(places AS BIGINT), 0), 15) || 'f', CAST(x AS DOUBLE)), '(\.\d*[1-9])0+$|\.0+$', '\1');
CREATE MACRO kql_format_bytes(size, places, unit) AS coalesce(
    kql_rounded_text(size / power(1024, kql_bytes_power(size, unit)), places) || ' '
    || ['Bytes', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'][kql_bytes_power(size, unit) + 1], '');

-- Regular expressions. One that is no constant may be wrong: it is null then. Only this call stands in TRY, because what
-- TRYs have in common is computed outside of them.
-- It stands in a lambda, because an expression of constants alone is looked at before TRY is.
CREATE MACRO kql_pattern(pattern) AS list_transform(
    [pattern], lambda each: CASE WHEN TRY(regexp_matches('', each)) IS NOT NULL THEN each END)[1];
CREATE MACRO kql_extract(s, pattern, part) AS regexp_extract(s, pattern, part);
CREATE MACRO kql_extract_of(s, pattern, part) AS TRY(regexp_extract_all(s, pattern, CAST(part AS INTEGER))[1]);
CREATE MACRO kql_extract_named(s, pattern, names, name) AS struct_extract(regexp_extract(s, pattern, names), name);
CREATE MACRO kql_extract_all(s, pattern, part) AS
    kql_found(list_transform(regexp_extract_all(s, pattern, part), lambda each: coalesce(each, '')));
CREATE MACRO kql_extract_all_of(s, pattern) AS
    kql_found(TRY(list_transform(regexp_extract_all(s, pattern, 1), lambda each: coalesce(each, ''))));
CREATE MACRO kql_extract_rows(s, pattern, names, paths) AS kql_found(list_transform(
    regexp_extract_all(s, pattern, names),
    lambda parts: list_transform(to_json(parts) ->> paths, lambda each: coalesce(each, ''))));
CREATE MACRO kql_found(items) AS CASE WHEN len(items) > 0 THEN CAST(to_json(items) AS VARCHAR) END;
CREATE MACRO kql_countof_regex(s, pattern) AS len(regexp_extract_all(s, pattern));
CREATE MACRO kql_replace_regex(s, pattern, rewrite) AS regexp_replace(s, pattern, rewrite, 'g');
CREATE MACRO kql_replace_regex_of(s, pattern, rewrite) AS TRY(regexp_replace(s, pattern, rewrite, 'g'));
-- What has a meaning in a pattern, at least under some flag or in a class, gets a backslash.
CREATE MACRO kql_regex_quote(s) AS regexp_replace(s, '[\\.+*?()|\[\]{}^$#&~-]', '\\\0', 'g');
CREATE MACRO kql_trim_start(pattern, s) AS regexp_replace(s, '^(?:' || pattern || ')', '');
CREATE MACRO kql_trim_end(pattern, s) AS regexp_replace(s, '(?:' || pattern || ')$', '');
-- One match at each end: measured with Microsoft's engine by the team of duckdb-kql.
CREATE MACRO kql_trim(pattern, s) AS regexp_replace(s, '^(?:' || pattern || ')|(?:' || pattern || ')$', '', 'g');

-- The place of a match is the length of what stands before it.
CREATE MACRO kql_before_match(s, pattern) AS
    CASE WHEN regexp_matches(s, pattern) THEN length(regexp_extract(s, '^((?s:.*?))(?:' || pattern || ')', 1)) END;
CREATE MACRO kql_indexof_regex(s, pattern, start, reach) AS
    CASE WHEN start >= 0 AND reach >= -1 AND pattern IS NOT NULL THEN
        coalesce(kql_before_match(kql_window(s, start, reach), pattern) + start, -1) END;
-- Of the nth match, that is the pieces between n matches and the matches themselves but the last.
CREATE MACRO kql_before_nth(s, pattern, nth) AS
    CASE WHEN len(regexp_extract_all(s, pattern)) >= nth THEN
        length(array_to_string(string_split_regex(s, pattern)[1:nth], ''))
        + length(array_to_string(regexp_extract_all(s, pattern)[1:nth - 1], '')) END;
CREATE MACRO kql_indexof_regex_nth(s, pattern, start, reach, nth) AS
    CASE WHEN nth = 0 THEN -1 WHEN nth > 0 AND start >= 0 AND reach >= -1 AND pattern IS NOT NULL THEN
        coalesce(kql_before_nth(kql_window(s, start, reach), pattern, nth) + start, -1) END;

-- The digits of a whole number, in tens or, behind 0x, in sixteens; null where there are none.
CREATE MACRO kql_whole_text(s) AS CASE
    WHEN regexp_full_match(s, '\s*[+-]?\d+\s*') THEN trim(s)
    WHEN regexp_full_match(s, '\s*[+-]?0[xX][0-9a-fA-F]{1,15}\s*') THEN CAST(TRY_CAST(trim(s) AS BIGINT) AS VARCHAR) END;
CREATE MACRO kql_bool_text(s) AS CASE lower(regexp_replace(s, '^\s+|\s+$', '', 'g'))
    WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE
    ELSE TRY_CAST(regexp_extract(s, '^\s*([-+]?\d+)\s*$', 1) AS HUGEINT) <> 0 END;
CREATE MACRO kql_bool_name(b) AS CASE b WHEN TRUE THEN 'True' WHEN FALSE THEN 'False' END;
-- Hexadecimal digits stand for a whole number, too.
CREATE MACRO kql_text_real(s) AS coalesce(
    TRY_CAST(kql_number_text(s) AS DOUBLE), TRY_CAST(kql_whole_text(s) AS DOUBLE));
-- The engine takes 1_000 for a number.
CREATE MACRO kql_number_text(s) AS CASE WHEN NOT contains(s, '_') THEN s END;
CREATE MACRO kql_text_guid(s) AS lower(CAST(TRY_CAST(trim(s, '{}() ') AS UUID) AS VARCHAR));
