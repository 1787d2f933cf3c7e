# The disk of the database is nearly full: certificates are matched and alerted on and not stored, which the ledger says;
# with room again they are read once more, and nothing is lost, doubled or told twice.
load play
load strict

setup_file() {
    play_begin
    [ "$(id -u)" = 0 ] && mkdir "$PLAY/disk" && mount -t tmpfs -o size=8m tmpfs "$PLAY/disk" || return 0
    export DISK=$PLAY/disk CTVIGIL_DB_DISK_PATH=$PLAY/disk CTVIGIL_INGEST_POLL_MS=200 \
        CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
    db_up
    start_sim --entries 600 --seed 70
    ctv domain add guard.example
    add_logs
    ingest
}

teardown_file() {
    [ -z "${DISK:-}" ] || umount "$DISK"
    play_end
}

setup() {
    [ -n "${DISK:-}" ] || skip "no file system can be mounted here"
}

fill() {
    dd if=/dev/zero of="$DISK/ballast" bs=1k count=$1 2>/dev/null
}

grow() {
    control '{"append":300}' >/dev/null
    issue other 90 both "$1.guard.example" >/dev/null
    fault "malformed:$1.guard.example"
    control '{"append":200}' >/dev/null
}

alerts_of() {
    ctv alert list --json | jq -s --arg name "$1.guard.example" 'map(select(.kind == "unexpected_ca" and .name == $name)) |
        [length, (map(.sightings[].verified) | all), (map(.sightings | length) | add)] | tojson' -r
}

not_stored() {
    sql "SELECT coalesce(sum(entries), 0) FROM coverage WHERE state = 'not_stored'"
}

@test "nearly full: matched and alerted on, not stored, and said everywhere" {
    fill 7900
    certs=$(sql 'SELECT count(*) FROM cert')
    grow short
    size=$(sim_size)
    run -0 --separate-stderr ingest
    [[ $stderr == *'no longer stored until there is room'* ]]
    [ "$(sql 'SELECT count(*) FROM cert')" = "$certs" ]
    [ "$(sql 'SELECT count(*) FROM malformed')" = 0 ]
    for log in rfc tiles; do
        log_is $log ".position == $size and .verified_size == $size and (.coverage | map([.state, .begin, .end])) ==
            [[\"verified\", 0, 600], [\"not_stored\", 600, $size]]" || { ctv log status --json; return 1; }
    done
    [ "$(ctv log status | grep -c "not_stored: entries 600 to $((size - 1))")" = 2 ]
    run -3 ctv log status --check
    [ "$(alerts_of short)" = '[1,true,4]' ] || { alerts_of short; ctv alert list --json; return 1; }
    ctv alert list --json | jq -es 'map(select(.kind == "malformed")) | length == 1 and (.[0].sightings | length) == 2'
    ctv alert list --json | jq -es 'map(select(.kind == "coverage_gap")) | length == 1 and .[0].severity == "high" and
        .[0].state == "new" and .[0].findings[0].rule == "disk"'
    ctv domain list --json | jq -e '.incomplete | any(.reason == "not_stored" and .begin == 600)'
}

@test "killed at any moment while the disk is full, each entry is in the ledger once" {
    fault slow:60
    control '{"append":2500}' >/dev/null
    grow killed
    for round in 1 2 3 4; do
        background "ingest.$round" "$CTVIGIL" --state-dir "$STATE" ingest --once
        victim=$!
        sleep "0.$((3 + RANDOM % 6))"
        kill -KILL $victim 2>/dev/null || true
        ended $victim || true
    done
    clear_faults
    run -0 ingest
    [ "$(not_stored)" = $((2 * ($(sim_size) - 600))) ]
    [ "$(sql 'SELECT count(*) FROM log_gap')" = 2 ]
    [ "$(alerts_of killed)" = '[1,true,4]' ]
    [ "$(ctv alert list --json | some_line '.kind == "coverage_gap"'; ctv alert list --json | grep -c coverage_gap)" = "true
1" ]
}

@test "room again: everything is read once more and is as if the disk had never been full" {
    rm "$DISK/ballast"
    grow room
    # What was cut out first, then the newest.
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    prints 0 not_stored
    for log in rfc tiles; do
        log_is $log ".position == $(sim_size) and .backlog == 0 and .verified_size == $(sim_size)" ||
            { ctv log status --json; sim_size; return 1; }
    done
    [ "$(ctv alert list --json --state closed | some_line '.kind == "coverage_gap"')" = true ]
    for name in short killed room; do
        [ "$(alerts_of $name)" = '[1,true,4]' ]
        ctv search "$name.guard.example" --json | jq -es 'length == 1 and .[0].sightings == 4'
    done
    assert_counts
    dump_db | grep -v coverage_gap >"$PLAY/dump"
    use_state reference
    ctv domain add guard.example
    add_logs
    ingest
    diff <(dump_db | sort) <(sort "$PLAY/dump")
}
