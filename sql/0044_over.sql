-- Of a head that a log never proved, the account is over when that head is judged, not when another one of the same size is.

CREATE OR REPLACE VIEW evidence_open AS
SELECT e.* FROM evidence AS e
 WHERE NOT (e.kind IN ('root_mismatch', 'bad_tile') AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.verified AND h.size >= e.range_end) AND NOT evidence_unread(e.log, e.range_begin, e.range_end))
   AND NOT (e.kind = 'unproven_head' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end
            AND (e.head_root IS NULL OR h.root = e.head_root) AND (h.verified OR h.denied)))
   AND NOT (e.kind = 'bad_signature' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.seen_last > e.created_at));

CREATE OR REPLACE FUNCTION evidence_over(log_id int2) RETURNS void LANGUAGE sql AS $$
    UPDATE evidence AS e SET over_at = NULL, over_by = NULL
     WHERE e.log = log_id AND e.over_at IS NOT NULL AND EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id);
    UPDATE evidence AS e SET over_at = now(), over_by = CASE
        WHEN e.kind IN ('root_mismatch', 'bad_tile') THEN
            format('the log serves entries that give its signed root of size %s, and all that is stored of them is verified',
                   (SELECT min(h.size) FROM log_head AS h WHERE h.log = e.log AND h.verified AND h.size >= e.range_end))
        WHEN e.kind = 'bad_signature' THEN 'a tree head came that is signed with the key of the log'
        WHEN EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end AND h.verified
                     AND (e.head_root IS NULL OR h.root = e.head_root)) THEN 'the log proved the head'
        ELSE 'the head was found to contradict the verified tree' END
     WHERE e.log = log_id AND e.over_at IS NULL AND NOT EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id);
$$;

-- What was over before anybody noted it: when is not known, at the latest when the log was verified beyond it.
UPDATE evidence AS e SET over_by = 'it was over before that was noted', over_at = greatest(e.created_at,
       coalesce((SELECT min(h.seen_at) FROM log_head AS h WHERE h.log = e.log AND h.verified AND h.size >= e.range_end),
                e.created_at))
 WHERE e.over_at IS NULL AND NOT EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id);

-- Whoever registers domains takes their old alerts back, a search for each of them.
CREATE INDEX alert_orphan ON alert (domain_name) WHERE domain IS NULL;
