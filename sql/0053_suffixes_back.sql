-- Back to the public suffix list of before, within the day in which writers still make keys by it: every row has the keys of
-- both, so there is nothing to look at.
CREATE FUNCTION psl_move_back(back bytea) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    UPDATE psl_move SET state = 'moving' WHERE state = 'moved' AND sha256 = back;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM psl_move_switch();
    RETURN true;
END $$;
