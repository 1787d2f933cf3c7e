# The state directory and the private database as a user meets them. (How the server lives and dies: b000.)
load play
load strict

setup_file() {
    play_begin
}

teardown_file() {
    play_end
}

no_server() {
    ! pgrep -f "$1/" >/dev/null || return 1
}

@test "a command starts the database on need and it ends with the command" {
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" log list --json
    [ -z "$output" ]
    wait_for 'no_server "$PLAY/one"' 60
    owner=$(stat -c %U "$PLAY/one/pg")
    [ "$owner" != root ]
}

@test "db start keeps it, db stop ends it" {
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db start
    dsn=$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)
    sleep 1.5
    [ "$(psql -XqAt -d "$dsn" -c 'SELECT 1')" = 1 ]
    "$CTVIGIL" --state-dir "$PLAY/one" db status --json | jq -e '.state == "running" and .stays'
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db start
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db stop
    wait_for 'no_server "$PLAY/one"' 60
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db stop
    "$CTVIGIL" --state-dir "$PLAY/one" db status --json | jq -e '.state == "stopped" and (.stays | not)'
}

@test "local.conf counts; a mistake in it is named, by db status too, and one that the server may not read is not passed over" {
    local conf=$PLAY/one/pg/data/local.conf owner user
    owner=$(stat -c %U "$PLAY/one/pg/data")
    user=$(id -u)
    echo "work_mem = 7MB" >"$conf"
    chown "$owner" "$conf"
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db start
    [ "$(psql -XqAt -d "$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)" -c 'SHOW work_mem')" = 7MB ]
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db stop
    echo "wrok_mem = 8MB" >"$conf"
    run -4 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" db start
    [[ $stderr == *'parameter "wrok_mem" in file "'*'local.conf" line 1'* ]]
    "$CTVIGIL" --state-dir "$PLAY/one" db status --json | jq -e '.state == "stopped" and (.why | contains("wrok_mem"))'
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db status
    [[ $output == *"why "*"wrok_mem"* ]]
    echo "work_mem = 8MB" >"$conf"
    chmod 000 "$conf"
    [ "$user" != 0 ] || chown root "$conf"
    run -4 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" db start
    [[ $stderr == *'local.conf": Permission denied'* ]]
    rm -f "$conf"
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db start
    run -0 "$CTVIGIL" --state-dir "$PLAY/one" db stop
    "$CTVIGIL" --state-dir "$PLAY/one" db status --json | jq -e '.why == null'
}

@test "a schema of before is brought up by whatever command opens it, and that is said" {
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" db start
    [[ $stderr != *"brought up"* ]]
    psql -Xq -d "$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)" -c "DELETE FROM schema_migration WHERE version = 80"
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" log list
    [[ $stderr == *"brought up to this program, steps: 1"* ]]
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" log list
    [[ $stderr != *"brought up"* ]]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "db status of a server that ends while it is asked says that, and nothing is wrong" {
    local state=$PLAY/one dsn pid asked
    for table in schema_migration log_tile; do
        run -0 "$CTVIGIL" --state-dir "$state" db start
        dsn=$("$CTVIGIL" --state-dir "$state" db dsn)
        background lock psql -Xq -d "$dsn" -c "BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
        asked="SELECT count(*) FROM pg_locks WHERE relation = '$table'::regclass AND"
        wait_for "[ \$(psql -XqAt -d \"$dsn\" -c \"$asked granted\") = 1 ]" 60
        background status "$CTVIGIL" --state-dir "$state" db status
        pid=$!
        wait_for "[ \$(psql -XqAt -d \"$dsn\" -c \"$asked NOT granted\") = 1 ]" 60
        "$CTVIGIL" --state-dir "$state" db stop
        ended "$pid"
        grep "on its way up or down" "$PLAY/status.out"
        run ! grep -i wrong "$PLAY/status.out"
    done
}

@test "what was stored is there after a restart; two state directories never meet" {
    "$CTVIGIL" --state-dir "$PLAY/one" domain add one.example
    "$CTVIGIL" --state-dir "$PLAY/two" domain add two.example
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" domain list --json
    [ "$(jq -r .name <<<"$output")" = one.example ]
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/two" domain list --json
    [ "$(jq -r .name <<<"$output")" = two.example ]
}

@test "both up at the same time, each with its own server" {
    "$CTVIGIL" --state-dir "$PLAY/one" db start
    "$CTVIGIL" --state-dir "$PLAY/two" db start
    one=$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)
    two=$("$CTVIGIL" --state-dir "$PLAY/two" db dsn)
    [ "$one" != "$two" ]
    [ "$(psql -XqAt -d "$one" -c 'SELECT name FROM domain')" = one.example ]
    [ "$(psql -XqAt -d "$two" -c 'SELECT name FROM domain')" = two.example ]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
    "$CTVIGIL" --state-dir "$PLAY/two" db stop
}

@test "a state directory that can not be made or written: one line, 2 or 4, nothing left" {
    : >"$PLAY/file"
    run --separate-stderr "$CTVIGIL" --state-dir "$PLAY/file/state" log list
    [ "$status" = 4 ] || [ "$status" = 2 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"$PLAY/file"* ]]
    run --separate-stderr "$CTVIGIL" --state-dir /proc/ctvigil log list
    [ "$status" = 4 ] || [ "$status" = 2 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == */proc/ctvigil* ]]
}

@test "a state directory that is a file or a device: 2, and it says that it is no folder" {
    for path in "$PLAY/file" /dev/null; do
        run -2 --separate-stderr "$CTVIGIL" --state-dir "$path" log list
        [[ "$stderr" == *"$path: not a folder"* && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "a search that finds nothing says what may have been meant" {
    serial=7b32d352c7354deceff8c7fd1f7e1c2c
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" search $serial
    [[ -z "$output" && "$stderr" == *"serial:$serial"* ]]
    for query in www.example.com ip:192.0.2.17 serial:7b32d352c7354dec abcdef; do
        run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/one" search "$query"
        [[ "$stderr" != *nothing* && "$stderr" != *serial* ]]
    done
}

@test "a state directory of somebody else: one line, nothing half-made" {
    [ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
    mkdir "$PLAY/foreign"
    run --separate-stderr setpriv --reuid nobody --clear-groups "$CTVIGIL" --state-dir "$PLAY/foreign" log list
    [ "$status" = 4 ] || [ "$status" = 2 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"$PLAY/foreign"* ]]
    silent ls -A "$PLAY/foreign"
}

@test "a wrong connection string: 4 in one line without the password, no private database instead" {
    while read -r dsn; do
        run --separate-stderr "$CTVIGIL" --state-dir "$PLAY/three" --db "$dsn" log list
        echo "$dsn: $status $stderr"
        [ "$status" = 4 ]
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" != *hush* ]]
    done <<'TABLE'
host=127.0.0.1 port=1 user=u password=hushhush connect_timeout=5
postgresql://u:hushhush@127.0.0.1:1/d?connect_timeout=5
host=/nonexistent/socket password=hushhush
TABLE
    [ ! -e "$PLAY/three/pg" ]
}

@test "a connection string that is none: 2 or 4, one line, no password" {
    for dsn in "nonsense=1 password=hushhush" "host='unended password=hushhush" "postgresql://u:hushhush@h:port/d"; do
        run --separate-stderr "$CTVIGIL" --state-dir "$PLAY/three" --db "$dsn" log list
        echo "$dsn: $status $stderr"
        [ "$status" = 4 ] || [ "$status" = 2 ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" != *hush* ]]
    done
}

@test "a server of one's own without schema is refused with the advice, db init makes it" {
    "$CTVIGIL" --state-dir "$PLAY/one" db start
    dsn=$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)
    psql -XqAt -d "$dsn" -c 'CREATE DATABASE other' || skip "the role of the private database may not make another"
    other="$dsn dbname=other"
    run --separate-stderr "$CTVIGIL" --state-dir "$PLAY/three" --db "$other" log list
    echo "$stderr"
    [ "$status" = 4 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"db init"* || "$stderr" == *"db migrate"* ]]
    run -0 "$CTVIGIL" --state-dir "$PLAY/three" --db "$other" db init
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/three" --db "$other" log list
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "no PostgreSQL to be found: 4, one line that says what to install, nothing half-made" {
    [ -w /proc/self/ns ] || [ "$(id -u)" = 0 ] || skip "hiding it needs root"
    unshare -m true 2>/dev/null || skip "no mount namespace here"
    mkdir -p "$PLAY/empty"
    folder=$(dirname "$(dirname "$(dirname "$(readlink -f "$(ls -d /usr/lib/postgresql/*/bin/initdb | tail -n 1)")")")")
    run --separate-stderr unshare -m bash -c \
        'mount --bind "$1" "$2" && shift 2 && PATH=/bin:/sbin exec "$@"' _ "$PLAY/empty" "$folder" \
        "$CTVIGIL" --state-dir "$PLAY/four" log list
    echo "$stderr"
    [ "$status" = 4 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *install* && "$stderr" == *postgresql* ]]
    [ ! -e "$PLAY/four/pg" ]
}
