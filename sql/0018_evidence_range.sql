-- A log that is read at several places has a head that fits at the one and says nothing of what is stored at the other: a
-- wrong root or tile is over when a signed head beyond it fits and all that is stored of its entries is verified.

CREATE FUNCTION evidence_unread(log_id int2, from_index int8, to_index int8) RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM log_range AS r WHERE r.log = log_id AND r.range_begin < to_index
                   AND (r.range_end IS NULL OR r.range_end > from_index) AND r.verified < least(r.range_end, to_index))
$$;
COMMENT ON FUNCTION evidence_unread IS 'Is some range of the log not verified yet where it covers these entries?';

CREATE OR REPLACE VIEW evidence_open AS
SELECT e.* FROM evidence AS e
 WHERE NOT (e.kind IN ('root_mismatch', 'bad_tile') AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.verified AND h.size >= e.range_end) AND NOT evidence_unread(e.log, e.range_begin, e.range_end))
   AND NOT (e.kind = 'unproven_head' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end
            AND (h.verified OR h.denied)))
   AND NOT (e.kind = 'bad_signature' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.seen_last > e.created_at));
