# What a log says of itself in other ways than by its heads: hash tiles.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 5120 --seed 60 --static
    add_log tiles static-ct
}

teardown_file() {
    play_end
}

@test "a data tile that does not fit its hash tile is named, kept and matched, and others can check it" {
    fault flip:1300
    run -1 --separate-stderr timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is tiles '.position == 5120 and .entries == 5120 and .verified_size == 0 and .state == "inconsistent"'
    # The root does not fit either: that is the same incident, and the tile is the better word.
    ctv alert list --json | jq -es 'length == 1 and .[0].log == "tiles" and
        (.[0].findings | map(.rule)) == ["bad_tile", "root_mismatch"]' || { ctv alert list --json; return 1; }
    [ "$(sql "SELECT count(*) FROM outbox AS o JOIN alert AS a ON a.id = o.alert")" = "$(sql "SELECT count(*) FROM channel")" ]
    log_is tiles '.reason | startswith("tile/data/005 does not fit tile/1/000.p/20")'
    path=$(sql "SELECT path FROM evidence WHERE kind = 'bad_tile'")
    [ "$(sql "SELECT range_begin, range_end FROM evidence WHERE kind = 'bad_tile'")" = "1280	1536" ]
    jq -e '.data_tile == "tile/data/005" and .hash_tile == "tile/1/000.p/20" and (.entries | length) == 256' "$path"
    run -1 --separate-stderr ctv log verify "$path"
    [[ "$output" == *"WRONG    the entries of a data tile do not give its node in the hash tile: entries 1280 to 1535"* ]]
    # The tiles beside it say which one is wrong, and where.
    jq -e '.sentence | endswith("; tile/0/005 gives the node, so the data tile is wrong: 1 of entries 1300 to 1300")' "$path"
    [ "$(curl -sS --noproxy '*' "$SIM_STATIC_URL/tile/0/005" | base64 -w 0)" = "$(jq -r .leaf_tile_base64 "$path")" ]
    # Its hash tile is the one that the log serves.
    [ "$(curl -sS --noproxy '*' "$SIM_STATIC_URL/tile/1/000.p/20" | base64 -w 0)" = "$(jq -r .hash_tile_base64 "$path")" ]
    clear_faults
    jq 'del(.hash_tile_base64)' "$path" >"$PLAY/other.json"
    run -0 --separate-stderr ctv log verify "$PLAY/other.json"
}

@test "the right bytes: verified, and the story is over" {
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is tiles '.position == 5120 and .verified_size == 5120 and .state == "active"'
    ctv log evidence --json | every_line '.open | not'
    [ "$(ctv alert list --json | wc -l)" = 1 ]
}

@test "a data tile that is not full, at the edge of the tree: the tile of its leaf hashes names the entry" {
    control '{"append":300}'
    fault flip:5400
    run -1 --separate-stderr timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is tiles '.position == 5420 and .entries == 5420 and .verified_size == 5120 and .state == "inconsistent" and
        (.reason | startswith("tile/data/021.p/44 does not fit tile/0/021.p/44: 1 of entries 5376 to 5419"))'
    ctv alert list --json | jq -es 'length == 2 and .[-1].log == "tiles" and
        any(.[]; (.findings | map(.rule)) == ["bad_tile", "root_mismatch"] and
            (.findings[0].found | contains("the first one 5400; tile/0/021.p/44 gives the root that the log signed for size 5420")))'
    path=$(sql "SELECT path FROM evidence WHERE kind = 'bad_tile' AND range_begin = 5376 AND range_end = 5420")
    [ "$(curl -sS --noproxy '*' "$SIM_STATIC_URL/tile/0/021.p/44" | base64 -w 0)" = "$(jq -r .hash_tile_base64 "$path")" ]
    # Nobody's word is needed for which of the two is wrong: neither ours nor that of the tree in front.
    for change in . 'del(.base_head)'; do
        jq "$change" "$path" >"$PLAY/other.json"
        run -1 --separate-stderr ctv log verify "$PLAY/other.json"
        [[ "$output" == *"WRONG    entries of a data tile are not those that its hash tile has: 1 of entries 5376 to 5419, the first one 5400"* ]]
        [[ "$output" == *"shown    the hash tile gives the root that the log signed: it is the data tile that is wrong"* ]]
    done
    # Who changes the hash tile, or what is in front, can not say that any more.
    for change in '.hash_tile_base64 |= ("AAAA" + .[4:])' '.frontier[0] = .head.root'; do
        jq "del(.base_head) | $change" "$path" >"$PLAY/other.json"
        run -1 --separate-stderr ctv log verify --json "$PLAY/other.json"
        jq -e '.verdict == "served" and any(.findings[]; .what == "tile_unsigned")' <<<"$output"
    done
    jq '.hash_tile_base64 |= .[:128]' "$path" >"$PLAY/other.json"
    run -0 --separate-stderr ctv log verify --json "$PLAY/other.json"
    jq -e 'any(.findings[]; .what == "tile_absent")' <<<"$output"
}

@test "the edge is served rightly: verified" {
    clear_faults
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is tiles '.position == 5420 and .verified_size == 5420 and .state == "active"'
    ctv log evidence --json | every_line '.open | not'
}
