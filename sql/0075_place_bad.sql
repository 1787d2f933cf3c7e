-- A row of place_block that is none any more (a disk that flips bits, a hand in SQL) ended the merging of its whole level, for ever.
-- It is taken out instead and noted here, and what it may have held is made anew from log_tile, some tiles a time.

SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- Of which bucket keys may be missing. Tiles in front of (next_log, next_tile) are looked through.
CREATE TABLE place_bad (
    kind      int2 NOT NULL,
    level     int2 NOT NULL,
    bucket    int4 NOT NULL,
    what      text NOT NULL,
    found_at  timestamptz NOT NULL DEFAULT now(),
    next_log  int2 NOT NULL DEFAULT 0,
    next_tile int8 NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, level, bucket)
);

-- One step: so many tiles, for all buckets that are as far as the one that is furthest behind. What it gives: tiles that it looked
-- through; 0: the buckets are whole; NULL: nothing is noted, or all that is has somebody else. Keys that were never lost are there
-- twice until they are merged.
CREATE FUNCTION place_mend(tiles int8) RETURNS int8 LANGUAGE plpgsql SET work_mem = '64MB' SET jit = off
SET enable_seqscan = off AS $$
DECLARE
    at   place_bad;
    mine place_bad[];
    far  record;
BEGIN
    SELECT * INTO at FROM place_bad ORDER BY next_log, next_tile LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(b) INTO mine FROM (SELECT * FROM place_bad WHERE next_log = at.next_log AND next_tile = at.next_tile
                                        FOR UPDATE SKIP LOCKED) AS b;
    SELECT count(*) AS n, max(r.log) AS log, (array_agg(r.tile ORDER BY r.log DESC, r.tile DESC))[1] + 1 AS tile INTO far
    FROM (SELECT t.log, t.tile FROM log_tile AS t WHERE (t.log, t.tile) >= (at.next_log, at.next_tile)
          ORDER BY t.log, t.tile LIMIT place_mend.tiles) AS r;
    IF far.n = 0 THEN
        DELETE FROM place_bad AS d USING unnest(mine) AS m
        WHERE d.kind = m.kind AND d.level = m.level AND d.bucket = m.bucket;
        RETURN 0;
    END IF;
    -- Where many keys are missing they go into narrower buckets, of 64 keys at least, as those of a commit do.
    INSERT INTO place_block (kind, level, bucket, keys, places)
    SELECT p.kind, p.deep, p.bucket, array_agg(p.key ORDER BY p.nth), string_agg(substring(int8send(p.place) FROM 2), '' ORDER BY p.nth)
    FROM (SELECT o.*, row_number() OVER (PARTITION BY o.kind, o.deep, o.bucket ORDER BY o.key, o.place) AS nth
          FROM (SELECT k.kind, d.deep, place_bucket(k.key, d.deep) AS bucket, k.key, k.place
                FROM (SELECT m.kind, m.level, v.key, t.log::int8 << 40 | t.first_index + u.n - 1 AS place,
                             count(*) OVER (PARTITION BY m.kind, m.level, m.bucket) AS many
                      FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
                      CROSS JOIN LATERAL (VALUES (0::int2, u.fp8), (1::int2, u.sha8)) AS v (kind, key)
                      JOIN unnest(mine) AS m ON m.kind = v.kind AND m.bucket = place_bucket(v.key, m.level)
                      WHERE (t.log, t.tile) >= (at.next_log, at.next_tile) AND (t.log, t.tile) < (far.log, far.tile)
                      AND v.key <> 0) AS k
                CROSS JOIN LATERAL (SELECT least(8, k.level + greatest(0, floor(ln(k.many / 64.0) / ln(8.0))))::int AS deep) AS d) AS o) AS p
    GROUP BY p.kind, p.deep, p.bucket, (p.nth - 1) / 128 ORDER BY p.kind, p.deep, p.bucket;
    UPDATE place_bad AS d SET next_log = far.log, next_tile = far.tile FROM unnest(mine) AS m
    WHERE d.kind = m.kind AND d.level = m.level AND d.bucket = m.bucket;
    RETURN far.n;
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
