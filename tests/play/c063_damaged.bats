# What a backfill put down is damaged before it is put into its partitions: everything else is, its entries are read again, and in
# the end nothing is missing.
load play
load strict

setup_file() {
    play_begin_db
    sql 'CREATE DATABASE empty'
    CTVIGIL_DB_DSN=$(sed 's/dbname=[^ ]*/dbname=empty/' <<<"$DSN") ctv db init >&2
    start_sim --entries 980 --seed 6363
    for n in $(seq 1 20); do
        control "{\"issue\": {\"ca\": \"demo\", \"days\": 90, \"form\": \"final\", \"not_before\": $((1590000000 + n % 2 * 130000000)),
                  \"names\": [\"old$n.example\", \"www.old$n.example\", \"old$n.test\"]}}" >/dev/null
    done
    eval "$(jq -r '@sh "LOG_ID=\(.log_id) ORIGIN=\(.origin)"' "$PLAY"/sim*.out)"
    export LOG_ID ORIGIN
    add_log arc static-ct
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    ingest --log arc
    content >"$PLAY/wanted"
    alerts >"$PLAY/alerts"
    python3 "$BATS_TEST_DIRNAME/archive.py" "$SIM_STATIC_URL" "$SIM_KEY" "$LOG_ID" "$ORIGIN" "$PLAY/whole.zip"
}

teardown_file() {
    play_end
}

content() {
    dump_db | grep -v '^range\||coverage_gap|'
}

alerts() {
    ctv alert list --json | jq -c 'select(.id and .kind != "coverage_gap") | del(.id, .first_seen, .state)'
}

# fresh NAME COUNT: another database, which damages as many values as they are put down.
fresh() {
    sql "CREATE DATABASE $1 TEMPLATE empty"
    DSN=$(sed "s/dbname=[^ ]*/dbname=$1/" <<<"$DSN")
    export DSN CTVIGIL_DB_DSN=$DSN CTVIGIL_DB_BACKFILL_ENTRIES=1
    sql "CREATE SEQUENCE public.damage; CREATE FUNCTION damage() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
         IF nextval('public.damage') <= $2 THEN NEW.rows := substring(NEW.rows FOR octet_length(NEW.rows) - 1); END IF;
         RETURN NEW; END \$\$; CREATE TRIGGER damage BEFORE INSERT ON cert_load_run FOR EACH ROW EXECUTE FUNCTION damage()"
}

import() {
    ctv log import --name arc --key "$SIM_KEY" "$@"
}

not_stored() {
    sql "SELECT coalesce(sum(entries), 0) FROM coverage WHERE state = 'not_stored'"
}

assert_whole() {
    log_is arc '.position == 1000 and .verified_size == 1000 and .not_stored == 0 and .put_down == false'
    diff "$PLAY/wanted" <(content)
    diff "$PLAY/alerts" <(alerts)
    assert_counts
    [ "$(sql 'SELECT count(*) FROM cert WHERE not_after < now()')" = 20 ]
    [ "$(sql "SELECT count(*) FROM alert WHERE kind = 'coverage_gap' AND state <> 'closed'")" = 0 ]
    ctv db status --json | jq -e '.backfill_entries_bad == 0 and .backfill_values_bad == 0'
    for n in 1 2 19 20; do
        [ -n "$(ctv search "old$n.test")" ]
        [ -n "$(ctv search "www.old$n.example")" ]
    done
}

@test "an import reads it from its files again, at once" {
    fresh imported 2
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    run -0 --separate-stderr import "$PLAY/whole.zip"
    [[ $stderr == *"what a backfill put down was damaged: cert_load_run, slot "*"to be read again: arc "* ]]
    [[ $output == *"1000 of 1000 stored, 1000 verified: complete"* ]]
    assert_whole
    [ "$(sql 'SELECT count(*) FROM load_bad WHERE damaged')" -gt 0 ]
}

@test "where it is damaged again and again that is said, and a later import mends it" {
    fresh again 1000000
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    run -4 --separate-stderr import --json "$PLAY/whole.zip"
    jq -es '.[-1] | (.complete | not) and (.missing | length) > 0 and (.missing[0].reason | contains("damaged"))' <<<"$output"
    log_is arc '.ended != "complete"'
    ctv db status --json | jq -e '.backfill_entries_bad > 0 and .backfill_values_bad > 0 and (.wrong | map(.what) | any(contains("damaged")))'
    ctv db status | has 'WRONG .*damaged'
    sql 'DROP TRIGGER damage ON cert_load_run'
    run -0 --separate-stderr import --json "$PLAY/whole.zip"
    jq -es '.[-1].complete' <<<"$output"
    assert_whole
}

@test "a log that is read: not stored until it is read again, whoever is killed meanwhile" {
    fresh followed 3
    add_log arc static-ct
    ctv domain add old2.example --allow-ca "spki:$CA_other" >&2
    sql "UPDATE log SET interval_begin = now() - interval '1 year', interval_end = now() - interval '40 days'"
    ingest --log arc
    not_stored >"$PLAY/left"
    [ "$(cat "$PLAY/left")" -gt 0 ]
    run -3 ctv log status --check
    [[ $output == *damaged* ]]
    # Nobody promises what was damaged: no stretch is both.
    [ "$(sql "SELECT count(*) FROM log_gap AS g JOIN coverage AS c ON c.log = g.log AND c.state IN ('verified', 'seen')
              AND c.range_begin < g.range_end AND c.range_end > g.range_begin")" = 0 ]
    [ "$(sql "SELECT count(*) FROM alert WHERE kind = 'coverage_gap' AND state = 'new'")" = 1 ]
    for delay in 0.2 0.4; do
        "$CTVIGIL" --state-dir "$STATE" ingest --once --log arc &
        sleep $delay
        kill -9 $! 2>/dev/null || true
        wait $! || true
    done
    ingest --log arc
    prints 0 not_stored
    assert_whole
}
