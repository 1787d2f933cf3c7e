# The whole pipeline once, with everything at the same time: short enough to be run under ThreadSanitizer as well.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 2500 --seed 90
}

teardown_file() {
    play_end
}

@test "both protocols, a growing log, a watched domain, a hook, a domain and a log added on the way" {
    printf '#!/bin/sh\necho "$TBS_SHA256" >>"%s/hooked"\n' "$PLAY" >"$PLAY/hook"
    chmod +x "$PLAY/hook"
    : >"$PLAY/hooked"
    export CTVIGIL_HOOK_COMMAND=$PLAY/hook CTVIGIL_INGEST_POLL_MS=300 CTVIGIL_INGEST_PARTIAL_WAIT_MS=300 \
        CTVIGIL_INGEST_SETTLERS=2 CTVIGIL_INGEST_WORKERS=3
    ctv domain add first.example
    add_log rfc rfc6962
    background run "$CTVIGIL" --state-dir "$STATE" run
    runner=$!
    add_log tiles static-ct
    for i in $(seq 1 10); do
        issue other 90 both "h$i.first.example" >/dev/null
        issue other 90 both "h$i.second.example" >/dev/null
        control '{"append":46}' >/dev/null
        [ $i != 5 ] || ctv domain add second.example
        [ $i != 7 ] || fault flip:200:1
    done
    size=$(sim_size)
    wait_for "assert_complete rfc $size >/dev/null && assert_complete tiles $size >/dev/null" 120
    wait_for '[ "$(sort -u "$PLAY/hooked" | wc -l)" = 20 ]' 60
    kill -TERM $runner
    ended $runner
    assert_counts
    [ "$size" -ge 3000 ]
    [ "$(ctv alert list --json | wc -l)" = 20 ]
    ctv alert list --json | every_line '.kind == "unexpected_ca" and (.sightings | length) == 4'
    [ "$(wc -l <"$PLAY/hooked")" = 20 ]
    diff <(tiles_of rfc) <(tiles_of tiles)
    none -E 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error' "$PLAY/run.log"
}
