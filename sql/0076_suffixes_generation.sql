-- What was made of the registered domains by the public suffix list of before (which of them are brands that others look like) is made
-- anew when another one comes into force, as it is when a domain is added; a process kept it until the next domain, or its end.
CREATE OR REPLACE FUNCTION psl_move_switch() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    move psl_move;
    old  psl;
BEGIN
    SELECT * INTO STRICT move FROM psl_move WHERE state = 'moving' FOR UPDATE;
    SELECT * INTO STRICT old FROM psl ORDER BY version DESC LIMIT 1;
    UPDATE domain_generation SET generation = generation + 1; -- in front of cert_removal, as whoever commits takes them
    UPDATE cert_removal SET lists = lists + 1;
    DELETE FROM psl WHERE sha256 = move.sha256; -- a list of long ago comes back
    INSERT INTO psl (sha256, list) VALUES (move.sha256, move.list);
    UPDATE psl_move SET state = 'moved', sha256 = old.sha256, list = old.list, moved_at = now(), leaf = NULL;
END $$;
