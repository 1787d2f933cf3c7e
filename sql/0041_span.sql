-- What rows of cert expire between, so that a search leaves the leaves alone that hold none: to open the indexes of
-- eighty empty leaves takes longer than to look into ten full ones.

-- One row. Every row of cert, cert_apex and cert_ip has lower <= not_after < upper: who stores rows widens it in the same
-- transaction; who puts rows into cert by hand should do so, too (the next span_look finds them in any case).
CREATE TABLE cert_span (
    one   bool PRIMARY KEY DEFAULT true CHECK (one),
    lower timestamptz NOT NULL,
    upper timestamptz NOT NULL
) WITH (fillfactor = 20);
INSERT INTO cert_span (lower, upper) VALUES ('-infinity', 'infinity');

-- Sets it to the leaves that hold rows. False: others write without a pause; next time. No writer is at work meanwhile, so
-- what is not seen here is not there. By whoever has partition_lock(), while there is no job: the rows of a backfill
-- are in no leaf before.
CREATE FUNCTION span_look() RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    low  timestamptz;
    high timestamptz;
BEGIN
    IF EXISTS (SELECT FROM partition_job) THEN
        RETURN false;
    END IF;
    BEGIN
        PERFORM set_config('lock_timeout', '200ms', true);
        LOCK TABLE ONLY cert, ONLY cert_apex, ONLY cert_ip IN SHARE MODE;
    EXCEPTION WHEN lock_not_available THEN
        RETURN false;
    END;
    SELECT min(l.lower), max(l.upper) INTO low, high FROM partition_leaf AS l WHERE l.heap > 0;
    UPDATE cert_span AS s SET lower = coalesce(low, 'infinity'), upper = coalesce(high, '-infinity')
    WHERE s.lower IS DISTINCT FROM coalesce(low, 'infinity') OR s.upper IS DISTINCT FROM coalesce(high, '-infinity');
    RETURN true;
END $$;

-- Rows of this stretch are about to be there.
CREATE FUNCTION span_widen(low timestamptz, high timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE cert_span AS s SET lower = least(s.lower, low), upper = greatest(s.upper, high)
    WHERE low < s.lower OR high > s.upper
$$;

-- As before, and the leaf counts from now on.
CREATE OR REPLACE FUNCTION load_swap(closed int8, most int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job partition_job;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE kind = 'load' AND step = 'frozen' FOR UPDATE;
    INSERT INTO issued (issuer, day, n) SELECT f.issuer, (f.not_before AT TIME ZONE 'UTC')::date, count(*) FROM load_fresh AS f
    GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (issuer, day) DO UPDATE SET n = issued.n + excluded.n;
    PERFORM partition_lock_all();
    IF (SELECT count(*) FROM (SELECT FROM partition_late LIMIT most + 1) AS l) > most THEN
        RAISE lock_not_available USING MESSAGE = 'too many rows came meanwhile';
    END IF;
    PERFORM load_catch(closed, most, true);
    PERFORM span_widen(job.edges[1], job.edges[cardinality(job.edges)]);
    IF NOT partition_swap(0) THEN
        RAISE lock_not_available USING MESSAGE = 'rows came meanwhile';
    END IF;
    DELETE FROM issued WHERE n = 0;
    INSERT INTO load_done (slot, lower, upper) VALUES (closed, job.edges[1], job.edges[2]);
    TRUNCATE load_fresh;
END $$;
