# What researchers ask: the views of schema ct, crt.sh's front door, readers and their limits, and every question of
# docs/research.md, over a generated database.
load play
load strict

setup_file() {
    play_begin_db
    psql -q -v ON_ERROR_STOP=1 -v certs=4000 -f "$BATS_TEST_DIRNAME/research_data.sql" "$DSN"
    ctv db reader add guest --timeout 20
}

teardown_file() {
    play_end
}

# As a reader; of a statement that fails the message.
reader() {
    psql -X -At -v ON_ERROR_STOP=1 "${DSN/user=ctvigil/user=guest}" "$@" 2>&1
}

@test "every column of every view is as it was, has a comment, and can be read" {
    psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE SCHEMA tap' -c 'CREATE EXTENSION pgtap SCHEMA tap' "$DSN" ||
        { echo "pgTAP is not installed: ops/check installs it"; false; }
    psql -X -q -At -v ON_ERROR_STOP=1 \
        -f "$BATS_TEST_DIRNAME/research_columns.sql" "$DSN" >"$PLAY/tap"
    none -E '^not ok|^# ' "$PLAY/tap" || { cat "$PLAY/tap"; false; }
    [ "$(grep -c '^ok' "$PLAY/tap")" -gt 100 ]
}

@test "names have in SQL the registrable domain that they have in the program" {
    # Rows that were written with the one must be found with the other: each certificate by each of its names.
    [ "$(sql "SELECT count(*) FROM (SELECT * FROM ct.certificates ORDER BY tbs_fp LIMIT 300) AS c, unnest(c.names) AS n
        WHERE NOT EXISTS (SELECT FROM ct.named(n) AS f WHERE f.tbs_fp = c.tbs_fp)")" = 0 ]
    while IFS='|' read -r name domain; do
        [ "$(reader -c "SELECT ct.registrable_domain('$name')")" = "$domain" ] || { echo "$name: not $domain"; false; }
    done <<'ROWS'
www.example.com|example.com
*.a.example.co.uk|example.co.uk
co.uk|co.uk
uk|uk
a.b.c.unlisted|c.unlisted
www.ck|www.ck
x.y.www.ck|www.ck
a.b.ck|a.b.ck
b.ck|b.ck
x.user.github.io|user.github.io
a.b.city.kawasaki.jp|city.kawasaki.jp
a.b.other.kawasaki.jp|b.other.kawasaki.jp
WWW.Example.COM.|example.com
bücher.example|xn--bcher-kva.example
a.公司.cn|a.xn--55qx5d.cn
ROWS
}

@test "each look-up finds what a slow plain reading of all rows finds" {
    while IFS='|' read -r fast slow; do
        run -0 reader -c "SELECT count(*) FROM ($fast) AS f FULL JOIN ($slow) AS s USING (tbs_fp) WHERE f.tbs_fp IS NULL OR s.tbs_fp IS NULL" \
            -c "SELECT count(*) > 0, count(*) = count(DISTINCT tbs_fp) FROM ($fast) AS f"
        [ "$output" = $'0\nt|t' ] || { echo "$fast"; echo "$output"; false; }
    done <<'ROWS'
SELECT tbs_fp FROM ct.subtree('site3.com')|SELECT tbs_fp FROM ct.certificates WHERE EXISTS (SELECT FROM unnest(names) AS n WHERE n = 'site3.com' OR n LIKE '%.site3.com')
SELECT tbs_fp FROM ct.subtree('WWW.site3.com.')|SELECT tbs_fp FROM ct.certificates WHERE 'www.site3.com' = ANY (names)
SELECT tbs_fp FROM ct.subtree('other5.net')|SELECT tbs_fp FROM ct.certificates WHERE 'mail.other5.net' = ANY (names)
SELECT tbs_fp FROM ct.named('*.site3.com')|SELECT tbs_fp FROM ct.certificates WHERE '*.site3.com' = ANY (names)
SELECT tbs_fp FROM ct.host('any.site3.com')|SELECT tbs_fp FROM ct.certificates WHERE '*.site3.com' = ANY (names)
SELECT tbs_fp FROM ct.host('www.site3.com')|SELECT tbs_fp FROM ct.certificates WHERE names && ARRAY['*.site3.com', 'www.site3.com']
SELECT tbs_fp FROM ct.below_suffix('co.uk')|SELECT tbs_fp FROM ct.certificates WHERE EXISTS (SELECT FROM unnest(names) AS n WHERE n = 'co.uk' OR n LIKE '%.co.uk')
SELECT tbs_fp FROM ct.organisation('COMPANY  3')|SELECT DISTINCT tbs_fp FROM ct.names WHERE kind = 'org' AND name = 'Company 3'
SELECT tbs_fp FROM ct.email('joe@site4.com')|SELECT DISTINCT tbs_fp FROM ct.names WHERE kind = 'email' AND name = 'joe@site4.com'
SELECT tbs_fp FROM ct.uri('trust1.example')|SELECT DISTINCT tbs_fp FROM ct.names WHERE kind = 'uri' AND name LIKE 'spiffe://trust1.example/%'
SELECT tbs_fp FROM ct.address('198.51.100.0/27')|SELECT DISTINCT tbs_fp FROM ct.addresses WHERE ip < '198.51.100.32'
SELECT tbs_fp FROM ct.address('::ffff:198.51.100.0/123')|SELECT DISTINCT tbs_fp FROM ct.addresses WHERE ip < '198.51.100.32'
SELECT tbs_fp FROM ct.address('203.0.113.0/24')|SELECT DISTINCT tbs_fp FROM ct.addresses WHERE host(ip) LIKE '%203.0.113.%'
SELECT tbs_fp FROM ct.address('::ffff:203.0.113.0/120')|SELECT DISTINCT tbs_fp FROM ct.addresses WHERE host(ip) LIKE '%203.0.113.%'
SELECT tbs_fp FROM ct.address('::/64')|SELECT DISTINCT tbs_fp FROM ct.addresses WHERE host(ip) LIKE '::ffff:203.0.113.%'
SELECT tbs_fp FROM ct.common_name('SERVER of Müller 3')|SELECT tbs_fp FROM ct.certificates WHERE common_name = 'Server  of Müller 3'
SELECT tbs_fp FROM ct.common_name('SITE3.com.')|SELECT tbs_fp FROM ct.certificates WHERE common_name = 'site3.com'
SELECT tbs_fp FROM ct.wildcard('Site3.com')|SELECT tbs_fp FROM ct.certificates WHERE EXISTS (SELECT FROM unnest(names) AS n WHERE n LIKE '*.site3.com' OR n LIKE '*.%.site3.com')
SELECT tbs_fp FROM ct.with_key(sha256('key3'))|SELECT tbs_fp FROM ct.certificates WHERE spki_sha256::bytea OPERATOR(pg_catalog.=) sha256('key3')
SELECT tbs_fp FROM ct.with_serial((SELECT serial FROM ct.with_fingerprint(sha256('fp50'))))|SELECT sha256('fp50') AS tbs_fp
SELECT tbs_fp FROM ct.with_fingerprint(sha256('fp77'))|SELECT sha256('fp77') AS tbs_fp
SELECT tbs_fp FROM ct.with_sha256(sha256('1.78'))|SELECT sha256('fp78') AS tbs_fp
SELECT tbs_fp FROM ct.certificate_at(1, 499)|SELECT sha256('fp500') AS tbs_fp
SELECT tbs_fp FROM ct.certificate_by_id((1::int8 << 40) + 76)|SELECT sha256('fp77') AS tbs_fp
ROWS
    [ "$(reader -c "SELECT count(*) FROM ct.certificates AS c, ct.sightings_of(c.tbs_fp) AS s" -c "SELECT count(*) FROM ct.sightings" | uniq | wc -l)" = 1 ]
    [ "$(reader -c "SELECT form, index FROM ct.sighting_at(3, 0)")" = "final|0" ]
    # Names of attackers come out without a byte that a terminal would obey.
    reader -c "SELECT name FROM ct.names WHERE tbs_fp = sha256('fp7')" | has -F 'evil\x00\x1b[31m.'
    [ "$(reader -c "SELECT count(*) FROM ct.names WHERE name ~ '[^ -~]'")" = 0 ]
}

@test "what is no name, no hash and no place gives nothing, and soon" {
    local name
    for name in NULL "''" "'.'" "'...'" "'*'" "'*.'" "'%'" "' '" "repeat('a.', 20000)" "repeat('\u00fc', 100000)" "repeat('x', 1000000)" \
        "E'a\\nb.com'" "'com'" "'\\'"; do
        reader -c "SET statement_timeout = '10s'" -c "SELECT length(ct.registrable_domain($name)), ct.is_suffix($name)" \
            -c "SELECT count(*) FROM (SELECT FROM ct.host($name) UNION ALL SELECT FROM ct.named($name)
                UNION ALL SELECT FROM ct.common_name($name) UNION ALL SELECT FROM ct.wildcard($name)) AS c" >"$PLAY/odd" || { echo "$name"; cat "$PLAY/odd"; false; }
        [ "$(tail -n 1 "$PLAY/odd")" = 0 ] || { echo "$name"; cat "$PLAY/odd"; false; }
    done
    for name in "certificate_at(-1, -5)" "certificate_at(100000, 5)" "certificate_by_id(-1)" "sightings_of('\x')" "sightings_of(NULL)" \
        "with_serial('\x')" "with_key(NULL)" "with_sha256('\x00')" "with_fingerprint('')" "address(NULL)"; do
        [ "$(reader -c "SELECT count(*) FROM ct.$name")" = 0 ] || { echo "$name"; false; }
    done
}

@test "look-ups use indexes, whatever stands around them" {
    while IFS= read -r query; do
        reader -c "SET enable_seqscan = off" -c "EXPLAIN (COSTS off) $query" >"$PLAY/plan"
        none -E 'Seq Scan on (cert|log_tile)' "$PLAY/plan" || { echo "$query"; false; }
    done <<'ROWS'
SELECT * FROM ct.subtree('site3.com') ORDER BY not_before DESC LIMIT 100
SELECT * FROM ct.host('www.site3.com') WHERE not_after > now() ORDER BY not_before DESC LIMIT 100
SELECT * FROM ct.named('*.site3.com')
SELECT * FROM ct.wildcard('site3.com') ORDER BY not_before DESC LIMIT 100
SELECT * FROM ct.common_name('site3.com') WHERE not_after > now()
SELECT * FROM ct.common_name('Server of Müller 3')
SELECT * FROM ct.address('198.51.100.7')
SELECT * FROM ct.address('::ffff:198.51.100.0/120')
SELECT * FROM ct.organisation('Company 3') ORDER BY not_before DESC LIMIT 100
SELECT * FROM ct.email('joe@site4.com') WHERE not_after > now()
SELECT * FROM ct.uri('trust1.example')
SELECT * FROM ct.uri('spiffe://trust1.example/ns/200')
SELECT * FROM ct.certificate(sha256('x'), now(), 1)
SELECT * FROM ct.with_key(sha256('x'))
SELECT * FROM ct.with_serial('\x01')
SELECT * FROM ct.with_fingerprint(sha256('x'))
SELECT * FROM ct.sighting_at(1, 5)
SELECT * FROM ct.sightings_of(sha256('x'))
SELECT * FROM ct.certificate_of(1, current_date)
SELECT * FROM ct.domain_keys WHERE domain_key = 1
SELECT * FROM ct.addresses WHERE ip <<= '198.51.100.0/27'
SELECT * FROM ct.issuance WHERE issuer_id = 3
SELECT * FROM crtsh.certificate_lifecycle WHERE certificate_id = 5::int8
SELECT * FROM crtsh.ct_log_entry WHERE certificate_id = 5::int8
SELECT * FROM ct.certificates WHERE serial = '\x0123456789'
SELECT * FROM ct.certificates WHERE spki_sha256 = '\x0123456789'
SELECT * FROM ct.certificates WHERE tbs_fp = '\x0123456789'
SELECT * FROM ct.key_reuse WHERE spki_sha256 = '\x0123456789'
SELECT * FROM ct.with_sha256('\x0123456789')
SELECT * FROM ct.certificate_at(1, 5)
SELECT * FROM ct.certificate_by_id(1099511627776)
SELECT * FROM ct.names WHERE tbs_fp = '\x0123456789'
SELECT s.* FROM ct.subtree('site3.com') AS c, ct.sightings_of(c.tbs_fp) AS s
SELECT c.* FROM ct.sightings AS s, ct.certificate_of(s.tbs_fp8, s.not_after_day) AS c WHERE s.log_id = 1::int2 AND s.tile = 1
ROWS
}

@test "a reader sees no table, writes nothing, and makes nothing" {
    for statement in 'SELECT * FROM public.domain' 'SELECT * FROM public.outbox' 'SELECT * FROM public.alert' 'SELECT * FROM public.cert' \
        'SELECT * FROM public.reader' 'DELETE FROM ct.addresses' "UPDATE ct.ca_certificates SET der = ''" \
        'CREATE TEMP TABLE x (a int)' 'CREATE TABLE public.x (a int)' 'CREATE TABLE ct.x (a int)' 'CREATE SCHEMA x' 'SELECT lo_create(0)' \
        "SELECT public.reader_add('x', 1, 1)" 'SELECT public.reader_watch(1)' 'CREATE ROLE x' "COPY (SELECT 1) TO '$PLAY/x'" \
        "SELECT pg_read_file('/etc/passwd')" 'INSERT INTO public.psl (sha256, list) SELECT sha256, list FROM public.psl'; do
        run ! reader -c 'SET default_transaction_read_only = off' -c "$statement"
        [[ "$output" == *"permission denied"* || "$output" == *"must be superuser"* ]] || { echo "$statement: $output"; false; }
    done
    # What its functions do with the rights of their maker finds nothing that a reader put in front of the tables.
    [ "$(reader -c 'SHOW default_transaction_read_only')" = on ]
    [ "$(sql "SELECT count(*) FROM pg_proc WHERE prosecdef AND pronamespace = 'ct'::regnamespace
        AND NOT 'search_path=public, pg_temp' = ANY (proconfig)")" = 0 ]
    for name in ctvigil ctvigil_reader pg_monitor; do
        run ! ctv db reader add "$name"
    done
    run -2 ctv db reader add guest --timeout 0
    run -2 ctv db reader add "x'; DROP TABLE cert"
}

@test "what outlives its limit is ended, also when the session raised it" {
    ctv db reader add slow --timeout 1 --connections 2
    local dsn=${DSN/user=ctvigil/user=slow}
    sessions() {
        sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'slow'"
    }
    run ! psql -X -At -c 'SELECT pg_sleep(30)' "$dsn"
    [[ "$output" == *"statement timeout"* ]]
    background slow1 psql -X -At -c 'SET statement_timeout = 0' -c 'SELECT pg_sleep(600)' "$dsn"
    background slow2 psql -X -At -c 'SET statement_timeout = 0' -c "DO \$\$ BEGIN FOR i IN 1 .. 60 LOOP BEGIN PERFORM pg_sleep(60);
        EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END \$\$" "$dsn"
    wait_for '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = '\''slow'\'' AND clock_timestamp() - query_start > '\''1.1 s'\''")" = 2 ]' 60
    run ! psql -X -At -c 'SELECT 1' "$dsn"
    [[ "$output" == *"too many connections"* ]]
    background watcher "$CTVIGIL" --state-dir "$STATE" watch
    wait_for 'grep -qE "canceling statement due to user request|terminating connection due" "$PLAY/slow1.log"' 60
    wait_for 'sql "SELECT FROM reader_watch(60)"; grep -q "terminating connection due to administrator" "$PLAY/slow2.log"' 60
    wait_for 'grep -q "reader=slow process=[0-9]* seconds=[0-9]* [a-z]*ed: it" "$PLAY/watcher.log"' 60
    # Advisory locks are how our own processes arrange their work.
    wait_for "prints 0 sessions" 60
    background slow3 psql -X -At -c 'SELECT pg_advisory_lock(1)' -c '\! sleep 60' -c 'SELECT 1' "$dsn"
    wait_for 'grep -q "ended: it held an advisory lock" <<<"$(sql "SELECT what FROM reader_watch(60)")" ||
        grep -q "ended: it held" "$PLAY/watcher.log"' 60
    wait_for "prints 0 sessions" 60
    # Nobody else's session is touched.
    [ "$(sql 'SELECT count(*) FROM reader_watch(0)')" = 0 ]
    ctv db reader remove slow
    run ! psql -X -At -c 'SELECT 1' "$dsn"
    run -2 ctv db reader remove slow
    [ "$(ctv db reader list --json | jq -r .name)" = guest ]
}

@test "every question of docs/research.md has an answer, and reads all certificates only where it says so" {
    local asked folder
    asked=$(python3 "$BATS_TEST_DIRNAME/research_questions.py" "$CTVIGIL_SOURCE/docs/research.md" "$PLAY/questions")
    [ "$asked" -ge 20 ]
    for folder in "$PLAY"/questions/*; do
        { cat "$folder/query.sql"; echo "\\g $folder/answer"; echo 'SET enable_seqscan = off; EXPLAIN (COSTS off)'
          cat "$folder/query.sql"; echo "\\g $folder/plan"; } >"$folder/run.sql"
        reader -q -P tuples_only=off -P footer=off -f "$folder/run.sql" || { cat "$folder/run.sql"; false; }
        diff <(head -n 1 "$folder/answer") "$folder/heads"
        [ -e "$folder/empty" ] || [ "$(wc -l <"$folder/answer")" -gt 1 ] || { echo "$folder: no row"; false; }
        [ -e "$folder/scans" ] || none -E 'Seq Scan on (cert|log_tile)' "$folder/plan" || { cat "$folder/query.sql"; false; }
    done
}

@test "clients of crt.sh get their answers, by an index, in every protocol" {
    local name mode
    awk -v play="$PLAY" '/^-- [a-z]+: / { name = substr($2, 1, length($2) - 1); next } name { print > play "/client." name }' \
        "$BATS_TEST_DIRNAME/research_clients.sql"
    [ "$(ls "$PLAY"/client.* | wc -l)" -ge 10 ]
    for name in "$PLAY"/client.*; do
        { echo 'PREPARE asked (text) AS'; cat "$name"; echo "; EXECUTE asked ('site3.com'); SET enable_seqscan = off;"
          echo "EXPLAIN (COSTS off) EXECUTE asked ('site3.com') \\g $PLAY/plan"; } >"$PLAY/run.sql"
        reader -f "$PLAY/run.sql" >"$PLAY/answer" || { echo "$name"; cat "$PLAY/answer"; false; }
        [ "$(wc -l <"$PLAY/answer")" -gt 2 ] || { echo "$name: no row"; false; }
        none -E 'Seq Scan on (cert|log_tile)' "$PLAY/plan" || { echo "$name"; false; }
    done
    # The names are the ones that the views for researchers have.
    [ "$(reader -c "SELECT count(*) FROM (SELECT DISTINCT x.name_value AS n FROM certificate_and_identities x WHERE plainto_tsquery('certwatch', 'site3.com')
        @@ identities(x.certificate)) AS a FULL JOIN (SELECT DISTINCT n.name AS n FROM ct.subtree('site3.com') AS c
        JOIN ct.names AS n USING (tbs_fp)) AS b USING (n)
        WHERE a.n IS NULL OR b.n IS NULL")" = 0 ]
    # A hash leads from a domain to certificates, and from each of these to its names, by the index; one that nobody kept to none.
    [ "$(reader -c "SELECT count(*) > 3, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM certificate_and_identities AS n
        WHERE digest(n.certificate, 'sha256') = s.hash AND n.name_value LIKE '%site3.com')) FROM (SELECT DISTINCT digest(c.certificate, 'sha256') AS hash
        FROM certificate AS c WHERE plainto_tsquery('certwatch', 'site3.com') @@ identities(c.certificate)) AS s WHERE s.hash IS NOT NULL")" = 't|0' ]
    [ "$(sql "SELECT count(*) FROM cert_sha256 AS h WHERE h.tbs_fp <> ALL (SELECT (c.certificate).tbs_fp FROM crtsh.certificate AS c
        WHERE crtsh.digest(c.certificate, 'sha256') OPERATOR(crtsh.=) h.sha256)")" = 0 ]
    for name in bytea "crtsh.fingerprint"; do
        reader -f - >"$PLAY/plan" <<<"SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; PREPARE h ($name) AS SELECT DISTINCT name_value FROM certificate_and_identities
            WHERE digest(certificate, 'sha256') = \$1; EXPLAIN (COSTS off) EXECUTE h (sha256('0.6'))"
        none -E 'Seq Scan on (cert|log_tile)' "$PLAY/plan" || { cat "$PLAY/plan"; false; }
        grep -q cert_sha256_of "$PLAY/plan"
    done
    [ "$(reader -c "SELECT count(*) FROM certificate_and_identities WHERE digest(certificate, 'sha256') = sha256('nobody')")" = 0 ]
    # Alternative names by their kind, as the views have them.
    for name in 1:email 2:dns 6:uri 7:ip; do
        [ "$(sql "SET search_path = crtsh, ct, public; SELECT count(*) > 3, count(*) FILTER (WHERE a IS NULL OR b IS NULL)
            FROM (SELECT DISTINCT (c.certificate).tbs_fp AS fp, x509_altNames(c.certificate, ${name%:*}) AS a FROM certificate AS c) AS x
            FULL JOIN (SELECT DISTINCT tbs_fp AS fp, n.name AS b FROM ct.names AS n WHERE replace(n.kind, 'raw', '') = '${name#*:}') AS y
            ON x.fp = y.fp AND x.a = y.b")" = $'t\t0' ]
    done
    # A second registrable domain, a public suffix, an A-label that the parser tears in two, and what is no name.
    [ "$(reader -c "SELECT count(DISTINCT certificate_id) > 0 FROM certificate_and_identities WHERE plainto_tsquery('certwatch', 'mail.other3.net') @@ identities(certificate)")" = t ]
    [ "$(reader -c "SELECT count(DISTINCT c.id) = (SELECT count(*) FROM ct.below_suffix('co.uk')) FROM certificate c WHERE plainto_tsquery('certwatch', 'co.uk') @@ identities(c.certificate)")" = t ]
    [ "$(reader -c "SELECT crtsh.words(plainto_tsquery('certwatch', 'www.xn--bcher-kva.example'))")" = "{www.xn--bcher-kva.example}" ]
    [ "$(reader -c "SELECT crtsh.words(plainto_tsquery('certwatch', 'it''s xn--bcher-kva.example'))")" = "{it,s,xn--bcher-kva.example}" ]
    for name in "'" "%" "\\" "&" "" "a b c" "--" "x' OR true --"; do
        reader -v "it=$name" -f - <<<"SELECT count(*) >= 0 FROM certificate WHERE plainto_tsquery('certwatch', :'it') @@ identities(certificate)"
    done
    # Parameters without a type, as drivers send them.
    for mode in simple extended prepared; do
        { echo "SELECT count(*) FROM certificate_and_identities x WHERE plainto_tsquery('certwatch', :domain) @@ identities(x.certificate)"
          echo " AND x.name_value ILIKE ('%' || :domain || '%');"; } >"$PLAY/bench.sql"
        [ $mode = simple ] && sed -i "s/:domain/'site3.com'/g" "$PLAY/bench.sql"
        "$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)/pgbench" -n -t 3 -M $mode -D domain=site3.com -f "$PLAY/bench.sql" \
            -h "$(sed "s/.*host='\([^']*\)'.*/\1/" <<<"$DSN")" -U guest ctvigil
    done
    if /usr/bin/python3 -c 'import psycopg2' 2>/dev/null; then
        /usr/bin/python3 - "${DSN/user=ctvigil/user=guest}" <<'PYTHON'
import sys, psycopg2
link = psycopg2.connect(sys.argv[1])
link.set_session(readonly=True, autocommit=True)
rows = link.cursor()
rows.execute("SELECT DISTINCT name_value FROM certificate_and_identities WHERE plainto_tsquery('certwatch', %s)"
             " @@ identities(certificate) AND name_value ILIKE %s", ("site3.com", "%.site3.com"))
assert ("www.site3.com",) in rows.fetchall()
PYTHON
    else
        echo "skipped: python3-psycopg2 is not installed" >&3
    fi
}
