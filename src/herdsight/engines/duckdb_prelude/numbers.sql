-- Numbers.

-- What does not fit into 64 bits is null.
CREATE MACRO kql_add(a, b) AS TRY_CAST(CAST(a AS HUGEINT) + b AS BIGINT);
CREATE MACRO kql_subtract(a, b) AS TRY_CAST(CAST(a AS HUGEINT) - b AS BIGINT);
CREATE MACRO kql_multiply(a, b) AS TRY_CAST(CAST(a AS HUGEINT) * b AS BIGINT);
CREATE MACRO kql_absolute(a) AS TRY_CAST(abs(CAST(a AS HUGEINT)) AS BIGINT);
-- A whole division drops what is behind the point; by zero it is null.
CREATE MACRO kql_divide(a, b) AS CASE WHEN b = -1 THEN kql_subtract(0, a) ELSE a // nullif(b, 0) END;
-- The rest is never negative.
CREATE MACRO kql_modulo(a, b) AS CASE WHEN b = -1 THEN a - a ELSE kql_modulo_real(a, b) END;
CREATE MACRO kql_modulo_real(a, b) AS CASE
    WHEN a % nullif(b, 0) < 0 THEN CASE WHEN b < 0 THEN a % b - b ELSE a % b + b END
    ELSE a % nullif(b, 0) END;
-- There is no bin of a size that is not positive.
CREATE MACRO kql_bin_long(x, size) AS CASE WHEN size > 0 THEN kql_subtract(x, kql_modulo_real(x, size)) END;
CREATE MACRO kql_bin_real(x, size) AS CASE WHEN size > 0 THEN floor(x / size) * size END;

-- There is no real root, logarithm or arc outside the domain of each.
CREATE MACRO kql_sqrt(x) AS CASE WHEN x >= 0 THEN sqrt(x) END;
CREATE MACRO kql_log(x) AS CASE WHEN x >= 0 THEN ln(x) END;
CREATE MACRO kql_log2(x) AS CASE WHEN x >= 0 THEN log2(x) END;
CREATE MACRO kql_log10(x) AS CASE WHEN x >= 0 THEN log10(x) END;
CREATE MACRO kql_acos(x) AS CASE WHEN x BETWEEN -1 AND 1 THEN acos(x) END;
CREATE MACRO kql_asin(x) AS CASE WHEN x BETWEEN -1 AND 1 THEN asin(x) END;
CREATE MACRO kql_places(digits) AS CAST(kql_bounded(digits) AS INTEGER);
-- 0 of null: so the team of duckdb-kql measured Microsoft's engine.
CREATE MACRO kql_sign(x) AS CAST(coalesce(sign(x), 0) AS DOUBLE);
CREATE MACRO kql_rand(count) AS CASE WHEN count > 0 THEN floor(random() * count) END;

-- Bits of 64-bit numbers in two's complement. A shift counts modulo 64 and has no negative distance.
CREATE MACRO kql_shift_left(x, distance) AS
    CASE WHEN distance >= 0 THEN kql_wrapped(CAST(x AS HUGEINT) * (CAST(1 AS HUGEINT) << (distance & 63))) END;
CREATE MACRO kql_shift_right(x, distance) AS CASE WHEN distance >= 0 THEN x >> (distance & 63) END;
CREATE MACRO kql_wrapped(wide) AS CAST(CASE WHEN kql_low_bits(wide) < 9223372036854775808 THEN kql_low_bits(wide)
    ELSE kql_low_bits(wide) - 18446744073709551616 END AS BIGINT);
CREATE MACRO kql_low_bits(wide) AS wide & CAST(18446744073709551615 AS HUGEINT);
-- `values` is how many numbers the type of x has where x is negative, of an int 2^32; zeros make it `length` long.
CREATE MACRO kql_hex(x, values) AS lower(to_hex(CASE WHEN x < 0 THEN x + values ELSE x END));
CREATE MACRO kql_hex_padded(digits, length) AS lpad(digits, CAST(greatest(length(digits), least(length, 16)) AS INTEGER), '0');

-- Numbers as text: a real so that it reads back, a decimal without the zeros at its end.
CREATE MACRO kql_real_text(x) AS CASE WHEN isfinite(x) THEN CAST(x AS VARCHAR) ELSE kql_infinite_text(x) END;
CREATE MACRO kql_infinite_text(x) AS CASE WHEN isnan(x) THEN 'NaN' WHEN x > 0 THEN 'Infinity' WHEN x < 0 THEN '-Infinity' END;
CREATE MACRO kql_decimal_text(x) AS rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.');
-- JSON has no word for what is no number, so that it is text there.
CREATE MACRO kql_boxed_real(x) AS
    CASE WHEN isfinite(x) THEN CAST(to_json(x) AS VARCHAR) ELSE CAST(to_json(kql_infinite_text(x)) AS VARCHAR) END;
-- The type of what a dynamic holds; a whole number that fits into 32 bits is an int.
CREATE MACRO kql_type_name(item) AS CASE json_type(item)
    WHEN 'OBJECT' THEN 'dictionary'
    WHEN 'ARRAY' THEN 'array'
    WHEN 'VARCHAR' THEN 'string'
    WHEN 'BOOLEAN' THEN 'bool'
    WHEN 'DOUBLE' THEN 'double'
    WHEN 'NULL' THEN 'null'
    ELSE CASE WHEN item IS NULL THEN 'null' WHEN TRY_CAST(item AS INTEGER) IS NULL THEN 'long' ELSE 'int' END END;

-- Metres along a sphere of 6,371,010 m between two places in degrees (haversine formula); the radius is the one with
-- which the reference's example of geo_distance_2points() comes out.
CREATE MACRO kql_distance(x1, y1, x2, y2) AS CASE
    WHEN abs(x1) <= 180 AND abs(x2) <= 180 AND abs(y1) <= 90 AND abs(y2) <= 90
    THEN 2 * 6371010 * asin(least(1, sqrt(
        pow(sin(radians(y2 - y1) / 2), 2) + cos(radians(y1)) * cos(radians(y2)) * pow(sin(radians(x2 - x1) / 2), 2)))) END;
