# Certificates that are kept whole, and those that are read from their log again: only bytes whose hash fits come out.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --rfc6962 --static --limit tiles --entries 600 --seed 80
    issue other 90 both www.watched.example >/dev/null
    ctv domain add watched.example >&2
    add_log rfc rfc6962
    CTVIGIL_DB_DER=watched ingest
}

teardown_file() {
    play_end
}

# What stands in entry INDEX of the log.
entry_json() {
    curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-entries?start=$1&end=$1" >"$PLAY/entry.json"
    "$CTVIGIL" cert --json "$PLAY/entry.json"
}

forms() {
    sql "SELECT coalesce(sum(cardinality(sha8)), 0) FROM der_chunk"
}

# given FILE SHA256: its bytes have that hash.
given() {
    [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]
}

@test "what concerns a registered domain is kept whole, as precertificate and as final certificate" {
    [ "$(forms)" = 2 ]
    fault drop
    fp=$(ctv alert list --json | jq -r 'select(.domain == "watched.example") | .tbs_fp')
    run -0 --separate-stderr ctv cert --json "$fp"
    [ -z "$stderr" ]
    jq -e --arg fp "$fp" '.tbs_fp == $fp and .poison == false and (.dns | index("www.watched.example"))' <<<"$output"
    final=$(jq -r .sha256 <<<"$output")
    ctv cert --der --out "$PLAY/final.der" "$final"
    given "$PLAY/final.der" "$final"
    ctv cert --pem "$final" | openssl x509 -outform DER | cmp - "$PLAY/final.der"
    clear_faults
}

@test "everything else is read again from the log: each form, by either hash, and compared" {
    for index in 0 1 2; do
        entry_json "$index" >"$PLAY/of.json"
        sha=$(jq -r .sha256 "$PLAY/of.json")
        fp=$(jq -r .tbs_fp "$PLAY/of.json")
        run -0 --separate-stderr ctv cert --der --out "$PLAY/got.der" "$sha"
        [ "$stderr" = "ctvigil: $sha: rfc, entry $index: read again from this log" ]
        given "$PLAY/got.der" "$sha"
        run -0 --separate-stderr ctv cert --json "$fp"
        every_line '.tbs_fp == $fp' --arg fp "$fp" <<<"$output"
    done
    [ "$(forms)" = 2 ]
}

@test "a hash with a slip at its end is not said to have been seen" {
    sha=$(entry_json 7 | jq -r .sha256)
    slip=${sha%?}$([ "${sha: -1}" = 0 ] && echo 1 || echo 0)
    run -2 --separate-stderr ctv cert --der "$slip"
    [[ ${stderr_lines[0]} == *"another certificate, whose SHA-256 begins with the same 8 bytes" ]]
    [[ ${stderr_lines[1]} == *"not known here"* ]]
    for slip in "${sha%?}" "$(fold -w 2 <<<"$sha" | paste -sd :)"; do
        run -4 --separate-stderr ctv cert "$slip"
        [[ $stderr == *"No such file or directory; a hash is 64 hex digits and nothing between them" ]]
    done
}

@test "a log that is gone, or gives another entry: refused with the reason; another log has it" {
    sha=$(entry_json 7 | jq -r .sha256)
    fault flip:7
    run -4 --separate-stderr ctv cert --der "$sha"
    [ -z "$output" ]
    [ "${stderr_lines[0]}" = "ctvigil: $sha: rfc, entry 7: it gives another entry than it gave before" ]
    [ "${stderr_lines[1]}" = "ctvigil: $sha: seen in a log, but not kept whole (db.der), and no log gives it now" ]
    clear_faults
    fault 5xx:1:404
    run -4 --separate-stderr ctv cert "$sha"
    [ -z "$output" ]
    [[ "$stderr" == *"rfc, entry 7: "*404* ]]
    clear_faults
    # The same tree as a static-ct log; its full tiles, its partial one, and that one grown meanwhile.
    add_log tiles static-ct
    CTVIGIL_DB_DER=none ingest --log tiles
    fault 5xx:1:404@get-entries
    last=$(($(sim_size) - 1))
    sha_last=$(clear_faults; entry_json "$last" | jq -r .sha256; fault 5xx:1:404@get-entries)
    run -0 --separate-stderr ctv cert --der --out "$PLAY/got.der" "$sha"
    [[ "$stderr" == *"tiles, entry 7: read again from this log" ]]
    given "$PLAY/got.der" "$sha"
    control '{"append":30}' >/dev/null
    ctv cert --der --out "$PLAY/got.der" "$sha_last"
    given "$PLAY/got.der" "$sha_last"
    control '{"append":300}' >/dev/null
    fault nopartial
    ctv cert --der --out "$PLAY/got.der" "$sha_last"
    given "$PLAY/got.der" "$sha_last"
    clear_faults
}

@test "a damaged row is named and its log asked; without a log nothing comes out" {
    sha=$(sha256sum <"$PLAY/final.der" | cut -d' ' -f1)
    sql "UPDATE der_chunk SET z = set_byte(z, 40, get_byte(z, 40) # 255)"
    run -0 --separate-stderr ctv cert --der --out "$PLAY/got.der" "$sha"
    [[ "${stderr_lines[0]}" == *"row "*" of der_chunk: the chunk of certificates is damaged; its log is asked instead" ]]
    cmp "$PLAY/got.der" "$PLAY/final.der"
    fault drop
    rm "$PLAY/got.der"
    run -4 ctv cert --der --out "$PLAY/got.der" "$sha"
    [ ! -e "$PLAY/got.der" ]
    ls "$PLAY" | none got
    clear_faults
}

@test "all are kept, each once; the log may go" {
    use_state all
    add_log rfc rfc6962
    add_log tiles static-ct
    control '{"issue":{"ca":"other","days":90,"form":"final","organisation":"\u001b[31mred\nlevel=error",
              "names":["hostile.example"]}}' >/dev/null
    hostile=$(entry_json $(($(sim_size) - 1)) | jq -r .sha256)
    CTVIGIL_DB_DER=all ingest --log rfc
    [ "$(forms)" = "$(sql "SELECT count(DISTINCT u.sha8) FROM log_tile, unnest(sha8) AS u (sha8) WHERE u.sha8 <> 0")" ]
    before=$(forms)
    CTVIGIL_DB_DER=all ingest --log tiles
    [ "$(forms)" = "$before" ]
    fault drop
    for index in 1 300 599; do
        clear_faults
        sha=$(entry_json "$index" | jq -r .sha256)
        fault drop
        run -0 --separate-stderr ctv cert --json "$sha"
        [ -z "$stderr" ]
        every_line '.sha256 == $sha' --arg sha "$sha" <<<"$output"
    done
    # What stands in one that is kept reaches no terminal as it is.
    ctv cert "$hostile" >"$PLAY/said" 2>&1
    clear_faults
    grep -q 'hostile.example' "$PLAY/said"
    tr -d '\n' <"$PLAY/said" | LC_ALL=C none -P '[\x00-\x1f\x7f]'
    none '^level=error' "$PLAY/said"
    assert_counts
}

@test "rows for registered domains alone: matching, places and verification as ever, and a domain that comes later is told" {
    use_state thin
    ctv domain add watched.example >&2
    add_log rfc rfc6962
    CTVIGIL_DB_STORE=watched ingest
    assert_complete rfc "$(sim_size)"
    [ "$(sql "SELECT count(*) FROM cert WHERE names LIKE '%watched%'")" = 1 ]
    [ "$(sql "SELECT count(*) FROM cert WHERE facts & 1 = 0 AND names NOT LIKE '%watched%' AND (facts >> 55) & 7 = 0")" = 0 ]
    [ "$(ctv alert list --json | jq -s 'map(select(.domain == "watched.example")) | length')" = 1 ]
    assert_counts
    ctv domain list --json | every_line '.name == "watched.example" and .complete_until != null and
        (.incomplete | map(.reason) | index("store_watched") == null)'
    # A domain that comes later misses what was read before, and everybody says so.
    name=$(entry_json 3 | jq -r '.dns[0]')
    run -0 --separate-stderr ctv domain add "$name"
    [[ "$stderr" == *"its history is not complete: of $(sim_size) log entries"* ]]
    ctv domain list | has 'history incomplete'
    ctv domain list --json | some_line '.name == $name and .complete_until == null and
        (.incomplete | map(.reason) | index("store_watched") != null)' --arg name "$name"
    [ "$(sql "SELECT thin FROM domain_coverage WHERE name = '$name'")" = "$(sim_size)" ]
    # What has no row is found in its log all the same.
    sha=$(entry_json 3 | jq -r .sha256)
    ctv cert --der --out "$PLAY/got.der" "$sha"
    given "$PLAY/got.der" "$sha"
}

@test "words that can not be meant are refused" {
    run -2 ctv cert --der --pem "$PLAY/final.der"
    run -2 ctv cert --json --der "$PLAY/final.der"
    run -2 ctv cert --out "$PLAY/x" "$PLAY/final.der"
    run -2 --separate-stderr ctv cert "$(printf 'a%.0s' $(seq 64))"
    [[ "$stderr" == *"not known here"* ]]
    CTVIGIL_DB_DER=some run -2 ctv config check
    run -4 ctv cert --der --out "$PLAY/no/such" "$PLAY/final.der"
    # From files as well.
    openssl x509 -inform DER -in "$PLAY/final.der" -out "$PLAY/final.pem"
    "$CTVIGIL" cert --der "$PLAY/final.pem" | cmp - "$PLAY/final.der"
    "$CTVIGIL" cert --pem "$PLAY/final.der" | cmp - "$PLAY/final.pem"
}

@test "an operator who wants to be left alone is: by whoever asks, until then" {
    use_state state
    sha=$(entry_json 9 | jq -r .sha256)
    fault 429:1:300
    run -4 --separate-stderr ctv cert "$sha"
    [[ "$stderr" == *"rfc, entry 9: its operator asks to be left alone for "*" s more"* ]]
    clear_faults
    before=$(control | jq '.requests["get-entries"]')
    run -4 --separate-stderr ctv cert "$sha"
    [[ "$stderr" == *"its operator asks to be left alone for "*" s more"* ]]
    [ "$(control | jq '.requests["get-entries"]')" = "$before" ]
}
