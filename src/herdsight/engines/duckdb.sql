-- What KQL means where SQL has no word for it. Every engine declares the same names; a timespan is a count of microseconds.

-- Times ----------------------------------------------------------------------------------------------------------
CREATE MACRO kql_micros(t) AS epoch_us(t);
CREATE MACRO kql_moment(us) AS make_timestamp(CAST(round(us) AS BIGINT));
CREATE MACRO kql_later(t, us) AS t + to_microseconds(us);
CREATE MACRO kql_elapsed(earlier, later) AS epoch_us(later) - epoch_us(earlier);

-- Bins of datetimes are counted from 0001-01-01, which lies 62135596800 s before 1970.
CREATE MACRO kql_bin_datetime(t, us) AS
    CASE WHEN us > 0 THEN make_timestamp(((epoch_us(t) + 62135596800000000) // us) * us - 62135596800000000) END;

-- Weeks begin on Sunday; 0001-01-01 was a Monday.
CREATE MACRO kql_week(t) AS ((epoch_us(t) + 62135596800000000) // 86400000000 + 1) // 7;
CREATE MACRO kql_datetime_diff(part, later, earlier) AS CASE part
    WHEN 'week' THEN kql_week(later) - kql_week(earlier)
    WHEN 'nanosecond' THEN 1000 * (epoch_us(later) - epoch_us(earlier))
    ELSE date_diff(CASE part WHEN 'nanosecond' THEN 'microsecond' ELSE part END, earlier, later) END;
CREATE MACRO kql_startofday(t) AS CAST(date_trunc('day', t) AS TIMESTAMP);
CREATE MACRO kql_startofweek(t) AS CAST(date_trunc('week', t + INTERVAL 1 DAY) AS TIMESTAMP) - INTERVAL 1 DAY;
CREATE MACRO kql_startofmonth(t) AS CAST(date_trunc('month', t) AS TIMESTAMP);
CREATE MACRO kql_startofyear(t) AS CAST(date_trunc('year', t) AS TIMESTAMP);

CREATE MACRO kql_datetime_text(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%f') || '0Z';
CREATE MACRO kql_timespan_text(us) AS
    CASE WHEN us < 0 THEN '-' ELSE '' END
    || CASE WHEN abs(us) >= 86400000000 THEN (abs(us) // 86400000000) || '.' ELSE '' END
    || lpad(CAST((abs(us) // 3600000000) % 24 AS VARCHAR), 2, '0') || ':'
    || lpad(CAST((abs(us) // 60000000) % 60 AS VARCHAR), 2, '0') || ':'
    || lpad(CAST((abs(us) // 1000000) % 60 AS VARCHAR), 2, '0')
    || CASE WHEN abs(us) % 1000000 = 0 THEN '' ELSE '.' || lpad(CAST(abs(us) % 1000000 AS VARCHAR), 6, '0') || '0' END;

-- Numbers ----------------------------------------------------------------------------------------------------------
-- A whole division drops what is behind the point; by zero it is null.
CREATE MACRO kql_divide(a, b) AS a // nullif(b, 0);
-- The rest is never negative.
CREATE MACRO kql_modulo(a, b) AS ((a % nullif(b, 0)) + abs(b)) % abs(nullif(b, 0));
-- There is no bin of a size that is not positive.
CREATE MACRO kql_bin_long(x, size) AS CASE WHEN size > 0 THEN x - ((x % size) + size) % size END;
CREATE MACRO kql_bin_real(x, size) AS CASE WHEN size > 0 THEN floor(x / size) * size END;

-- Text -------------------------------------------------------------------------------------------------------------
-- `opens`, `closes`: '<' and '>' where that end must be the end of a term; `same_case`: '=' where case matters.
CREATE MACRO kql_has(haystack, needle, opens, closes, same_case) AS regexp_matches(
    haystack,
    CASE WHEN same_case = '=' THEN '' ELSE '(?i)' END
    || CASE WHEN opens = '<' AND regexp_matches(needle, '^[\p{L}\p{N}]') THEN '(?:^|[^\p{L}\p{N}])' ELSE '' END
    || regexp_escape(needle)
    || CASE WHEN closes = '>' AND regexp_matches(needle, '[\p{L}\p{N}]$') THEN '(?:$|[^\p{L}\p{N}])' ELSE '' END);
CREATE MACRO kql_substring(s, start, length) AS
    CASE WHEN length IS NULL THEN substr(s, (CASE WHEN start < 0 THEN greatest(length(s) + start, 0) ELSE start END) + 1)
    ELSE substr(s, (CASE WHEN start < 0 THEN greatest(length(s) + start, 0) ELSE start END) + 1, length) END;
CREATE MACRO kql_whole_text(s) AS CASE WHEN regexp_full_match(s, '\s*[+-]?\d+\s*') THEN trim(s) END;
CREATE MACRO kql_bool_text(s) AS CASE
    WHEN lower(s) IN ('true', '1') THEN TRUE WHEN lower(s) IN ('false', '0') THEN FALSE END;

-- Addresses --------------------------------------------------------------------------------------------------------
-- The names are RemoteIPType's; its documentation lists them alone, and what is in each follows the IANA special-purpose
-- registries (RFC 6890). Carrier-grade NAT and link-local count as private. IPv6 text is taken as RFC 5952 writes it.
CREATE MACRO kql_address_type(ip) AS CASE
    WHEN ip = '' THEN ''
    WHEN contains(ip, ':') THEN CASE
        WHEN ip = '::1' THEN 'Loopback'
        WHEN starts_with(lower(ip), '::ffff:') THEN 'FourToSixMapping'
        WHEN regexp_matches(ip, '(?i)^f([cd]|e[89ab])') THEN 'Private'
        WHEN regexp_matches(ip, '(?i)^2001:0{0,4}:') THEN 'Teredo'
        WHEN regexp_matches(ip, '(?i)^(::$|ff|100::|2001:0?db8:)') THEN 'Reserved'
        ELSE 'Public' END
    WHEN starts_with(ip, '10.') OR starts_with(ip, '192.168.') OR starts_with(ip, '169.254.') THEN 'Private'
    WHEN starts_with(ip, '172.') THEN
        CASE WHEN split_part(ip, '.', 2) BETWEEN '16' AND '31' AND length(split_part(ip, '.', 2)) = 2 THEN 'Private' ELSE 'Public' END
    WHEN starts_with(ip, '127.') THEN 'Loopback'
    WHEN ip = '255.255.255.255' THEN 'Broadcast'
    WHEN regexp_matches(ip, '^(0|22[4-9]|23\d|24\d|25[0-5])\.|^192\.0\.[02]\.|^198\.(1[89]|51\.100)\.|^203\.0\.113\.') THEN 'Reserved'
    WHEN regexp_matches(ip, '^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.') THEN 'Private'
    WHEN left(ip, 1) BETWEEN '1' AND '9' THEN 'Public'
    ELSE '' END; -- no address

-- RFC 1918, as Kusto has it; null of what is no IPv4 address. A prefix (/24) may follow.
CREATE MACRO kql_ipv4_is_private(ip) AS
    CASE WHEN regexp_full_match(ip, '\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(/\d{1,2})?') THEN
        regexp_matches(ip, '^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.') END;

-- Arrays -----------------------------------------------------------------------------------------------------------
CREATE MACRO kql_set(items, most) AS CAST(to_json(coalesce(list_sort(items), [])[1:most]) AS VARCHAR);
CREATE MACRO kql_list(items, most) AS CAST(to_json(coalesce(items, [])[1:most]) AS VARCHAR);
-- An array's elements; a value that is no array is its own.
CREATE MACRO kql_elements(item) AS
    CASE WHEN json_type(item) = 'ARRAY' THEN CAST(CAST(item AS JSON) AS JSON[]) ELSE [CAST(item AS JSON)] END;
CREATE MACRO kql_union(arrays, most) AS
    CAST(to_json(list_sort(list_distinct(flatten(coalesce(arrays, []))))[1:most]) AS VARCHAR);
-- A string in a dynamic is its characters, without quotes; all else is JSON.
CREATE MACRO kql_dynamic_text(item) AS CASE WHEN json_type(item) = 'VARCHAR' THEN item ->> '$' ELSE item END;
