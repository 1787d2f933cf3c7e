-- One damaged value of what a backfill put down (a disk that flips bits, a hand in SQL) kept its leaf from being built, for ever. It is
-- put aside instead, and the entries that it was made of are noted to be read again. Who does it: db/loadbad.c.

-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- Of which commit the value is: (slot, log, first_index) of load_place. NULL: a program of before put it down, it may be of any of its slot.
ALTER TABLE cert_load_run ADD COLUMN log int2, ADD COLUMN first_index int8;

-- Compact ranges of the sizes first_index and last_index + 1, as far as they were known: what is read again is compared with them.
ALTER TABLE load_place ADD COLUMN begin_frontier bytea, ADD COLUMN end_frontier bytea;

-- What was put aside. damaged: itself, or of the same commit and month as such a one: certificates and their keys are of use together. rows
-- NULL: the server can not read them either. A program may look at it: sealings never do.
CREATE TABLE load_bad (
    id       int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event    int8 NOT NULL, -- put aside together
    found_at timestamptz NOT NULL DEFAULT now(),
    what     text NOT NULL,
    damaged  bool NOT NULL,
    slot     int8 NOT NULL,
    kind     int2 NOT NULL,
    bucket   int2 NOT NULL,
    lower    timestamptz NOT NULL,
    upper    timestamptz NOT NULL,
    count    int4 NOT NULL,
    log      int2,
    first_index int8,
    rows     bytea
);
ALTER TABLE load_bad ALTER COLUMN rows SET STORAGE EXTERNAL;
CREATE SEQUENCE load_bad_event OWNED BY load_bad.event;

-- Which entries are read again for it. A row goes when they are stored.
CREATE TABLE load_bad_place (
    event       int8 NOT NULL,
    log         int2 NOT NULL,
    range_begin int8 NOT NULL,
    range_end   int8 NOT NULL,
    PRIMARY KEY (event, log, range_begin)
);

-- What is still to be read again.
CREATE VIEW load_bad_left AS
SELECT b.event, b.log, b.range_begin, b.range_end FROM load_bad_place AS b
WHERE NOT EXISTS (SELECT FROM log_part AS p WHERE p.log = b.log AND p.stored @> int8range(b.range_begin, b.range_end));

-- The first value of the job's leaf that the server can not give whole; NULL: it gives all of them.
CREATE FUNCTION load_unreadable(closed int8, low timestamptz, high timestamptz)
RETURNS TABLE (slot int8, kind int8, bucket int8, at tid) LANGUAGE plpgsql AS $$
DECLARE
    one  record;
    seen bytea;
BEGIN
    FOR one IN SELECT r.slot, r.kind, r.bucket, r.ctid AS at FROM cert_load_run AS r WHERE r.slot <= closed AND r.lower < high
               AND r.lower >= low - interval '32 days' AND r.upper >= low LOOP
        BEGIN
            SELECT sha256(r.rows) INTO seen FROM cert_load_run AS r WHERE r.slot = one.slot AND r.ctid = one.at;
        EXCEPTION WHEN internal_error OR data_corrupted THEN
            RETURN QUERY SELECT one.slot, one.kind::int8, one.bucket::int8, one.at;
            RETURN;
        END;
    END LOOP;
END $$;

-- The entries of a commit, or of a slot, become gaps, as far as they count as read and are no gap yet, each within one range.
CREATE FUNCTION load_bad_gaps(of_event int8, of_slot int8, of_log int2, of_first int8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO load_bad_place (event, log, range_begin, range_end)
    SELECT of_event, m.log, lower(s.span), upper(s.span)
    FROM (SELECT p.log, range_agg(int8range(p.first_index, p.last_index + 1)) AS parts FROM load_place AS p
          WHERE p.slot = of_slot AND (of_log IS NULL OR p.log = of_log AND p.first_index = of_first) GROUP BY p.log) AS m
    CROSS JOIN LATERAL unnest(m.parts) AS s (span);
    -- Nobody joins or cuts them meanwhile, always in this order, and in front of cert_removal, as whoever writes.
    PERFORM FROM log_range AS r WHERE r.log IN (SELECT b.log FROM load_bad_place AS b WHERE b.event = of_event) ORDER BY r.id FOR SHARE;
    INSERT INTO log_gap (log, range_begin, range_end, begin_frontier, end_frontier, reason, matched, alert)
    SELECT r.log, lower(s.span), upper(s.span),
           (SELECT e.frontier FROM load_edge(r.log, lower(s.span)) AS e (frontier)), (SELECT e.frontier FROM load_edge(r.log, upper(s.span)) AS e (frontier)),
           'damaged', true, coalesce((SELECT max(g.alert) FROM log_gap AS g WHERE g.log = r.log AND g.reason = 'damaged'), 0)
    FROM log_range AS r
    CROSS JOIN LATERAL (SELECT range_agg(int8range(b.range_begin, b.range_end)) AS parts FROM load_bad_place AS b
                        WHERE b.event = of_event AND b.log = r.log) AS w
    CROSS JOIN LATERAL (SELECT coalesce(range_agg(int8range(g.range_begin, g.range_end)), '{}') AS parts FROM log_gap AS g
                        WHERE g.log = r.log) AS k
    CROSS JOIN LATERAL unnest(w.parts * int8multirange(int8range(r.range_begin, r.next)) - k.parts) AS s (span);
END $$;

-- The frontier of a log at a size, where somebody noted it.
CREATE FUNCTION load_edge(of_log int2, size int8) RETURNS SETOF bytea LANGUAGE sql STABLE AS $$
    SELECT f.frontier FROM (
        SELECT 0 AS nth, r.begin_frontier AS frontier FROM log_range AS r WHERE r.log = of_log AND r.range_begin = size
        UNION ALL SELECT 1, r.frontier FROM log_range AS r WHERE r.log = of_log AND r.next = size
        UNION ALL SELECT 2, p.end_frontier FROM load_place AS p WHERE p.log = of_log AND p.last_index = size - 1
        UNION ALL SELECT 3, p.begin_frontier FROM load_place AS p WHERE p.log = of_log AND p.first_index = size AND p.last_index >= size) AS f
    WHERE f.frontier IS NOT NULL ORDER BY f.nth LIMIT 1
$$;

-- Puts the value at that place aside, with all of its commit that expire in the same month: a certificate without its keys would not be
-- found, and would keep those that come again from being stored. Its number in load_bad.event; 0: it is gone, or nobody knows which entries it was made of,
-- and nothing was done.
CREATE FUNCTION load_aside(of_slot int8, at tid, what text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    bad   record;
    one   record;
    first int8;
    owner int2;
    made  int8;
BEGIN
    SELECT r.lower, r.log, r.first_index INTO bad FROM cert_load_run AS r WHERE r.slot = of_slot AND r.ctid = load_aside.at;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM load_place AS p WHERE p.slot = of_slot) THEN
        RETURN 0;
    END IF;
    made := nextval('load_bad_event');
    SELECT p.log, p.first_index INTO owner, first FROM load_place AS p
    WHERE p.slot = of_slot AND p.log = bad.log AND p.first_index = bad.first_index LIMIT 1;
    PERFORM load_bad_gaps(made, of_slot, owner, first);
    -- Where the commit is not known any value of the slot may be of it.
    FOR one IN SELECT r.ctid AS at, r.kind, r.bucket, r.lower, r.upper, r.count, r.log, r.first_index FROM cert_load_run AS r
               WHERE r.slot = of_slot AND (owner IS NULL OR r.log = owner AND r.first_index = first)
               AND date_trunc('month', r.lower, 'UTC') = date_trunc('month', bad.lower, 'UTC') LOOP
        BEGIN
            INSERT INTO load_bad (event, what, damaged, slot, kind, bucket, lower, upper, count, log, first_index, rows)
            SELECT made, load_aside.what, one.at = load_aside.at, of_slot, one.kind, one.bucket, one.lower, one.upper, one.count, one.log,
                   one.first_index, r.rows FROM cert_load_run AS r WHERE r.slot = of_slot AND r.ctid = one.at;
        EXCEPTION WHEN internal_error OR data_corrupted THEN
            INSERT INTO load_bad (event, what, damaged, slot, kind, bucket, lower, upper, count, log, first_index)
            VALUES (made, SQLERRM, true, of_slot, one.kind, one.bucket, one.lower, one.upper, one.count, one.log, one.first_index);
        END;
        DELETE FROM cert_load_run AS r WHERE r.slot = of_slot AND r.ctid = one.at;
    END LOOP;
    -- Who remembers the issuances as stored forgets them.
    UPDATE cert_removal SET removals = removals + 1;
    RETURN made;
END $$;

-- What was read again is not waited for; what was put aside for it is kept for some weeks, to be looked at. How many values go.
CREATE FUNCTION load_bad_tidy() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    total int8;
BEGIN
    IF NOT EXISTS (SELECT FROM load_bad) THEN
        RETURN 0;
    END IF;
    DELETE FROM load_bad_place AS b WHERE NOT EXISTS (SELECT FROM load_bad_left AS l
        WHERE l.event = b.event AND l.log = b.log AND l.range_begin = b.range_begin);
    DELETE FROM load_bad AS b WHERE b.found_at < now() - interval '30 days'
    AND NOT EXISTS (SELECT FROM load_bad_place AS p WHERE p.event = b.event);
    GET DIAGNOSTICS total = ROW_COUNT;
    RETURN total;
END $$;

-- As in 0015_log_gap.sql and later; not for the disk alone.
COMMENT ON TABLE log_gap IS 'Entries that were matched and not stored, or whose rows were damaged; the view coverage shows them as not_stored.';
COMMENT ON COLUMN log_gap.reason IS 'disk: it was nearly full; damaged: what a backfill put down of them could not be read.';
COMMENT ON COLUMN coverage.state IS 'verified: stored, matched, and part of a tree whose root the log signed; seen: stored and matched; not_stored: matched, and not stored because the disk was nearly full, or because what a backfill put down was damaged; missing: not read yet; lost: not read, and the log is gone.';
CREATE OR REPLACE VIEW coverage_gap AS
SELECT CASE c.state WHEN 'seen' THEN 'unverified' ELSE c.state END AS reason, k.operator, c.log, c.name,
       c.range_begin, c.range_end, c.time_begin, c.time_end,
       CASE WHEN c.state = 'seen' THEN 'stored and matched, and in no tree yet whose root the log signed'
            WHEN c.state = 'not_stored' AND EXISTS (SELECT FROM log_gap AS g WHERE g.log = c.log AND g.reason = 'damaged'
                                                    AND g.range_begin < c.range_end AND g.range_end > c.range_begin)
            THEN 'matched, and not stored whole: what a backfill put down was damaged'
            WHEN c.state = 'not_stored' THEN 'matched, and not stored because the disk was nearly full'
            WHEN c.state = 'lost' THEN 'the log is gone'
            WHEN l.state = 'removed' THEN 'removed by hand'
            WHEN NOT l.followed THEN 'not followed: ' || l.unfollowed
            WHEN c.range_begin = 0 AND l.from_spec <> '0' THEN 'in front of where reading began: ' || l.from_spec
            WHEN l.last_error <> '' THEN l.last_error ELSE 'not read yet' END AS why
FROM coverage AS c JOIN log_coverage AS k ON k.log = c.log AND k.counts JOIN log AS l ON l.id = c.log
WHERE c.state <> 'verified'
UNION ALL
SELECT CASE WHEN k.followed THEN 'not_begun' ELSE 'not_followed' END, k.operator, k.log, k.name, NULL, NULL, NULL, NULL,
       CASE WHEN l.state = 'removed' THEN 'removed by hand' WHEN NOT l.followed THEN l.unfollowed
            WHEN l.last_error <> '' THEN l.last_error ELSE 'it was not asked yet' END
FROM log_coverage AS k JOIN log AS l ON l.id = k.log
WHERE k.counts AND NOT EXISTS (SELECT FROM log_head AS h WHERE h.log = k.log)
UNION ALL
SELECT 'no_policy', '', NULL, NULL, NULL, NULL, NULL, NULL, CASE
       WHEN c.basis = 'none' THEN 'no log is known that browsers trust'
       WHEN EXISTS (SELECT FROM log_list WHERE revision > 0)
       THEN 'all logs that are known are of one operator, and browsers want two: others are not known'
       ELSE 'there is no log list: logs that are not known may hold certificates' END
FROM coverage_claim() AS c WHERE c.basis <> 'policy'
UNION ALL
SELECT 'list_stale', '', NULL, NULL, NULL, NULL, coalesce(t.made_at, t.fetched_at) + interval '70 days', NULL,
       'the log list is older than 70 days: newer logs are not known'
FROM (SELECT * FROM log_list WHERE revision > 0 ORDER BY revision DESC LIMIT 1) AS t
WHERE coalesce(t.made_at, t.fetched_at) + interval '70 days' < now()
UNION ALL
SELECT 'list_entries', '', NULL, NULL, NULL, NULL, NULL, NULL,
       t.unusable || CASE t.unusable WHEN 1 THEN ' entry' ELSE ' entries' END
       || ' of the log list could not be used: those logs are not known'
FROM (SELECT unusable FROM log_list WHERE revision > 0 ORDER BY revision DESC LIMIT 1) AS t WHERE t.unusable > 0;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
