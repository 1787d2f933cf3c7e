# The partitions of a private database as its owner meets them: what prune would do, does, and what a search says of what is
# kept no longer. (Writers, readers and kill -9 meanwhile: unit.db_part, unit.db_horizon.)
load play
load strict

setup_file() {
    play_begin_db
}

teardown_file() {
    play_end
}

sql() {
    psql -XqAt -d "$DSN" -c "$1"
}

# Two years of certificates that have expired, three a day, all in one log.
grow() {
    sql "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('old log', 'rfc6962', 'https://log.test', sha256('1'), 'k');
         INSERT INTO cert SELECT t, t - interval '90 days', t - interval '90 days', i, i, 0, 1, 1, sha256(i::text::bytea),
             int4send(i), sha256('k'), 'test.x' || i FROM (SELECT i, date_trunc('day', now()) - (30 + i / 3) * interval '1 day'
             AS t FROM generate_series(0, 2189) AS i) AS x;
         INSERT INTO log_tile SELECT 1, 0, 0, 0, ARRAY[('x' || left(encode(tbs_fp, 'hex'), 16))::bit(64)::int8],
             ARRAY[('x' || left(encode(sha256(tbs_fp), 'hex'), 16))::bit(64)::int8], '\\x000000000000'::bytea || '\\x00'::bytea
             || substring(int4send((extract(epoch FROM not_after) / 86400)::int4) FROM 3)
             FROM cert WHERE idx = 2189;
         SELECT place_fill()"
}

@test "a new database needs nothing; prune and its dry run say so" {
    run -0 --separate-stderr ctv db prune --dry-run
    [ "$output" = "nothing to do" ]
    run -0 --separate-stderr ctv db prune
    [ "$output" = "nothing to do" ]
    run -0 --separate-stderr ctv db prune --json
    [ -z "$output" ]
}

@test "the dry run says what would be done and does nothing; prune does it; then there is nothing left" {
    grow
    before=$(sql "SELECT md5(string_agg(c::text, '' ORDER BY tbs_fp)) FROM cert AS c")
    run -0 --separate-stderr ctv db prune --dry-run
    [[ $output == *"would seal "* ]]
    leaves=$(sql "SELECT string_agg(suffix, ' ' ORDER BY suffix) FROM partition_leaf")
    [ "$(sql "SELECT count(*) FROM partition_state WHERE sealed_at IS NOT NULL")" = 0 ]
    run -0 --separate-stderr ctv --json db prune
    jq -se 'length > 0 and all(.schema == "ctvigil.db.prune.1" and .done and .bytes_left > 0)' <<<"$output"
    [ "$(sql "SELECT md5(string_agg(c::text, '' ORDER BY tbs_fp)) FROM cert AS c")" = "$before" ]
    [ "$(sql "SELECT count(*) > 0 FROM partition_state WHERE sealed_at IS NOT NULL")" = t ]
    run -0 --separate-stderr ctv db prune
    [ "$output" = "nothing to do" ]
}

@test "another one that is at it is said" {
    background holder psql -Xq -d "$DSN" -c "SELECT partition_lock(), pg_sleep(600)"
    wait_for '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"' AND classid = 1668707433")" = 1 ]' 60
    run -4 --separate-stderr ctv db prune
    [[ $stderr == *"another process is looking after the partitions"* ]]
    run -0 ctv db prune --dry-run
}

# Whoever holds the lock for a test does not outlive it.
teardown() {
    play_logs
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%partition_lock(), pg_sleep%' AND pid <> pg_backend_pid()" >/dev/null
    wait_for '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"' AND classid = 1668707433")" = 0 ]' 60
}

@test "retention drops whole partitions; a search says what it can not find any more" {
    run -0 --separate-stderr ctv search fp:"$(sql "SELECT encode(tbs_fp, 'hex') FROM cert WHERE idx = 2189")"
    [[ $output == *test* ]]
    [ -z "$stderr" ]
    fp=$(sql "SELECT encode(tbs_fp, 'hex') FROM cert WHERE idx = 2189")
    sha256=$(sql "SELECT encode(sha256(tbs_fp), 'hex') FROM cert WHERE idx = 2189")
    all=$(sql "SELECT count(*) FROM cert")
    export CTVIGIL_DB_RETAIN_EXPIRED_DAYS=400
    run -0 --separate-stderr ctv db prune --dry-run
    [[ $output == *"would drop before (until 2013-01-01, ~0 rows"* ]]
    run -0 --separate-stderr ctv db prune
    [[ $output == *"drop "* ]]
    kept=$(sql "SELECT count(*) FROM cert")
    [ "$kept" -gt 0 ]
    [ "$kept" -lt "$all" ]
    [ "$(sql "SELECT count(*) FROM cert AS c JOIN cert_removal AS r ON c.not_after < r.horizon")" = 0 ]
    # No leaf goes that holds anything younger.
    [ "$(sql "SELECT horizon <= now() - interval '400 days' FROM cert_removal")" = t ]
    for query in "fp:$fp" "sha256:$sha256" "$fp"; do
        run -0 --separate-stderr ctv search "$query"
        [ -z "$output" ]
        [[ $stderr == *'entry 0 of log "old log" has it'*"beyond the retention horizon"* ]]
    done
    run -0 --separate-stderr ctv search test.x1
    [[ $stderr == *"is not kept (db.retain_expired_days)"* ]]
    ctv domain add watched.example 2>&1 | has 'is not kept (db.retain_expired_days)'
    ctv domain history watched.example 2>&1 | has 'is not kept (db.retain_expired_days)'
}

@test "another public suffix list is taken while certificates are stored; names are found by it" {
    sql "INSERT INTO cert SELECT now() + interval '10 days', now(), now(), ('x' || left(encode(sha256('moved.example'), 'hex'),
         16))::bit(64)::int8, 9999, 0, 1, 1, sha256('moved'), int4send(77), sha256('k'), 'example.moved.a'"
    { cat /usr/share/publicsuffix/public_suffix_list.dat; echo; echo moved.example; } >"$PLAY/list"
    run -0 --separate-stderr ctv db suffixes
    [ "$output" = "this public suffix list is in force already" ]
    run -2 --separate-stderr ctv db suffixes "$PLAY/nowhere"
    run -0 --separate-stderr ctv --json db suffixes "$PLAY/list"
    jq -e '.schema == "ctvigil.db.suffixes.1" and .changed and .rules == 1 and .keys == 1' <<<"$output"
    ctv db status --json | jq -e '.suffixes_differ'
    for name in a.moved.example name:a.moved.example; do
        run -0 --separate-stderr ctv search --json "$name"
        jq -e '.names == ["a.moved.example"]' <<<"$output"
    done
    # Back to the one of before at once, but no third one: readers may still hold the first.
    { cat "$PLAY/list"; echo; echo other.example; } >"$PLAY/third"
    run -2 --separate-stderr ctv db suffixes "$PLAY/third"
    [[ $stderr == *"less than a day ago"* ]]
    run -0 --separate-stderr ctv db suffixes
    [ "$output" = "the new public suffix list is in force: 0 keys added" ]
    run -0 --separate-stderr ctv search --json name:a.moved.example
    jq -e '.names == ["a.moved.example"]' <<<"$output"
}

@test "hours that are none are an error of the configuration" {
    CTVIGIL_DB_MAINTAIN_HOURS=25-3 run -2 --separate-stderr ctv ingest
    [[ $stderr == *"db.maintain_hours"* ]]
}

@test "damaged rows of place_block are said, found and made anew" {
    run -0 --separate-stderr ctv db places
    [[ $output == *" blocks looked at, 0 of them damaged" ]]
    sql "UPDATE place_block SET places = places || '\\x00'"
    sha=$(sql "SELECT lpad(to_hex(sha8[1]), 16, '0') || repeat('0', 48) FROM log_tile")
    sql "INSERT INTO place_bad (kind, level, bucket, what) VALUES (1, 0, 0, 'by hand')"
    run -0 --separate-stderr ctv search "sha256:$sha"
    [[ $stderr == *"a hash may not be found"* ]]
    run -0 --separate-stderr ctv db status
    [[ $output == *"WRONG     rows of place_block were damaged: of 1 buckets"* ]]
    [[ $output == *"places    by tbs_fp: level 0: 1 block, 1 a bucket"* ]]
    run -0 --separate-stderr ctv --json db status
    [ "$(jq .place_buckets_bad <<<"$output")" = 1 ]
    [ "$(jq -c '[.place_levels[] | [.kind, .level, .blocks, .lags]]' <<<"$output")" = '[["tbs_fp",0,1,false],["sha256",0,1,false]]' ]
    run -0 --separate-stderr ctv --json db places
    [ "$(jq -c '[.schema, .damaged, .tiles_read]' <<<"$output")" = '["ctvigil.db.places.1",2,1]' ]
    run -0 --separate-stderr ctv db places --anew
    [[ $output == *"0 of them damaged; what was missing is made anew from 1 tiles" ]]
    [ "$(sql "SELECT count(*) FROM ct.by_sha8(ARRAY[('x' || left('$sha', 16))::bit(64)::int8])")" = 1 ]
    run -0 --separate-stderr ctv search "sha256:$sha"
    [[ $stderr != *"a hash may not be found"* ]]
}
