# The largest entries that RFC 6962 allows: a certificate of 16 MB with a chain of 16 MB. They are read, stored and matched
# like any other, beside usual ones, and memory stays below what the program says at its start.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 150 --seed 60
    ctv domain add large.example
    for form in precert final; do
        control "$(jq -nc --arg form $form '{issue: {names: ["\($form).large.example"], ca: "other", $form, pad: 16000000,
            pad_chain: 16000000}}')" >"$PLAY/$form.json"
        control '{"append":60}' >/dev/null
    done
    add_logs
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
}

teardown_file() {
    play_end
}

# The largest amount of memory of one's own that a process was seen with, in kB, until it ends. The file that holds a
# large entry is not counted: its pages go when memory is short.
anonymous_most() {
    local most=0 now
    while now=$(awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
        [ "$now" -gt "$most" ] && most=$now
        echo "$most" >"$PLAY/most"
        sleep 0.05
    done
}

@test "read and verified in both protocols, within the memory that was promised" {
    background ingest "$CTVIGIL" --state-dir "$STATE" ingest
    ingester=$!
    anonymous_most $ingester 3>&- &
    meter=$!
    for log in rfc tiles; do wait_for "assert_complete $log 272 >/dev/null" 120; done
    kill -TERM $ingester
    ended $ingester
    wait $meter || true
    promised=$(sed -nE 's/.*takes at most ([0-9]+) MB of memory.*/\1/p' "$PLAY/ingest.log")
    [ "$promised" -ge 100 ]
    echo "$(cat "$PLAY/most") kB of $promised MB"
    # The sanitizers keep what was freed.
    nm -D "$CTVIGIL" >"$PLAY/symbols"
    if ! has -E '__(a|t)san_init' "$PLAY/symbols"; then
        [ "$(cat "$PLAY/most")" -lt $((promised * 1024)) ]
    fi
    [ "$(sql 'SELECT count(*) FROM malformed')" = 0 ]
    diff <(tiles_of rfc) <(tiles_of tiles)
    assert_counts
}

@test "stored, found and matched: the watched name stands behind 16 MB" {
    for form in precert final; do
        fp=$(jq -r .tbs_fp "$PLAY/$form.json")
        index=$(jq -r .index "$PLAY/$form.json")
        ctv search "$form.large.example" --json | jq -es --arg fp "$fp" 'length == 1 and .[0].tbs_fp == $fp'
        ctv search "sha256:$(jq -r .sha256 "$PLAY/$form.json")" --json | jq -es 'length == 1'
        ctv alert list --json | jq -es --arg name "$form.large.example" --argjson index "$index" '
            map(select(.name == $name)) | length == 1 and .[0].kind == "unexpected_ca" and
            (.[0].sightings | map([.log, .index, .verified]) | sort) == [["rfc", $index, true], ["tiles", $index, true]]'
    done
    [ "$(ctv alert list --json | wc -l)" = 2 ]
}
