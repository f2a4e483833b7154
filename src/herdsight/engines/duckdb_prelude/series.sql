-- Series: arrays of numbers, worked on element by element. What is no number is null, and so is all that is made of it.
-- What is whole stays whole, as far as a long reaches.

-- An array's elements; null where it is none. A single number stands for as many as the other series has.
CREATE MACRO kql_series_items(series) AS
    CASE WHEN json_type(series) = 'ARRAY' THEN CAST(CAST(series AS JSON) AS JSON[]) END;
CREATE MACRO kql_series_repeated(number, series) AS list_resize(
    CAST([] AS JSON[]), len(kql_series_items(series)), CAST(kql_boxed(number) AS JSON));

-- An element as a number. JSON writes as text what is not finite; a datetime counts in ticks, as in tolong().
CREATE MACRO kql_series_whole(item) AS
    CASE WHEN json_type(item) IN ('BIGINT', 'UBIGINT') THEN TRY_CAST(item AS BIGINT) END;
CREATE MACRO kql_series_real(item) AS CASE json_type(item)
    WHEN 'DOUBLE' THEN TRY_CAST(item AS DOUBLE)
    WHEN 'BIGINT' THEN TRY_CAST(item AS DOUBLE)
    WHEN 'UBIGINT' THEN TRY_CAST(item AS DOUBLE)
    WHEN 'VARCHAR' THEN kql_series_text_real(item ->> '$') END;
CREATE MACRO kql_series_text_real(said) AS CASE
    WHEN said IN ('NaN', 'Infinity', '-Infinity') THEN CAST(said AS DOUBLE)
    WHEN regexp_full_match(said, '\d{4}-\d\d-\d\dT[\d:.]+Z')
    THEN CAST(kql_ticks(TRY_CAST(said AS TIMESTAMP)) AS DOUBLE) END;
CREATE MACRO kql_series_reals(series) AS list_transform(kql_series_items(series), lambda item: kql_series_real(item));

-- Numbers as elements.
CREATE MACRO kql_series_real_text(x) AS CASE
    WHEN x IS NULL THEN 'null'
    WHEN isfinite(x) THEN CAST(x AS VARCHAR)
    WHEN isnan(x) THEN '"NaN"'
    WHEN x > 0 THEN '"Infinity"'
    ELSE '"-Infinity"' END;
CREATE MACRO kql_series_whole_text(x) AS CASE WHEN TRY_CAST(x AS BIGINT) IS NOT NULL THEN CAST(x AS VARCHAR) END;
CREATE MACRO kql_series_bool_text(x) AS coalesce(CAST(x AS VARCHAR), 'null');
CREATE MACRO kql_series_joined(texts) AS '[' || array_to_string(texts, ',') || ']';
CREATE MACRO kql_series_of_reals(reals) AS
    kql_series_joined(list_transform(reals, lambda x: kql_series_real_text(x)));

-- One series.
CREATE MACRO kql_series_abs(series) AS kql_series_joined(list_transform(kql_series_items(series), lambda item:
    coalesce(
        kql_series_whole_text(abs(CAST(kql_series_whole(item) AS HUGEINT))),
        kql_series_real_text(abs(kql_series_real(item))))));
CREATE MACRO kql_series_sign(series) AS kql_series_joined(list_transform(kql_series_reals(series), lambda x:
    CASE WHEN isnan(x) THEN '"NaN"' ELSE coalesce(CAST(sign(x) AS VARCHAR), 'null') END));
CREATE MACRO kql_series_acos(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: acos(x)));
CREATE MACRO kql_series_asin(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: asin(x)));
CREATE MACRO kql_series_atan(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: atan(x)));
CREATE MACRO kql_series_ceiling(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: ceil(x)));
CREATE MACRO kql_series_cos(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: cos(x)));
CREATE MACRO kql_series_exp(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: exp(x)));
CREATE MACRO kql_series_floor(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: floor(x)));
CREATE MACRO kql_series_log(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: ln(x)));
CREATE MACRO kql_series_sin(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: sin(x)));
CREATE MACRO kql_series_tan(series) AS
    kql_series_of_reals(list_transform(kql_series_reals(series), lambda x: tan(x)));

-- One number of a series: what is no number does not count, and of none there is nothing.
CREATE MACRO kql_series_sum(series) AS list_sum(kql_series_reals(series));
CREATE MACRO kql_series_product(series) AS list_product(kql_series_reals(series));
CREATE MACRO kql_series_magnitude(series) AS
    sqrt(list_sum(list_transform(kql_series_reals(series), lambda x: x * x)));

-- Two series, given as their elements; the shorter is filled up with null.
CREATE MACRO kql_series_pairs(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_zip(a, b) END;
CREATE MACRO kql_series_add(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    coalesce(
        kql_series_whole_text(CAST(kql_series_whole(pair[1]) AS HUGEINT) + kql_series_whole(pair[2])),
        kql_series_real_text(kql_series_real(pair[1]) + kql_series_real(pair[2])))));
CREATE MACRO kql_series_subtract(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    coalesce(
        kql_series_whole_text(CAST(kql_series_whole(pair[1]) AS HUGEINT) - kql_series_whole(pair[2])),
        kql_series_real_text(kql_series_real(pair[1]) - kql_series_real(pair[2])))));
CREATE MACRO kql_series_multiply(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    coalesce(
        kql_series_whole_text(CAST(kql_series_whole(pair[1]) AS HUGEINT) * kql_series_whole(pair[2])),
        kql_series_real_text(kql_series_real(pair[1]) * kql_series_real(pair[2])))));
CREATE MACRO kql_series_divide(a, b) AS kql_series_of_reals(list_transform(kql_series_pairs(a, b), lambda pair:
    kql_series_real(pair[1]) / kql_series_real(pair[2])));
CREATE MACRO kql_series_pow(a, b) AS kql_series_of_reals(list_transform(kql_series_pairs(a, b), lambda pair:
    pow(kql_series_real(pair[1]), kql_series_real(pair[2]))));

-- Where both are whole they are compared as such: a real holds no more than 53 bits.
CREATE MACRO kql_series_equals(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    kql_series_bool_text(coalesce(
        kql_series_whole(pair[1]) = kql_series_whole(pair[2]),
        kql_series_real(pair[1]) = kql_series_real(pair[2])))));
CREATE MACRO kql_series_not_equals(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    kql_series_bool_text(coalesce(
        kql_series_whole(pair[1]) <> kql_series_whole(pair[2]),
        kql_series_real(pair[1]) <> kql_series_real(pair[2])))));
CREATE MACRO kql_series_less(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    kql_series_bool_text(coalesce(
        kql_series_whole(pair[1]) < kql_series_whole(pair[2]),
        kql_series_real(pair[1]) < kql_series_real(pair[2])))));
CREATE MACRO kql_series_less_equals(a, b) AS kql_series_joined(list_transform(kql_series_pairs(a, b), lambda pair:
    kql_series_bool_text(coalesce(
        kql_series_whole(pair[1]) <= kql_series_whole(pair[2]),
        kql_series_real(pair[1]) <= kql_series_real(pair[2])))));

-- One number of two series, as far as both reach and hold numbers.
CREATE MACRO kql_series_both(a, b) AS list_filter(
    list_transform(
        CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_zip(a, b, TRUE) END,
        lambda pair: [kql_series_real(pair[1]), kql_series_real(pair[2])]),
    lambda pair: pair[1] IS NOT NULL AND pair[2] IS NOT NULL);
CREATE MACRO kql_series_dot_product(a, b) AS
    list_sum(list_transform(kql_series_both(a, b), lambda pair: pair[1] * pair[2]));
-- A magnitude that is given is not computed.
CREATE MACRO kql_series_cosine_similarity(a, b, of_a, of_b) AS kql_series_dot_product(a, b) / (
    coalesce(of_a, sqrt(list_sum(list_transform(kql_series_both(a, b), lambda pair: pair[1] * pair[1]))))
    * coalesce(of_b, sqrt(list_sum(list_transform(kql_series_both(a, b), lambda pair: pair[2] * pair[2])))));
