# What raises an alert, how often, and what the hook is told.
load play
load strict

setup_file() {
    play_begin_db
    cat >"$PLAY/hook" <<'SH'
#!/bin/sh
case $(cat "$PLAY/mood" 2>/dev/null) in
refuse) exit 1 ;;
hang) sleep 300 & echo $! >>"$PLAY/pids"; wait ;;
esac
name=$(jq -r '.name // "none"' "$CTVIGIL_ALERT_JSON")
cp "$CTVIGIL_ALERT_JSON" "$PLAY/hooked/$name.alert"
[ -n "$JSON_FILENAME" ] && cp "$JSON_FILENAME" "$PLAY/hooked/$name.cert"
[ -n "$CERT_FILENAME" ] && cp "$CERT_FILENAME" "$PLAY/hooked/$name.pem"
[ -n "$TEXT_FILENAME" ] && cp "$TEXT_FILENAME" "$PLAY/hooked/$name.text"
env >"$PLAY/hooked/$name.env"
echo "$name" >>"$PLAY/hooked/all"
[ "$name $(cat "$PLAY/mood" 2>/dev/null)" != "www.ending.example murder" ] || { kill -KILL $PPID; sleep 1; }
SH
    chmod +x "$PLAY/hook"
    mkdir "$PLAY/hooked"
    export CTVIGIL_HOOK_COMMAND=$PLAY/hook CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
    start_sim --entries 300 --seed 70 --ca-dir "$PLAY/ca"
    add_logs
    ctv domain add bank.example --allow-ca "spki:$CA_demo" --owner treasury
    ctv domain add .shop.example --allow-ca "cert:$PLAY/ca/demo.pem"
    ctv domain add wild.example --allow-ca "spki:$CA_demo" --allow-wildcard
    ctv domain add only.example --exact
}

teardown_file() {
    play_end
}

run_in_background() {
    background run "$CTVIGIL" --state-dir "$STATE" run
    runner=$!
}

# After a failed test nothing may go on hanging.
teardown() {
    rm -f "$PLAY/mood"
    [ -n "${BATS_TEST_COMPLETED:-}" ] || kill -KILL "${runner:-}" || true
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE pair_look%' AND pid <> pg_backend_pid()" >/dev/null
    play_logs
}

# mood WORD: what the hook does from now on. In one step: it may be at it.
mood() {
    echo "$1" >"$PLAY/mood.new"
    mv "$PLAY/mood.new" "$PLAY/mood"
}

all_sent() {
    [ "$(sql "SELECT count(*) FROM outbox WHERE state <> 'sent'")" = 0 ]
}

stop_running() {
    kill -TERM $runner
    ended $runner
}

alert_of() {
    ctv alert list --json | jq -cs --arg name "$1" 'map(select(.name == $name)) | if length == 1 then .[0] else error("\(length) alerts") end'
}

@test "run: each unexpected certificate once on stdout and once through the hook, the expected ones never" {
    run_in_background
    issue demo 90 both www.bank.example bank.example >/dev/null
    issue other 90 both login.bank.example >/dev/null
    issue demo 90 precert '*.shop.example' >/dev/null
    issue demo 90 both '*.wild.example' >/dev/null
    issue demo 400 final pay.shop.example >/dev/null
    issue other 400 both '*.all.bank.example' >/dev/null
    issue other 90 both sub.only.example >/dev/null
    issue other 90 both only.example >/dev/null
    size=$(sim_size)
    wait_for "log_is rfc '.verified_size == $size' && log_is tiles '.verified_size == $size'" 60
    wait_for '[ "$(wc -l <"$PLAY/run.out")" -ge 5 ] && [ "$(wc -l <"$PLAY/hooked/all")" -ge 5 ]' 60
    wait_for all_sent 60
    sleep 1
    stop_running
    jq -r .name "$PLAY/run.out" | sort >"$PLAY/told"
    diff - "$PLAY/told" <<'NAMES'
*.all.bank.example
*.shop.example
login.bank.example
only.example
pay.shop.example
NAMES
    diff "$PLAY/told" <(sort "$PLAY/hooked/all")
    every_line '.schema == "ctvigil.alert.1" and .id > 0 and .domain != null' <"$PLAY/run.out"
}

# That no root store trusts a CA is found when the caretaker has compared its certificate, before the first alert or behind
# it (the play of trust has both); everything else is the same at any time.
@test "kind, severity and findings are those of the broken rules" {
    alert_of login.bank.example | jq -e --arg ca "$CA_other" '.kind == "unexpected_ca" and .severity == "high" and
        .domain == "bank.example" and (.findings | map(.kind)) - ["untrusted_ca"] == ["unexpected_ca"] and
        (.findings[0].found | contains($ca[:16])) and .state == "notified" and (.first_seen | endswith("Z"))'
    alert_of '*.shop.example' | jq -e '.kind == "unexpected_wildcard" and .domain == "shop.example"'
    alert_of pay.shop.example | jq -e '.kind == "over_long_validity" and .severity == "low"'
    alert_of '*.all.bank.example' | jq -e '.severity == "high" and (.findings | map(.kind) - ["untrusted_ca"] | sort) ==
        ["over_long_validity", "unexpected_ca", "unexpected_wildcard"] and
        (.findings | all(.rule and .expected and .found and .severity))'
    # What a closer look at the certificate says is kept with the alert, for who reads it later.
    alert_of pay.shop.example | jq -e '.issuance.lint | type == "array"'
}

@test "one alert, with its sightings in both protocols and both forms, all verified" {
    alert_of login.bank.example | jq -e '(.sightings | map([.log, .form]) | sort) ==
        [["rfc", "final"], ["rfc", "precert"], ["tiles", "final"], ["tiles", "precert"]] and
        (.sightings | all(.verified and .index >= 300))'
    alert_of '*.shop.example' | jq -e '.sightings | map(.form) == ["precert", "precert"]'
}

@test "the hook gets certspotter's variables and the alert as a file" {
    alert=$(alert_of login.bank.example)
    env=$PLAY/hooked/login.bank.example.env
    for variable in EVENT SUMMARY WATCH_ITEM LOG_URI ENTRY_INDEX TBS_SHA256 CERT_SHA256 PUBKEY_SHA256 JSON_FILENAME \
        TEXT_FILENAME NOT_BEFORE NOT_BEFORE_UNIXTIME NOT_BEFORE_RFC3339 NOT_AFTER NOT_AFTER_UNIXTIME \
        NOT_AFTER_RFC3339 SUBJECT_DN ISSUER_DN SERIAL CTVIGIL_ALERT_JSON CTVIGIL_DELIVERY_KEY; do
        grep -q "^$variable=." "$env" || { echo "$variable is missing"; return 1; }
    done
    grep -qx 'EVENT=discovered_cert' "$env"
    grep -qx 'WATCH_ITEM=bank.example' "$env"
    grep -qx "TBS_SHA256=$(jq -r .tbs_fp <<<"$alert")" "$env"
    grep -q '^ISSUER_DN=.*Other Authority' "$env"
    none '^CTVIGIL_DB_DSN' "$env"
    openssl x509 -in "$PLAY/hooked/login.bank.example.pem" -outform DER | sha256sum | cut -d' ' -f1 >"$PLAY/sha"
    grep -qx "CERT_SHA256=$(<"$PLAY/sha")" "$env"
    jq -e --argjson alert "$alert" '.id == $alert.id and .tbs_fp == $alert.tbs_fp' "$PLAY/hooked/login.bank.example.alert"
    jq -e --argjson alert "$alert" '.tbs_sha256 == $alert.tbs_fp and .dns_names == ["login.bank.example"]' \
        "$PLAY/hooked/login.bank.example.cert"
    grep -q login.bank.example "$PLAY/hooked/login.bank.example.text"
    # The files of a hook do not outlive it.
    file=$(sed -n 's/^CTVIGIL_ALERT_JSON=//p' "$env")
    [ ! -e "$file" ]
}

@test "a domain added later raises what it would have raised before" {
    issue other 90 both h1.later.example >/dev/null
    issue demo 90 both h2.later.example >/dev/null
    run -0 ingest
    answer=$(ctv domain add later.example --allow-ca "spki:$CA_demo" --json)
    jq -e '.alerts == 1 and .concerned == 2' <<<"$answer"
    alert_of h1.later.example | jq -e '.kind == "unexpected_ca" and (.sightings | length) == 4 and .state == "new"'
    [ "$(ctv alert list --json --domain later.example | wc -l)" = 1 ]
}

@test "a hook that fails is tried again with the same key, one that hangs is killed; nothing stops" {
    export CTVIGIL_HOOK_TIMEOUT_S=6
    mood refuse
    run_in_background
    issue other 90 precert refused.bank.example >/dev/null
    wait_for 'alert_of refused.bank.example 2>/dev/null | has id' 60
    id=$(alert_of refused.bank.example | jq .id)
    half_told() {
        ctv alert show "$id" --json | jq -e '.deliveries | any(.channel == "hook" and .state == "pending" and .tries >= 1
            and (.last_error | test("exit status 1"))) and any(.channel == "stdout" and .state == "sent")'
    }
    wait_for half_told 60
    # The log is read all the same.
    mood hang
    control '{"append":50}' >/dev/null
    wait_for "log_is rfc '.verified_size == $(sim_size)'" 60
    sql "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'" >/dev/null
    wait_for "ctv alert show $id --json | jq -e '.deliveries | any(.channel == \"hook\" and .tries >= 2)' >/dev/null" 60
    ctv alert show "$id" --json | jq -c .deliveries
    mood well
    sql "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'" >/dev/null
    wait_for 'grep -qx refused.bank.example "$PLAY/hooked/all"' 60
    key=$(sql "SELECT key FROM outbox WHERE alert = $id AND channel = 'hook'")
    grep -qx "CTVIGIL_DELIVERY_KEY=$key" "$PLAY/hooked/refused.bank.example.env"
    wait_for "ctv alert show $id --json | jq -e '.deliveries | all(.state == \"sent\")' >/dev/null" 60
    stop_running
    [ "$(grep -cx refused.bank.example "$PLAY/hooked/all")" = 1 ]
}

@test "what is given up is said, and alert retry brings it back" {
    id=$(alert_of refused.bank.example | jq .id)
    sql "UPDATE outbox SET state = 'dead' WHERE alert = $id AND channel = 'hook'" >/dev/null
    ctv alert show "$id" --json | jq -e '.deliveries | any(.state == "dead")'
    run -0 ctv alert retry "$id" --json
    jq -e '.deliveries == 1' <<<"$output"
    run -0 ctv alert retry "$id"
    [[ "$output" == "nothing to do: "* ]]
    background watch "$CTVIGIL" --state-dir "$STATE" watch
    watcher=$!
    wait_for '[ "$(grep -cx refused.bank.example "$PLAY/hooked/all")" = 2 ]' 60
    wait_for all_sent 60
    kill -TERM $watcher
    ended $watcher
}

@test "watch --once delivers what is due and ends; what is refused is exit 4 and waits" {
    issue other 90 precert once.bank.example >/dev/null
    run -0 ingest
    mood well
    ctv watch --once >"$PLAY/once.out"
    [ "$(jq -r .name "$PLAY/once.out")" = once.bank.example ]
    alert_of once.bank.example | jq -e '.state == "notified"'
    ctv watch --once >"$PLAY/once.out"
    [ ! -s "$PLAY/once.out" ]
    issue other 90 precert twice.bank.example >/dev/null
    run -0 ingest
    mood refuse
    run -4 ctv watch --once
    id=$(alert_of twice.bank.example | jq .id)
    ctv alert show "$id" --json | jq -e '.deliveries | any(.channel == "hook" and .state == "pending" and .tries == 1)
        and any(.channel == "stdout" and .state == "sent")'
    mood well
    CTVIGIL_STDOUT_ENABLED=false CTVIGIL_HOOK_COMMAND= run -2 ctv watch --once
}

@test "watch --once that is told to stop while it looks after what is stored ends, and leaves the rest" {
    sql "INSERT INTO unverified_cert (source, ref, names, not_before, not_after, imported_at)
         VALUES ('crtsh', '1:1', '{x.bank.example}', '2020-01-01', '2020-03-01', '2020-01-01')" >/dev/null
    # Its step for pairs waits for this lock until it has been told to stop.
    background lock psql -XqAt -d "$DSN" -c "BEGIN; LOCK TABLE pair_look IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
    lock=$!
    wait_for '[ "$(sql "SELECT count(*) FROM pg_locks WHERE relation = '"'pair_look'"'::regclass AND granted AND mode = '"'AccessExclusiveLock'"'")" = 1 ]' 60
    background once "$CTVIGIL" --state-dir "$STATE" watch --once
    once=$!
    wait_for '[ "$(sql "SELECT count(*) FROM pg_locks WHERE relation = '"'pair_look'"'::regclass AND NOT granted")" = 1 ]' 60
    kill -TERM $once
    # The signal is no more pending: it was taken.
    wait_for 'awk "/^(SigPnd|ShdPnd)/ { taken += \$2 ~ /^0+\$/ } END { exit taken != 2 }" /proc/$once/status' 60
    sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'pair_look'::regclass AND granted" >/dev/null
    status=0
    ended $once || status=$?
    [ "$status" = 4 ]
    [ "$(sql "SELECT count(*) FROM unverified_cert WHERE ref = '1:1'")" = 1 ]
    run -0 ctv watch --once
    [ "$(sql "SELECT count(*) FROM unverified_cert WHERE ref = '1:1'")" = 0 ]
}

@test "a domain whose registration was cut off is pending, and the next watch raises its alerts" {
    issue other 90 both h.direct.example >/dev/null
    run -0 ingest
    sql "UPDATE domain_generation SET generation = generation + 1" >/dev/null
    sql "INSERT INTO domain (name, kind) VALUES ('direct.example', 'dns')" >/dev/null
    ctv domain list | has 'direct.example .*history pending'
    ctv domain list --json | jq -es 'map(select(.name == "direct.example")) | .[0].history == null'
    ctv watch --once >"$PLAY/once.out"
    [ "$(jq -r .name "$PLAY/once.out")" = h.direct.example ]
    ctv domain list --json | jq -es 'all(.history != null)'
    alert_of h.direct.example | jq -e '.sightings | length == 4'
}

@test "a channel that nobody runs is said, and so are the alerts that have no other" {
    run -0 ctv domain remove direct.example
    sql "DELETE FROM channel WHERE name = 'hook'" >/dev/null
    CTVIGIL_HOOK_COMMAND= run -0 ctv domain add mute.example --channel hook
    [[ $output == *"has offered the channel hook yet"* ]]
    issue other 90 precert h.mute.example >/dev/null
    run -0 ingest
    CTVIGIL_HOOK_COMMAND= run -0 ctv watch --once
    [[ $output == *"new alerts have no receiver"* ]]
    # It goes to the channel as soon as there is one; one that was delivered elsewhere only when asked for.
    ctv watch --once >"$PLAY/once.out"
    grep -qx h.mute.example "$PLAY/hooked/all"
}

@test "a removed domain raises nothing more, its alerts stay, and are its own when it comes back" {
    before=$(ctv alert list --json --domain later.example | wc -l)
    run -0 ctv domain remove later.example
    issue other 90 both h3.later.example >/dev/null
    run -0 ingest
    ctv alert list --json | jq -r .name | none '^h3'
    [ "$(ctv alert list --json | jq -r .domain | grep -c '^later.example')" = "$before" ]
    answer=$(ctv domain add later.example --allow-ca "spki:$CA_demo" --json)
    jq -e '.alerts == 1 and .concerned == 3' <<<"$answer"
    alert_of h1.later.example | jq -e '.state == "notified"'
}

# Sent, and nobody lived to write that down: it comes again, as the same delivery.
@test "a certificate that runs out is told, by whoever lives on, and taken back when it is renewed" {
    ctv domain add ending.example --allow-ca "spki:$CA_demo"
    control "{\"issue\":{\"ca\":\"demo\",\"days\":90,\"form\":\"both\",\"names\":[\"www.ending.example\"],\"not_before\":$(($(date +%s) - 80 * 86400))}}" >/dev/null
    run -0 ingest
    silent ctv alert list --json --domain ending.example
    mood murder
    run -137 "$CTVIGIL" --state-dir "$STATE" watch --once
    mood well
    alert=$(alert_of www.ending.example)
    jq -e '.kind == "expiring" and .severity == "low" and .state != "closed" and (.sightings | length) > 0' <<<"$alert"
    id=$(jq .id <<<"$alert")
    [ "$(sql "SELECT count(*) FROM outbox WHERE channel = 'hook' AND alert = $id AND state = 'pending'")" = 1 ]
    key=$(sed -n 's/^CTVIGIL_DELIVERY_KEY=//p' "$PLAY/hooked/www.ending.example.env")
    [ -n "$key" ]
    # It is leased to the one who died, for as long as a hook may take.
    sql "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'" >/dev/null
    ctv watch --once >"$PLAY/once.out"
    [ "$(grep -cx www.ending.example "$PLAY/hooked/all")" = 2 ]
    grep -qx "CTVIGIL_DELIVERY_KEY=$key" "$PLAY/hooked/www.ending.example.env"
    grep -qx 'EVENT=known_cert' "$PLAY/hooked/www.ending.example.env"
    alert_of www.ending.example | jq -e --argjson alert "$alert" '.id == $alert.id and .state == "notified"
        and (.findings | length) == 1'
    # The renewal comes.
    issue demo 90 both www.ending.example >/dev/null
    run -0 ingest
    ctv watch --once >"$PLAY/once.out"
    alert_of www.ending.example | jq -e '.state == "closed" and (.reason | test("^renewed by"))'
    jq -e 'select(.name == "www.ending.example") | .event == "withdrawn"' "$PLAY/once.out"
    [ "$(grep -cx www.ending.example "$PLAY/hooked/all")" = 3 ]
    none -x "CTVIGIL_DELIVERY_KEY=$key" "$PLAY/hooked/www.ending.example.env"
}
