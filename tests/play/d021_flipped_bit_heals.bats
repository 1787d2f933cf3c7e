# One bit of one entry is wrong the first time it is read, and right after that: no alarm, and the right rows.
load play
load strict

# Three certificates for the watched domain: nobody allowed the first two (a flipped bit changes the fingerprint of a
# precertificate and the signature of a final one); the third is as expected, unless its signature is broken.
setup_file() {
    play_begin
    start_sim --entries 500 --seed 21
    precert=$(issue other 90 precert a.watched.example | jq .index)
    final=$(issue other 90 final b.watched.example | jq .index)
    allowed=$(issue demo 90 final c.watched.example | jq .index)
    control '{"append":197}' >/dev/null
    export precert final allowed
    use_state reference
    watch
    ingest
    dump_db >"$PLAY/reference.dump"
}

watch() {
    ctv domain add watched.example --allow-ca "spki:$CA_demo"
    add_logs
}

teardown_file() {
    play_end
}

# heals STATE LOG INDEX: entry INDEX is wrong when LOG is read for the first time.
heals() {
    use_state "$1"
    watch
    fault "flip:$3:1"
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$2"
    [ "$(control | jq .faults.flip.hits)" = 1 ]
    clear_faults
    assert_complete "$2" 700
    [ "$(sql 'SELECT count(*) FROM evidence')" = 0 ]
    ctv alert list --json | jq -c '{kind, state, name, tbs_fp, findings}'
    ctv alert list --json | jq -es 'map(select(.state != "closed")) | length == 2 and
        all(.kind == "unexpected_ca" and .domain == "watched.example" and (.sightings | length == 1)
            and .sightings[0].verified) and (map(.name) | sort) == ["a.watched.example", "b.watched.example"]'
    ctv alert list --json | jq -es 'map(select(.state == "closed")) | all(.sightings | length == 0)'
    run -0 ingest
    diff <(grep -v '^alert' "$PLAY/reference.dump") <(dump_db | grep -v '^alert')
    diff <(grep '^alert' "$PLAY/reference.dump") <(dump_db | grep '^alert' | grep -v '|closed|')
    assert_counts
    ctv db stop
}

@test "a precertificate, RFC 6962" {
    heals rfc-precert rfc "$precert"
}

@test "a precertificate, static-ct" {
    heals tiles-precert tiles "$precert"
}

@test "a final certificate, RFC 6962" {
    heals rfc-final rfc "$final"
}

@test "a certificate that is as expected, static-ct: the wrong alert is withdrawn" {
    heals tiles-allowed tiles "$allowed"
}

# Everything is read, and somebody has a transaction open meanwhile.
mending() {
    [ "$(sql "SELECT next || ' ' || verified || ' ' || (SELECT count(*) FROM pg_stat_activity
              WHERE state = 'idle in transaction' AND state_change < now() - interval '300 ms')
              FROM log_range JOIN log ON log.id = log WHERE name = 'rfc'")" = "700 0 1" ]
}

@test "killed in the middle of the mend: nothing of it stays, and the next run makes it anew" {
    use_state killed
    watch
    export CTVIGIL_INGEST_POLL_MS=200
    fault "flip:$precert:1@get-entries"
    fault slow:4000@get-entries # so long it lasts, at least
    background doomed "$CTVIGIL" --state-dir "$STATE" ingest
    doomed=$!
    # Only a mend has a transaction open while it reads.
    wait_for 'mending' 60
    kill -KILL $doomed
    [ "$(sql "SELECT next || ' ' || verified FROM log_range JOIN log ON log.id = log WHERE name = 'rfc'")" = "700 0" ]
    clear_faults
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    assert_complete rfc 700
    assert_complete tiles 700
    [ "$(sql 'SELECT count(*) FROM evidence')" = 0 ]
    diff <(grep -v '^alert' "$PLAY/reference.dump") <(dump_db | grep -v '^alert')
    diff <(grep '^alert' "$PLAY/reference.dump") <(dump_db | grep '^alert' | grep -v '|closed|')
    assert_counts
    ctv db stop
}

@test "somewhere else in the tree, while nobody watches" {
    use_state plain
    add_logs
    ingest
    for step in 1 2 3 300; do
        fault "flip:$(sim_size):1"
        control "{\"append\":$step}" >/dev/null
        run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    done
    clear_faults
    run -0 ingest
    run -0 ctv alert list --json
    [ -z "$output" ]
    diff <(tiles_of rfc) <(tiles_of tiles)
    assert_counts
}
