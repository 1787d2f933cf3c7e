# As d070, for a process that goes on running: there is room again, and what was not stored is read once more of every
# log, also of those that do not grow any more.
load play
load strict

setup_file() {
    play_begin
    [ "$(id -u)" = 0 ] && mkdir "$PLAY/disk" && mount -t tmpfs -o size=8m tmpfs "$PLAY/disk" || return 0
    export DISK=$PLAY/disk CTVIGIL_DB_DISK_PATH=$PLAY/disk CTVIGIL_INGEST_POLL_MS=200 \
        CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
    db_up
    start_sim --entries 600 --seed 71
    add_logs
    HOST_AS=127.1 add_log third rfc6962
    background ingest "$CTVIGIL" --state-dir "$STATE" ingest
}

teardown_file() {
    [ -z "${DISK:-}" ] || umount "$DISK"
    play_end
}

setup() {
    [ -n "${DISK:-}" ] || skip "no file system can be mounted here"
}

verified() {
    [ "$(sql "SELECT count(*) FROM log_range WHERE next = $1 AND verified = $1")" = 3 ]
}

not_stored() {
    sql "SELECT coalesce(sum(entries), 0) FROM coverage WHERE state = 'not_stored'"
}

@test "room again while it runs: every log is read once more, grow it or not" {
    wait_for 'verified 600' 60
    dd if=/dev/zero of="$DISK/ballast" bs=1k count=7900 2>/dev/null
    sleep 3
    control '{"append":300}' >/dev/null
    size=$(sim_size)
    wait_for "verified $size" 60
    [ "$(not_stored)" = $((3 * (size - 600))) ]
    rm "$DISK/ballast"
    wait_for 'prints 0 not_stored >/dev/null' 60
    wait_for "verified $size" 60
    wait_for '[ "$(sql "SELECT count(*) FROM log_range")" = 3 ]' 60 # cut parts join a moment after both are read
    wait_for "verified $size" 60
    assert_counts
}
