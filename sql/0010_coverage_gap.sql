-- What could have been missed, once more: also a log whose beginning is known and that never showed a head, and entries of
-- the log list that could not be used.

ALTER TABLE log_list ADD COLUMN unusable int4 NOT NULL DEFAULT 0; -- entries of the list that was applied last

CREATE OR REPLACE VIEW coverage_gap AS
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
COMMENT ON COLUMN coverage_gap.reason IS 'missing, lost, unverified, not_begun, not_followed, no_policy, list_stale, list_entries.';
