-- Encodings and hashes of texts. What is no base64 of UTF-8 decodes to "".

CREATE MACRO kql_base64(s) AS to_base64(encode(s));
CREATE MACRO kql_is_base64(s) AS
    length(s) % 4 = 0 AND regexp_full_match(s, '[A-Za-z0-9+/]*={0,2}');
CREATE MACRO kql_unbase64(s) AS
    CASE WHEN kql_is_base64(s) THEN coalesce(TRY(decode(from_base64(s))), '') ELSE '' END;

-- In a form, a space is a plus.
CREATE MACRO kql_url_encode_form(s) AS replace(kql_url_encode(s), '%20', '+');
CREATE MACRO kql_url_decode(s) AS coalesce(TRY(url_decode(replace(s, '+', ' '))), kql_url_decode_lossy(s));

CREATE MACRO kql_codepoints(s) AS
    CAST(to_json(list_transform(regexp_extract_all(s, '(?s).'), lambda each: unicode(each))) AS VARCHAR);
CREATE MACRO kql_json_array(items) AS '[' || array_to_string(items, ',') || ']';
CREATE MACRO kql_is_ascii(s) AS strlen(s) = length(s);
CREATE MACRO kql_is_utf8(s) AS s IS NOT NULL; -- the engine holds no other

-- Nothing of nothing: measured with Microsoft's engine by the team of duckdb-kql.
CREATE MACRO kql_md5(s) AS CASE WHEN s = '' THEN '' ELSE md5(s) END;
CREATE MACRO kql_sha1(s) AS CASE WHEN s = '' THEN '' ELSE sha1(s) END;
CREATE MACRO kql_sha256(s) AS CASE WHEN s = '' THEN '' ELSE sha256(s) END;

CREATE MACRO kql_new_guid() AS CAST(uuid() AS VARCHAR);
