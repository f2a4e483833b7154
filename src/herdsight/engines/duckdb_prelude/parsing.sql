-- Texts with parts: URLs, paths, comma-separated values, versions. Each result is JSON text.

-- The parts as RFC 3986 (appendix B) finds them; without a scheme and its // all is path. The slash that ends the
-- authority is in no part. Of a host that holds an @, the last one ends the user.
CREATE MACRO kql_url_parts(url) AS regexp_extract(
    url,
    '(?s)^(?:([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#:]*)(?::([^/?#]*))?@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::([^/?#]*))?/?)?'
    || '([^?#]*)(?:\?([^#]*))?(?:#(.*))?$',
    ['Scheme', 'Username', 'Password', 'Host', 'Port', 'Path', 'Query', 'Fragment']);
CREATE MACRO kql_parse_url(url) AS list_transform([kql_url_parts(url)], lambda part: kql_object([
    kql_entry('Scheme', part.Scheme),
    kql_entry('Host', part.Host),
    kql_entry('Port', part.Port),
    kql_entry('Path', part.Path),
    kql_entry('Username', part.Username),
    kql_entry('Password', part.Password),
    '"Query Parameters":' || kql_query_bag(part.Query),
    kql_entry('Fragment', part.Fragment)]))[1];
CREATE MACRO kql_parse_urlquery(query) AS '{"Query Parameters":' || kql_query_bag(query) || '}';

-- Parameters as they are written, nothing decoded; of those with one name the last counts.
CREATE MACRO kql_query_bag(query) AS CASE WHEN query = '' THEN '{}' ELSE kql_last_of_each(
    list_transform(
        list_filter(string_split(query, '&'), lambda each: each <> ''),
        lambda each: {
            'name': split_part(each, '=', 1),
            'value': CASE WHEN contains(each, '=') THEN substr(each, strpos(each, '=') + 1) ELSE '' END})) END;
CREATE MACRO kql_last_of_each(entries) AS CASE
    WHEN list_unique(list_transform(entries, lambda each: each.name)) = len(entries) THEN
        kql_object(list_transform(entries, lambda each: kql_entry(each.name, each.value)))
    ELSE kql_bag_of_last(CAST(to_json(list_transform(entries, lambda each: [each.name, each.value])) AS VARCHAR)) END;
CREATE MACRO kql_entry(name, value) AS CAST(to_json(name) AS VARCHAR) || ':' || CAST(to_json(value) AS VARCHAR);
CREATE MACRO kql_object(entries) AS '{' || array_to_string(entries, ',') || '}';

-- Either slash separates folders; what stands behind a colon in the last part is an alternate data stream. One letter
-- and a colon are a drive.
CREATE MACRO kql_path_parts(path) AS regexp_extract(
    path,
    '(?s)^(?:([A-Za-z][A-Za-z0-9+.-]+)://)?((?:[A-Za-z]:)?(?:.*[\\/])?)([^\\/:]*)(?::([^\\/]*))?$',
    ['Scheme', 'Folder', 'Filename', 'Stream']);
CREATE MACRO kql_parse_path(path) AS list_transform([kql_path_parts(path)], lambda part: kql_object([
    kql_entry('Scheme', part.Scheme),
    kql_entry('RootPath', regexp_extract(part.Folder, '^[A-Za-z]:')),
    kql_entry('DirectoryPath', regexp_replace(part.Folder, '[\\/]$', '')),
    kql_entry('DirectoryName', regexp_extract(part.Folder, '(?:^[A-Za-z]:|[\\/]|^)([^\\/]*)[\\/]$', 1)),
    kql_entry('Filename', part.Filename),
    kql_entry('Extension', regexp_extract(part.Filename, '(?s)\.([^.]*)$', 1)),
    kql_entry('AlternateDataStreamName', part.Stream)]))[1];

-- The first record of RFC 4180's comma-separated values; most have neither quotes nor a second line.
CREATE MACRO kql_parse_csv(record) AS CASE
    WHEN regexp_matches(record, '["\r\n]') THEN kql_csv_fields(record)
    ELSE CAST(to_json(string_split(record, ',')) AS VARCHAR) END;

-- One to four parts of up to eight digits each; missing ones are 0. The 32 digits leave room for 6 behind the point.
CREATE MACRO kql_parse_version(version) AS
    CASE WHEN regexp_full_match(version, '\d{1,8}(?:\.\d{1,8}){0,3}') THEN CAST(list_reduce(
        TRY_CAST(list_resize(string_split(version, '.'), 4, '0') AS HUGEINT[]),
        lambda high, low: high * 100000000 + low) AS DECIMAL(38, 10)) END;

-- Keys and values of a text, as parse-kv is told to find them: by a pattern's two groups, or by delimiters. The first
-- of a key counts.
CREATE MACRO kql_parse_kv(s, options) AS CASE
    WHEN json_exists(options, '$.regex') THEN
        kql_kv_by_pattern(s, options ->> '$.regex', CAST(json_extract(options, '$.keys') AS VARCHAR[]))
    ELSE kql_kv_by_delimiters(s, options) END;
CREATE MACRO kql_kv_by_pattern(s, pattern, keys) AS kql_kv_wanted(
    list_transform(regexp_extract_all(s, pattern, 1), lambda each: trim(each)),
    list_transform(regexp_extract_all(s, pattern, 2), lambda each: trim(each)),
    keys);
CREATE MACRO kql_kv_wanted(found, given, keys) AS kql_object(list_transform(
    list_filter(keys, lambda key: list_contains(found, key)),
    lambda key: kql_entry(key, given[list_position(found, key)])));
