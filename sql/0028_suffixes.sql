-- Another public suffix list, while certificates are stored: what moves gets further keys, none is taken away, and the
-- list that questions are asked by is changed last. Steps and reasons: docs/data-model.md.

-- Raised whenever the lists that writers make keys by are others; like `removals` it is read FOR SHARE by every writer.
ALTER TABLE cert_removal ADD COLUMN lists int8 NOT NULL DEFAULT 0;

-- The list beside the one in force. moving: the next one, and how far the rows of before have its keys. moved: the one
-- of before, as long as somebody may still ask by it.
CREATE TABLE psl_move (
    one      bool PRIMARY KEY DEFAULT true CHECK (one),
    state    text NOT NULL DEFAULT 'moving' CHECK (state IN ('moving', 'moved')),
    sha256   bytea NOT NULL CHECK (length(sha256) = 32),
    list     text NOT NULL,
    pattern  text NOT NULL, -- names that a changed rule may concern
    done     oid[] NOT NULL DEFAULT '{}', -- leaves of cert; one that is rewritten is another one
    leaf     oid,
    block    int8 NOT NULL DEFAULT 0, -- of `leaf`: the first one that was not looked at
    looked   int8 NOT NULL DEFAULT 0, -- blocks
    keys     int8 NOT NULL DEFAULT 0, -- that were added
    begun_at timestamptz NOT NULL DEFAULT now(),
    moved_at timestamptz
);

-- False: there is one already. The update waits for everybody who is writing; who writes later makes keys by both lists.
CREATE FUNCTION psl_move_begin(sha256 bytea, list text, pattern text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO psl_move (sha256, list, pattern) VALUES (sha256, list, pattern) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE cert_removal SET lists = lists + 1;
    RETURN true;
END $$;

-- Where to look next; no row: everything was looked at. first and last are blocks, last is not one of them.
CREATE FUNCTION psl_move_next(most int8) RETURNS TABLE (suffix text, leaf oid, first int8, last int8, blocks int8)
LANGUAGE sql STABLE AS $$
    SELECT x.suffix, x.oid, x.first, least(x.first + most, x.blocks), x.blocks FROM (
        SELECT l.suffix, l.lower, ('cert_' || l.suffix)::regclass::oid AS oid,
               l.heap / current_setting('block_size')::int8 AS blocks,
               CASE WHEN m.leaf = ('cert_' || l.suffix)::regclass::oid THEN m.block ELSE 0 END AS first, m.done
        FROM partition_leaf AS l CROSS JOIN psl_move AS m WHERE m.state = 'moving') AS x
    WHERE NOT x.oid = ANY (x.done) AND x.first < x.blocks ORDER BY x.first DESC, x.lower LIMIT 1
$$;

-- Rows of these blocks whose names a changed rule may concern.
CREATE FUNCTION psl_move_rows(suffix text, first int8, last int8, pattern text)
RETURNS TABLE (not_after timestamptz, tbs_fp bytea, issuer int4, apex8 int8, names text) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT c.not_after, c.tbs_fp, c.issuer, c.apex8, c.names FROM %I AS c'
        ' WHERE c.ctid >= %L AND c.ctid < %L AND c.names ~ $1', 'cert_' || suffix, format('(%s,0)', first),
        format('(%s,0)', last)) USING pattern;
END $$;

-- The switch: from here on questions are asked by the new list, and writers make keys by it and by the one of before.
CREATE FUNCTION psl_move_switch() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    move psl_move;
    old  psl;
BEGIN
    SELECT * INTO STRICT move FROM psl_move WHERE state = 'moving' FOR UPDATE;
    SELECT * INTO STRICT old FROM psl ORDER BY version DESC LIMIT 1;
    UPDATE cert_removal SET lists = lists + 1;
    DELETE FROM psl WHERE sha256 = move.sha256; -- a list of long ago comes back
    INSERT INTO psl (sha256, list) VALUES (move.sha256, move.list);
    UPDATE psl_move SET state = 'moved', sha256 = old.sha256, list = old.list, moved_at = now(), leaf = NULL;
END $$;

-- Nobody asks by the list of before any more.
CREATE FUNCTION psl_move_end(age interval) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM psl_move WHERE state = 'moved' AND moved_at <= now() - age;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE cert_removal SET lists = lists + 1;
    RETURN true;
END $$;

-- What lies behind the horizon goes, also when the configuration asks for longer times by now: it would miss what was
-- not stored meanwhile.
CREATE OR REPLACE FUNCTION partition_todo(at timestamptz, keep_days int8, most int8, patient bool)
RETURNS TABLE (act text, suffixes text[], edges timestamptz[], rows int8, bytes int8) LANGUAGE sql STABLE
SET TimeZone = 'UTC' AS $$
    WITH leaf AS MATERIALIZED (
        SELECT l.*, l.upper <= h.horizon OR (keep_days > 0 AND l.upper <= at - keep_days * interval '1 day') AS old,
               l.upper <= at - interval '7 days' AS over,
               s.sealed_at IS NULL OR l.heap > s.heap + s.heap / 10 + 65536 AS unsealed,
               NOT patient OR (s.seen_heap = l.heap AND s.seen_at <= at - interval '1 day') AS quiet
        FROM partition_leaf AS l CROSS JOIN cert_removal AS h LEFT JOIN partition_state AS s ON s.suffix = l.suffix
    ), year AS (
        SELECT extract(year FROM lower)::int::text AS suffix, date_trunc('year', lower) AS lower,
               date_trunc('year', lower) + interval '1 year' AS upper, sum(rows)::int8 AS rows, sum(bytes)::int8 AS bytes
        FROM leaf WHERE lower > '-infinity' AND upper < 'infinity' AND keep_days = 0
        GROUP BY 1, 2, 3
        HAVING count(*) > 1 AND bool_and(over AND quiet) AND sum(rows) <= most
    ), todo AS (
        SELECT 1 AS turn, 'drop' AS act, ARRAY[suffix] AS suffixes, ARRAY[lower, upper] AS edges, rows, bytes FROM leaf WHERE old
        UNION ALL
        SELECT 2, 'split', ARRAY(SELECT suffix || lpad(m::text, 2, '0') FROM generate_series(1, 12) AS m),
               ARRAY(SELECT lower + m * interval '1 month' FROM generate_series(0, 12) AS m), rows, bytes
        FROM leaf WHERE suffix ~ '^\d{4}$' AND lower <= at + interval '16 months' AND upper > at
        UNION ALL
        SELECT 3, 'split', ARRAY(SELECT suffix || 'w' || w FROM generate_series(1, 4) AS w),
               ARRAY[lower, lower + interval '7 days', lower + interval '14 days', lower + interval '21 days', upper], rows, bytes
        FROM leaf WHERE suffix ~ '^\d{6}$' AND upper > at AND (rows > most OR (heap = 0 AND lower > at
             AND EXISTS (SELECT FROM leaf AS w WHERE w.suffix ~ 'w\d$' AND w.upper > at)))
        UNION ALL
        SELECT 4, 'merge', ARRAY[suffix], ARRAY[lower, upper], rows, bytes FROM year
        UNION ALL
        SELECT 5, 'seal', ARRAY[suffix], ARRAY[lower, upper], rows, bytes FROM leaf AS l
        WHERE over AND NOT old AND unsealed AND quiet AND heap > 0
         AND NOT EXISTS (SELECT FROM year AS y WHERE l.lower >= y.lower AND l.upper <= y.upper)
    )
    SELECT t.act, t.suffixes, t.edges, t.rows, t.bytes FROM todo AS t ORDER BY t.turn, t.edges[1]
$$;
