-- What a log does once is one incident, whatever number of accounts there are of it, and one alert.

ALTER TABLE evidence
    ADD COLUMN head_root  bytea, -- of the head that does not fit
    ADD COLUMN other_root bytea, -- fork: of the other one
    ADD COLUMN alert      int8 REFERENCES alert ON DELETE SET NULL;
ALTER TABLE log
    ADD COLUMN accounts_over int8 NOT NULL DEFAULT 0; -- beyond what is kept in an hour: counted, since the last alert
COMMENT ON COLUMN log.accounts_over IS 'Contradictions that were counted and not kept, because there were too many within an hour.';

UPDATE evidence SET
    head_root = CASE WHEN account->'head'->>'root' ~ '^[0-9a-f]{64}$' THEN decode(account->'head'->>'root', 'hex') END,
    other_root = CASE WHEN kind = 'fork' AND account->'other_head'->>'root' ~ '^[0-9a-f]{64}$'
                      THEN decode(account->'other_head'->>'root', 'hex') END
 WHERE jsonb_typeof(account) = 'object';
UPDATE evidence AS e SET alert = a.id FROM alert AS a
 WHERE a.log = e.log AND a.dedup = format('log_inconsistent:%s:%s:%s', e.log, e.kind, e.range_begin);
CREATE INDEX evidence_alert ON evidence (alert);
CREATE INDEX evidence_hour ON evidence (log, kind, created_at);

-- The more exact word comes first: what signatures prove, then the tile, then the root.
CREATE FUNCTION evidence_rank(kind text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_position(ARRAY['fork', 'shrunk_head', 'bad_tile', 'root_mismatch', 'bad_signature',
                                         'unproven_head'], kind), 99)
$$;
-- Kinds that one and the same fault shows itself in.
CREATE FUNCTION evidence_cause(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind IN ('fork', 'shrunk_head') THEN 'heads'
                WHEN kind IN ('bad_tile', 'root_mismatch') THEN 'entries' ELSE kind END
$$;

CREATE OR REPLACE VIEW evidence_open AS
SELECT e.* FROM evidence AS e
 WHERE NOT (e.kind IN ('root_mismatch', 'bad_tile') AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.verified AND h.size >= e.range_end) AND NOT evidence_unread(e.log, e.range_begin, e.range_end))
   AND NOT (e.kind = 'unproven_head' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log AND h.size = e.range_end
            AND (h.verified OR h.denied)))
   AND NOT (e.kind = 'bad_signature' AND EXISTS (SELECT FROM log_head AS h WHERE h.log = e.log
            AND h.seen_last > e.created_at));

-- The alert about a log that an account belongs to: one that nobody has dealt with, as long as what it is about lasts. A
-- head that is in both ties two causes together; not one that anybody may have signed.
CREATE FUNCTION evidence_incident(log_id int2, of_kind text, of_root bytea) RETURNS int8 LANGUAGE sql STABLE AS $$
    SELECT a.id FROM alert AS a
     WHERE a.log = log_id AND a.kind = 'log_inconsistent' AND a.state IN ('new', 'notified')
       AND EXISTS (SELECT FROM evidence_open AS e WHERE e.alert = a.id
                   AND (e.kind = 'unproven_head') = (of_kind = 'unproven_head')
                   AND (evidence_cause(e.kind) = evidence_cause(of_kind) OR (of_root IN (e.head_root, e.other_root)
                        AND 'bad_signature' NOT IN (e.kind, of_kind))))
     ORDER BY a.id DESC LIMIT 1
$$;

-- What such an alert says: one finding for each account, the most exact one first.
CREATE FUNCTION evidence_findings(a alert, most int) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(a.findings->0 || jsonb_build_object('rule', x.kind, 'found', x.sentence)
                              ORDER BY evidence_rank(x.kind), x.id), a.findings)
        || (SELECT coalesce(jsonb_agg(a.findings->0 || jsonb_build_object('rule', 'flood', 'found',
                       format('%s more of it within an hour were counted and not kept', l.accounts_over))), '[]')
            FROM log AS l WHERE l.id = a.log AND l.accounts_over > 0)
    FROM (SELECT e.id, e.kind, e.sentence FROM evidence AS e WHERE e.alert = a.id
          ORDER BY evidence_rank(e.kind), e.id LIMIT most) AS x
$$;

-- Signed heads that nobody has judged, and that no fork settles: that names two roots, and a third one is another claim.
DROP INDEX log_head_claim;
CREATE INDEX log_head_open ON log_head (log, size) WHERE NOT verified;
CREATE VIEW log_claim AS
SELECT h.log, h.size, h.root, h.timestamp, h.raw, h.timestamp_ms, h.seen_at, h.seen_last FROM log_head AS h
 WHERE h.size > 0 AND NOT h.verified AND NOT h.denied
   AND NOT EXISTS (SELECT FROM evidence AS e WHERE e.log = h.log AND e.range_end = h.size AND e.kind = 'fork'
                   AND (e.head_root IS NULL OR h.root IN (e.head_root, e.other_root)));
