# The private database is killed under a running program: the program goes on by itself and loses nothing.
load play
load strict

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
    wait_for "gone $keeper" 60
    wait_for '[ "$(ctv db status --json | jq -r .state)" = running ]' 60
    assert_whole keeper
    wait_for "grep -F 'starting it again' '$PLAY/run.log'" 60
}

@test "kill -9 of both at once" {
    keeper=$(pid_of keeper)
    server=$(pid_of server)
    grow both
    kill -KILL "$keeper" "$server"
    assert_whole both
}

times_down() {
    grep -c "it is down and is tried again.*pg_control" "$PLAY/last.log" || true
}

# A server that does not start: what is wrong is said by every command at once, the one that runs stays. (It was said $1 times
# before; on a slow machine an outage lasts until it is said again.)
assert_told() {
    wait_for '[ "$(times_down)" -gt '"$1 ]" 60
    kill -0 "$last"
    run -4 --separate-stderr ctv log status
    echo "$stderr"
    [ -z "$output" ]
    [ "$(grep -c '^ctvigil: private database: the server does not start: .*pg_control' <<<"$stderr")" = 1 ]
}

@test "a database that can not be started: the reason at once, run stays and goes on when it can" {
    kill -TERM "$RUN"
    wait_for "gone $RUN" 60
    background last "$CTVIGIL" --state-dir "$STATE" run
    last=$!
    wait_for '[ "$(ctv db status --json | jq -r .state)" = running ] && grep -q "reading logs" "$PLAY/last.log"' 60
    ctv db status --json | jq -e '.why == null'
    # The server alone: its keeper tries again. Then the keeper too: the users do.
    outages=0
    for victim in server keeper; do
        process=$(pid_of "$victim")
        told=$(times_down)
        mv "$STATE/pg/data/global/pg_control" "$PLAY/pg_control"
        kill -KILL "$process"
        wait_for "gone $process" 60
        outages=$((outages + 1))
        assert_told "$told"
        [ "$victim" = keeper ] || ctv db status --json | jq -e '.why | contains("pg_control")'
        mv "$PLAY/pg_control" "$STATE/pg/data/global/pg_control"
        wait_for '[ "$(grep -c "up again" "$PLAY/last.log")" = '"$outages ]" 60
        issue other 90 both "$victim.late.restart.example" >/dev/null
        wait_for "log_is rfc '.verified_size == $(sim_size)'" 60
        kill -0 "$last"
    done
    [ "$(ctv alert list --json | jq -r .name | grep -c late.restart.example)" = 2 ]
    # Once a minute, not once a try.
    [ "$(grep -c 'is down and is tried again' "$PLAY/last.log")" -le 6 ]
    [ "$(grep -c 'list of logs can not be read' "$PLAY/last.log")" -le 2 ]
}
