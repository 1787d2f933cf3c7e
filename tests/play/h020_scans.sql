-- Plans of the program's own statements. stated: where a statement stands in the program and its text. A plan is made without a
-- look at the parameters, as the program has it made; small tables are read in order, or joined by sorting them, by any planner, so
-- it is told to avoid that: a scan that is left has no index to take its place.
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
SET jit = off;

-- Steps that read a table that grows with the logs, or one of its indexes, from the beginning to the end.
CREATE FUNCTION pg_temp.scans(plan jsonb) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT DISTINCT concat_ws(' ', n ->> 'Node Type', 'on', regexp_replace(n ->> 'Relation Name', '[0-9]+$', '*'))
    FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."Relation Name") && exists (@."Node Type"))') AS n
    WHERE n ->> 'Relation Name' ~ '^(cert|cert_apex|cert_ip|log_tile|place_block|der_chunk|cert_sha256)(_([0-9]+|before|after))?$'
      AND n ->> 'Node Type' ~ '^(Seq Scan|Sample Scan|Index Scan|Index Only Scan)$' AND n ->> 'Index Cond' IS NULL
    UNION
    SELECT concat_ws(' ', n ->> 'Node Type', 'on', regexp_replace(n ->> 'Index Name', '[0-9]+', '*'))
    FROM jsonb_path_query(plan, 'strict $.** ? (@."Node Type" == "Bitmap Index Scan")') AS n
    WHERE n ->> 'Index Name' ~ '^(cert|log_tile|place_block|der_chunk)_' AND n ->> 'Index Cond' IS NULL
$$;

-- A parameter that stands where nothing says its type gets one.
CREATE FUNCTION pg_temp.prepare(asked text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    types text[] := '{}';
    least int;
BEGIN
    LOOP
        BEGIN
            EXECUTE 'PREPARE looked' || CASE WHEN types <> '{}' THEN '(' || array_to_string(types, ', ') || ')' ELSE '' END || ' AS ' || asked;
            RETURN;
        EXCEPTION WHEN indeterminate_datatype THEN
            least := substring(SQLERRM FROM 'parameter \$(\d+)')::int;
            IF least IS NULL OR least <= cardinality(types) THEN
                RAISE;
            END IF;
            types := types || array_fill('unknown'::text, ARRAY[least - 1 - cardinality(types)]) || 'text'::text;
        END;
    END LOOP;
END $$;

CREATE FUNCTION pg_temp.look(asked text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    many int;
    plan jsonb;
BEGIN
    PERFORM pg_temp.prepare(regexp_replace(asked, '^\s*DECLARE .*? FOR ', ''));
    SELECT cardinality(p.parameter_types) INTO many FROM pg_prepared_statements AS p WHERE p.name = 'looked';
    EXECUTE 'EXPLAIN (COSTS off, FORMAT json) EXECUTE looked'
        || CASE WHEN many > 0 THEN '(' || array_to_string(array_fill('NULL'::text, ARRAY[many]), ', ') || ')' ELSE '' END INTO plan;
    DEALLOCATE looked;
    RETURN QUERY SELECT * FROM pg_temp.scans(plan);
EXCEPTION WHEN undefined_column OR undefined_table OR ambiguous_function THEN
    RETURN NEXT 'can not be planned: ' || SQLERRM;
END $$;

SELECT s.place, left(regexp_replace(s.text, '\s+', ' ', 'g'), 160), string_agg(l, '; ' ORDER BY l)
FROM stated AS s CROSS JOIN LATERAL pg_temp.look(s.text) AS l GROUP BY s.place, s.text ORDER BY 1, 2;
