-- Which places of logs a backfill put down: a repair asks for those of its own range and can not wait for a scan of
-- millions of rows, nor for the rewriting of partitions.

-- One row per transaction, log and slot; they are in no order, may overlap, and go with their slot.
CREATE TABLE load_place (
    slot        int8 NOT NULL,
    log         int2 NOT NULL,
    first_index int8 NOT NULL,
    last_index  int8 NOT NULL
);
CREATE INDEX load_place_log ON load_place (log, last_index);
INSERT INTO load_place SELECT slot, log, min(idx), max(idx) FROM cert_load GROUP BY 1, 2;

-- Somebody waits for the rows: they are put into their partitions although more of them are coming.
CREATE TABLE load_wanted (one bool PRIMARY KEY DEFAULT true CHECK (one));

CREATE OR REPLACE FUNCTION load_end(closed int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOR part IN SELECT i.inhrelid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent IN ('cert_load'::regclass, 'cert_load_key'::regclass, 'cert_load_ip'::regclass)
                AND substring(c.relname FROM '[0-9]+$')::int8 <= closed LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
    DELETE FROM load_done WHERE slot <= closed;
    DELETE FROM load_place WHERE slot <= closed;
    -- Who still waits for rows that came meanwhile says so again.
    DELETE FROM load_wanted;
END $$;
