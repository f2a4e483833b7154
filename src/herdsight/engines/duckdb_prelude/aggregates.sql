-- What aggregates are made of.

-- An average is a DOUBLE; its shortest text has the digits that are meant and none that are noise.
CREATE MACRO kql_decimal_mean(x) AS TRY_CAST(CAST(avg(x) AS VARCHAR) AS DECIMAL(38, 10));

-- Sets, lists and bags.
CREATE MACRO kql_cut(items, most) AS coalesce(items, [])[1:most];
CREATE MACRO kql_union_of(items, most) AS kql_union(list_transform(items, lambda item: kql_elements(item)), most);
-- The entries of a bag, and none of what is no bag.
CREATE MACRO kql_entries(bag) AS list_transform(list_distinct(json_keys(bag)),
    lambda key: {'key': key, 'value': json_extract(bag, '/' || replace(replace(key, '~', '~0'), '/', '~1'))});
-- Of sorted entries the first with each key. An entry is compared with the one before it by a zip: a lambda that looks
-- into the list copies it for every element.
CREATE MACRO kql_first_entries(entries) AS list_transform(
    list_filter(list_zip(entries, [NULL] || entries, TRUE), lambda pair: pair[1].key IS DISTINCT FROM pair[2].key),
    lambda pair: pair[1]);
-- Which value of a key that comes more than once is open in Kusto: the least text here.
CREATE MACRO kql_bag_of(bags, most) AS CAST(to_json(map_from_entries(kql_cut(kql_first_entries(
    list_sort(flatten(list_transform(bags, lambda bag: kql_entries(bag))))), most))) AS VARCHAR);
CREATE MACRO kql_dcount_hll(digest) AS CAST(json_array_length(digest) AS BIGINT);

-- Percentages as exact parts of 1: in binary fractions, 7 % of 100 would be more than 7.
CREATE MACRO kql_share(percent) AS CAST(least(greatest(percent, 0), 100) / 100 AS DECIMAL(11, 8));
CREATE MACRO kql_shares(percents) AS list_transform(percents, lambda percent: kql_share(percent));
CREATE MACRO kql_percents(item) AS CAST(CAST(item AS JSON) AS DOUBLE[]);

-- Values with their weights, in order; then the first value at which the weights so far come to the share.
CREATE MACRO kql_weighted(x, w) AS
    list_sort(list({'value': x, 'weight': CAST(w AS BIGINT)}) FILTER (WHERE x IS NOT NULL AND w > 0));
CREATE MACRO kql_weight(pairs) AS CAST(list_sum(list_transform(pairs, lambda pair: pair.weight)) AS BIGINT);
CREATE MACRO kql_weighted_percentile(pairs, percent) AS list_transform(
    [kql_share(percent) * kql_weight(pairs)],
    lambda reached: list_reduce(pairs, lambda sofar, pair: CASE WHEN sofar.weight >= reached THEN sofar
        ELSE {'value': pair.value, 'weight': sofar.weight + pair.weight} END).value)[1];
CREATE MACRO kql_weighted_percentiles(pairs, percents) AS CASE WHEN pairs IS NOT NULL THEN
    list_transform(percents, lambda percent: kql_weighted_percentile(pairs, percent)) END;

-- Digests.
CREATE MACRO kql_digest(item) AS nullif(
    list_sort(TRY_CAST(CAST(item AS JSON) AS STRUCT("value" DOUBLE, weight BIGINT)[])), []);
CREATE MACRO kql_merged_digest(digests) AS kql_boxed(list_sort(flatten(digests)));
CREATE MACRO kql_percentile_tdigest(digest, percent) AS list_transform(
    [kql_weighted_percentile(kql_digest(digest), percent)],
    lambda x: CASE WHEN x = trunc(x) AND abs(x) < 1e18 THEN CAST(CAST(x AS BIGINT) AS VARCHAR) ELSE kql_boxed(x) END)[1];
CREATE MACRO kql_rank_tdigest(digest, x) AS CAST(
    coalesce(kql_weight(list_filter(kql_digest(digest), lambda pair: pair.value <= x)), 0) AS DOUBLE);
CREATE MACRO kql_percentrank_tdigest(digest, x) AS
    100 * kql_rank_tdigest(digest, x) / kql_weight(kql_digest(digest));
