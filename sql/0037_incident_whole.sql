-- One incident, one alert, also when a log shows it first in its entries and then in its heads, or the other way round; and
-- of each account what others can check in it, and when and how it was over.

ALTER TABLE evidence
    ADD COLUMN proof   text, -- what the account shows by itself: signed, served, nothing; NULL: not known
    ADD COLUMN over_at timestamptz,
    ADD COLUMN over_by text;
COMMENT ON COLUMN evidence.proof IS 'What `log verify` finds in the account: signed (the signatures of the log prove the contradiction), served (so do the bytes that are kept, if the log served them), nothing.';
COMMENT ON COLUMN evidence.over_at IS 'When the log was well again from this; NULL: it lasts, or nobody noted it.';
COMMENT ON COLUMN evidence.over_by IS 'What showed that it was.';

-- To be called when something came that may end an account.
CREATE FUNCTION evidence_over(log_id int2) RETURNS void LANGUAGE sql AS $$
    UPDATE evidence AS e SET over_at = NULL, over_by = NULL
     WHERE e.log = log_id AND e.over_at IS NOT NULL AND EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id);
    UPDATE evidence AS e SET over_at = now(), over_by = CASE
        WHEN e.kind IN ('root_mismatch', 'bad_tile') THEN
            format('the log serves entries that give its signed root of size %s, and all that is stored of them is verified',
                   (SELECT min(h.size) FROM log_head AS h WHERE h.log = e.log AND h.verified AND h.size >= e.range_end))
        WHEN e.kind = 'bad_signature' THEN 'a tree head came that is signed with the key of the log'
        WHEN EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end AND h.verified)
            THEN 'the log proved the head'
        ELSE 'the head was found to contradict the verified tree' END
     WHERE e.log = log_id AND e.over_at IS NULL AND NOT EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id);
$$;

-- The alert about a log that an account belongs to: one that nobody has dealt with, and of which one account
--   is about the same head; or
--   lasts and has the same cause; or
--   begins with the same verified tree, and lasts; or
--   lasted when the head came that the new one is about: of heads, which never heal, for a day.
-- What is only suspicious, and what anybody may have signed, keep to their own kind.
DROP FUNCTION evidence_incident;
CREATE FUNCTION evidence_incident(log_id int2, of_kind text, of_root bytea, from_index int8) RETURNS int8
LANGUAGE sql STABLE AS $$
    WITH came AS (SELECT coalesce((SELECT min(h.seen_at) FROM log_head AS h
                                    WHERE h.log = log_id AND h.root = of_root), now()) AS at)
    SELECT a.id FROM alert AS a
     WHERE a.log = log_id AND a.kind = 'log_inconsistent' AND a.state IN ('new', 'notified')
       AND EXISTS (SELECT FROM evidence AS e CROSS JOIN came
                   CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id) AS lasts) AS x
                   WHERE e.alert = a.id
                   AND (e.kind = 'unproven_head') = (of_kind = 'unproven_head')
                   AND (e.kind = 'bad_signature') = (of_kind = 'bad_signature')
                   AND (of_root IN (e.head_root, e.other_root)
                        OR x.lasts AND evidence_cause(e.kind) = evidence_cause(of_kind)
                        OR x.lasts AND e.range_begin = from_index
                        OR evidence_cause(e.kind) <> evidence_cause(of_kind)
                           AND came.at BETWEEN e.created_at - interval '1 hour' AND CASE
                               WHEN evidence_cause(e.kind) = 'heads' THEN e.created_at + interval '1 day'
                               WHEN x.lasts THEN now() ELSE coalesce(e.over_at, e.created_at) END))
     ORDER BY a.id DESC LIMIT 1
$$;

-- What an alert rests on, the account that shows the most to others first.
CREATE FUNCTION evidence_accounts(alert_id int8, most int) RETURNS TABLE (id int8, kind text, path text, proof text,
    over_at text, over_by text) LANGUAGE sql STABLE AS $$
    SELECT e.id, e.kind, e.path, e.proof, to_char(e.over_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), e.over_by FROM evidence AS e WHERE e.alert = alert_id
     ORDER BY array_position(ARRAY['signed', 'served'], e.proof), evidence_rank(e.kind), e.id LIMIT most
$$;
