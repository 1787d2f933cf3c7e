# Registering domains, hearing of certificates through both channels, answering alerts.
load play
load strict

setup_file() {
    play_begin_db
    cat >"$PLAY/hook" <<'SH'
#!/bin/sh
[ -e "$PLAY/refuse" ] && { echo "pager is down" >&2; exit 1; }
printf '%s %s %s\n' "$EVENT" "$WATCH_ITEM" "$(jq -r .kind "$CTVIGIL_ALERT_JSON")" >>"$PLAY/told"
SH
    chmod +x "$PLAY/hook"
    export CTVIGIL_HOOK_COMMAND=$PLAY/hook
    start_sim --entries 50 --seed 60
    add_logs
}

teardown_file() {
    play_end
}

@test "what can not be a domain or a CA is refused with 2, and nothing is registered" {
    for name in 'a..b' '*.example.com' '' 'exa mple.com' '192.0.2.0/33'; do
        run -2 ctv domain add "$name"
    done
    for ca in letsencrypt letsencrypt.orgg "ca:ISRGG"; do
        run -2 ctv domain add example.com --allow-ca "$ca"
        [[ $output == *"did you mean '"*"trust import"* ]]
    done
    run -2 ctv domain add example.com --allow-ca spki:12
    run -2 ctv domain add example.com --allow-ca cert:/no/such/file
    run -2 ctv domain add example.com --allow-ca cert:/etc/passwd
    run -2 ctv domain add example.com --channel pigeon
    run -2 ctv domain add 192.0.2.1 --exact
    run -2 ctv domain remove example.com
    silent ctv domain list --json
}

@test "names, addresses and U-labels; once each" {
    ctv domain add .Watched.EXAMPLE --owner ops --tag pci --tag web
    ctv domain add bücher.example --exact
    ctv domain add 192.0.2.0/24 --json | jq -e '.concerned == 0 and .complete_until == null and (.incomplete | length > 0)'
    run -2 ctv domain add watched.example
    [ "$(ctv domain list --json | jq -r .name | sort | paste -sd' ')" = "192.0.2.0/24 watched.example xn--bcher-kva.example" ]
    ctv domain list --json | jq -es 'all(.schema == "ctvigil.domain.1" and .history != null)'
    ctv domain list | has 'watched.example .*subtree .*#pci #web'
    ctv domain list --json | some_line '.name == "watched.example" and .tags == ["pci", "web"]'
    ctv domain list --json | some_line '.name == "192.0.2.0/24" and .tags == []'
}

@test "an unexpected certificate reaches standard output and the hook" {
    issue other 90 both www.watched.example >/dev/null
    ingest
    id=$(ctv alert list --json | jq -r 'select(.domain == "watched.example") | .id')
    [ "$(ctv alert show "$id" --json | jq -r .state)" = new ]
    [ "$(ctv alert show "$id" --json | jq -c '[.owner, .tags]')" = '["ops",["pci","web"]]' ]
    ctv alert show "$id" | has -x '  tags           pci, web'
    background watch "$CTVIGIL" --state-dir "$STATE" watch
    echo $! >"$PLAY/watch.pid"
    wait_for 'grep -qsx "discovered_cert watched.example unexpected_ca" "$PLAY/told"' 60
    wait_for "[ \"\$(ctv alert show $id --json | jq -r '[.deliveries[].state] | unique | join(\" \")')\" = sent ]" 60
    [ "$(ctv alert show "$id" --json | jq -r .state)" = notified ]
}

@test "a receiver that refuses is tried again later, and said" {
    touch "$PLAY/refuse"
    issue other 90 precert mail.watched.example >/dev/null
    ingest
    id=$(ctv alert list --json --limit 1 | jq -r 'select(.id) | .id')
    wait_for "ctv alert show $id | has 'hook .*pending, 1 try.*pager is down'" 60
    wait_for "ctv alert show $id | has 'stdout .*sent'" 60
}

@test "acknowledged: nobody is told any more; reasons are shown safely" {
    touch "$PLAY/refuse" # until here: the hook was to be tried again
    id=$(ctv alert list --json --limit 1 | jq -r 'select(.id) | .id')
    ctv alert ack "$id" --reason $'planned \e[31m'
    [ "$(ctv alert show "$id" --json | jq -r '.deliveries[] | select(.channel == "hook") | .state')" = withdrawn ]
    ctv alert show "$id" | has -F 'planned \x1b[31m'
    rm "$PLAY/refuse"
    run -2 ctv alert ack 999999
    run -2 ctv alert show nothing
}

@test "pages: a cursor leads through all of them" {
    total=$(ctv alert list --json | jq -c 'select(.id)' | wc -l)
    [ "$total" -ge 2 ]
    after=0 seen=0
    while :; do
        page=$(ctv alert list --json --limit 1 --after "$after")
        seen=$((seen + $(jq -c 'select(.id)' <<<"$page" | wc -l)))
        after=$(jq -r 'select(.cursor) | .cursor' <<<"$page")
        [ -n "$after" ] || break
    done
    [ "$seen" = "$total" ]
}

@test "a test alert goes through every channel" {
    rm -f "$PLAY/refuse"
    : >"$PLAY/told"
    run -0 ctv alert test
    wait_for "grep -qx 'test  test' \"\$PLAY/told\"" 60
    CTVIGIL_STDOUT_ENABLED=false CTVIGIL_HOOK_COMMAND= run -2 ctv alert test
}

@test "certificates of somebody else for look-alikes: one alert for each of their domains, until it is allowed" {
    rm -f "$PLAY/refuse"
    run -2 ctv domain add mail.brandname.example --lookalike
    [[ $output == *"add brandname.example"* ]]
    run -2 ctv domain add 198.51.100.7 --lookalike
    ctv domain add brandname.example --lookalike
    issue other 90 both brandnarne.example www.brandnarne.example >/dev/null
    issue other 60 both mail.brandnarne.example >/dev/null
    issue other 90 both brandname.example.login.evil.example >/dev/null
    issue other 90 both xn--brndname-26g.example >/dev/null
    issue other 90 both harmless.example >/dev/null
    ingest
    [ "$(ctv alert list --json --domain brandname.example | jq -r 'select(.kind == "lookalike") | "\(.severity) \(.name)"' | sort)" = \
        "$(printf 'high %s\n' brandname.example.login.evil.example brandnarne.example xn--brndname-26g.example)" ]
    ctv alert list --json --domain brandname.example | jq -r '.findings[]?.found' | has \
        'brandnarne.example reads as brandname.example: "rn" stands for "m"'
    ctv alert list --json --domain brandname.example | jq -r '.findings[]?.found' | has 'U+0430 CYRILLIC SMALL LETTER A'
    # The renewal is a further sighting, not a further alert.
    ctv alert list --json --domain brandname.example |
        some_line '.name == "brandnarne.example" and (.sightings | length >= 4)'
    ctv domain allow-lookalike brandname.example brandnarne.example | has '1 open alert acknowledged'
    issue other 90 both shop.brandnarne.example >/dev/null
    ingest
    ctv alert list --json --domain brandname.example | every_line '.name != "shop.brandnarne.example"'
    ctv domain list --json | some_line '.lookalike == "on" and .lookalike_allow == ["brandnarne.example"]'
    ctv domain lookalike brandname.example off
    issue other 90 both brandname-login.example >/dev/null
    ingest
    ctv alert list --json --domain brandname.example | every_line '.name != "brandname-login.example"'
    run -2 ctv domain lookalike brandname.example loud
    run -2 ctv domain allow-lookalike brandname.example
}

@test "domain test explains, a policy is tried over history: both leave no trace" {
    server=$CTVIGIL_SOURCE/tests/golden/server.pem
    ctv domain add example.com --max-days 100 --wildcard '*'
    run -1 ctv domain test example.com "$server"
    [[ $output == *"BROKEN     max_days"*"found:    196 days"*"one alert for example.com"* ]]
    [[ $output == *"kept       wildcard"* ]]
    # What was not looked at is not called kept.
    [[ $output == *"not asked  required_store "* && $output == *"not judged untrusted "*"issuer is not proven"* ]]
    [[ $output == *"not judged serial "* && $output == *"not asked  lookalike "* ]]
    run -1 ctv domain test example.com "$server" --policy <(printf 'watch:\n  - name: example.com\n    lookalike: on\n    keys: {spki: ["%064d"]}\n' 0)
    [[ $output == *"BROKEN     keys"* && $output == *"not asked  deny_ca"* ]]
    run -0 ctv domain test harmless.example "$server" --policy <(printf 'watch:\n  - name: harmless.example\n')
    [[ $output == *"does not concern"* ]]
    # Nobody tells alerts any more, which changes their state.
    pid=$(cat "$PLAY/watch.pid")
    kill -TERM "$pid"
    wait_for "gone $pid" 60
    before=$(dump_db | grep '^alert')
    printf 'watch:\n  - name: watched.example\n    max_days: 1\n' >"$PLAY/strict.yaml"
    ctv domain history --json watched.example --policy "$PLAY/strict.yaml" |
        some_line '.schema == "ctvigil.domain.would.1" and any(.findings[]; .rule == "max_days")'
    ctv alert list --json --domain watched.example | jq -r '.issuance?.spki_sha256? // empty' >"$PLAY/known.keys"
    export CTVIGIL_WATCH_BLOCKLIST=$PLAY/known.keys
    run -0 --separate-stderr ctv domain history --json watched.example --policy "$PLAY/strict.yaml"
    some_line 'any(.findings[]; .rule == "compromised_key")' <<<"$output"
    [[ $stderr == *"not tried: "*"look-alikes"* ]]
    ctv domain learn watched.example --json |
        jq -e '.would_raise.compromised_key >= 1 and (.not_tried | contains("expiry"))'
    unset CTVIGIL_WATCH_BLOCKLIST
    [ "$(dump_db | grep '^alert')" = "$before" ]
    # How much the hits rest on.
    printf 'watch:\n  - name: later.example\n' >"$PLAY/later.yaml"
    ctv domain apply "$PLAY/later.yaml" | grep -E '^(complete|read, but not verified,|nothing can be said)'
    printf 'watch:\n  - name: latest.example\n' >"$PLAY/later.yaml"
    ctv domain apply --json "$PLAY/later.yaml" | some_line '.concerned == 0 and has("complete_until") and has("incomplete")'
    run -2 ctv domain apply --dry-run <(printf 'watch:\n  - name: a.example\n    alow: []\n')
    [[ $output == *":3: alow: there is no such key"* ]]
}
