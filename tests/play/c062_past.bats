# A log of which every certificate has expired is put down like an import, and nothing is different for it in the end.
load play
load strict

setup_file() {
    play_begin_db
    sql 'CREATE DATABASE empty'
    CTVIGIL_DB_DSN=$(sed 's/dbname=[^ ]*/dbname=empty/' <<<"$DSN") ctv db init >&2
    start_sim --entries 989 --seed 6262
    for n in 1 2 3 4 5 6 7 8 9 10; do
        control "{\"issue\": {\"ca\": \"demo\", \"days\": 90, \"form\": \"final\", \"not_before\": $((1590000000 + n % 2 * 130000000)),
                  \"names\": [\"old$n.example\", \"www.old$n.example\"]}}" >/dev/null
    done
    issue other 47 final www.arc.example >/dev/null
    add_log arc static-ct
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    ingest --log arc
    content >"$PLAY/wanted"
    alerts >"$PLAY/alerts"
}

teardown_file() {
    play_end
}

content() {
    dump_db | grep -v '^range'
}

alerts() {
    ctv alert list --json | jq -c 'select(.id) | del(.id, .first_seen, .state)'
}

# fresh NAME: from here on another database, with a log whose interval ended 40 days ago.
fresh() {
    sql "CREATE DATABASE $1 TEMPLATE empty"
    DSN=$(sed "s/dbname=[^ ]*/dbname=$1/" <<<"$DSN")
    export DSN CTVIGIL_DB_DSN=$DSN CTVIGIL_DB_BACKFILL_ENTRIES=1
    add_log arc static-ct
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    sql "UPDATE log SET interval_begin = now() - interval '1 year', interval_end = now() - interval '40 days'"
}

assert_whole() {
    log_is arc '.position == 1000 and .verified_size == 1000 and .put_down == false'
    diff "$PLAY/wanted" <(content)
    diff "$PLAY/alerts" <(alerts)
    assert_counts
}

@test "every alert is there" {
    [ "$(jq -r '.kind + " " + .name' "$PLAY/alerts" | sort -u)" = "unexpected_ca old2.example" ]
}

@test "it is put down, said, and in its partitions when the program ends; killed at any moment" {
    fresh killed
    for delay in 0.3 0.5 0.7 0.9; do
        "$CTVIGIL" --state-dir "$STATE" ingest --once --log arc &
        sleep $delay
        kill -9 $! 2>/dev/null || true
        wait $! || true
    done
    ingest --log arc
    [ "$(sql 'SELECT (SELECT count(*) FROM cert_load) + (SELECT count(*) FROM cert_load_run)')" = 0 ]
    [ "$(sql 'SELECT count(*) FROM cert WHERE not_after < now()')" = 10 ]
    # It was put down: each slot that was used was closed.
    [ "$(sql 'SELECT slot FROM load_state')" -gt 1 ]
    assert_whole
}

@test "while it is read the log and the search say that it is not found yet; a domain that is added finds it" {
    fresh running
    background ingest "$CTVIGIL" --state-dir "$STATE" ingest
    wait_for 'log_is arc ".position == 1000"' 120
    log_is arc '.put_down'
    run -0 --separate-stderr ctv log status
    [[ $output == *"backfill: expired certificates of it are put down and not in their partitions yet"* ]]
    run -0 --separate-stderr ctv search old4.example
    [[ $stderr == *"a backfill is under way"* ]]
    [ "$(alerts | jq -r '.kind')" = unexpected_ca ]
    ctv domain add old3.example --allow-ca "spki:$CA_other" >&2
    [ "$(alerts | grep -c old3.example)" = 1 ]
    run -0 --separate-stderr ctv search old4.example
    [ -n "$output" ]
    log_is arc '.put_down == false'
}

@test "0 days, or a log that is not over: as ever" {
    fresh never
    CTVIGIL_DB_BACKFILL_PAST_DAYS=0 ingest --log arc
    [ "$(sql 'SELECT slot FROM load_state')" = 1 ]
    assert_whole
    fresh living
    sql "UPDATE log SET interval_end = now() + interval '1 day'"
    ingest --log arc
    [ "$(sql 'SELECT slot FROM load_state')" = 1 ]
    assert_whole
}
