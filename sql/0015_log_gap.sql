-- Entries that were matched and not stored, because the disk of the database was nearly full (db.disk_guard_percent). A
-- row is written by the transaction that moves the position over the entries, and goes by the one that makes a range of
-- it, to be read again.
CREATE TABLE log_gap (
    id             int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log            int2 NOT NULL REFERENCES log,
    range_begin    int8 NOT NULL CHECK (range_begin >= 0),
    range_end      int8 NOT NULL CHECK (range_end > range_begin),
    begin_frontier bytea, -- compact range of size range_begin; NULL: not known
    end_frontier   bytea, -- of size range_end
    reason         text NOT NULL,
    matched        bool NOT NULL, -- alerts were raised; a domain that came later does not know of it
    alert          int8 NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (log, range_begin)
);
CREATE INDEX log_gap_end ON log_gap (log, range_end);
COMMENT ON TABLE log_gap IS 'Entries that were matched and not stored; the view coverage shows them as not_stored.';

CREATE OR REPLACE VIEW log_part AS
SELECT l.id AS log,
       coalesce(range_agg(int8range(r.range_begin, r.next)) FILTER (WHERE r.id IS NOT NULL), '{}') - g.gaps AS stored,
       coalesce(range_agg(int8range(r.range_begin, r.verified)) FILTER (WHERE r.id IS NOT NULL), '{}') - g.gaps AS verified,
       max(r.next) AS stored_end,
       coalesce(max(r.verified) FILTER (WHERE r.verified > r.range_begin), min(r.range_begin)) AS verified_end,
       greatest(max(r.next), (SELECT max(h.size) FROM log_head AS h WHERE h.log = l.id), 0) AS size,
       g.gaps
FROM log AS l LEFT JOIN log_range AS r ON r.log = l.id
CROSS JOIN LATERAL (SELECT coalesce(range_agg(int8range(x.range_begin, x.range_end)), '{}') AS gaps
                    FROM log_gap AS x WHERE x.log = l.id) AS g
GROUP BY l.id, g.gaps;

CREATE OR REPLACE VIEW coverage AS
WITH stretch AS (
    SELECT p.log, 'verified' AS state, unnest(p.verified) AS span, p.size FROM log_part AS p
    UNION ALL
    SELECT p.log, 'seen', unnest(p.stored - p.verified), p.size FROM log_part AS p
    UNION ALL
    SELECT p.log, 'not_stored', unnest(p.gaps), p.size FROM log_part AS p
    UNION ALL
    SELECT p.log, CASE WHEN l.ended IN ('ended', 'lost') THEN 'lost' ELSE 'missing' END,
           unnest(int8multirange(int8range(0, p.size)) - p.stored - p.gaps), p.size
    FROM log_part AS p JOIN log AS l ON l.id = p.log
)
SELECT s.log, l.name, s.state, lower(s.span) AS range_begin, upper(s.span) AS range_end,
       upper(s.span) - lower(s.span) AS entries,
       CASE WHEN s.state IN ('verified', 'seen') THEN log_entry_time(s.log, lower(s.span))
            ELSE log_entry_time(s.log, lower(s.span) - 1) END AS time_begin,
       CASE WHEN s.state IN ('verified', 'seen') THEN log_entry_time(s.log, upper(s.span) - 1)
            ELSE coalesce(log_entry_time(s.log, upper(s.span)),
                          (SELECT h.timestamp FROM log_head AS h WHERE h.log = s.log AND h.size >= upper(s.span)
                           ORDER BY h.size LIMIT 1)) END AS time_end
FROM stretch AS s JOIN log AS l ON l.id = s.log;
COMMENT ON COLUMN coverage.state IS 'verified: stored, matched, and part of a tree whose root the log signed; seen: stored and matched; not_stored: matched, and not stored because the disk was nearly full; missing: not read yet; lost: not read, and the log is gone.';

CREATE OR REPLACE VIEW coverage_gap AS
SELECT CASE c.state WHEN 'seen' THEN 'unverified' ELSE c.state END AS reason, k.operator, c.log, c.name,
       c.range_begin, c.range_end, c.time_begin, c.time_end,
       CASE WHEN c.state = 'seen' THEN 'stored and matched, and in no tree yet whose root the log signed'
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
COMMENT ON COLUMN coverage_gap.reason IS 'missing, lost, not_stored, unverified, not_begun, not_followed, no_policy, list_stale, list_entries.';
