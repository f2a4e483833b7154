-- Dates, times and spans. A timespan is a count of microseconds, a datetime a TIMESTAMP in UTC.

-- A datetime lies in the years 1 to 9999; beyond them there is none. 0001-01-01 is 62135596800 s before 1970.
CREATE MACRO kql_micros(t) AS epoch_us(t);
CREATE MACRO kql_moment(us) AS CASE WHEN us >= -62135596800000000 AND us < 253402300800000000
    THEN make_timestamp(CAST(round(us) AS BIGINT)) END;
CREATE MACRO kql_dated(t) AS CASE WHEN t >= TIMESTAMP '0001-01-01' AND t < TIMESTAMP '10000-01-01' THEN t END;
-- No two datetimes are further apart than these bounds, and a sum within them has 64 bits.
CREATE MACRO kql_later(t, us) AS CASE WHEN us BETWEEN -315537897600000000 AND 315537897600000000
    THEN kql_moment(epoch_us(t) + us) END;
CREATE MACRO kql_elapsed(earlier, later) AS epoch_us(later) - epoch_us(earlier);
-- `less` microseconds before the same day and time some months on; of a day that the month lacks, its last day.
CREATE MACRO kql_months_on(t, months, less) AS CASE WHEN months BETWEEN -120000 AND 120000
    THEN kql_dated(t + to_months(CAST(kql_within(months, -120000, 120000) AS INTEGER)) - to_microseconds(less)) END;
-- Ticks of 100 ns since 0001-01-01.
CREATE MACRO kql_ticks(t) AS (epoch_us(t) + 62135596800000000) * 10;
CREATE MACRO kql_ticks_datetime(ticks) AS kql_moment(ticks // 10 - 62135596800000000);

-- Bins of datetimes are counted from 0001-01-01.
CREATE MACRO kql_bin_datetime(t, us) AS
    CASE WHEN us > 0 THEN make_timestamp(((epoch_us(t) + 62135596800000000) // us) * us - 62135596800000000) END;
CREATE MACRO kql_bin_datetime_at(t, us, origin) AS kql_later(origin, kql_bin_long(kql_elapsed(origin, t), us));

-- Weeks begin on Sunday; 0001-01-01 was a Monday.
CREATE MACRO kql_week(t) AS ((epoch_us(t) + 62135596800000000) // 86400000000 + 1) // 7;
CREATE MACRO kql_datetime_diff(part, later, earlier) AS CASE part
    WHEN 'week' THEN kql_week(later) - kql_week(earlier)
    WHEN 'nanosecond' THEN kql_multiply(epoch_us(later) - epoch_us(earlier), 1000)
    ELSE date_diff(CASE part WHEN 'nanosecond' THEN 'microsecond' ELSE part END, earlier, later) END;
CREATE MACRO kql_startofday(t) AS CAST(date_trunc('day', t) AS TIMESTAMP);
CREATE MACRO kql_startofweek(t) AS kql_dated(CAST(date_trunc('week', t + INTERVAL 1 DAY) AS TIMESTAMP) - INTERVAL 1 DAY);
CREATE MACRO kql_startofmonth(t) AS CAST(date_trunc('month', t) AS TIMESTAMP);
CREATE MACRO kql_startofyear(t) AS CAST(date_trunc('year', t) AS TIMESTAMP);

CREATE MACRO kql_part(part, t) AS CAST(date_part(part, t) AS INTEGER);
CREATE MACRO kql_millisecond(t) AS CAST(date_part('millisecond', t) % 1000 AS INTEGER);
CREATE MACRO kql_microsecond(t) AS CAST(date_part('microsecond', t) % 1000000 AS INTEGER);
CREATE MACRO kql_nanosecond(t) AS kql_microsecond(t) * 1000;
CREATE MACRO kql_dayofweek(t) AS date_part('dow', t) * 86400000000;
-- The older count of weeks: the first one has a Wednesday, and the last days of a year are never of week 1. Its formula
-- is that of .NET's Calendar.GetWeekOfYear with the rule FirstFourDayWeek: `kql_first_week` is how many days after
-- January 1 the first week begins.
CREATE MACRO kql_first_week(year) AS (10 - date_part('dow', year)) % 7 - 3;
CREATE MACRO kql_day_of_weeks(t) AS date_part('doy', t) - 1 - kql_first_week(date_trunc('year', t));
CREATE MACRO kql_weekofyear(t) AS CAST(1 + CASE WHEN kql_day_of_weeks(t) >= 0 THEN kql_day_of_weeks(t)
    ELSE kql_day_of_weeks(date_trunc('year', t) - INTERVAL 1 DAY) END // 7 AS INTEGER);

-- What stands behind a test is computed all the same where it is needed twice: so it must have a value in any case.
CREATE MACRO kql_within(x, low, high) AS greatest(least(x, high), low);
-- A day that its month lacks is one of the next month.
CREATE MACRO kql_make_datetime(year, month, day, hour, minute, second) AS
    CASE WHEN year BETWEEN 1 AND 9999 AND month BETWEEN 1 AND 12 AND day BETWEEN 1 AND 31
        AND hour BETWEEN 0 AND 23 AND minute BETWEEN 0 AND 59 AND second >= 0 AND second < 60
    THEN kql_of_month(make_timestamp(
        kql_within(year, 1, 9999), kql_within(month, 1, 12), 1, kql_within(hour, 0, 23), kql_within(minute, 0, 59), 0)
        + to_microseconds((kql_within(day, 1, 31) - 1) * 86400000000 + kql_second_micros(second)), month) END;
CREATE MACRO kql_of_month(t, month) AS CASE WHEN date_part('month', t) = month THEN t END;
CREATE MACRO kql_make_timespan(day, hour, minute, second) AS
    CASE WHEN day BETWEEN -10675199 AND 10675199 AND hour BETWEEN 0 AND 23 AND minute BETWEEN 0 AND 59
        AND second >= 0 AND second < 60
    THEN ((CAST(day AS BIGINT) * 24 + hour) * 60 + minute) * 60000000 + kql_second_micros(second) END;
-- A real has no exact 55.123, so it is rounded to a tick of 100 ns before what is finer than a microsecond is cut off.
CREATE MACRO kql_second_micros(second) AS CAST(round(kql_within(second, 0, 60) * 1e7) AS BIGINT) // 10;

-- A time that a zone's clocks skip is taken in the offset that they were put forward to; of one that they show twice,
-- the second.
CREATE MACRO kql_utc_to_local(t, zone) AS kql_dated(timezone(zone, CAST(t AS TIMESTAMPTZ)));
CREATE MACRO kql_local_to_utc(t, zone) AS kql_dated(kql_unskipped(t, CAST(timezone(zone, t) AS TIMESTAMP), zone));
CREATE MACRO kql_unskipped(t, utc, zone) AS
    utc + to_microseconds(epoch_us(t) - epoch_us(timezone(zone, CAST(utc AS TIMESTAMPTZ))));
CREATE MACRO kql_known_zone(zone) AS CASE WHEN zone IN (SELECT name FROM pg_timezone_names()) THEN zone END;
CREATE MACRO kql_zones() AS (SELECT CAST(to_json(list(name ORDER BY name)) AS VARCHAR) FROM pg_timezone_names());

CREATE MACRO kql_datetime_text(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%f') || '0Z';
CREATE MACRO kql_timespan_text(us) AS
    CASE WHEN us < 0 THEN '-' ELSE '' END
    || CASE WHEN abs(us) >= 86400000000 THEN (abs(us) // 86400000000) || '.' ELSE '' END
    || lpad(CAST((abs(us) // 3600000000) % 24 AS VARCHAR), 2, '0') || ':'
    || lpad(CAST((abs(us) // 60000000) % 60 AS VARCHAR), 2, '0') || ':'
    || lpad(CAST((abs(us) // 1000000) % 60 AS VARCHAR), 2, '0')
    || CASE WHEN abs(us) % 1000000 = 0 THEN '' ELSE '.' || lpad(CAST(abs(us) % 1000000 AS VARCHAR), 6, '0') || '0' END;

CREATE MACRO kql_units(us, unit) AS abs(us) // unit;

-- The forms that logs are full of are read here, all others one by one.
CREATE MACRO kql_text_datetime(s) AS kql_dated(CASE
    WHEN regexp_full_match(s, '\d{4}-\d{1,2}-\d{1,2}([T ]([01]?\d|2[0-3]):\d{2}(:\d{2}(\.\d+)?)?Z?)?') THEN TRY_CAST(s AS TIMESTAMP)
    WHEN regexp_full_match(s, '\d{4}-\d{1,2}-\d{1,2}[T ]([01]?\d|2[0-3]):\d{2}(:\d{2}(\.\d+)?)?[+-]\d{2}:?\d{2}') THEN
        CAST(TRY_CAST(s AS TIMESTAMPTZ) AS TIMESTAMP)
    WHEN regexp_full_match(s, '\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}') THEN try_strptime(s, '%m/%d/%Y %H:%M:%S')
    WHEN regexp_full_match(s, '\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M') THEN try_strptime(s, '%m/%d/%Y %I:%M:%S %p')
    WHEN s <> '' THEN kql_read_datetime(s) END);
CREATE MACRO kql_text_timespan(s) AS CASE WHEN s <> '' THEN kql_read_timespan(s) END;
