-- A change of public suffix lists waits for rows that a backfill has put down and that are in no partition yet: they have
-- keys by the old list alone, and nobody looks at them again.

-- 1: begun; 0: there is one already; 2: such rows are there. What is put down after that has the keys of both lists.
DROP FUNCTION psl_move_begin(bytea, text, text);
CREATE FUNCTION psl_move_begin(sha256 bytea, list text, pattern text) RETURNS int4 LANGUAGE plpgsql AS $$
DECLARE
    waiting bool := false;
BEGIN
    INSERT INTO psl_move (sha256, list, pattern) VALUES (sha256, list, pattern) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Waits for everybody who is writing; so whatever was put down by the old list alone is seen below.
    UPDATE cert_removal SET lists = lists + 1;
    IF to_regclass('cert_load') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM cert_load)' INTO waiting;
    END IF;
    IF waiting THEN
        UPDATE cert_removal SET lists = lists - 1;
        DELETE FROM psl_move;
        RETURN 2;
    END IF;
    RETURN 1;
END $$;
