-- Which contradictions of a log last. A wrong root or tile is over when a signed head beyond it fits, a wrong signature when
-- the log shows a good one again; what two signatures contradict is never over.

CREATE VIEW evidence_open AS
SELECT e.* FROM evidence AS e
 WHERE NOT (e.kind IN ('root_mismatch', 'bad_tile') AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.verified AND h.size >= e.range_end))
   AND NOT (e.kind = 'unproven_head' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end
            AND (h.verified OR h.denied)))
   AND NOT (e.kind = 'bad_signature' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.seen_last > e.created_at));
