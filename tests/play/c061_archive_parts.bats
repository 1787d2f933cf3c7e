# An archive with more damaged tiles than a log may have parts: what can be read is, the rest is named, and better files
# complete it.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 10240 --seed 77
    eval "$(jq -r '@sh "LOG_ID=\(.log_id) ORIGIN=\(.origin)"' "$PLAY"/sim*.out)"
    export LOG_ID ORIGIN
}

teardown_file() {
    play_end
}

archive() {
    local name=$1
    shift
    python3 "$BATS_TEST_DIRNAME/archive.py" "$SIM_STATIC_URL" "$SIM_KEY" "$LOG_ID" "$ORIGIN" "$PLAY/$name" "$@"
}

import() {
    ctv log import --name arc --key "$SIM_KEY" "$@"
}

@test "every second tile is damaged, and later it is not" {
    local damage=() tile
    for tile in $(seq 1 2 37); do damage+=("damage=tile/data/$(printf %03d "$tile")"); done
    archive bad.zip "${damage[@]}"
    archive good.zip
    for round in 4096 0; do
        run -4 import "$PLAY/bad.zip"
        [[ $output == *"entries 8192 to 10239 are missing: too many tiles in front of them are damaged"* ]]
        [[ $output == *"arc: $round entries read, 4096 of 10240 stored, 4096 verified"* ]]
        [ "$(sql 'SELECT count(*) FROM log_range')" = 16 ]
    done
    run -0 import "$PLAY/good.zip"
    [[ $output == *"arc: 6144 entries read, 10240 of 10240 stored, 10240 verified: complete"* ]]
    [ "$(sql 'SELECT count(*) FROM log_range')" = 1 ]
}
