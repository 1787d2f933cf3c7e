-- An account is known by what contradicts, not only by where: a log that does not grow may sign one wrong head after the
-- other of the same size, and each of them is told.

ALTER TABLE evidence DROP CONSTRAINT evidence_log_kind_range_begin_key;
CREATE INDEX evidence_place ON evidence (log, kind, range_begin);

-- Entries that do not fit do so with every later head; of heads each root counts, and of a fork both, whichever came first.
CREATE FUNCTION evidence_known(log_id int2, of_kind text, from_index int8, of_root bytea, of_other bytea) RETURNS bool
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN of_kind = 'fork' THEN
            EXISTS (SELECT FROM evidence AS e WHERE e.log = log_id AND e.kind = of_kind AND e.range_begin = from_index
                    AND of_root IN (e.head_root, e.other_root))
            AND EXISTS (SELECT FROM evidence AS e WHERE e.log = log_id AND e.kind = of_kind
                        AND e.range_begin = from_index AND of_other IN (e.head_root, e.other_root))
        WHEN of_kind IN ('shrunk_head', 'unproven_head') THEN
            EXISTS (SELECT FROM evidence AS e WHERE e.log = log_id AND e.kind = of_kind AND e.range_begin = from_index
                    AND e.head_root IS NOT DISTINCT FROM of_root)
        ELSE EXISTS (SELECT FROM evidence AS e WHERE e.log = log_id AND e.kind = of_kind AND e.range_begin = from_index)
        END
$$;
COMMENT ON FUNCTION evidence_known IS 'Is there an account of this contradiction? To be asked with the row of the log locked.';
