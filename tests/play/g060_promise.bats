# A log that promises an entry and does not show it, told once its merge delay is over, and taken back when the entry comes.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 20 --seed 62
    add_log rfc rfc6962 --from 0
    ctv domain add hidden.example --allow-ca "spki:$CA_demo" >/dev/null
}

teardown_file() {
    play_end
}

# look: at every certificate with SCTs, whenever its turn would be.
look() {
    sql "UPDATE sct_look SET due_at = now()" >/dev/null
    ctv watch --once >"$PLAY/once.out"
}

alert() {
    ctv alert list --json >"$PLAY/listed" && jq -c 'select(.domain == "hidden.example")' "$PLAY/listed"
}

@test "what a log promised just now is not missed yet" {
    control '{"issue": {"names": ["new.hidden.example"], "form": "hidden"}}'
    run -0 ingest
    look
    [ "$(sql "SELECT count(*) FROM sct_look")" = 1 ]
    silent alert
}

@test "an entry that the log never shows is told once its merge delay is over" {
    control '{"issue": {"names": ["old.hidden.example"], "form": "hidden", "age": 100000}}'
    run -0 ingest
    look
    alert | jq -e '.kind == "sct_not_incorporated" and .severity == "high" and .name == "old.hidden.example"'
    [ "$(alert | wc -l)" = 1 ]
    [ "$(jq -r .event "$PLAY/once.out")" = new ]
    look
    [ ! -s "$PLAY/once.out" ]
}

@test "it is taken back when the entry appears" {
    control '{"reveal": true}' | jq -e '.revealed == 2'
    run -0 ingest
    look
    alert | jq -e '.state == "closed"'
    [ "$(jq -r .event "$PLAY/once.out")" = withdrawn ]
    [ "$(sql "SELECT count(*) FROM sct_look")" = 0 ]
}
