# The private database is killed under a running program: the program goes on by itself and loses nothing.
load play

setup_file() {
    play_begin
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
    start_sim --entries 1000 --seed 20
    ctv domain add restart.example
    add_log rfc rfc6962
    background run "$CTVIGIL" --state-dir "$STATE" run
    RUN=$!
    export RUN
    wait_for 'log_is rfc ".verified_size == 1000"' 60
}

teardown_file() {
    play_end
}

pid_of() {
    ctv db status --json | jq -r ".$1_pid"
}

gone() {
    ! kill -0 "$1" 2>/dev/null || [ "$(awk '/^State/ { print $2 }' "/proc/$1/status")" = Z ]
}

# Reading goes on while the certificates come; a watched one is among them.
grow() {
    control '{"append":1500}' >/dev/null
    issue other 90 both "$1.restart.example" >/dev/null
    control '{"append":1500}' >/dev/null
}

assert_whole() {
    wait_for "assert_complete rfc $(sim_size) >/dev/null" 60
    kill -0 "$RUN"
    DSN=$(ctv db dsn)
    assert_counts
    [ "$(ctv alert list --json | jq -r .name | sort -u | grep -cF "$1.restart.example")" = 1 ]
}

@test "kill -9 of the server" {
    server=$(pid_of server)
    grow server
    kill -KILL "$server"
    assert_whole server
}

@test "kill -9 of the keeper: the program starts it again" {
    keeper=$(pid_of keeper)
    grow keeper
    kill -KILL "$keeper"
    wait_for "gone $keeper" 5
    wait_for '[ "$(ctv db status --json | jq -r .state)" = running ]' 30
    assert_whole keeper
    grep -F 'starting it again' "$PLAY/run.log"
}

@test "kill -9 of both at once" {
    keeper=$(pid_of keeper)
    server=$(pid_of server)
    grow both
    kill -KILL "$keeper" "$server"
    assert_whole both
}

@test "a database that can not be started again: 4, and one sentence" {
    kill -TERM "$RUN"
    wait_for "gone $RUN" 30
    background last "$CTVIGIL" --state-dir "$STATE" run
    last=$!
    wait_for '[ "$(ctv db status --json | jq -r .state)" = running ] && grep -q "reading logs" "$PLAY/last.log"' 60
    mv "$STATE/pg/data/global/pg_control" "$PLAY/pg_control"
    kill -KILL "$(pid_of keeper)"
    status=0
    ended $last || status=$?
    mv "$PLAY/pg_control" "$STATE/pg/data/global/pg_control"
    tail -n 3 "$PLAY/last.log"
    [ $status = 4 ]
    [ "$(grep -c '^ctvigil: private database: ' "$PLAY/last.log")" = 1 ]
}
