-- IP addresses.

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

-- IPv4 as a number, most significant octet first; null of what is no address. An octet is at most 255 and has no
-- leading zero. A prefix is a number of bits from 0 to 32.
CREATE MACRO kql_ipv4_octet() AS '(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)';
CREATE MACRO kql_ipv4_form() AS '(?:' || kql_ipv4_octet() || '\.){3}' || kql_ipv4_octet();
CREATE MACRO kql_ipv4_prefix_form() AS '/(?:3[0-2]|[12]?\d)';
CREATE MACRO kql_ipv4_number(octets) AS
    list_reduce(TRY_CAST(string_split(octets, '.') AS BIGINT[]), lambda high, low: high * 256 + low);

-- An address alone: the quickest test, where no prefix can follow.
CREATE MACRO kql_ipv4_plain(ip) AS CASE WHEN regexp_full_match(ip, kql_ipv4_form()) THEN kql_ipv4_number(ip) END;
-- An address, or the first one of the network where a prefix follows.
CREATE MACRO kql_ipv4(ip) AS CASE
    WHEN regexp_full_match(ip, kql_ipv4_form()) THEN kql_ipv4_number(ip)
    WHEN regexp_full_match(ip, kql_ipv4_form() || kql_ipv4_prefix_form())
        THEN kql_ipv4_network(kql_ipv4_number(split_part(ip, '/', 1)), TRY_CAST(split_part(ip, '/', 2) AS INT)) END;
-- The last address of a network; an address alone is its own.
CREATE MACRO kql_ipv4_last(ip) AS kql_ipv4(ip) + (1::BIGINT << (32 - kql_ipv4_bits(ip))) - 1;
-- How many bits count: the prefix, all 32 where there is none.
CREATE MACRO kql_ipv4_bits(ip) AS CASE
    WHEN regexp_full_match(ip, kql_ipv4_form()) THEN 32::BIGINT
    WHEN regexp_full_match(ip, kql_ipv4_form() || kql_ipv4_prefix_form())
        THEN TRY_CAST(split_part(ip, '/', 2) AS BIGINT) END;
-- The number with only so many bits left, from 0 to 32.
CREATE MACRO kql_ipv4_network(number, bits) AS (number >> (32 - bits)) << (32 - bits);
CREATE MACRO kql_ipv4_text(number) AS list_transform([number], lambda n:
    (n >> 24) || '.' || ((n >> 16) & 255) || '.' || ((n >> 8) & 255) || '.' || (n & 255))[1];

-- RFC 1918, as Kusto has it. Of a network, all must lie in there.
CREATE MACRO kql_ipv4_is_private(ip) AS CASE
    WHEN regexp_full_match(ip, kql_ipv4_form()) THEN regexp_matches(ip, '^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.')
    WHEN kql_ipv4_bits(ip) IS NOT NULL THEN
        regexp_matches(ip, '^(10\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)')
        AND kql_ipv4_bits(ip) >= CASE left(ip, 3) WHEN '10.' THEN 8 WHEN '172' THEN 12 ELSE 16 END END;

-- Two addresses by the bits that count in both, and in `bits`: below 0, 0 or above.
CREATE MACRO kql_ipv4_compare(a, b, bits) AS CASE WHEN bits BETWEEN 0 AND 32 THEN CAST(sign(
    (kql_ipv4(a) >> (32 - least(kql_ipv4_bits(a), kql_ipv4_bits(b), bits)))
    - (kql_ipv4(b) >> (32 - least(kql_ipv4_bits(a), kql_ipv4_bits(b), bits)))) AS BIGINT) END;
CREATE MACRO kql_ipv4_is_in_range(ip, network) AS kql_ipv4(ip) BETWEEN kql_ipv4(network) AND kql_ipv4_last(network);
CREATE MACRO kql_ipv4_is_in_any(ip, networks) AS kql_is_in_networks(kql_ipv4(ip), networks);

CREATE MACRO kql_ipv4_range_to_cidrs(first, last) AS kql_cidr_list(kql_ipv4(first), kql_ipv4(last));

CREATE MACRO kql_ipv4_mask(ip, bits) AS CASE WHEN bits BETWEEN 0 AND 32 THEN kql_ipv4_network(kql_ipv4(ip), bits) END;
CREATE MACRO kql_format_ipv4(ip, bits) AS coalesce(kql_ipv4_text(kql_ipv4_mask(ip, bits)), '');
CREATE MACRO kql_format_ipv4_mask(ip, bits) AS
    coalesce(kql_ipv4_text(kql_ipv4_mask(ip, bits)) || '/' || least(kql_ipv4_bits(ip), bits), '');
CREATE MACRO kql_format_ipv4_number(number, bits) AS
    coalesce(CASE WHEN bits BETWEEN 0 AND 32 AND number BETWEEN 0 AND 4294967295 THEN
        kql_ipv4_text(kql_ipv4_network(number, bits)) END, '');
CREATE MACRO kql_format_ipv4_number_mask(number, bits) AS
    coalesce(nullif(kql_format_ipv4_number(number, bits), '') || '/' || bits, '');

-- Texts in which an address, or one that begins so, stands between what is no letter and no digit. A beginning ends
-- with a dot.
CREATE MACRO kql_has_ipv4(s, ip) AS
    CASE WHEN contains(s, ip) AND regexp_full_match(ip, kql_ipv4_form()) THEN kql_has_address(s, regexp_escape(ip))
    ELSE FALSE END;
CREATE MACRO kql_has_ipv4_prefix(s, start) AS CASE
    WHEN contains(s, start) AND regexp_full_match(start, '(?:' || kql_ipv4_octet() || '\.){1,3}') THEN
        kql_has_address(s, regexp_escape(start)
            || repeat(kql_ipv4_octet() || '\.', 3 - CAST(length(start) - length(replace(start, '.', '')) AS BIGINT))
            || kql_ipv4_octet())
    ELSE kql_has_ipv4(s, start) END;
CREATE MACRO kql_has_address(s, form) AS
    regexp_matches(s, '(?:^|[^\p{L}\p{N}])(?:' || form || ')(?:$|[^\p{L}\p{N}])');
CREATE MACRO kql_has_any_ipv4(s, ips) AS
    coalesce(list_bool_or(list_transform(kql_elements(ips), lambda ip: kql_has_ipv4(s, ip ->> '$'))), FALSE);
CREATE MACRO kql_has_any_ipv4_prefix(s, starts) AS
    coalesce(list_bool_or(list_transform(kql_elements(starts), lambda ip: kql_has_ipv4_prefix(s, ip ->> '$'))), FALSE);
