-- What of a stretch was not stored wholly.
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
                           ORDER BY h.size LIMIT 1)) END AS time_end,
       CASE WHEN s.state IN ('verified', 'seen')
            THEN (SELECT coalesce(sum(upper(r.part) - lower(r.part)), 0)::int8
                  FROM (SELECT unnest(range_agg(int8range(t.range_begin, t.range_end)) * int8multirange(s.span)) AS part
                        FROM log_thin AS t WHERE t.log = s.log) AS r)
            ELSE 0 END AS thin
FROM stretch AS s JOIN log AS l ON l.id = s.log;
COMMENT ON COLUMN coverage.thin IS 'Entries of which only those were stored that concern a domain registered at that time (db.store: watched); all of them were matched.';
