# The command line and the configuration: nothing here needs a database.
load play
load strict

setup_file() {
    play_begin
}

teardown_file() {
    play_end
}

@test "--help and --version answer on stdout with 0" {
    run -0 --separate-stderr "$CTVIGIL" --help
    [[ "$output" == *"usage: ctvigil"* ]]
    [ -z "$stderr" ]
    for command in demo run ingest watch log domain alert search cert db config; do
        [[ "$output" == *"  $command "* ]]
    done
    run -0 --separate-stderr "$CTVIGIL" --version
    [[ "$output" =~ ^ctvigil\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "every command has --help, which needs no database and leaves nothing behind" {
    for command in demo run ingest watch log domain alert search cert db config; do
        run -0 --separate-stderr ctv $command --help
        [[ "$output" == "usage: ctvigil $command"* ]]
        [ -z "$stderr" ]
    done
    [ ! -e "$STATE" ]
}

@test "no command: the help and exit 2" {
    run -2 "$CTVIGIL"
    [[ "$output" == *"usage: ctvigil"* ]]
}

@test "an unknown command is named, in one line, exit 2" {
    run -2 --separate-stderr "$CTVIGIL" frobnicate
    [ -z "$output" ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *frobnicate* ]]
}

@test "an unknown option, a missing value, a wrong value: exit 2 and one line that names it" {
    while IFS='|' read -r expected words; do
        run -2 --separate-stderr ctv $words
        echo "$words: $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *"$expected"* ]]
    done <<'TABLE'
--frob|log status --frob
--frob|--frob log status
--frob|ingest --frob
--log|ingest --log
--key|log add x --key
--limit|search example.com --limit
--limit|search example.com --limit many
--since|search example.com --since yesterday
--since|search example.com --since 2026-13-01
extra|ingest --once extra
frob|log frob
frob|db frob
config|config frob
frob|alert frob
frob|domain frob
TABLE
    for option in -c --db --state-dir; do
        run -2 --separate-stderr "$CTVIGIL" log status $option
        [[ "$stderr" == *"$option"* ]]
    done
    [ ! -e "$STATE" ]
}

@test "what a command needs and does not get is said, exit 2" {
    for words in log search domain alert db config "log add" "log remove" "domain add" "domain remove" "alert show" \
        "alert ack" "alert show x" "alert ack x" "cert"; do
        run -2 --separate-stderr ctv $words
        echo "$words: $stderr"
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *ctvigil* ]]
    done
    [ ! -e "$STATE" ]
}

@test "control bytes of the command line do not reach the terminal" {
    run -2 --separate-stderr "$CTVIGIL" $'fro\e[31mb\nx'
    [[ "$stderr" != *$'\e'* ]]
    [ ${#stderr_lines[@]} = 1 ]
    run -2 --separate-stderr ctv log $'fro\e[31mb\nx'
    [[ "$stderr" != *$'\e'* ]]
    [ ${#stderr_lines[@]} = 1 ]
    run -2 --separate-stderr ctv log --$'fro\e[31mb'
    [[ "$stderr" != *$'\e'* ]]
}

@test "config check: bad YAML, wrong values and unknown keys exit 2 and name file and line" {
    while IFS='|' read -r line key text; do
        printf "$text" >"$PLAY/bad.yaml"
        run -2 --separate-stderr "$CTVIGIL" -c "$PLAY/bad.yaml" config check
        echo "$text -> $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *"$PLAY/bad.yaml"* ]]
        [[ "$stderr" == *"$key"* ]]
        [[ "$stderr" =~ (line |:)$line([^0-9]|$) ]]
    done <<'TABLE'
[23]||ingest:\n  workers: [1,\n
2|frob|ingest:\n  frob: 1\n
1|frob|frob:\n  x: 1\n
3|workers|ingest:\n  contact: a\n  workers: many\n
2|workers|ingest:\n  workers: 65\n
2|enabled|stdout:\n  enabled: perhaps\n
1|ingest|ingest: 7\n
TABLE
}

@test "a configuration that does not exist or is a folder: exit 2, named" {
    for path in "$PLAY/none.yaml" "$PLAY"; do
        run -2 --separate-stderr "$CTVIGIL" -c "$path" config check
        [[ "$stderr" == *"$path"* ]]
        [ ${#stderr_lines[@]} = 1 ]
    done
}

@test "config sample loads, and is what holds without it" {
    "$CTVIGIL" config sample >"$PLAY/sample.yaml"
    run -0 "$CTVIGIL" -c "$PLAY/sample.yaml" config check
    diff <("$CTVIGIL" config show | sed 's/ *(.*//') <("$CTVIGIL" -c "$PLAY/sample.yaml" config show | sed 's/ *(.*//')
}

@test "environment over file, option over environment; config show says which" {
    printf 'ingest:\n  workers: 3\n  window: 5\nstate:\n  dir: /from/file\n' >"$PLAY/good.yaml"
    export CTVIGIL_INGEST_WORKERS=4 CTVIGIL_STATE_DIR=/from/environment
    run -0 "$CTVIGIL" -c "$PLAY/good.yaml" --state-dir "$STATE" config show
    grep -E '^ingest.window = 5 +\(file' <<<"$output"
    grep -E '^ingest.workers = 4 +\(environment' <<<"$output"
    grep -E "^state.dir = \"$STATE\" +\(option" <<<"$output"
    grep -E '^ingest.settlers = 1 +\(default' <<<"$output"
    CTVIGIL_INGEST_WORKERS=many run -2 --separate-stderr "$CTVIGIL" config check
    [[ "$stderr" == *CTVIGIL_INGEST_WORKERS* ]]
}

@test "config show hides the password of a connection string" {
    for dsn in "host=h user=u password=hushhush" "postgresql://u:hushhush@h/d" "host=h password='hush\\'hush hush'"; do
        run -0 "$CTVIGIL" --db "$dsn" config show
        [[ "$output" == *db.dsn* ]]
        [[ "$output" != *hush* ]]
    done
}

@test "global options stand before or after the command" {
    "$CTVIGIL" --json --state-dir "$STATE" db status >"$PLAY/before"
    "$CTVIGIL" db status --state-dir "$STATE" --json >"$PLAY/after"
    "$CTVIGIL" db --json status --state-dir="$STATE" >"$PLAY/between"
    jq -e . "$PLAY/before" >/dev/null
    diff "$PLAY/before" "$PLAY/after"
    diff "$PLAY/before" "$PLAY/between"
}

@test "stdout that can not be written is an error, not a crash" {
    run -4 bash -c '"$1" config sample >/dev/full' _ "$CTVIGIL"
}

@test "an empty value of a global option is refused: a script with an unset variable must not use the default" {
    for words in "-c|" "--db|" "--state-dir|" "--db=" "--state-dir="; do
        IFS='|' read -r option value <<<"$words"
        case $words in
            *'|') run -2 --separate-stderr "$CTVIGIL" "$option" "" config show ;;
            *) run -2 --separate-stderr "$CTVIGIL" "$option" config show ;;
        esac
        [[ "$stderr" == *"${option%=} needs a value"* && -z "$output" ]]
    done
}

@test "an empty db.dsn_file is refused, not taken for the private database" {
    STATE=$PLAY/untouched
    : >"$PLAY/empty"
    printf '\n \n' >"$PLAY/blank"
    for file in empty blank; do
        for words in "config check" "db status" "log list"; do
            CTVIGIL_DB_DSN_FILE=$PLAY/$file run -2 --separate-stderr ctv $words
            [[ "$stderr" == *db.dsn_file*"$PLAY/$file"* && ${#stderr_lines[@]} = 1 ]]
        done
    done
    [ ! -e "$STATE" ]
}

@test "standard output that can not be written: 4 also for --help and --version; a reader that went gets silence" {
    for words in --help --version "log --help" "config show" "help log"; do
        run -4 --separate-stderr bash -c '"$0" $1 >/dev/full' "$CTVIGIL" "$words"
        [[ "$stderr" == *"standard output"* && ${#stderr_lines[@]} = 1 ]]
        # Read and write end in one shell: the pipe has no reader when the program writes.
        run -4 --separate-stderr bash -c 'exec 4> >(:); wait $!; "$0" $1 >&4' "$CTVIGIL" "$words"
        [ -z "$stderr" ]
    done
    # Also where the reader went in the middle, and something else failed since.
    set -- "$CTVIGIL_SOURCE"/tests/golden/*.pem "$CTVIGIL_SOURCE"/tests/golden/*.pem "$PLAY/nothing"
    run -4 --separate-stderr bash -c 'exec 4> >(:); wait $!; "$@" >&4' _ "$CTVIGIL" cert "$@"
    [[ "$stderr" == *"$PLAY/nothing"*"No such file"* && ${#stderr_lines[@]} = 1 ]]
    run -4 --separate-stderr bash -c '"$@" >/dev/full' _ "$CTVIGIL" cert "$@"
    [[ "${stderr_lines[-1]}" == *"standard output can not be written"* ]]
    none Success <<<"$stderr"
}

@test "the word that does not fit is named, and what was probably meant" {
    STATE=$PLAY/untouched
    while IFS='|' read -r expected words; do
        run -2 --separate-stderr ctv $words
        echo "$words: $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *"$expected"* ]]
    done <<'TABLE'
did you mean 'log'|lgo list
did you mean 'alert'|alret list
--bogus is not an option of ctvigil|--bogus log status
-x is not an option of ctvigil|-x
did you mean 'list'|log lst
'extra' is not expected|log status extra
did you mean --from|log add x --frm 3
--check takes no value|log status --check=1
NAME is missing|log add
'b' is not expected|log add a b
--from is not an option of 'log list'|log list --from 3
--allow-ca is not an option of 'domain remove'|domain remove x --allow-ca y
--reason is not an option of 'alert list'|alert list --reason y
ID is missing|alert show
--limit: 0|alert list --limit 0
--after|alert list --after -1
--after|search a.example --after nonsense
--limit: 0|search a.example --limit 0
--limit: 10001|search a.example --limit 10001
--limit: '-5'|search a.example --limit -5
--limit: '99999999999999999999'|search a.example --limit 99999999999999999999
--since: '99999-01-01'|search a.example --since 99999-01-01
--form: 'frob'|search a.example --form frob
--format: 'xml'|search a.example --format xml
contradict|search a.example --json --format csv
--count: '7'|search a.example --count=7
mean nothing with it|search a.example --count --all
mean nothing with it|search a.example --count --out x
mean nothing with it|search a.example --count --after x
leave nothing over|search a.example --expired --exclude-expired
--issuer: issuer: says that already|search issuer:a --issuer b
No such file|search a.example --issuer cert:/no/such/file
64 hex digits|search issuer:spki:12
no host stands behind|search email:a@
nothing stands behind|search text:
an issuer is a number|search issuer:
is a folder|search a.example --out /tmp
search for ip:192.0.2.17|search host:192.0.2.17
search for ip:2001:db8::1|search name:2001:db8::1
--since is not before --until|search a.example --since 2027-01-01 --until 2026-01-01
--since is not before --until|search a.example --since 2026-01-01 --until 2026-01-01
'1.2.3.400' is not an IP address|domain add 1.2.3.400
the network is 10.0.0.0/8|domain add 10.0.0.1/8
only: www.example.com|domain add https://www.example.com/x
only: example.com|alert list --domain admin@example.com
is not an IP address|alert list --domain 10.0.0.0/33
only: www.example.com|search https://www.example.com/
only: www.example.com|search host:www.example.com:443
only: www.example.com|search name:www.example.com:443
only: www.example.com|search sub:www.example.com:443
only: www.example.com|search wildcard:www.example.com:443
only: www.example.com|search *.www.example.com:443
not an IP address|search 1.2.3.400
there are sub, host, name|search frob:x
the domain is empty|search host:
FILE is missing|cert
'x' is not expected|db init x
did you mean 'check'|config chekc
TABLE
    run -2 --separate-stderr ctv cert ""
    [[ "$stderr" == *"the name of a file is empty"* ]]
    run -2 --separate-stderr ctv search ""
    [[ "$stderr" == *"the query is empty"* ]]
    run -2 --separate-stderr ctv domain add ""
    [[ "$stderr" == *"the domain is empty"* ]]
    [ ! -e "$STATE" ]
}

@test "what is not UTF-8 is refused as such" {
    STATE=$PLAY/untouched
    for words in $'domain\nadd\nx.example\n--owner\n\xff' $'domain\nadd\n\xff.example' $'log\nremove\n\xff' \
        $'alert\nlist\n--domain\n\xff' $'alert\nack\n1\n--reason\n\xff' $'search\n\xff' $'ingest\n--log\n\xff' \
        $'--db\n\xff\ndb\nstatus' $'log\nadd\n\xff\n--protocol\nrfc6962'; do
        mapfile -t argv <<<"$words"
        run -2 --separate-stderr ctv "${argv[@]}"
        echo "$stderr"
        [[ "$stderr" == *"it is not UTF-8"* && ${#stderr_lines[@]} = 1 ]]
    done
    [ ! -e "$STATE" ]
}

@test "config check looks at the connection string and at the hook, and connects to nothing" {
    printf '#!/bin/sh\n' >"$PLAY/hook"
    while IFS='|' read -r key value; do
        env "CTVIGIL_$key=$value" "$CTVIGIL" config check >"$PLAY/said" 2>&1 && { echo "taken: $key=$value"; return 1; }
        cat "$PLAY/said"
        [ "$(wc -l <"$PLAY/said")" = 1 ]
        grep -q "$(tr 'A-Z' 'a-z' <<<"${key/_/.}")" "$PLAY/said"
        run -2 env "CTVIGIL_$key=$value" "$CTVIGIL" config check
    done <<TABLE
DB_DSN|garbage
DB_DSN|host=x port
DB_DSN_FILE|$PLAY/no-such-file
HOOK_COMMAND|$PLAY/no-such-hook
HOOK_COMMAND|$PLAY/hook
HOOK_COMMAND|$PLAY
INGEST_LOG_LIST|$PLAY/no-list.json
INGEST_SOURCE_ADDRESSES|192.0.2.1
TABLE
    CTVIGIL_INGEST_HTTP2=sectgo.com run -0 --separate-stderr "$CTVIGIL" config check
    [[ "$stderr" == *"warning: ingest.http2: 'sectgo.com'"* ]]
    chmod +x "$PLAY/hook"
    CTVIGIL_HOOK_COMMAND=$PLAY/hook CTVIGIL_DB_DSN=host=/nowhere run -0 "$CTVIGIL" config check
    CTVIGIL_HOOK_COMMAND=$PLAY/hook run -0 "$CTVIGIL" config check --json
    jq -e .fine <<<"$output"
}

@test "config show --json: an object for every key, with type, value and origin" {
    CTVIGIL_DB_DSN='host=h password=hushhush' CTVIGIL_SAY_JSON=yes run -0 "$CTVIGIL" --state-dir 'a\b' config show --json
    [[ "$output" != *hush* ]]
    diff <(jq -r .key <<<"$output") <("$CTVIGIL" config show | sed 's/ = .*//')
    some_line '.key == "ingest.poll_ms" and .value == 5000 and .origin == "default"' <<<"$output"
    some_line '.key == "say.json" and .value == true and .origin == "environment"' <<<"$output"
    some_line '.key == "state.dir" and .value == "a\\b" and .origin == "option"' <<<"$output"
    run -2 --separate-stderr "$CTVIGIL" config sample --json
    [ ${#stderr_lines[@]} = 1 ]
}

@test "help of a command is given under a broken configuration too" {
    echo '[' >"$PLAY/broken.yaml"
    run -0 --separate-stderr "$CTVIGIL" -c "$PLAY/broken.yaml" log --help
    [[ "$output" == "usage: ctvigil log"* ]]
    run -0 --separate-stderr "$CTVIGIL" help log
    [[ "$output" == "usage: ctvigil log"* ]]
}

@test "a variable that is no key is refused by config check, named by the others" {
    CTVIGIL_INGEST_WNDOW=3 run -2 --separate-stderr "$CTVIGIL" config check
    [[ "$stderr" == *"CTVIGIL_INGEST_WNDOW"*"did you mean CTVIGIL_INGEST_WINDOW?"* && ${#stderr_lines[@]} = 1 ]]
    CTVIGIL_INGEST_WNDOW=3 run -0 --separate-stderr "$CTVIGIL" config show
    [[ "$stderr" == *"CTVIGIL_INGEST_WNDOW"* && ${#stderr_lines[@]} = 1 ]]
    CTVIGIL_CPU=portable CTVIGIL_ALERT_ID=7 run -0 --separate-stderr "$CTVIGIL" config check
    [ -z "$stderr" ]
    CTVIGIL_METRICS_FILE=/nonexistent/x.prom run -2 --separate-stderr "$CTVIGIL" config check
    [[ "$stderr" == *metrics.file* && ${#stderr_lines[@]} = 1 ]]
}
