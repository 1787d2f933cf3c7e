# A log that lags is read at its head and behind it, by several processes, and is in the end as if it had been read in one go.
load play
load strict

setup_file() {
    play_begin
    start_sim --entries 2000 --seed 50
    issue other 90 both old.watched.example >/dev/null
    control '{"append":3500}' >/dev/null
    issue other 90 both new.watched.example >/dev/null
    control '{"append":96}' >/dev/null
    SIZE=$(sim_size)
    export SIZE
    use_state reference
    prepare
    ingest
    dump_db >"$PLAY/reference.dump"
    ctv db stop
}

teardown_file() {
    play_end
}

setup() {
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_SPLIT_ENTRIES=512
}

prepare() {
    ctv domain add watched.example
    add_log rfc rfc6962
}

ranges() {
    sql 'SELECT count(*) FROM log_range'
}

reader() {
    background "$1" "$CTVIGIL" --state-dir "$STATE" ingest
}

# One range, all of it verified, and the same as ever.
assert_whole() {
    wait_for 'assert_complete rfc $SIZE >/dev/null && [ "$(ranges)" = 1 ]' 60
    diff "$PLAY/reference.dump" <(dump_db)
    assert_counts
}

@test "what is new is stored and told while the past is still to come" {
    use_state head
    prepare
    fault refuse:1000 # the past stays where it is, however slow this machine is
    reader one
    one=$!
    wait_for 'ctv alert list --json | some_line ".name == \"new.watched.example\"" >/dev/null' 60
    ctv log status --json | every_line '.position < 2000 and .backlog > 2000 and (.ranges | length) == 2'
    ctv alert list --json | every_line '.name != "old.watched.example"'
    clear_faults
    assert_whole
    kill -TERM $one
    ended $one
}

@test "several share one log; one is killed, one sleeps and wakes" {
    use_state shared
    prepare
    fault slow:400@get-entries
    fault refuse:1000 # so far nobody comes before the second one is there
    export CTVIGIL_INGEST_WINDOW=1
    reader one
    one=$!
    wait_for '[ "$(ranges)" = 2 ]' 60
    reader two
    two=$!
    wait_for '[ "$(ranges)" -ge 3 ]' 60
    kill -STOP $two
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    clear_faults
    fault slow:400@get-entries
    reader three
    three=$!
    kill -KILL $one
    ended $one || true
    wait_for '[ "$(sql "SELECT sum(next - range_begin) FROM log_range")" -gt 3500 ]' 60
    kill -CONT $two
    clear_faults
    assert_whole
    kill -0 $two
    kill -TERM $two $three
    ended $two
    ended $three
    diff "$PLAY/reference.dump" <(dump_db)
    none -i deadlock "$STATE/pg/log"
}

@test "a wrong bit in the backlog is found where the ranges meet, and heals when the log does" {
    use_state flipped
    prepare
    fault flip:1000:0
    reader one
    one=$!
    wait_for '[ "$(sql "SELECT count(*) FROM evidence WHERE kind = '\''root_mismatch'\''")" = 1 ]' 60
    ctv log status --json | every_line '.verified_size == 0 and .state == "inconsistent" and (.ranges | length) == 2'
    kill -TERM $one
    ended $one
    # Nobody signed a head there: the account has the proof that leads to one.
    run -1 ctv log verify "$STATE"/evidence/*.json
    [[ $output = *"do not give the root"* ]]
    [ "$(sql 'SELECT max(verified) FROM log_range')" = "$SIZE" ]
    run -1 ingest
    clear_faults
    run -0 ingest
    assert_complete rfc "$SIZE"
    diff <(grep -v '^alert' "$PLAY/reference.dump") <(dump_db | grep -v '^alert')
}
