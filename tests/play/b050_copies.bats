# Copies of a database, with real tools: a dump and a base backup taken while ingest runs, restored, and read on; a replica and
# a pooler for those who read. docs/backup.md and docs/scale.md say the same in words.
load play
load strict

setup_file() {
    play_begin_db
    OWNER=$(stat -c %U "$STATE/pg/data")
    # In front of a command, as words, so that $! is the command's own process.
    AS_OWNER=
    if [ "$(id -u)" = 0 ] && [ "$OWNER" != root ]; then
        AS_OWNER="setpriv --reuid $OWNER --regid $(id -g "$OWNER") --clear-groups"
    fi
    export OWNER AS_OWNER
    # What docs/backup.md asks for: a private cluster does not send WAL by itself.
    install -d -m 700 -o "$OWNER" "$PLAY/wal"
    printf '%s\n' "wal_level = replica" "max_wal_senders = 5" "archive_mode = on" \
        "archive_command = 'test ! -f $PLAY/wal/%f && cp %p $PLAY/wal/%f'" >"$PLAY/local.conf"
    STATEMENTS=
    if [ -e "$(pg_config --pkglibdir)/pg_stat_statements.so" ]; then
        STATEMENTS=yes
        echo "shared_preload_libraries = 'pg_stat_statements'" >>"$PLAY/local.conf"
    fi
    export STATEMENTS
    install -m 600 -o "$OWNER" "$PLAY/local.conf" "$STATE/pg/data/local.conf"
    ctv db stop
    db_up
    [ "$(sql "SHOW wal_level")" = replica ]
    start_sim --entries 6000 --seed 50
    add_log rfc rfc6962
    add_log tiles static-ct
    ctv domain add dev
}

teardown_file() {
    play_end
}

stored() {
    sql "SELECT coalesce(sum(next - range_begin), 0) FROM log_range"
}

# What is told by now, whatever was told first.
alerts_of() {
    psql -XqAt -d "$1" -c "SELECT domain_name, encode(tbs_fp, 'hex'), kind, count(*) FROM alert GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
}

of_copy() {
    local DSN=$1
    shift
    "$@"
}

@test "a dump that is taken while ingest runs is one moment; read on it becomes the same" {
    background ingest "$CTVIGIL" --state-dir "$STATE" ingest
    pid=$!
    wait_for '[ "$(stored)" -gt 0 ]' 60
    pg_dump -Fc -d "$DSN" -f "$PLAY/dump"
    pg_basebackup -d "$DSN" -D - -Ft -X fetch -c fast >"$PLAY/base.tar"
    kill "$pid"
    ended "$pid" || true
    run -0 ingest
    dump_db >"$PLAY/whole"

    createdb -h "$STATE/pg/sock" -U ctvigil restored
    copy=${DSN/dbname=ctvigil/dbname=restored}
    pg_restore --exit-on-error -d "$copy" "$PLAY/dump"
    [ "$(of_copy "$copy" sql "SELECT count(*) > 0 FROM schema_migration")" = t ]
    at=$(of_copy "$copy" sql "SELECT sum(next - range_begin) FROM log_range")
    [ "$at" -gt 0 ]
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$STATE" --db "$copy" ingest --once
    of_copy "$copy" dump_db >"$PLAY/copy"
    diff "$PLAY/whole" "$PLAY/copy"
    of_copy "$copy" assert_counts
    [ "$(alerts_of "$copy" | wc -l)" -gt 10 ]
    diff <(alerts_of "$DSN") <(alerts_of "$copy")
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$STATE" --db "$copy" --json db status
    jq -e '.schema_fits and .wrong == []' <<<"$output"
}

@test "db status: parts, what is stored, and that all is well" {
    sql "ANALYZE" # estimates
    run -0 --separate-stderr ctv --json db status
    jq -e '.schema_fits and .certificates_estimate > 1000 and .bytes_per_certificate > 100 and .partitions > 20
        and ([.parts[].part] | index("cert") and index("log_tile") and index("der") and index("alerts"))
        and (.parts | map(.bytes) | add) == .bytes and .logged_to > "2020" and .issued_from <= .issued_to
        and .vacuum.autovacuum and .sessions.most > 10 and .wrong == []' <<<"$output"
    run -0 --separate-stderr ctv db status
    [[ $output == *"schema    step "* && $output == *"wrong     nothing"* && $output == *" bytes for each"* ]]
    [ "$(awk '{ if (length > most) most = length } END { print most }' <<<"$output")" -le 80 ]
    [ "$(ctv --json db status | jq -r .slow_from)" = now ]
    if [ -n "$STATEMENTS" ]; then
        sql "CREATE EXTENSION pg_stat_statements SCHEMA public"
        sql "SELECT count(*) AS told_by_its_name FROM cert"
        run -0 --separate-stderr ctv --json db status
        jq -e '.slow_from == "pg_stat_statements" and (.slow | length == 5 and all(.ms >= 0 and .calls >= 1 and (.sql | length > 0)))' <<<"$output"
        run -0 --separate-stderr ctv db status
        [[ $output == *"slow      "*" ms, "*" times: "* && $output != *"would remember more"* ]]
    fi
    # A schema that lacks a step, one of the future, and a step of another content are said, with what to do.
    sql "CREATE TABLE kept AS SELECT * FROM schema_migration; DELETE FROM schema_migration WHERE version > 3"
    run -0 --separate-stderr "$CTVIGIL" --db "$DSN" db status
    [[ $output == *"WRONG"*"ctvigil db migrate"* ]]
    run -0 --separate-stderr "$CTVIGIL" --db "$DSN" db migrate --dry-run
    [[ $output == *"-- 0004_head.sql"* && $output != *"-- 0003_"* && $stderr == *"nothing was changed"* ]]
    sql "INSERT INTO schema_migration SELECT * FROM kept WHERE version > 3;
         INSERT INTO schema_migration VALUES (9999, '9999_later.sql', sha256('later'))"
    run -0 --separate-stderr "$CTVIGIL" --db "$DSN" db status
    [[ $output == *"WRONG"*"newer"* ]]
    run -4 --separate-stderr "$CTVIGIL" --db "$DSN" search test
    [[ $stderr == *"use a newer ctvigil"* ]]
    sql "DELETE FROM schema_migration WHERE version = 9999; DROP TABLE kept"
}

start_copy() {
    local name=$1
    shift
    mkdir -p "$PLAY/$name.sock"
    chown "$OWNER" "$PLAY/$name" "$PLAY/$name.sock"
    local bin
    bin=$(pg_config --bindir)
    # shellcheck disable=SC2086 # words
    background "$name" $AS_OWNER "$bin/postgres" -D "$PLAY/$name" -c unix_socket_directories="$PLAY/$name.sock" "$@"
    wait_for "psql -XqAt -d '${DSN/"$STATE/pg/sock"/"$PLAY/$name.sock"}' -c 'SELECT 1' >/dev/null 2>&1" 60
}

@test "a base backup of a running database, with its WAL, is read on and becomes the same" {
    install -d -m 700 -o "$OWNER" "$PLAY/based"
    tar -xf "$PLAY/base.tar" -C "$PLAY/based"
    chown -R "$OWNER" "$PLAY/based"
    start_copy based
    copy=${DSN/"$STATE/pg/sock"/"$PLAY/based.sock"}
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$STATE" --db "$copy" ingest --once
    of_copy "$copy" dump_db >"$PLAY/copy"
    diff "$PLAY/whole" "$PLAY/copy"
    of_copy "$copy" assert_counts
}

@test "a base backup and the archived WAL go back to the moment before a mistake" {
    dump_db >"$PLAY/before"
    told=$(alerts_of "$DSN")
    moment=$(sql "SELECT clock_timestamp()")
    ctv domain remove dev
    sql "DELETE FROM cert WHERE idx % 50 = 7"
    wal=$(sql "SELECT pg_walfile_name(pg_switch_wal())")
    wait_for '[ -f "$PLAY/wal/$wal" ]' 60
    install -d -m 700 -o "$OWNER" "$PLAY/past"
    tar -xf "$PLAY/base.tar" -C "$PLAY/past"
    touch "$PLAY/past/recovery.signal"
    chown -R "$OWNER" "$PLAY/past"
    start_copy past -c archive_mode=off -c shared_preload_libraries= -c restore_command="cp $PLAY/wal/%f %p" -c recovery_target_time="$moment" \
        -c recovery_target_action=promote
    copy=${DSN/"$STATE/pg/sock"/"$PLAY/past.sock"}
    wait_for '[ "$(of_copy "$copy" sql "SELECT pg_is_in_recovery()")" = f ]' 60
    of_copy "$copy" dump_db >"$PLAY/after"
    diff "$PLAY/before" "$PLAY/after"
    diff <(echo "$told") <(alerts_of "$copy")
    [ "$(of_copy "$copy" sql "SELECT count(*) FROM domain WHERE name = 'dev'")" = 1 ]
    # The extension without its library gives nothing but errors.
    [ "$("$CTVIGIL" --state-dir "$STATE" --db "$copy" --json db status | jq -r .slow_from)" = now ]
    [ "$(sql "SELECT count(*) FROM domain WHERE name = 'dev'")" = 0 ]
    # It is a database like any other: reading goes on, and finds nothing new to tell.
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$STATE" --db "$copy" ingest --once
    of_copy "$copy" assert_counts
    diff <(echo "$told") <(alerts_of "$copy")
    ctv domain add dev
}

@test "who only reads asks the replica; it says when it is behind, and a conflict with recovery is tried again" {
    install -d -m 700 -o "$OWNER" "$PLAY/replica"
    # shellcheck disable=SC2086 # words
    $AS_OWNER pg_basebackup -d "$DSN" -D "$PLAY/replica" -R -X stream -c fast
    start_copy replica -c max_standby_streaming_delay=0
    replica=${DSN/"$STATE/pg/sock"/"$PLAY/replica.sock"}
    [ "$(psql -XqAt -d "$replica" -c "SELECT pg_is_in_recovery()")" = t ]
    # One that replayed nothing since it started, and does not now, knows no time to tell.
    psql -XqAt -d "$replica" -c "SELECT pg_wal_replay_pause()"
    ctv domain add early.test
    wait_for 'CTVIGIL_DB_READ_DSN=$replica ctv domain list 2>&1 >/dev/null | has "the replica can not say\|seconds behind"' 60
    psql -XqAt -d "$replica" -c "SELECT pg_wal_replay_resume()"
    ctv --json search --all "sub:dev" | grep -v cursor >"$PLAY/there"
    export CTVIGIL_DB_READ_DSN=$replica
    wait_for '[ "$(psql -XqAt -d "$replica" -c "SELECT pg_last_wal_replay_lsn()")" = "$(sql "SELECT pg_current_wal_lsn()")" ]' 60
    run -0 --separate-stderr ctv --json search --all "sub:dev"
    diff "$PLAY/there" <(grep -v cursor <<<"$output")
    [ -z "$stderr" ]
    for command in "log status" "log list" "domain list" "--json log status" "--json domain list" "search --count sub:dev" \
        "search text:games --limit 3" "search ip:192.0.2.0/24"; do
        # shellcheck disable=SC2086 # words
        run -0 --separate-stderr ctv $command
        [ -n "$output" ] || [[ $command == *ip:* ]]
    done
    # A certificate that is kept whole is read from there: the database itself is not asked.
    fp=$(jq -r .tbs_fp <<<"$(head -n 1 "$PLAY/there")")
    run -0 --separate-stderr env CTVIGIL_DB_DSN="host=$PLAY/nobody dbname=x" "$CTVIGIL" --state-dir "$STATE" --json cert "$fp"
    [ "$(jq -r .tbs_fp <<<"$output" | head -n 1)" = "$fp" ]
    # What writes goes to the database itself.
    run -0 --separate-stderr ctv domain add replica.test
    run -0 --separate-stderr ctv --json db status
    jq -e '.replicas | length == 1 and .[0].state == "streaming"' <<<"$output"
    # Locks that the replica has to take, while it is asked.
    background locks bash -c "for i in {1..20}; do sleep 0.8; psql -Xq -d \"$DSN\" -c 'BEGIN; LOCK TABLE cert, log_tile IN ACCESS EXCLUSIVE MODE; COMMIT'; done"
    locks=$!
    for _ in 1 2 3 4 5 6; do
        run -0 --separate-stderr ctv --json search --limit 50 text:games
        [[ $output == *tbs_fp* && $stderr != *recovery* ]]
    done
    kill "$locks" 2>/dev/null || true
    ended "$locks" || true
    # Behind, and cut off.
    psql -XqAt -d "$replica" -c "SELECT pg_wal_replay_pause()"
    sql "UPDATE domain SET owner = 'somebody' WHERE name = 'replica.test'"
    wait_for 'ctv domain list 2>&1 >/dev/null | has "the replica is [0-9]* seconds behind"' 60
    psql -XqAt -d "$replica" -c "SELECT pg_wal_replay_resume()"
    run -4 --separate-stderr env CTVIGIL_DB_DSN="$replica" "$CTVIGIL" --state-dir "$STATE" domain add other.test
    [[ $stderr == *"takes no writes"*"db.dsn must name"* && $stderr != *"UPDATE"* && $stderr != *"INSERT"* ]]
}

@test "a pooler in transaction mode serves those who read, whatever others left in its sessions; who writes is told" {
    command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || skip "pgbouncer is not installed"
    install -d -m 755 -o "$OWNER" "$PLAY/pool"
    cat >"$PLAY/pool/ini" <<INI
[databases]
ctvigil = host=$STATE/pg/sock dbname=ctvigil user=ctvigil
[pgbouncer]
listen_addr =
listen_port = 6543
unix_socket_dir = $PLAY/pool
auth_type = any
pool_mode = transaction
default_pool_size = 1
INI
    chmod 644 "$PLAY/pool/ini"
    # shellcheck disable=SC2086 # words
    background pool $AS_OWNER "$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" "$PLAY/pool/ini"
    pool="host=$PLAY/pool port=6543 user=ctvigil dbname=ctvigil"
    wait_for 'psql -XqAt -d "$pool" -c "SELECT 1" >/dev/null 2>&1' 60
    psql -XqAt -d "$pool" -c "SET search_path = pg_catalog; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'"
    unset CTVIGIL_DB_READ_DSN
    export CTVIGIL_DB_READ_DSN=$pool
    for _ in 1 2; do
        run -0 --separate-stderr ctv --json search --all "sub:dev"
        diff "$PLAY/there" <(grep -v cursor <<<"$output")
    done
    for command in "--json log status" "domain list" "search --count sub:dev" "search text:games --limit 3"; do
        # shellcheck disable=SC2086 # words
        run -0 --separate-stderr ctv $command
        [ -n "$output" ]
    done
    pids=()
    for i in 1 2 3 4; do
        ctv --json search --limit 100 "sub:dev" >"$PLAY/many.$i" &
        pids+=($!)
    done
    for i in 1 2 3 4; do
        wait "${pids[i - 1]}"
        cmp "$PLAY/many.1" "$PLAY/many.$i"
    done
    unset CTVIGIL_DB_READ_DSN
    for command in "ingest --once" "db migrate" "domain add pool.test"; do
        # shellcheck disable=SC2086 # words
        run -2 --separate-stderr "$CTVIGIL" --state-dir "$STATE" --db "$pool" $command
        [[ $stderr == *"connection pooler"*"direct connection"*"db.read_dsn"* ]]
    done
    run -0 --separate-stderr "$CTVIGIL" --db "$pool" db status
    [[ $output == *"wrong"* ]]
}
