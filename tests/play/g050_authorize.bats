# What is one's own: authorised from files, learned from history, and silent from then on.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 20 --seed 71
    add_logs
    mkdir -p "$PLAY/live/own.example"
}

teardown_file() {
    play_end
}

# Those about the CA alone: no root store has that of the simulator.
open_alerts() {
    ctv alert list --json --domain "${1:-own.example}" >"$PLAY/listed" &&
        jq -c 'select(.id and (.state == "new" or .state == "notified") and any(.findings[]; .rule == "allow_ca"))' \
            "$PLAY/listed" | wc -l
}

# What is told of www.own.example, and what of that a certificate at hand does not explain.
own_alert() {
    ctv alert list --json --domain own.example >"$PLAY/listed" && jq -c 'select(.id and .name == "www.own.example")' "$PLAY/listed"
}

unexplained() {
    jq -c '.findings | map(select(.rule != "allow_ca"))'
}

@test "a certificate that is at hand explains its alert, and no other" {
    ctv domain add own.example
    ctv domain add other.example
    issue demo 90 both www.own.example >/dev/null
    ingest
    sha=$(ctv search host:www.own.example --json | jq -r 'select(.tbs_fp) | .tbs_fp')
    ctv cert --pem --out "$PLAY/live/own.example/cert.pem" "$sha"
    issue other 90 both mail.own.example >/dev/null
    ingest
    [ "$(open_alerts)" = 2 ]
    run -0 ctv domain authorize "$PLAY/live" --dry-run
    [[ $output == *"would be authorised for own.example"* ]]
    [ "$(open_alerts)" = 2 ]
    # What root stores say of its CA may have been judged by now, or is later: nobody explains that.
    left=$(own_alert | unexplained)
    run -0 ctv domain authorize "$PLAY/live"
    [[ $output == *"cert.pem: certificate for www.own.example: authorised for own.example"* ]]
    [ "$(open_alerts)" = 1 ]
    if [ "$left" = "[]" ]; then
        [[ $output == *"1 open alert is explained by that and closed"* ]]
        own_alert | jq -e '.state == "closed"'
    else
        jq -e 'map(.rule) == ["untrusted"]' <<<"$left"
        own_alert | jq -e --argjson left "$left" '.state == "new" and .findings == $left'
    fi
    run -0 ctv domain authorize "$PLAY/live" --json
    [[ $output == *'"action":"known"'* ]]
    # Matched again, it stays explained.
    ctv domain history own.example
    [ "$(open_alerts)" = 1 ]
}

@test "private keys are read for their public half alone" {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=new.own.example \
        -keyout "$PLAY/new.key" -out "$PLAY/new.csr" 2>/dev/null
    run -0 ctv domain authorize "$PLAY/new.csr" "$PLAY/new.key"
    [[ $output == *"request for new.own.example: authorised for own.example"* ]]
    secret=$(openssl ec -in "$PLAY/new.key" -outform der 2>/dev/null | base64 -w0 | cut -c12-50)
    [ -n "$secret" ]
    run -1 grep -qF "$secret" <(ctv domain list --yaml)
    openssl genpkey -algorithm ed25519 -out "$PLAY/alone.key"
    run -0 ctv domain authorize "$PLAY/alone.key"
    [[ $output == *"--domain NAME says whose it is"* ]]
    run -0 ctv domain authorize "$PLAY/alone.key" --domain other.example
    [[ $output == *"authorised for other.example"* ]]
    run -2 ctv domain authorize "$PLAY/nothing"
    # A hook hears of what was of no use, and the rest counts.
    printf 'kind: Secret\ntype: kubernetes.io/tls\ndata:\n  tls.crt: "!!!"\n' >"$PLAY/broken.yaml"
    run -3 --separate-stderr ctv domain authorize "$PLAY/broken.yaml" "$PLAY/new.csr"
    [[ $output == *"request for new.own.example: known already to own.example" ]]
    [[ $stderr == *"line 4: tls.crt is not base64"*"; 1 could not be used, see above" ]]
    run -2 ctv domain authorize "$PLAY/alone.key" --domain nobody.example
}

@test "what is learned is silent about what it was learned from, and tells the next stranger" {
    for name in www.shop.example api.shop.example; do
        issue demo 90 both "$name" >/dev/null
    done
    ingest
    run -2 ctv domain learn nothing.example
    ctv domain learn shop.example --yaml >"$PLAY/shop.yaml"
    grep -q '^# names: .*www.shop.example (1)' "$PLAY/shop.yaml"
    grep -q '^# held against all that is stored, this would have raised nothing' "$PLAY/shop.yaml"
    ctv domain list --json | every_line '.name != "shop.example"'
    ctv domain apply "$PLAY/shop.yaml"
    prints 0 open_alerts shop.example
    issue demo 90 both www.shop.example >/dev/null
    issue other 90 both www.shop.example >/dev/null
    issue demo 90 both login.shop.example >/dev/null
    ingest
    [ "$(ctv alert list --json --domain shop.example | jq -r 'select(.id) | .kind' | sort | paste -sd' ')" = \
        "unexpected_ca unexpected_name" ]
    # What nobody has answered is not usual yet.
    local stranger
    stranger=$(ctv alert list --json --domain shop.example | jq 'select(.kind == "unexpected_ca") | .id')
    ctv domain learn shop.example --json | jq -e --arg ca "spki:$CA_other" --argjson id "$stranger" \
        '(.left_out | index($id)) and (.policy.allow | index($ca) | not) and .would_raise.unexpected_ca == 1'
    ctv domain learn shop.example | grep "^left out, .*alert ack ID.*: alert .*$stranger"
    ctv domain add stranger.example --allow-ca "spki:$CA_demo"
    issue other 90 both www.stranger.example >/dev/null
    ingest
    run -2 ctv domain learn stranger.example
    [[ $output == *"nobody has answered"*"alert ack ID"* ]]
    run -0 ctv domain remove stranger.example
    # Nor does it become usual because others kept it, too.
    local sha serial
    sha=$(ctv alert list --json --domain shop.example | jq -r "select(.id == $stranger) | .tbs_fp")
    serial=$(ctv cert --json "$sha" | jq -r 'first(.. | .serial? | strings)')
    printf '[{"issuer_ca_id":9,"issuer_name":"C=US, O=DigiCert Inc, CN=X","common_name":"www.shop.example","name_value":%s,%s}]' \
        '"www.shop.example"' "\"id\":9,\"not_before\":\"$(date -u +%FT%T)\",\"not_after\":\"2099-01-01T00:00:00\",\"serial_number\":\"$serial\"" \
        >"$PLAY/stranger.json"
    run -0 ctv domain import --crtsh "$PLAY/stranger.json"
    [[ $output == "1 certificate imported"* ]]
    ctv domain learn shop.example --json | jq -e --argjson id "$stranger" \
        '(.left_out | index($id)) and .evidence.imported == 0 and (.evidence.cas_by_name | length == 0)'
    # A serial number accepts nothing.
    run -2 ctv domain import --accept "9:$serial"
    [[ $output == *"ctvigil cert $sha"* ]]
    run -2 ctv domain import --accept "9:$serial" --tbs "$CA_other"
    run -2 ctv domain import --accept "9:$serial" --tbs 00
    run -2 ctv domain import --drop "9:$serial" --tbs "$sha"
    ctv domain import --list | grep "^9:.*one with its serial was seen in a log$"
    ctv alert list --json --domain shop.example | some_line ".id == $stranger and .state != \"closed\""
    ctv alert ack "$stranger" --reason "ours"
    run -0 ctv domain import --accept "9:$serial" --tbs "$sha"
    [[ $output == "accepted in 1 registered domain, "* ]]
    ctv domain list --yaml | grep "$sha"
    run -0 ctv domain import --drop "9:$serial"
    ctv domain learn shop.example --json | jq -e --arg ca "spki:$CA_other" --argjson id "$stranger" \
        '(.left_out | index($id) | not) and (.policy.allow | index($ca))'
}

@test "what is learned of an address, an organisation, a key is silent as well" {
    local what order='{"issue": {"ca": "demo", "days": 90, "form": "both", "names": ["a.address.example"],
        "ip": ["192.0.2.77"], "organisation": "Learned  Ltd"}}'
    control "$order" >/dev/null
    ingest
    key=$(ctv search --json a.address.example | jq -r 'select(.tbs_fp) | .spki_sha256')
    for what in 192.0.2.64/28 "org:learned ltd" "spki:$key"; do
        ctv domain learn "$what" --yaml >"$PLAY/other.yaml"
        grep -q '^# held against all that is stored, this would have raised nothing' "$PLAY/other.yaml"
        ctv domain apply "$PLAY/other.yaml"
        silent ctv domain history "$what" --policy "$PLAY/other.yaml"
        prints 0 open_alerts "$what"
    done
    # A stranger for the same address is told of.
    control "${order/demo/other}" >/dev/null
    ingest
    [ "$(open_alerts 192.0.2.64/28)" = 1 ]
    run -2 ctv domain learn 198.51.100.1
    run -2 ctv domain learn 192.0.2.64/28 --exact
}

@test "keys are learned by their use, and what is known of them is kept, shown and forgotten" {
    local until
    issue demo 90 both www.keys.example >/dev/null
    ingest
    ctv domain learn keys.example --yaml >"$PLAY/keys.yaml"
    sed -i '/^    keys:/,/^      spki:/d' "$PLAY/keys.yaml"
    printf '    keys: {mode: enforce, learn: 30}\n' >>"$PLAY/keys.yaml"
    run -0 --separate-stderr ctv domain history keys.example --policy "$PLAY/keys.yaml"
    [[ -z $output && $stderr == *"keys are learned until "*"; 1 would be known of what is stored"* ]]
    ctv domain apply "$PLAY/keys.yaml"
    until=$(ctv domain list --yaml | grep -A30 keys.example | grep -o '"until": "[^"]*"')
    [ -n "$until" ]
    # The file does not know how far it is, and what was written out says it.
    run -0 ctv domain apply "$PLAY/keys.yaml"
    [[ $output == *"1 unchanged"* ]]
    ctv domain list --yaml >"$PLAY/all.yaml"
    run -0 ctv domain apply "$PLAY/all.yaml" --dry-run
    [[ $output != *"changed keys.example"* ]]
    run -0 ctv domain test keys.example "$(ctv search host:www.keys.example --json | jq -r 'select(.tbs_fp) | .tbs_fp')"
    [[ $output == *"not judged keys "*"being learned"* ]]
    # Its bytes came without a chain: the CA certificate that signed it is one that a log has shown.
    [[ $output != *"issuer is not proven"* ]]
    # Over, and one key known.
    sed "s/learn: 30/learn: {days: 30, until: 2026-01-01T00:00:00Z, over: true}, learned: [\"$(printf '%064d' 7)\"]/" \
        "$PLAY/keys.yaml" >"$PLAY/over.yaml"
    run -0 --separate-stderr ctv domain history keys.example --policy "$PLAY/over.yaml"
    [[ $output == *unexpected_key*"keys: spki:"* && $stderr == *"1 key was learned until 2026-01-01"* ]]
    ctv domain apply "$PLAY/over.yaml"
    ctv alert list --json --domain keys.example | some_line 'any(.findings[]?; .rule == "keys" and (.expected | contains("learned from what was issued")))'
    run -0 ctv domain learn keys.example --again
    [[ $output == *"are learned again until "* ]]
    ctv domain list --yaml | grep -A30 keys.example | none '"over": true'
    run -2 ctv domain learn own.example --again
    run -2 ctv domain learn nobody.example --again
}

@test "history of others: unverified, for learning alone; what certspotter told of is accepted" {
    cat >"$PLAY/crt.json" <<'JSON'
[{"issuer_ca_id":1,"issuer_name":"C=US, O=Let's Encrypt, CN=R11","common_name":"old.example",
  "name_value":"old.example\n*.old.example","id":7,"not_before":"2020-01-01T00:00:00","not_after":"2020-03-31T00:00:00",
  "serial_number":"0abc"},
 {"issuer_ca_id":1,"issuer_name":"C=US, O=Let's Encrypt, CN=R11","common_name":"old.example","name_value":"old.example",
  "id":8,"not_before":"2020-01-01T00:00:00","not_after":"2020-03-31T00:00:00","serial_number":"0abc"}, 7]
JSON
    run -0 ctv domain import --crtsh "$PLAY/crt.json"
    [[ $output == *"member 3: it is no object"*"1 certificate imported, 1 known before"* ]]
    run -0 ctv domain learn old.example --days 36500 --json
    jq -e '.evidence.imported == 1 and .evidence.stored == 0 and .policy.allow == ["ca:Internet Security Research Group"]
        and .policy.wildcard == ["*.old.example"]' <<<"$(grep '^{' <<<"$output")"
    ctv search sub:old.example --json >"$PLAY/found"
    silent jq -c 'select(.tbs_fp)' "$PLAY/found"
    run -0 ctv domain import --list
    [[ $output == *"1:abc  2020-01-01 to 2020-03-31  not seen in a log"*"crtsh: "*"old.example"*"1 imported, 0 of them seen"* ]]
    ctv domain import --list --json | jq -e '.ref == "1:abc" and (.seen | not) and (.accepted | not)'
    run -2 ctv domain import --accept 1:abc
    [[ $output == *"no log that was read has shown it"* ]]
    run -2 ctv domain import --drop nothing
    # Typed as crt.sh shows it: with a zero in front, and in capitals as others do.
    run -2 ctv domain import --accept 1:0abc
    [[ $output == *"1:abc: its fingerprint is not known"* ]]
    run -2 ctv domain import --drop 1:0abcd
    run -0 ctv domain import --drop 1:00ABC
    run -2 ctv domain learn old.example --days 36500 --json
    [[ $output == *"no certificate of this time is known"* ]]
    run -2 ctv domain import --list --drop 1:abc
    fp=$(ctv alert list --json --domain own.example | jq -r 'select(.name == "mail.own.example") | .tbs_fp')
    mkdir -p "$PLAY/spotter/certs/${fp:0:2}"
    printf '{"tbs_sha256":"%s","dns_names":["mail.own.example"],"not_before":"2026-01-01T00:00:00Z","not_after":"2026-03-01T00:00:00Z"}' \
        "$fp" >"$PLAY/spotter/certs/${fp:0:2}/$fp.v1.json"
    # What it had not told of is accepted by hand.
    run -0 ctv domain import --certspotter "$PLAY/spotter"
    [ "$(open_alerts)" -gt 0 ]
    run -0 ctv domain import --accept "$(ctv domain import --list --json | jq -r .ref)"
    [[ $output == "accepted in 1 registered domain, "* ]]
    prints 0 open_alerts
    ctv domain import --list --json | jq -e .accepted
    touch "$PLAY/spotter/certs/${fp:0:2}/.$fp.notified"
    run -0 ctv domain import --certspotter "$PLAY/spotter"
    [[ $output == *"accepted in 1 case by"* ]]
    prints 0 open_alerts
    # Addresses and keys that are registered, too.
    local other key=00000000000000000000000000000000000000000000000000000000000000aa
    other=$(printf 'cd%.0s' {1..32})
    run -0 ctv domain add 192.0.2.0/24
    run -0 ctv domain add 2001:db8::7
    run -0 ctv domain add "spki:$key"
    mkdir -p "$PLAY/spotter2/certs/cd"
    printf '{"tbs_sha256":"%s","pubkey_sha256":"%s","dns_names":[],"ip_addresses":["192.0.2.9","2001:db8::7","192.0.3.1"],%s}' "$other" \
        "$key" '"not_before":"2026-01-01T00:00:00Z","not_after":"2026-03-01T00:00:00Z"' >"$PLAY/spotter2/certs/cd/$other.v1.json"
    touch "$PLAY/spotter2/certs/cd/.$other.notified"
    run -0 ctv domain import --certspotter "$PLAY/spotter2"
    [[ $output == *"accepted in 3 cases"* ]]
    [ "$(ctv domain list --yaml | grep -c "$other")" = 3 ]
    printf '[' >"$PLAY/cut.json"
    run -4 ctv domain import --crtsh "$PLAY/cut.json"
    [[ $output == *"line 1, column 1: not JSON"* ]]
    run -2 ctv domain import
    run -2 ctv domain import --certspotter "$PLAY/live"
}

@test "the names of CAs that docs/policy.md shows can be used as they stand there" {
    local name number=0
    sed -n 's/^ *\(allow\|deny\): \[\(.*[a-z].*\)\]$/\2/p' "$CTVIGIL_SOURCE/docs/policy.md" | tr ',' '\n' |
        tr -d ' "' | grep -E '^ca:|^[a-z]+\.[a-z]+$' >"$PLAY/shown"
    while read -r name; do
        number=$((number + 1))
        run -0 ctv domain add "shown$number.example" --allow-ca "$name"
    done <"$PLAY/shown"
    [ "$number" -ge 3 ]
}
