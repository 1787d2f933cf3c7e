-- As before, and a day is found by its date: date_trunc in a time zone took longer than reading the row. What expired beyond
-- the retention horizon has no leaf.
CREATE OR REPLACE FUNCTION load_leaves(closed int8)
RETURNS TABLE (suffix text, lower timestamptz, upper timestamptz, rows int8) LANGUAGE sql STABLE AS $$
    SELECT l.suffix, l.lower, l.upper, sum(d.n)::int8
    FROM (SELECT c.slot, (c.not_after AT TIME ZONE 'UTC')::date::timestamp AT TIME ZONE 'UTC' AS day, count(*) AS n
          FROM cert_load AS c WHERE c.slot <= closed GROUP BY c.slot, (c.not_after AT TIME ZONE 'UTC')::date) AS d
    JOIN partition_leaf AS l ON d.day >= l.lower AND d.day < l.upper
    WHERE NOT EXISTS (SELECT FROM load_done AS x WHERE x.slot >= d.slot AND d.day >= x.lower AND d.day < x.upper)
    AND l.upper > (SELECT horizon FROM cert_removal)
    GROUP BY 1, 2, 3 ORDER BY 2
$$;
