# kill -9 at random moments: nothing is lost, nothing is doubled.
load play
load strict

ENTRIES=20000
KILLS=20

setup_file() {
    play_begin
    start_sim --entries 500 --seed 9
    # Watched certificates all over the log, in all forms.
    forms=(both precert final)
    for i in $(seq 1 12); do
        issue other 90 "${forms[i % 3]}" "k$i.kill.example" >/dev/null
        issue demo 90 both "*.k$i.nine.example" >/dev/null
        control "{\"append\":1500}" >/dev/null
    done
    control "{\"append\":$((ENTRIES - $(sim_size)))}" >/dev/null
    use_state reference
    prepare
    ingest
    dump_db >"$PLAY/reference.dump"
    kept_whole >"$PLAY/reference.forms"
    ctv db stop
}

teardown_file() {
    play_end
}

# Certificates that are kept whole.
kept_whole() {
    sql "SELECT d.month, u.sha8 FROM der_chunk AS d, unnest(d.sha8) AS u (sha8) ORDER BY 1, 2"
}

prepare() {
    ctv domain add kill.example
    ctv domain add nine.example --allow-ca "spki:$CA_demo"
    add_logs
}

@test "the reference run is whole" {
    [ "$(sim_size)" = $ENTRIES ]
    [ "$(grep -c '^alert|kill.example|' "$PLAY/reference.dump")" = 12 ]
    [ "$(grep -c '^alert|nine.example|.*unexpected_wildcard' "$PLAY/reference.dump")" = 12 ]
}

@test "killed $KILLS times, the database equals that of a run without kills" {
    RANDOM=${PLAY_SEED:=$$}
    echo "PLAY_SEED=$PLAY_SEED"
    use_state killed
    prepare
    # The pace is the log's: the kills then strike all over the run, on slow machines and fast ones.
    fault slow:200
    struck=0 before=0
    for round in $(seq 1 $KILLS); do
        background ingest.$round "$CTVIGIL" --state-dir "$STATE" ingest --once
        victim=$!
        # Ten rounds die at any moment, ten right after a commit of theirs.
        if [ $((round % 2)) = 0 ]; then
            wait_for "[ \$(position) -gt $before ] || ! kill -0 $victim 2>/dev/null" 60
        fi
        sleep "0.$(printf %03d $((RANDOM % 400)))"
        kill -KILL $victim 2>/dev/null && struck=$((struck + 1))
        ended $victim || true
        before=$(position)
        echo "round $round: $before"
    done
    clear_faults
    [ $struck -ge $((KILLS / 2)) ]
    run -0 ingest --once
    diff "$PLAY/reference.dump" <(dump_db)
    [ "$(wc -l <"$PLAY/reference.forms")" -ge 36 ]
    diff "$PLAY/reference.forms" <(kept_whole)
    assert_counts
    assert_complete rfc $ENTRIES
    assert_complete tiles $ENTRIES
    # Every alert waits for delivery once.
    [ "$(sql 'SELECT count(*) FROM (SELECT alert, channel FROM outbox GROUP BY 1, 2 HAVING count(*) > 1) AS twice')" = 0 ]
}

position() {
    sql 'SELECT sum(next) FROM log_range'
}
