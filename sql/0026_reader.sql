-- Who may read the schemas ct and crtsh and nothing else: members of the role ctvigil_reader. Roles belong to the server and
-- not to a database, so they are not made by a numbered file but by these functions, which are called whenever they are needed.

CREATE TABLE reader (
    name        text PRIMARY KEY,
    timeout_s   int4 NOT NULL CHECK (timeout_s > 0), -- of one statement; what outlives it is ended
    connections int4 NOT NULL CHECK (connections > 0),
    made        bool NOT NULL,                       -- the role was made here, and goes with the reader
    added_at    timestamptz NOT NULL DEFAULT now()
);

-- What the role lacks, as statements for somebody who may make it; nothing when it is as it should be.
CREATE FUNCTION reader_lacks() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ctvigil_reader') THEN
        RETURN NEXT 'CREATE ROLE ctvigil_reader NOLOGIN;';
        RETURN NEXT 'GRANT USAGE ON SCHEMA ct, crtsh TO ctvigil_reader;';
        RETURN NEXT 'GRANT SELECT ON ALL TABLES IN SCHEMA ct, crtsh TO ctvigil_reader;';
        RETURN;
    END IF;
    IF NOT (has_schema_privilege('ctvigil_reader', 'ct', 'USAGE') AND has_schema_privilege('ctvigil_reader', 'crtsh', 'USAGE')) THEN
        RETURN NEXT 'GRANT USAGE ON SCHEMA ct, crtsh TO ctvigil_reader;';
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace IN ('ct'::regnamespace, 'crtsh'::regnamespace) AND c.relkind = 'v'
               AND NOT has_table_privilege('ctvigil_reader', c.oid, 'SELECT')) THEN
        RETURN NEXT 'GRANT SELECT ON ALL TABLES IN SCHEMA ct, crtsh TO ctvigil_reader;';
    END IF;
END $$;

-- Makes what is lacking, as far as this user may. Gives what is still lacking.
CREATE FUNCTION reader_role() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN SELECT * FROM reader_lacks() LOOP
        BEGIN
            EXECUTE line;
        EXCEPTION WHEN insufficient_privilege OR undefined_object OR duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    RETURN QUERY SELECT * FROM reader_lacks();
END $$;

-- What everybody may do in a database unless somebody takes it away: make temporary tables, make large objects, and before
-- PostgreSQL 15 make tables in the schema public. It is taken from everybody and given to those roles that have it today, so
-- that nothing that runs over this database loses anything, and readers do not have it.
CREATE FUNCTION reader_fence() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    other  text;
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY[format('TEMPORARY ON DATABASE %I', current_database()), 'CREATE ON SCHEMA public',
            'EXECUTE ON FUNCTION pg_catalog.lo_creat(integer)', 'EXECUTE ON FUNCTION pg_catalog.lo_create(oid)',
            'EXECUTE ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea)'] LOOP
        CONTINUE WHEN CASE
            WHEN target LIKE 'TEMPORARY %' THEN NOT has_database_privilege('ctvigil_reader', current_database(), 'TEMPORARY')
            WHEN target LIKE 'CREATE %' THEN NOT has_schema_privilege('ctvigil_reader', 'public', 'CREATE')
            ELSE NOT has_function_privilege('ctvigil_reader', substring(target FROM 'pg_catalog.*'), 'EXECUTE') END;
        BEGIN
            FOR other IN SELECT r.rolname FROM pg_roles AS r WHERE NOT r.rolsuper AND r.rolname NOT LIKE 'pg\_%'
                         AND r.rolname <> 'ctvigil_reader' AND NOT pg_has_role(r.oid, 'ctvigil_reader', 'MEMBER') LOOP
                EXECUTE format('GRANT %s TO %I', target, other);
            END LOOP;
            EXECUTE format('REVOKE %s FROM PUBLIC', target);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
        CONTINUE WHEN CASE
            WHEN target LIKE 'TEMPORARY %' THEN NOT has_database_privilege('ctvigil_reader', current_database(), 'TEMPORARY')
            WHEN target LIKE 'CREATE %' THEN NOT has_schema_privilege('ctvigil_reader', 'public', 'CREATE')
            ELSE NOT has_function_privilege('ctvigil_reader', substring(target FROM 'pg_catalog.*'), 'EXECUTE') END;
        RETURN NEXT format('REVOKE %s FROM PUBLIC;', target);
    END LOOP;
END $$;

-- Makes a reader, or changes its limits. Gives what only an administrator can do.
CREATE FUNCTION reader_add(reader_name text, seconds int4, most int4) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    here  text := format('ALTER ROLE %I IN DATABASE %I', reader_name, current_database());
    there record;
    line  text;
BEGIN
    PERFORM FROM reader_role();
    IF EXISTS (SELECT FROM reader_lacks()) THEN
        RAISE EXCEPTION 'the role ctvigil_reader can not be made by this user: an administrator runs %',
            (SELECT string_agg(l, ' ') FROM reader_lacks() AS l) USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT r.oid, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls INTO there FROM pg_roles AS r
    WHERE r.rolname = reader_name;
    IF reader_name IN ('ctvigil_reader', 'public', 'none') OR reader_name LIKE 'pg\_%' OR octet_length(reader_name) NOT BETWEEN 1 AND 63
    THEN
        RAISE EXCEPTION '%: not a name for a reader', reader_name USING ERRCODE = 'reserved_name';
    ELSIF there.oid IS NULL THEN
        EXECUTE format('CREATE ROLE %I LOGIN', reader_name);
    ELSIF there.rolsuper OR there.rolcreaterole OR there.rolcreatedb OR there.rolreplication OR there.rolbypassrls
          OR pg_has_role(there.oid, (SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database()), 'MEMBER')
          OR EXISTS (SELECT FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid
                     WHERE m.member = there.oid AND g.rolname <> 'ctvigil_reader') THEN
        RAISE EXCEPTION '%: this role may do more than read', reader_name USING ERRCODE = 'reserved_name';
    END IF;
    INSERT INTO reader (name, timeout_s, connections, made) VALUES (reader_name, seconds, most, there.oid IS NULL)
    ON CONFLICT (name) DO UPDATE SET timeout_s = excluded.timeout_s, connections = excluded.connections;
    EXECUTE format('GRANT ctvigil_reader TO %I', reader_name);
    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT %s', reader_name, most);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader_name);
    EXECUTE here || ' SET search_path = crtsh, ct, pg_catalog';
    EXECUTE here || ' SET default_transaction_read_only = on';
    EXECUTE format('%s SET statement_timeout = %L', here, seconds || 's');
    EXECUTE format('%s SET idle_in_transaction_session_timeout = %L', here, seconds || 's');
    EXECUTE here || ' SET lock_timeout = ''5s''';
    EXECUTE here || ' SET timezone = ''UTC''';
    BEGIN
        -- To see what they do, and to end it.
        IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', reader_name);
        ELSE
            EXECUTE here || ' SET temp_file_limit = ''4GB''';
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RETURN NEXT format('GRANT %I TO %I;', reader_name, current_user);
    END;
    RETURN QUERY SELECT * FROM reader_fence();
END $$;

-- Ends a reader: its sessions, its rights, and the role when it was made here. false: there is none of that name.
CREATE FUNCTION reader_remove(reader_name text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    was_made bool;
BEGIN
    DELETE FROM reader AS r WHERE r.name = reader_name RETURNING r.made INTO was_made;
    IF was_made IS NULL THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = reader_name) THEN
        RETURN true;
    END IF;
    EXECUTE format('ALTER ROLE %I NOLOGIN', reader_name);
    PERFORM pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity AS a WHERE a.usename = reader_name;
    EXECUTE format('REVOKE ctvigil_reader FROM %I', reader_name);
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), reader_name);
    EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', reader_name, current_database());
    IF was_made THEN
        EXECUTE format('DROP ROLE %I', reader_name);
    ELSE
        EXECUTE format('ALTER ROLE %I LOGIN', reader_name);
    END IF;
    RETURN true;
END $$;

-- A session may raise its own statement_timeout. So somebody looks: what runs longer than its reader may is cancelled, and
-- what goes on all the same, or keeps a transaction open, or holds an advisory lock (by which our own processes
-- arrange their work), is ended. Gives what was done. `otherwise`: the limit of members that nobody added here.
CREATE FUNCTION reader_watch(otherwise int4) RETURNS TABLE (name text, process int4, seconds int8, what text) LANGUAGE sql AS $$
    WITH session AS (
        SELECT a.usename::text AS who, a.pid, a.state, extract(epoch FROM clock_timestamp() - a.query_start)::int8 AS query_s,
               extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS xact_s, coalesce(r.timeout_s, otherwise) AS most,
               EXISTS (SELECT FROM pg_locks AS k WHERE k.pid = a.pid AND k.locktype = 'advisory') AS locks
        FROM pg_stat_activity AS a JOIN pg_auth_members AS m ON m.member = a.usesysid
        JOIN pg_roles AS g ON g.oid = m.roleid AND g.rolname = 'ctvigil_reader' LEFT JOIN reader AS r ON r.name = a.usename
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.usename <> current_user
    ), verdict AS (
        SELECT s.who, s.pid, coalesce(s.xact_s, s.query_s, 0) AS seconds,
               CASE WHEN s.locks THEN 'ended: it held an advisory lock'
                    WHEN s.xact_s > s.most + 10 THEN 'ended: its transaction was open for too long'
                    WHEN s.state = 'active' AND s.query_s > s.most THEN 'cancelled: it ran for too long' END AS what
        FROM session AS s
    )
    SELECT v.who, v.pid, v.seconds, v.what FROM verdict AS v
    WHERE v.what IS NOT NULL
      AND CASE WHEN v.what LIKE 'ended%' THEN pg_terminate_backend(v.pid) ELSE pg_cancel_backend(v.pid) END
$$;

-- These make roles: nobody's business but the owner's.
REVOKE EXECUTE ON FUNCTION reader_role(), reader_fence(), reader_add(text, int4, int4), reader_remove(text), reader_watch(int4)
    FROM PUBLIC;
