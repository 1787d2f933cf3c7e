-- What of each log was read, and what that promises for a domain. The reasons: docs/coverage.md.

-- When the log says that it took an entry; NULL: that place is not stored.
CREATE FUNCTION log_entry_time(log int2, idx int8) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN get_byte(t.info, (9 * (idx - t.first_index) + 6)::int4) <> 3 THEN timestamptz 'epoch'
           + ('x' || encode(substring(t.info FROM (9 * (idx - t.first_index) + 1)::int4 FOR 6), 'hex'))::bit(48)::int8
           * interval '1 millisecond' END
    FROM log_tile AS t WHERE t.log = log_entry_time.log AND t.tile = idx / 256
     AND t.first_index <= idx AND t.last_index >= idx
$$;

-- The index space of a log, [0, size): what of it is stored and matched, and what is verified as well.
CREATE VIEW log_part AS
SELECT l.id AS log,
       coalesce(range_agg(int8range(r.range_begin, r.next)) FILTER (WHERE r.id IS NOT NULL), '{}') AS stored,
       coalesce(range_agg(int8range(r.range_begin, r.verified)) FILTER (WHERE r.id IS NOT NULL), '{}') AS verified,
       max(r.next) AS stored_end,
       coalesce(max(r.verified) FILTER (WHERE r.verified > r.range_begin), min(r.range_begin)) AS verified_end,
       greatest(max(r.next), (SELECT max(h.size) FROM log_head AS h WHERE h.log = l.id), 0) AS size
FROM log AS l LEFT JOIN log_range AS r ON r.log = l.id GROUP BY l.id;
COMMENT ON VIEW log_part IS 'The index space of each log as multiranges; `coverage` shows it line by line.';

-- The ledger. One row per stretch; the stretches of a log are disjoint and fill [0, newest signed head).
CREATE VIEW coverage AS
WITH stretch AS (
    SELECT p.log, 'verified' AS state, unnest(p.verified) AS span, p.size FROM log_part AS p
    UNION ALL
    SELECT p.log, 'seen', unnest(p.stored - p.verified), p.size FROM log_part AS p
    UNION ALL
    SELECT p.log, CASE WHEN l.ended IN ('ended', 'lost') THEN 'lost' ELSE 'missing' END,
           unnest(int8multirange(int8range(0, p.size)) - p.stored), p.size
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
COMMENT ON VIEW coverage IS 'What of each log was read. The stretches of a log are disjoint and fill [0, newest signed head).';
COMMENT ON COLUMN coverage.log IS 'Number of the log (log.id).';
COMMENT ON COLUMN coverage.name IS 'Name of the log.';
COMMENT ON COLUMN coverage.state IS 'verified: stored, matched, and part of a tree whose root the log signed; seen: stored and matched; missing: not read yet; lost: not read, and the log is gone.';
COMMENT ON COLUMN coverage.range_begin IS 'First index of the stretch.';
COMMENT ON COLUMN coverage.range_end IS 'The index behind the last one.';
COMMENT ON COLUMN coverage.entries IS 'How many entries that is.';
COMMENT ON COLUMN coverage.time_begin IS 'The log''s timestamp of the first entry; of a stretch that was not read: of the entry in front of it. NULL: not known.';
COMMENT ON COLUMN coverage.time_end IS 'The log''s timestamp of the last entry; of a stretch that was not read: of the entry behind it, else of the head that promises it. NULL: not known.';

-- From when on is everything there that the log took in, when it is read from index `begins`? Any head that is at least
-- so large tells: what came later than it lies behind. Whose clock is ahead is allowed for by five minutes.
CREATE FUNCTION log_since(log int2, begins int8, mmd_s int4) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN begins = 0 THEN timestamptz '-infinity' ELSE coalesce(least(
        (SELECT least(h.timestamp, h.seen_at + interval '5 minutes') FROM log_head AS h
         WHERE h.log = log_since.log AND h.size >= begins ORDER BY h.size, h.timestamp LIMIT 1),
        log_entry_time(log_since.log, begins) + coalesce(mmd_s, 86400) * interval '1 second'), 'infinity') END
$$;

-- Up to when is everything there that the log took in, when it is read up to index `ends`? Up to the newest head that
-- is not larger, or the last entry, whatever is later: what a log had taken in before that lies in front of it. Never
-- beyond the moment at which a larger head was known, and never in our future.
CREATE FUNCTION log_until(log int2, ends int8) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN known.at IS NOT NULL THEN least(known.at, (
        SELECT least(h.timestamp, h.seen_at) FROM log_head AS h
        WHERE h.log = log_until.log AND h.size > ends ORDER BY h.size, h.timestamp LIMIT 1), now()) END
    FROM (SELECT) AS always LEFT JOIN LATERAL (
        SELECT h.size, least(h.timestamp, h.seen_last + interval '5 minutes') AS at FROM log_head AS h
        WHERE h.log = log_until.log AND h.size <= ends ORDER BY h.size DESC, h.timestamp DESC LIMIT 1) AS head ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN head.size = ends THEN head.at
        ELSE greatest(head.at, log_entry_time(log_until.log, ends - 1)) END AS at) AS known
$$;

-- Where the stretch begins that ends at `ends`; `ends` itself when there is none.
CREATE FUNCTION multirange_tail(parts int8multirange, ends int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((SELECT lower(p) FROM unnest(parts) AS p WHERE upper(p) = ends), ends)
$$;

-- The time of which a log holds nothing that was not read: its last stretch, as times. And whether that log counts:
-- browsers take the word of those of the log list, and no certificate they accept today can be in the others.
CREATE VIEW log_coverage AS
WITH listing AS (SELECT EXISTS (SELECT FROM log_list WHERE revision > 0) AS is_there),
known AS (
    SELECT l.*, coalesce(nullif(l.operator, ''), t.operator, '') AS run_by, coalesce(t.list_state, l.list_state) AS stands,
           coalesce(t.interval_begin, l.interval_begin) AS expiry_begin, coalesce(t.interval_end, l.interval_end) AS expiry_end,
           coalesce(t.left_at, l.left_at) AS gone_at, coalesce(t.list_state_at, l.list_state_at) AS stands_at,
           coalesce(t.mmd_s, l.mmd_s) AS merge_s, l.listed OR t.id IS NOT NULL AS is_listed
    FROM log AS l LEFT JOIN LATERAL (SELECT * FROM log AS o WHERE NOT l.listed AND o.listed AND o.log_id = l.log_id
                                     ORDER BY o.id LIMIT 1) AS t ON true
)
SELECT k.id AS log, k.name, k.run_by AS operator, why.not_counted = '' AS counts, why.not_counted,
       k.followed AND k.state <> 'removed' AS followed,
       CASE WHEN p.stored_end IS NULL THEN 'infinity'
            ELSE log_since(k.id, multirange_tail(p.verified, p.verified_end), k.merge_s) END AS since,
       CASE WHEN p.stored_end IS NULL THEN '-infinity' WHEN final.is_it AND p.verified_end >= p.size THEN 'infinity'
            ELSE coalesce(log_until(k.id, p.verified_end), '-infinity') END AS until,
       CASE WHEN p.stored_end IS NULL THEN 'infinity'
            ELSE log_since(k.id, multirange_tail(p.stored, p.stored_end), k.merge_s) END AS unverified_since,
       CASE WHEN p.stored_end IS NULL THEN '-infinity' WHEN final.is_it AND p.stored_end >= p.size THEN 'infinity'
            ELSE coalesce(log_until(k.id, p.stored_end), '-infinity') END AS unverified_until
FROM known AS k JOIN log_part AS p ON p.log = k.id CROSS JOIN listing
-- Nothing more can come that counts: it is frozen, or its last head was signed after browsers had stopped listening.
CROSS JOIN LATERAL (SELECT k.ended = 'complete' OR (k.ended = 'ended'
    AND (SELECT max(h.timestamp) FROM log_head AS h WHERE h.log = k.id)
        >= least(k.gone_at, CASE WHEN k.stands IN ('retired', 'rejected') THEN k.stands_at END)) AS is_it) AS final
CROSS JOIN LATERAL (SELECT CASE
    WHEN k.unfollowed = 'by hand' THEN 'read under another name'
    WHEN NOT k.is_listed AND (k.state = 'removed' OR listing.is_there)
    THEN CASE WHEN k.state = 'removed' THEN 'removed' ELSE 'not in the log list' END
    WHEN k.stands IN ('pending', 'rejected') THEN k.stands
    WHEN k.expiry_end <= now() THEN 'expired'
    WHEN k.expiry_begin > now() + interval '398 days' THEN 'not open yet'
    WHEN k.expiry_end IS NULL AND (k.gone_at IS NOT NULL OR k.stands = 'retired')
     AND coalesce(least(k.gone_at, k.stands_at), now()) + interval '398 days' < now() THEN 'expired'
    ELSE '' END AS not_counted) AS why;
COMMENT ON VIEW log_coverage IS 'Per log the time of which it holds nothing that was not read.';
COMMENT ON COLUMN log_coverage.operator IS 'Who runs it, as the log list says; empty: nobody knows.';
COMMENT ON COLUMN log_coverage.counts IS 'Can it hold certificates that browsers accept today?';
COMMENT ON COLUMN log_coverage.not_counted IS 'Why not.';
COMMENT ON COLUMN log_coverage.since IS 'Everything that it took in after this, and up to `until`, is stored, matched and verified; -infinity: from its first entry on.';
COMMENT ON COLUMN log_coverage.until IS 'infinity: the log is frozen, and all of it is read.';
COMMENT ON COLUMN log_coverage.unverified_since IS 'The same of what is stored and matched, verified or not.';
COMMENT ON COLUMN log_coverage.unverified_until IS 'The same of what is stored and matched, verified or not.';

-- The promise. Browsers want SCTs from logs of two operators: a certificate can be missed only where logs of two were
-- not read. So of the operators one may be left out, namely the one without which the time ends last; among those
-- without which it ends less than an hour earlier, the one without which it begins first. Without a log list, or with
-- one operator, nobody may be left out, and nothing is said of other logs.
CREATE FUNCTION coverage_claim(OUT basis text, OUT since timestamptz, OUT until timestamptz, OUT left_out text,
                               OUT unverified_since timestamptz, OUT unverified_until timestamptz) LANGUAGE sql STABLE AS $$
    WITH line AS MATERIALIZED (
        SELECT operator, max(since) AS vs, min(until) AS vu, max(unverified_since) AS us, min(unverified_until) AS uu
        FROM log_coverage WHERE counts GROUP BY operator
    ), list AS (
        SELECT coalesce(made_at, fetched_at) + interval '70 days' AS trusted_until FROM log_list WHERE revision > 0
        ORDER BY revision DESC LIMIT 1
    ), basis AS (
        SELECT CASE WHEN count(*) = 0 THEN 'none' WHEN count(*) > 1 AND EXISTS (SELECT FROM list) THEN 'policy' ELSE 'logs' END AS kind
        FROM line
    ), claim AS (
        SELECT a.operator AS leaves, max(b.vs) AS vs, min(b.vu) AS vu, max(b.us) AS us, min(b.uu) AS uu
        FROM line AS a JOIN line AS b ON b.operator <> a.operator WHERE (SELECT kind FROM basis) = 'policy' GROUP BY a.operator
        UNION ALL
        SELECT NULL, max(vs), min(vu), max(us), min(uu) FROM line WHERE (SELECT kind FROM basis) = 'logs' HAVING count(*) > 0
    ), verified AS (
        SELECT * FROM claim WHERE vu >= (SELECT max(vu) FROM claim) - interval '1 hour' ORDER BY vs, vu DESC, leaves LIMIT 1
    ), unverified AS (
        SELECT * FROM claim WHERE uu >= (SELECT max(uu) FROM claim) - interval '1 hour' ORDER BY us, uu DESC, leaves LIMIT 1
    )
    SELECT b.kind, CASE WHEN v.vs <= v.stop THEN v.vs END, CASE WHEN v.vs <= v.stop THEN v.stop END, v.leaves,
           CASE WHEN u.us <= u.stop THEN u.us END, CASE WHEN u.us <= u.stop THEN u.stop END
    FROM basis AS b
    LEFT JOIN (SELECT *, least(vu, now(), (SELECT trusted_until FROM list)) AS stop FROM verified) AS v ON v.stop > '-infinity'
    LEFT JOIN (SELECT *, least(uu, now(), (SELECT trusted_until FROM list)) AS stop FROM unverified) AS u ON u.stop > '-infinity'
$$;

-- What could have been missed, and why: of the logs that count.
CREATE VIEW coverage_gap AS
SELECT CASE c.state WHEN 'seen' THEN 'unverified' ELSE c.state END AS reason, k.operator, c.log, c.name,
       c.range_begin, c.range_end, c.time_begin, c.time_end,
       CASE WHEN c.state = 'seen' THEN 'stored and matched, and in no tree yet whose root the log signed'
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
WHERE k.counts AND NOT EXISTS (SELECT FROM log_range AS r WHERE r.log = k.log)
 AND NOT EXISTS (SELECT FROM log_head AS h WHERE h.log = k.log AND h.size > 0)
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
WHERE coalesce(t.made_at, t.fetched_at) + interval '70 days' < now();
COMMENT ON VIEW coverage_gap IS 'What could have been missed, and why: of the logs whose word browsers take.';
COMMENT ON COLUMN coverage_gap.reason IS 'missing, lost, unverified, not_begun, not_followed, no_policy, list_stale.';

CREATE VIEW domain_coverage AS
SELECT d.id AS domain, d.name, c.basis, d.history_at IS NULL AS history_pending,
       CASE WHEN d.history_at IS NOT NULL THEN c.since END AS complete_since,
       CASE WHEN d.history_at IS NOT NULL THEN c.until END AS complete_until,
       CASE WHEN d.history_at IS NOT NULL THEN c.unverified_since END AS unverified_complete_since,
       CASE WHEN d.history_at IS NOT NULL THEN c.unverified_until END AS unverified_complete_until,
       c.left_out, (SELECT count(*) FROM coverage_gap) AS gaps
FROM domain AS d CROSS JOIN coverage_claim() AS c;
COMMENT ON VIEW domain_coverage IS 'Per domain: every certificate for it that logs took in between complete_since and complete_until was matched.';
COMMENT ON COLUMN domain_coverage.basis IS 'policy: browsers want SCTs from logs of two operators, and all but one operator were read; logs: of the known logs alone, nothing is said of others; none: there is no log.';
COMMENT ON COLUMN domain_coverage.history_pending IS 'What was stored before the domain was added is not all matched: nothing is promised yet.';
COMMENT ON COLUMN domain_coverage.complete_since IS '-infinity: from the first entries of the logs on; NULL: nothing is promised.';
COMMENT ON COLUMN domain_coverage.complete_until IS 'NULL: nothing is promised.';
COMMENT ON COLUMN domain_coverage.unverified_complete_since IS 'The same by what was stored and matched, verified or not.';
COMMENT ON COLUMN domain_coverage.unverified_complete_until IS 'The same by what was stored and matched, verified or not.';
COMMENT ON COLUMN domain_coverage.left_out IS 'The operator of whose logs this says nothing, because a certificate must be in those of another, too.';
COMMENT ON COLUMN domain_coverage.gaps IS 'Rows of coverage_gap.';
