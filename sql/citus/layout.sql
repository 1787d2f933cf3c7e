-- Turns the tables into those of a Citus cluster (ctvigil db migrate --citus). What is small stays on the coordinator, what
-- grows with the certificates is spread. Steps: db/scaleout.c; reasons and limits: docs/scale.md.

-- One row: the database is spread. moving: what it held before is still being copied, and nobody may write.
CREATE TABLE scale_out (
    one     bool PRIMARY KEY DEFAULT true CHECK (one),
    shards  int4 NOT NULL,
    state   text NOT NULL DEFAULT 'moving' CHECK (state IN ('moving', 'spread')),
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE scale_out IS 'There is a row where cert and what belongs to it are spread over the nodes of a Citus cluster.';

-- One row, a copy of it on every node. Who writes rows raises it first and so has it until his transaction has ended on every
-- node: writers go one after the other, each of their transactions is committed in two phases, and who gets it sees
-- everything that was committed before.
CREATE TABLE scale_out_turn (
    one   bool PRIMARY KEY DEFAULT true CHECK (one),
    turns int8 NOT NULL
) WITH (fillfactor = 10);
INSERT INTO scale_out_turn (turns) VALUES (0);

-- What was stored so far waits here until it has been copied.
CREATE SCHEMA scale_out_old;

-- Puts empty spread tables in the place of the old ones. Views look at the new ones and stay on the coordinator: those
-- that Citus would take to the workers it can not sort, because functions give rows of them.
CREATE FUNCTION scale_out_begin(shards int4) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name  text;
    views text[];
    texts text[];
BEGIN
    SELECT array_agg(v.name ORDER BY v.name), array_agg(v.text ORDER BY v.name) INTO views, texts FROM (
        SELECT DISTINCT r.ev_class::regclass::text AS name, pg_get_viewdef(r.ev_class) AS text
        FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid IN ('cert'::regclass, 'cert_apex'::regclass,
            'cert_ip'::regclass, 'log_tile'::regclass) AND r.ev_class <> 'partition_leaf'::regclass) AS v;
    FOR name IN SELECT unnest(partition_tables(l.suffix)) FROM partition_leaf AS l LOOP
        EXECUTE format('ALTER TABLE %I SET SCHEMA scale_out_old', name);
    END LOOP;
    ALTER VIEW partition_leaf SET SCHEMA scale_out_old; -- goes on looking at them
    ALTER TABLE cert SET SCHEMA scale_out_old;
    ALTER TABLE cert_apex SET SCHEMA scale_out_old;
    ALTER TABLE cert_ip SET SCHEMA scale_out_old;
    ALTER TABLE log_tile SET SCHEMA scale_out_old;
    -- A row is complete, also the one of a further key: who finds it by its domain asks one shard.
    CREATE TABLE cert (LIKE scale_out_old.cert, ips text, keys int8[]) PARTITION BY RANGE (not_after);
    CREATE TABLE cert_apex (LIKE scale_out_old.cert, ips text, keys int8[] NOT NULL) PARTITION BY RANGE (not_after);
    CREATE TABLE cert_ip (LIKE scale_out_old.cert_ip, apex8 int8 NOT NULL) PARTITION BY RANGE (not_after);
    CREATE TABLE log_tile (LIKE scale_out_old.log_tile INCLUDING ALL);
    CREATE INDEX log_tile_fp8 ON log_tile USING gin (fp8);
    CREATE INDEX log_tile_sha8 ON log_tile USING gin (sha8);
    COMMENT ON COLUMN cert.ips IS 'Addresses, parted by spaces; NULL: none.';
    COMMENT ON COLUMN cert.keys IS 'apex8 and after it all further keys; NULL: there are none.';
    PERFORM create_distributed_table('cert', 'apex8', colocate_with => 'none', shard_count => shards);
    PERFORM create_distributed_table('cert_apex', 'apex8', colocate_with => 'cert');
    PERFORM create_distributed_table('cert_ip', 'apex8', colocate_with => 'cert');
    PERFORM create_distributed_table('log_tile', 'tile', colocate_with => 'none', shard_count => shards);
    PERFORM create_reference_table('scale_out_turn');
    INSERT INTO scale_out (shards) VALUES (shards);
    PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    FOR i IN 1 .. cardinality(views) LOOP
        EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', views[i], texts[i]);
    END LOOP;
    PERFORM set_config('citus.enable_ddl_propagation', 'on', true);
END $$;

-- The next leaf with its rows; its suffix, or NULL when all are there. One transaction each: so many tables at once would
-- need more locks than a server has.
CREATE FUNCTION scale_out_leaf() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    leaf record;
BEGIN
    SELECT l.suffix, l.lower, l.upper INTO leaf FROM scale_out_old.partition_leaf AS l
    WHERE to_regclass('public.cert_' || l.suffix) IS NULL ORDER BY l.lower LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    CREATE TEMP TABLE scale_out_key ON COMMIT DROP AS
    SELECT a.not_after, a.tbs_fp, a.issuer, array_agg(a.apex8 ORDER BY a.apex8) AS keys FROM scale_out_old.cert_apex AS a
    WHERE a.not_after >= leaf.lower AND a.not_after < leaf.upper GROUP BY 1, 2, 3;
    CREATE TEMP TABLE scale_out_row ON COMMIT DROP AS
    SELECT c.*, (SELECT string_agg(host(p.ip), ' ' ORDER BY p.ip) FROM scale_out_old.cert_ip AS p
                 WHERE p.not_after = c.not_after AND p.tbs_fp = c.tbs_fp AND p.issuer = c.issuer) AS ips, c.apex8 || k.keys AS keys
    FROM scale_out_old.cert AS c LEFT JOIN scale_out_key AS k
    ON k.not_after = c.not_after AND k.tbs_fp = c.tbs_fp AND k.issuer = c.issuer
    WHERE c.not_after >= leaf.lower AND c.not_after < leaf.upper;
    CREATE TEMP TABLE scale_out_copy ON COMMIT DROP AS SELECT r.*, k.key FROM scale_out_row AS r
    CROSS JOIN LATERAL (SELECT u.key FROM unnest(r.keys) WITH ORDINALITY AS u (key, n) WHERE u.n > 1) AS k;
    UPDATE scale_out_copy SET apex8 = key;
    ALTER TABLE scale_out_copy DROP COLUMN key;
    PERFORM partition_make(leaf.suffix, leaf.lower, leaf.upper);
    INSERT INTO cert SELECT * FROM scale_out_row;
    INSERT INTO cert_apex SELECT * FROM scale_out_copy;
    INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip, apex8)
    SELECT p.not_after, p.not_before, p.issuer, p.tbs_fp, p.ip, r.apex8 FROM scale_out_old.cert_ip AS p
    JOIN scale_out_row AS r ON r.not_after = p.not_after AND r.tbs_fp = p.tbs_fp AND r.issuer = p.issuer
    WHERE p.not_after >= leaf.lower AND p.not_after < leaf.upper;
    RETURN leaf.suffix;
END $$;

-- Everything is copied: what it was copied from goes.
CREATE FUNCTION scale_out_end() RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    INSERT INTO log_tile SELECT * FROM scale_out_old.log_tile;
    TRUNCATE place_block;
    DROP SCHEMA scale_out_old CASCADE;
    UPDATE scale_out SET state = 'spread';
    DROP FUNCTION scale_out_begin(int4), scale_out_leaf();
END $$;
