# Logs that nobody added: the log list is fetched, followed, changed, refused; logs begin and end with it.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --seed 2 --entries 150 --static
    SHARD=$(head -n 1 "$PLAY"/sim0.out)
    start_sim --seed 3 --entries 600 --rfc6962 --limit tiles
    TILED=$(head -n 1 "$PLAY"/sim1.out)
    start_sim --seed 1 --entries 300
    curl -sS --noproxy '*' "$(list_url key)" >"$PLAY/list.key"
    PLAY_LOG_LIST=$(list_url json)
    export SHARD TILED PLAY_LOG_LIST CTVIGIL_INGEST_LOG_LIST=$PLAY_LOG_LIST CTVIGIL_INGEST_LOG_LIST_KEY=$PLAY/list.key \
        CTVIGIL_INGEST_LOG_LIST_S=1 CTVIGIL_INGEST_LOG_LIST_FROM=0 CTVIGIL_INGEST_POLL_MS=300 \
        CTVIGIL_INGEST_PARTIAL_WAIT_MS=300
    background run "$CTVIGIL" --state-dir "$STATE" run
}

teardown_file() {
    play_end
}

list_url() {
    echo "${SIM_CONTROL%/control}/list/log_list.$1"
}

list() {
    control "{\"list\":$1}" >/dev/null
}

@test "a fresh state directory follows the logs of the list, from their beginning" {
    wait_for 'log_is own ".position == 300 and .verified_size == 300 and .list_state == \"usable\""' 60
    ctv log list --json | jq -es 'length == 1 and (.[0] | .operator == "Simulator" and .followed and .listed and .mmd_s == 60)'
    run -0 ctv log list
    [[ "$output" == *Simulator*own*usable* ]]
    [ "$(sql "SELECT version || failures FROM log_list")" = 1.10 ]
}

@test "an unchanged list is not sent again" {
    before=$(sql "SELECT extract(epoch FROM fetched_at) FROM log_list")
    wait_for '[ "$(sql "SELECT extract(epoch FROM fetched_at) > '"$before"' FROM log_list")" = t ]' 60
    [ "$(sql "SELECT applied_at < fetched_at FROM log_list")" = t ]
}

@test "a new shard is followed while everything runs, also when the database was away" {
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'" >/dev/null
    list "{\"add\":$(jq -c '. + {name: "shard"} | del(.url)' <<<"$SHARD")}"
    wait_for 'log_is shard ".position == 150 and .verified_size == 150 and .protocol == \"static-ct\""' 60
    grep -q 'following a new log: shard' "$PLAY/run.log"
}

@test "an RFC 6962 log is asked once whether it has data tiles; one that has is read by them" {
    list "{\"add\":$(jq -c '. + {name: "tiled"} | del(.static_url)' <<<"$TILED")}"
    wait_for 'log_is tiled ".protocol == \"hybrid\" and .position == 600 and .verified_size == 600"' 60
    wait_for '[ "$(sql "SELECT tiles FROM log WHERE name = \$\$own\$\$")" = f ]' 60
    log_is own '.protocol == "rfc6962"'
    run -0 ctv log update
    log_is tiled '.protocol == "hybrid"'
    wait_for '[ "$(grep -c "following a new log: tiled" "$PLAY/run.log")" = 2 ]' 60
    SIM_CONTROL=$(jq -r .control <<<"$TILED") control '{"append":600}' >/dev/null
    wait_for 'log_is tiled ".position == 1200 and .verified_size == 1200"' 60
    SIM_CONTROL=$(jq -r .control <<<"$TILED") control | jq -e '.requests["tile-data"] >= 2'
}

@test "without a contact logs of others are not asked, by a list or by hand; it is said what to set" {
    key=$(openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -outform DER | base64 -w 0)
    id=$(base64 -d <<<"$key" | openssl dgst -sha256 -binary | base64)
    list "{\"add\":$(jq -nc --arg key "$key" --arg id "$id" '{name: "foreign", url: "https://192.0.2.7/x/", key: $key, log_id: $id}')}"
    wait_for 'grep -q "logs=1 first=foreign not asked, because ingest.contact is not set" "$PLAY/run.log"' 60
    wait_for 'log_is foreign ".last_error | contains(\"ingest.contact\")"' 60
    [ "$(sql "SELECT count(*) FROM log_range AS r JOIN log AS l ON l.id = r.log WHERE l.name = 'foreign'")" = 0 ]
    ctv log update --json | jq -es '.[0].unasked == 1'
    # Who reads once has not read it, whatever else there is.
    run -2 --separate-stderr ctv ingest --once
    [[ "$stderr" == *"ingest.contact is not set"* ]]
    run -2 --separate-stderr ctv ingest --once --log foreign
    [[ "$stderr" == *"ingest.contact is not set"* ]]
    CTVIGIL_INGEST_CONTACT=us@ours.test run -4 --separate-stderr ctv ingest --once --log foreign
    [[ "$stderr" == *"first=foreign not read: where"*"a log could not be read"* ]]
    run -2 --separate-stderr ctv ingest --once --log nobody
    [[ "$stderr" == *"no log 'nobody' that is followed"* ]]
    wait_for 'log_is foreign ".last_error | startswith(\"not asked\")"' 60
    run -3 --separate-stderr ctv log status --check
    [[ "$stderr" == *"log foreign: the last try failed: not asked"* && "$stderr" != *"log foreign: it never"* ]]
    # As somebody else's `log add` does it.
    sql "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('added', 'rfc6962', 'https://192.0.2.8/', sha256('a'), '');
         INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 0, 0 FROM log WHERE name = 'added'" >/dev/null
    wait_for 'grep -q "logs=1 first=added not asked" "$PLAY/run.log"' 60
    none -E 'following a new log: (foreign|added)' "$PLAY/run.log"
    none -F 192.0.2. "$PLAY/run.log"
    sql "DELETE FROM log_range WHERE log = (SELECT id FROM log WHERE name = 'added'); DELETE FROM log WHERE name = 'added'" >/dev/null
    list '{"remove":"foreign"}'
    wait_for '[ "$(sql "SELECT left_at IS NOT NULL FROM log WHERE name = \$\$foreign\$\$")" = t ]' 60
}

@test "a log that moved is read at its new place" {
    list "{\"add\":$(jq -c '. + {name: "shard", static_url: (.static_url | sub("127.0.0.1"; "127.1"))} | del(.url)' <<<"$SHARD")}"
    wait_for 'log_is shard ".url | contains(\"127.1\")"' 60
    wait_for 'grep -q "taken up again at the next look: shard" "$PLAY/run.log"' 60
    wait_for '[ "$(grep -c "following a new log: shard" "$PLAY/run.log")" = 2 ]' 60
    SIM_CONTROL=$(jq -r .control <<<"$SHARD") control '{"append":50}' >/dev/null
    wait_for 'log_is shard ".position == 200 and .verified_size == 200"' 60
}

@test "an older list is refused and told; so is one with a wrong signature" {
    list '{"back":true}'
    wait_for '[ "$(sql "SELECT refused AND last_error LIKE \$\$%step back%\$\$ FROM log_list")" = t ]' 60
    run -0 ctv log status
    [[ "$output" == *"step back"* ]]
    ctv log status --json | jq -es '.[-1] | .schema == "ctvigil.log.list.error.1" and .refused and (.error | contains("step back"))'
    run -3 --separate-stderr ctv log status --check
    run -4 --separate-stderr ctv log update
    [[ "$stderr" == *"step back"* ]]
    list '{"back":false,"signed":false}'
    run -4 --separate-stderr ctv log update
    [[ "$stderr" == *signature* ]]
    # Who runs has asked before, and may write that down only now; so below.
    wait_for '[ "$(sql "SELECT refused AND last_error LIKE \$\$%signature%\$\$ FROM log_list")" = t ]' 60
    log_is shard '.followed'
    list '{"signed":true}'
    run -0 ctv log update
    wait_for '[ "$(sql "SELECT refused OR last_error <> \$\$\$\$ FROM log_list")" = f ]' 60
}

@test "a readonly log is read to its end, proven and complete, though it serves a little more" {
    final=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth" | jq -c '{tree_size, sha256_root_hash}')
    control '{"append":7}' >/dev/null
    list "{\"state\":$(jq -c '. + {name: "own", state: "readonly"}' <<<"$final")}"
    run -0 ctv log update
    wait_for 'log_is own ".ended == \"complete\" and .position == 307 and (.followed | not)"' 60
    run -0 ctv log list
    [[ "$output" == *complete* ]]
}

@test "a log that leaves the list is read to its end; a tail that is lost is an alert" {
    list '{"remove":"shard"}'
    run -0 ctv log update
    sql "UPDATE log SET followed = false, ended = 'ended' WHERE name = 'shard'" >/dev/null
    wait_for 'grep -q "leaving a log that is not followed any more: shard" "$PLAY/run.log"' 60
    # It promised more than was ever seen, and has been silent for days.
    sql "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 260, sha256(''), now(), '' FROM log WHERE name = 'shard';
         UPDATE log SET followed = true, ended = '', last_contact = now() - interval '5 days', left_at = now() - interval '4 days',
             list_state_at = now() - interval '9 days', added_at = now() - interval '9 days', url = 'http://127.0.0.1:9/gone'
         WHERE name = 'shard'" >/dev/null
    wait_for 'log_is shard ".ended == \"lost\""' 60
    lost() {
        ctv alert list --json | jq -es 'length == 1 and (.[0] | .kind == "log_stale" and .log == "shard" and .domain == null
            and (.findings[0].expected | contains("200 to 259")))'
    }
    wait_for lost 60
}

@test "nothing went wrong that was not meant to" {
    none -E 'AddressSanitizer|runtime error|assertion' "$PLAY/run.log"
    grep 'level=error' "$PLAY/run.log" | none -vE 'log list|shard'
}
