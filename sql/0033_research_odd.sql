-- What is no name is asked for as well: NULL gives NULL, a place that no log can have gives nothing, and of a very long name
-- only the end is compared with rules.
CREATE OR REPLACE FUNCTION ct.reversed_name(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    labels text[] := string_to_array(name, '.');
    made   text := labels[cardinality(labels)];
BEGIN
    FOR i IN REVERSE coalesce(cardinality(labels), 0) - 1 .. 1 LOOP
        made := made || '.' || labels[i];
    END LOOP;
    RETURN CASE WHEN made IS NULL AND name IS NOT NULL THEN '' ELSE made END;
END $$;

CREATE OR REPLACE FUNCTION ct.registrable_domain(name text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    whole text := ct.normal_name(regexp_replace(name, '^[*][.]', ''));
    top   text[] := (string_to_array(ct.reversed_name(whole), '.'))[:16]; -- no rule has as many labels
    list  int4 := (SELECT max(version) FROM psl);
    above text;
    size  int := 1; -- labels of the public suffix; a last label that is in no list is one
BEGIN
    FOR i IN REVERSE coalesce(cardinality(top), 0) .. 2 LOOP
        above := array_to_string(top[:i - 1], '.');
        IF EXISTS (SELECT FROM psl_rule AS r WHERE r.version = list AND r.rule = above || '.!' || top[i]) THEN
            size := i - 1;
            EXIT;
        ELSIF EXISTS (SELECT FROM psl_rule AS r WHERE r.version = list AND r.rule IN (above || '.' || top[i], above || '.*')) THEN
            size := i;
            EXIT;
        END IF;
    END LOOP;
    RETURN CASE WHEN size >= coalesce(cardinality(top), 0) THEN whole ELSE ct.reversed_name(array_to_string(top[:size + 1], '.')) END;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION ct.registrable_domain(text) SET search_path = %I, pg_temp', current_schema());
END $$;

CREATE OR REPLACE FUNCTION ct.sighting_at(log_id int, index int8) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT s.* FROM ct.sightings AS s
    WHERE s.log_id = sighting_at.log_id AND s.tile = sighting_at.index / 256 AND s.index = sighting_at.index;
END;

CREATE OR REPLACE FUNCTION ct.normal_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN name ~ '^[\x21-\x7e]*$' THEN lower(trim(BOTH '.' FROM name))
           ELSE (SELECT string_agg(CASE WHEN l ~ '[^\x01-\x7f]' THEN ct.punycode(l) ELSE l END, '.' ORDER BY n)
                 FROM regexp_split_to_table(lower(normalize(trim(BOTH '. ' FROM name), NFKC)), '[.]') WITH ORDINALITY AS p (l, n)) END
$$;
