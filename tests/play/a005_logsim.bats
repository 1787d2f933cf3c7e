# The log simulator by itself, judged by other people's programs: what it serves is a log, and its faults are the faults
# they are called.
load play
load strict

setup_file() {
    play_begin
    start_sim --entries 700 --seed 5 --page 256 --ca-dir "$PLAY/ca"
}

teardown_file() {
    play_end
}

setup() {
    clear_faults
}

get() {
    curl -sS --noproxy '*' "$@"
}

# unhex: hex on stdin, bytes on stdout.
unhex() {
    local text
    text=$(sed 's/../\\x&/g')
    printf '%b' "$text"
}

# verify_head SIZE TIMESTAMP ROOT-B64 DIGITALLY-SIGNED-FILE: with OpenSSL and the printed key.
verify_head() {
    {
        printf '0001%016x%016x' "$2" "$1"
        base64 -d <<<"$3" | hex
    } | unhex >"$PLAY/message"
    [ "$(head -c 2 "$4" | hex)" = 0403 ]
    tail -c +5 "$4" >"$PLAY/signature"
    base64 -d <<<"$SIM_KEY" | openssl pkey -pubin -inform DER -out "$PLAY/key.pem"
    openssl dgst -sha256 -verify "$PLAY/key.pem" -signature "$PLAY/signature" "$PLAY/message"
}

# verify_sth FILE
verify_sth() {
    jq -r .tree_head_signature "$1" | base64 -d >"$PLAY/signed"
    verify_head "$(jq .tree_size "$1")" "$(jq .timestamp "$1")" "$(jq -r .sha256_root_hash "$1")" "$PLAY/signed"
}

status_of() {
    get -o /dev/null -w '%{http_code}' "$@"
}

@test "--help lists every fault, the manual too; nonsense is refused with 2" {
    run -0 "$LOGSIM" --help
    grep '^X(' "$CTVIGIL_SOURCE/tests/fake/simfault.def" >"$PLAY/rows"
    while IFS='"' read -r _ word _; do
        grep -qE "^  $word(\[|:| )" <<<"$output"
        grep -qE "^\.It (Cm|Sy) $word( |$)" "$CTVIGIL_SOURCE/docs/man/ctvigil-logsim.1"
    done <"$PLAY/rows"
    [ "$(wc -l <"$PLAY/rows")" -ge 19 ]
    run -2 "$LOGSIM" --no-such-option
    run -2 "$LOGSIM" argument
    run -2 "$LOGSIM" --entries many
    run -2 "$LOGSIM" --port 65536
    run -2 "$LOGSIM" --page 0
    run -2 "$LOGSIM" --entries 0 --fault nonsense
    run -2 "$LOGSIM" --entries 0 --fault 429:0
    run -2 "$LOGSIM" --entries 0 --fault 5xx:1:200
    run -2 "$LOGSIM" --entries 0 --fault fork:sideways
    run -2 "$LOGSIM" --entries 0 --fault badsig:1
    run -4 "$LOGSIM" --entries 0 --replay /nonexistent
    [[ $output == *"/nonexistent"* ]]
}

@test "a taken port is an error that names it" {
    port=${SIM_URL#http://127.0.0.1:}
    run -4 "$LOGSIM" --entries 0 --port "${port%%/*}"
    [[ $output == *"port ${port%%/*}"* ]]
}

@test "the signed tree head verifies with openssl, changed by one it does not" {
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    jq -e '.tree_size == 700' "$PLAY/sth"
    verify_sth "$PLAY/sth"
    jq '.tree_size += 1' "$PLAY/sth" >"$PLAY/sth.wrong"
    run ! verify_sth "$PLAY/sth.wrong"
}

@test "the checkpoint is of the same tree; its right line is among three" {
    get "$SIM_STATIC_URL/checkpoint" >"$PLAY/note"
    origin=${SIM_SUBMISSION_URL#http://}
    [ "$(sed -n 1p "$PLAY/note")" = "$origin" ]
    [ "$(sed -n 2p "$PLAY/note")" = 700 ]
    [ "$(sed -n 3p "$PLAY/note")" = "$(get "$SIM_URL/ct/v1/get-sth" | jq -r .sha256_root_hash)" ]
    [ "$(grep -c '^— ' "$PLAY/note")" = 3 ]
    [ "$(grep -c "^— $origin " "$PLAY/note")" = 2 ]
    key_id=$({
        printf '%s\n\x05' "$origin"
        base64 -d <<<"$SIM_KEY" | openssl dgst -sha256 -binary
    } | openssl dgst -sha256 -binary | head -c 4 | hex)
    good=0
    grep '^— ' "$PLAY/note" >"$PLAY/rows"
    while read -r _ _ body; do
        base64 -d <<<"$body" >"$PLAY/line"
        [ "$(head -c 4 "$PLAY/line" | hex)" = "$key_id" ] || continue
        tail -c +13 "$PLAY/line" >"$PLAY/signed"
        timestamp=$((16#$(tail -c +5 "$PLAY/line" | head -c 8 | hex)))
        verify_head 700 "$timestamp" "$(sed -n 3p "$PLAY/note")" "$PLAY/signed"
        good=$((good + 1))
    done <"$PLAY/rows"
    [ $good = 1 ]
}

@test "pages: ceiling, alignment, bounds" {
    pages() { get "$SIM_URL/ct/v1/get-entries?start=$1&end=$2" | jq '.entries | length'; }
    [ "$(pages 0 255)" = 256 ]
    [ "$(pages 0 999)" = 256 ]
    [ "$(pages 100 999)" = 156 ]
    [ "$(pages 100 110)" = 11 ]
    [ "$(pages 512 9999)" = 188 ]
    [ "$(pages 699 699)" = 1 ]
    [ "$(status_of "$SIM_URL/ct/v1/get-entries?start=700&end=701")" = 400 ]
    [ "$(status_of "$SIM_URL/ct/v1/get-entries?start=5&end=4")" = 400 ]
    [ "$(status_of "$SIM_URL/ct/v1/get-entries?start=x&end=4")" = 400 ]
    [ "$(status_of "$SIM_URL/ct/v1/get-entries")" = 400 ]
    [ "$(status_of "$SIM_URL/ct/v1/no-such-thing")" = 404 ]
    [ "$(status_of -X POST "$SIM_URL/ct/v1/add-chain")" = 405 ]
}

@test "leaf hashes of the entries are those of the hash tiles, and proofs are there for them" {
    get "$SIM_STATIC_URL/tile/0/002.p/188" >"$PLAY/hashes"
    [ "$(wc -c <"$PLAY/hashes")" = $((188 * 32)) ]
    get "$SIM_URL/ct/v1/get-entries?start=512&end=699" >"$PLAY/page"
    for i in 0 1 17 100 187; do
        leaf=$({
            printf '\0'
            jq -r ".entries[$i].leaf_input" "$PLAY/page" | base64 -d
        } | openssl dgst -sha256 -binary | hex)
        [ "$leaf" = "$(tail -c +$((i * 32 + 1)) "$PLAY/hashes" | head -c 32 | hex)" ]
        hash=$(unhex <<<"$leaf" | base64 -w0 | jq -sRr @uri)
        get "$SIM_URL/ct/v1/get-proof-by-hash?hash=$hash&tree_size=700" |
            jq -e --argjson at $((512 + i)) '.leaf_index == $at and (.audit_path | length) >= 5'
    done
    get "$SIM_URL/ct/v1/get-entry-and-proof?leaf_index=600&tree_size=700" >"$PLAY/one"
    [ "$(jq .leaf_input "$PLAY/one")" = "$(jq '.entries[88].leaf_input' "$PLAY/page")" ]
    get "$SIM_URL/ct/v1/get-sth-consistency?first=300&second=700" | jq -e '.consistency | length > 3'
    [ "$(status_of "$SIM_URL/ct/v1/get-sth-consistency?first=0&second=700")" = 400 ]
    [ "$(status_of "$SIM_URL/ct/v1/get-sth-consistency?first=1&second=701")" = 400 ]
}

@test "tiles: whole ones, the published partial one, gzip and identity, and nothing else" {
    [ "$(get "$SIM_STATIC_URL/tile/0/000" | wc -c)" = 8192 ]
    [ "$(get "$SIM_STATIC_URL/tile/1/000.p/2" | wc -c)" = 64 ]
    get "$SIM_STATIC_URL/tile/data/001" >"$PLAY/plain"
    get -H 'Accept-Encoding: gzip' "$SIM_STATIC_URL/tile/data/001" >"$PLAY/packed"
    [ "$(head -c 2 "$PLAY/packed" | hex)" = 1f8b ]
    gzip -dc <"$PLAY/packed" | cmp - "$PLAY/plain"
    # The first leaf of the tile is entry 256 without its first two bytes.
    get "$SIM_URL/ct/v1/get-entries?start=256&end=256" | jq -r '.entries[0].leaf_input' | base64 -d | tail -c +3 \
        >"$PLAY/leaf"
    head -c "$(wc -c <"$PLAY/leaf")" "$PLAY/plain" | cmp - "$PLAY/leaf"
    for path in tile/0/002 tile/0/002.p/187 tile/0/002.p/189 tile/0/003 tile/data/002 tile/1/000 tile/0/2 \
        tile/00/000 tile/0/000.p/0 tile/0/000.p/256 tile/0/x000/000 tile/9/000 tile/data/000x tile/entries/000 \
        issuer/00 checkpointx; do
        [ "$(status_of "$SIM_STATIC_URL/$path")" = 404 ] || { echo "$path"; return 1; }
    done
    for ca in demo other third; do
        fingerprint=$(openssl dgst -sha256 -r <"$PLAY/ca/$ca.der" | cut -d' ' -f1)
        get "$SIM_STATIC_URL/issuer/$fingerprint" | cmp - "$PLAY/ca/$ca.der"
    done
}

@test "the mix: a third precertificates, pairs, wildcards, RSA and EC, chains that verify" {
    for start in 0 256 512; do
        get "$SIM_URL/ct/v1/get-entries?start=$start&end=$((start + 255))" | jq -r '.entries[].leaf_input'
    done >"$PLAY/leaves"
    [ "$(wc -l <"$PLAY/leaves")" = 700 ]
    precerts=$(while read -r leaf; do base64 -d <<<"${leaf:0:16}" | tail -c +11 | hex; echo; done <"$PLAY/leaves" |
        grep -c '^0001')
    [ "$precerts" -gt 180 ]
    [ "$precerts" -lt 290 ]
    : >"$PLAY/texts"
    for i in $(seq 0 23 690); do
        logged_cert "$i" >"$PLAY/cert.der" || continue
        # Cut the extensions off: the certificate says itself how long it is.
        openssl x509 -inform DER -in "$PLAY/cert.der" -out "$PLAY/cert.pem"
        openssl x509 -in "$PLAY/cert.pem" -noout -text >>"$PLAY/texts"
        cat "$PLAY"/ca/{demo,other,third,classic}.pem >"$PLAY/issuers.pem"
        openssl verify -CAfile "$PLAY/ca/root.pem" -untrusted "$PLAY/issuers.pem" "$PLAY/cert.pem"
    done
    grep -q 'CT Precertificate SCTs' "$PLAY/texts"
    grep -q 'id-ecPublicKey' "$PLAY/texts"
    grep -q 'rsaEncryption' "$PLAY/texts"
}

@test "issue: both forms share what the log hashes, and say what was asked for" {
    answer=$(control '{"issue":{"ca":"other","days":47,"form":"both","names":["www.sim.example","*.sim.example"],
                      "ip":["192.0.2.9"]}}')
    jq -e '.ok and (.entries | map(.form)) == ["precert","final"] and .index == .entries[1].index and
           .published == .size' <<<"$answer"
    jq -e --arg ca "$CA_other" '.ca_spki == $ca' <<<"$answer"
    index=$(jq .index <<<"$answer")
    logged_cert "$index" >"$PLAY/issued.der"
    openssl x509 -inform DER -in "$PLAY/issued.der" -out "$PLAY/issued.pem"
    [ "$(openssl x509 -in "$PLAY/issued.pem" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)" = \
        "$(jq -r .sha256 <<<"$answer")" ]
    [ "$(openssl x509 -in "$PLAY/issued.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -r | cut -d' ' -f1)" = "$(jq -r .spki <<<"$answer")" ]
    openssl x509 -in "$PLAY/issued.pem" -noout -ext subjectAltName | tr -d ' ' |
        has 'DNS:www.sim.example,DNS:\*.sim.example,IPAddress:192.0.2.9'
    # tbs_fp is the hash of the TBS in the precertificate's leaf.
    get "$SIM_URL/ct/v1/get-entries?start=$((index - 1))&end=$((index - 1))" | jq -r '.entries[0].leaf_input' |
        base64 -d >"$PLAY/leaf"
    length=$((16#$(tail -c +45 "$PLAY/leaf" | head -c 3 | hex)))
    [ "$(tail -c +48 "$PLAY/leaf" | head -c "$length" | openssl dgst -sha256 -r | cut -d' ' -f1)" = \
        "$(jq -r .tbs_fp <<<"$answer")" ]
    for wrong in '{"issue":{"names":["a.example"],"ca":"nobody"}}' '{"issue":{"names":[]}}' '{"issue":{"names":"x"}}' \
        '{"issue":{"names":["a.example"],"days":0}}' '{"issue":{"names":["a.example"],"form":"paper"}}' \
        '{"issue":{"names":["a.example"],"ip":["300.1.1.1"]}}' '{"issue":{"names":["a.example"],"colour":"red"}}' \
        '{"nothing":1}' '{"append":-1}' '{"fault":"nonsense"}' '{"clear":"nonsense"}' '[]' '{' ''; do
        run control "$wrong"
        [ "$status" -ne 0 ]
        [[ $output == *error* ]]
    done
}

@test "the keys of the CAs are the same in every process, those of the log follow the seed" {
    "$LOGSIM" --entries 0 --seed 77 --ca-dir "$PLAY/ca2" >"$PLAY/second.out" 3>&- &
    second=$!
    wait_for "[ -s '$PLAY/second.out' ]" 60
    kill $second
    jq -e --arg demo "$CA_demo" --arg key "$SIM_KEY" '.ca.demo == $demo and .key != $key' "$PLAY/second.out"
    [ "$(openssl x509 -in "$PLAY/ca2/demo.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -r | cut -d' ' -f1)" = "$CA_demo" ]
}

@test "faults of transport: 429, 5xx, drop, truncate, type, endless, bomb, slow" {
    url="$SIM_URL/ct/v1/get-entries?start=0&end=9"
    fault 429:2:7
    [ "$(status_of "$url")" = 200 ]
    get -D "$PLAY/headers" -o /dev/null "$url"
    grep -q '^HTTP/1.1 429' "$PLAY/headers"
    grep -qi '^Retry-After: 7' "$PLAY/headers"
    fault 429:1:date30
    get -D "$PLAY/headers" -o /dev/null "$url"
    grep -qiE '^Retry-After: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} 2[0-9]{3} [0-9:]{8} GMT' "$PLAY/headers"
    [ "$(date -u -d "$(sed -n 's/^[Rr]etry-[Aa]fter: //p' "$PLAY/headers" | tr -d '\r')" +%a)" = \
        "$(grep -oiE '(Mon|Tue|Wed|Thu|Fri|Sat|Sun),' "$PLAY/headers" | head -n 1 | tr -d ,)" ]
    clear_faults
    fault 5xx@get-entries
    get -D "$PLAY/headers" "$url" | has '<html>'
    grep -q '^HTTP/1.1 503' "$PLAY/headers"
    [ "$(status_of "$SIM_URL/ct/v1/get-sth")" = 200 ]
    fault 5xx:1:502
    [ "$(status_of "$SIM_URL/ct/v1/get-sth")" = 502 ]
    clear_faults
    fault drop
    run -52 get "$url"
    clear_faults
    fault truncate
    run -18 get -o /dev/null "$url"
    clear_faults
    fault type:text/plain
    get -D "$PLAY/headers" -o /dev/null "$url"
    grep -qi '^Content-Type: text/plain' "$PLAY/headers"
    clear_faults
    fault endless
    [ "$(get --max-time 60 "$url" | head -c 30000000 | wc -c)" = 30000000 ]
    clear_faults
    fault bomb:20
    [ "$(get "$url" | wc -c)" -lt 100000 ]
    get "$url" >"$PLAY/bomb.gz"
    [ "$(gzip -dc "$PLAY/bomb.gz" | wc -c)" = $((20 << 20)) ]
    clear_faults
    fault slow:300
    [ "$(get -o /dev/null -w '%{time_total}' "$url" | tr -d .)" -ge 300000 ]
    clear_faults
    control | jq -e '.faults["429"].hits == 1 and .faults.drop.hits == 1 and .faults.bomb.hits == 2 and
                     (.faults | map(select(.on)) | length) == 0 and .requests["get-entries"] > 10'
}

@test "faults of content: short, long, flip, badproof, future" {
    url="$SIM_URL/ct/v1/get-entries?start=0&end=9"
    get "$url" >"$PLAY/right"
    fault short:4
    [ "$(get "$url" | jq '.entries | length')" = 4 ]
    clear_faults
    fault long:3
    [ "$(get "$url" | jq '.entries | length')" = 13 ]
    clear_faults
    fault flip:3:2
    for i in 1 2; do
        get "$url" >"$PLAY/wrong"
        [ "$(jq -n --slurpfile a "$PLAY/right" --slurpfile b "$PLAY/wrong" \
            '[range(10) | select($a[0].entries[.] != $b[0].entries[.])]' -c)" = '[3]' ]
        [ "$(cmp -l <(jq -r '.entries[3].leaf_input' "$PLAY/right" | base64 -d) \
            <(jq -r '.entries[3].leaf_input' "$PLAY/wrong" | base64 -d) | wc -l)" = 1 ]
    done
    get "$url" | cmp - "$PLAY/right"
    clear_faults
    get "$SIM_STATIC_URL/tile/data/000" >"$PLAY/right"
    fault flip:200
    get "$SIM_STATIC_URL/tile/data/000" >"$PLAY/wrong"
    [ "$(cmp -l "$PLAY/right" "$PLAY/wrong" | wc -l)" = 1 ]
    get "$SIM_STATIC_URL/tile/data/000" | cmp - "$PLAY/wrong"
    clear_faults
    get "$SIM_STATIC_URL/tile/data/000" | cmp - "$PLAY/right"
    url="$SIM_URL/ct/v1/get-sth-consistency?first=300&second=700"
    get "$url" >"$PLAY/right"
    fault badproof
    run ! cmp "$PLAY/right" <(get "$url")
    clear_faults
    size=$(sim_size)
    fault future:6
    [ "$(sim_size)" = "$size" ]
    [ "$(get "$SIM_URL/ct/v1/get-entries?start=$size&end=$((size + 5))" | jq '.entries | length')" = 6 ]
    clear_faults
    [ "$(sim_size)" = $((size + 6)) ]
}

@test "faults of heads: fork, stale, badsig; partial tiles that are gone" {
    size=$(sim_size)
    root=$(get "$SIM_URL/ct/v1/get-sth" | jq -r .sha256_root_hash)
    fault fork
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    verify_sth "$PLAY/sth"
    jq -e --argjson size "$size" --arg root "$root" '.tree_size == $size and .sha256_root_hash != $root' "$PLAY/sth"
    [ "$(get "$SIM_STATIC_URL/checkpoint" | sed -n 3p)" = "$(jq -r .sha256_root_hash "$PLAY/sth")" ]
    fault fork:larger
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    verify_sth "$PLAY/sth"
    jq -e --argjson size "$size" '.tree_size > $size' "$PLAY/sth"
    [ "$(status_of "$SIM_URL/ct/v1/get-sth-consistency?first=$size&second=$(jq .tree_size "$PLAY/sth")")" = 200 ]
    clear_faults
    fault stale:20
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    verify_sth "$PLAY/sth"
    jq -e --argjson size "$size" '.tree_size == $size - 20' "$PLAY/sth"
    clear_faults
    fault badsig
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    run ! verify_sth "$PLAY/sth"
    clear_faults
    partial="$SIM_STATIC_URL/tile/data/$(printf %03d $((size / 256))).p/$((size % 256))"
    [ "$(status_of "$partial")" = 200 ]
    fault nopartial
    [ "$(status_of "$partial")" = 404 ]
    fault nopartial:403
    [ "$(status_of "$partial")" = 403 ]
    [ "$(status_of "$SIM_STATIC_URL/tile/data/000")" = 200 ]
}

@test "entries that are no certificates stand properly in the tree" {
    size=$(sim_size)
    fault malformed:www.watched.example
    [ "$(sim_size)" = $((size + 1)) ]
    get "$SIM_URL/ct/v1/get-entries?start=$size&end=$size" | jq -r '.entries[0].leaf_input' | base64 -d >"$PLAY/leaf"
    grep -q 'www.watched.example' "$PLAY/leaf"
    run ! openssl x509 -inform DER -in <(tail -c +16 "$PLAY/leaf")
    fault unknown-type
    get "$SIM_URL/ct/v1/get-entries?start=$((size + 1))&end=$((size + 1))" | jq -r '.entries[0].leaf_input' |
        base64 -d >"$PLAY/leaf"
    [ "$(tail -c +11 "$PLAY/leaf" | head -c 2 | hex)" = 8000 ]
    hash=$({ printf '\0'; cat "$PLAY/leaf"; } | openssl dgst -sha256 -binary | base64 | jq -sRr 'rtrimstr("\n") | @uri')
    get "$SIM_URL/ct/v1/get-proof-by-hash?hash=$hash&tree_size=$((size + 2))" |
        jq -e --argjson at $((size + 1)) '.leaf_index == $at'
}

@test "it grows at the given rate, and entries move from log to log" {
    get "$SIM_URL/ct/v1/get-entries?start=0&end=2" | jq -c '.entries[]' >"$PLAY/rows.jsonl"
    get "$SIM_STATIC_URL/tile/data/000" >"$PLAY/tile"
    first=$SIM_URL
    start_sim --rate 50 --replay "$PLAY/rows.jsonl" --replay "$PLAY/tile" --rfc6962
    [ "$(sim_size)" -ge 259 ]
    [ "$(get "$SIM_URL/ct/v1/get-entries?start=0&end=2" | jq -c '.entries[]')" = "$(cat "$PLAY/rows.jsonl")" ]
    [ "$(get "$SIM_URL/ct/v1/get-entries?start=3&end=258" | jq -r '.entries[].leaf_input' | head -n 253)" = \
        "$(get "$first/ct/v1/get-entries?start=0&end=255" | jq -r '.entries[].leaf_input' | head -n 253)" ]
    wait_for '[ "$(sim_size)" -ge 330 ]' 60
    row=$(sed -n 2p "$PLAY/rows.jsonl")
    control "{\"replay\":$row}" | jq -e .ok
    get "$SIM_URL/ct/v1/get-sth" >"$PLAY/sth"
    verify_sth "$PLAY/sth"
    kill "$SIM_PID"
    ended "$SIM_PID"
}

# What is replayed may be anything: it is served, or refused with a message, and nobody falls over it.
@test "odd entries are replayed and served, or refused with a message" {
    local odd rows=0 b64 size
    start_sim --entries 0
    zeros() { head -c "$1" /dev/zero | base64 -w 0; }
    pre() { { printf '\0\0\0\0\0\0\0\0\0\7\0\1'; head -c 32 /dev/zero; printf '\0\0\1x\0\0'; } | base64 -w 0; }
    for odd in '{"leaf_input":"","extra_data":""}' '{"leaf_input":"AA==","extra_data":""}' \
        '{"leaf_input":"AAA=","extra_data":"AA=="}' '{"leaf_input":"AAAA","extra_data":"AAAA"}' \
        "{\"leaf_input\":\"$(zeros 11)\",\"extra_data\":\"\"}" "{\"leaf_input\":\"$(zeros 12)\",\"extra_data\":\"AAAA\"}" \
        "{\"leaf_input\":\"$(zeros 15)\",\"extra_data\":\"AAAB\"}" "{\"leaf_input\":\"$(zeros 17)\",\"extra_data\":\"AAADAAAA\"}" \
        "{\"leaf_input\":\"$(pre)\",\"extra_data\":\"\"}" "{\"leaf_input\":\"$(pre)\",\"extra_data\":\"AAAAAAAA\"}" \
        "{\"leaf_input\":\"$(pre)\",\"extra_data\":\"AAAAAAADAAAA\"}" "{\"leaf_input\":\"////////////////////\",\"extra_data\":\"////\"}"; do
        control "{\"replay\":$odd}" | jq -e .ok
        rows=$((rows + 1))
    done
    for odd in '[]' '{}' '""' 'null' '{"leaf_input":""}' '{"leaf_input":"","extra_data":null}' '{"leaf_input":"A","extra_data":""}' \
        '{"tile_leaf":""}' '{"tile_leaf":"AAAA"}' "{\"tile_leaf\":\"$(zeros 14)\"}" '{"tile_leaf":7}'; do
        b64=$(curl -sS --noproxy '*' --data-binary "{\"replay\":$odd}" "$SIM_CONTROL")
        [ ${#b64} -gt 20 ]
        [[ $b64 != *'"ok"'* ]]
    done
    size=$(control | jq .size)
    [ "$size" = "$rows" ]
    control '{"publish":true}'
    curl -sS --noproxy '*' --fail "$SIM_URL/ct/v1/get-entries?start=0&end=$((size - 1))" | jq -e ".entries | length == $size"
    fault flip:0
    for index in $(seq 0 $((size - 1))); do
        curl -sS --noproxy '*' --fail "$SIM_URL/ct/v1/get-entries?start=$index&end=$index" | jq -e '.entries | length == 1'
        curl -sS --noproxy '*' --fail "$SIM_URL/ct/v1/get-entry-and-proof?leaf_index=$index&tree_size=$size" | jq -e .leaf_input
        curl -sS --noproxy '*' --fail -o "$PLAY/odd.tile" "$SIM_STATIC_URL/tile/data/000.p/$((index + 1))" ||
            [ "$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' "$SIM_STATIC_URL/tile/data/000.p/$((index + 1))")" = 404 ]
    done
    curl -sS --noproxy '*' --fail -o "$PLAY/odd.tile" "$SIM_STATIC_URL/tile/data/000.p/$size"
    curl -sS --noproxy '*' --compressed --fail -o "$PLAY/odd.tile" "$SIM_STATIC_URL/tile/data/000.p/$size"
    kill -0 $SIM_PID
    kill $SIM_PID
}
