# Two processes over one database: the work is shared, nothing is done twice, nobody waits for ever.
load play
load strict

setup_file() {
    play_begin
    start_sim --entries 6000 --seed 40
    for i in 1 2 3 4; do
        issue other 90 both "h$i.watched.example" >/dev/null
        control '{"append":498}' >/dev/null
    done
    use_state reference
    prepare
    ingest
    dump_db >"$PLAY/reference.dump"
    ctv db stop
}

teardown_file() {
    play_end
}

prepare() {
    ctv domain add watched.example
    add_logs
}

@test "one log each: the same certificates at the same time" {
    use_state split
    prepare
    background one "$CTVIGIL" --state-dir "$STATE" ingest --once --log rfc
    one=$!
    background two "$CTVIGIL" --state-dir "$STATE" ingest --once --log tiles
    two=$!
    ended $one
    ended $two
    diff "$PLAY/reference.dump" <(dump_db)
    assert_counts
    none -i deadlock "$STATE/pg/log"
}

@test "both follow both logs, one is killed, the other goes on alone" {
    use_state both
    prepare
    export CTVIGIL_INGEST_POLL_MS=200
    fault slow:40
    background one "$CTVIGIL" --state-dir "$STATE" ingest
    one=$!
    background two "$CTVIGIL" --state-dir "$STATE" ingest
    two=$!
    wait_for '[ "$(sql "SELECT sum(next) FROM log_range")" -gt 2000 ]' 60
    kill -KILL $one
    ended $one || true
    clear_faults
    wait_for 'assert_complete rfc 8000 >/dev/null && assert_complete tiles 8000 >/dev/null' 60
    kill -TERM $two
    ended $two
    diff "$PLAY/reference.dump" <(dump_db)
    assert_counts
}
