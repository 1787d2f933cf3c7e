# How the private database lives and dies with the programs that use it.
load play
load strict

setup_file() {
    play_begin
}

teardown_file() {
    play_end
}

keeper_of() {
    "$CTVIGIL" --state-dir "$1" db status --json | jq -r .keeper_pid
}

server_of() {
    "$CTVIGIL" --state-dir "$1" db status --json | jq -r .server_pid
}

is_up() {
    [ "$("$CTVIGIL" --state-dir "$1" db status --json | jq '.state == "running" and .step > 0')" = true ]
}

@test "kill -9 of the only user ends the server and the keeper" {
    background run "$CTVIGIL" --state-dir "$PLAY/one" run
    user=$!
    wait_for 'is_up "$PLAY/one"' 60
    server=$(server_of "$PLAY/one")
    keeper=$(keeper_of "$PLAY/one")
    owner=$(stat -c %U "/proc/$server")
    [ "$owner" != root ]
    kill -KILL "$user"
    wait_for 'gone '"$server"' && gone '"$keeper" 60
    [ ! -e "$PLAY/one/pg.socket" ]
}

@test "kill -9 of the keeper ends the server; the next program has what was stored" {
    "$CTVIGIL" --state-dir "$PLAY/one" domain add kept.example
    "$CTVIGIL" --state-dir "$PLAY/one" db start
    server=$(server_of "$PLAY/one")
    kill -KILL "$(keeper_of "$PLAY/one")"
    wait_for 'gone '"$server" 60
    [ "$("$CTVIGIL" --state-dir "$PLAY/one" domain list --json | jq -r .name)" = kept.example ]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "kill -9 of everything at once: recovered" {
    "$CTVIGIL" --state-dir "$PLAY/one" db start
    server=$(server_of "$PLAY/one")
    psql -XqAt -d "$("$CTVIGIL" --state-dir "$PLAY/one" db dsn)" -c "INSERT INTO channel VALUES ('survivor')"
    kill -KILL "$(keeper_of "$PLAY/one")" "$server"
    dsn=$("$CTVIGIL" --state-dir "$PLAY/one" db start | tail -n 1)
    [ "$(psql -XqAt -d "$dsn" -c "SELECT count(*) FROM channel WHERE name = 'survivor'")" = 1 ]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "ten programs started at once on nothing share one server" {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        "$CTVIGIL" --state-dir "$PLAY/many" domain add "d$i.example" >"$PLAY/many.$i" 2>&1 3>&- &
    done
    wait
    cat "$PLAY"/many.*
    [ "$("$CTVIGIL" --state-dir "$PLAY/many" domain list --json | wc -l)" = 10 ]
}

@test "the keeper keeps no file, terminal or socket of its starter open" {
    exec 9>"$PLAY/held"
    "$CTVIGIL" --state-dir "$PLAY/one" db start
    exec 9>&-
    keeper=$(keeper_of "$PLAY/one")
    ls -l "/proc/$keeper/fd" "/proc/$(server_of "$PLAY/one")/fd" >"$PLAY/open"
    none -F "$PLAY/held" "$PLAY/open"
    [ "$(ps -o tty= -p "$keeper" | tr -d ' ')" = "?" ]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "below a folder that the server's user may not enter" {
    mkdir -m 700 "$PLAY/closed"
    run -0 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/closed/state" domain add closed.example
    [ "$("$CTVIGIL" --state-dir "$PLAY/closed/state" domain list --json | jq -r .name)" = closed.example ]
    owner=$(stat -c %U "$PLAY/closed/state/pg")
    [ "$owner" != root ]
}

@test "a path too long for a socket" {
    long=$PLAY/$(printf 'x%.0s' {1..150})/$(printf 'y%.0s' {1..150})
    dsn=$("$CTVIGIL" --state-dir "$long" db start | tail -n 1)
    [ "$(psql -XqAt -d "$dsn" -c 'SELECT 1')" = 1 ]
    folder=$(head -n 1 "$long/pg.socket")
    [ -S "$folder/.s.PGSQL.5432" ]
    "$CTVIGIL" --state-dir "$long" db stop
    wait_for '[ ! -e "$folder" ]' 60
}

@test "who is neither root nor the server's user does not get in" {
    [ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
    dsn=$("$CTVIGIL" --state-dir "$PLAY/one" db start | tail -n 1)
    other=$(getent passwd daemon | cut -d: -f1)
    run setpriv --reuid "$other" --clear-groups psql -XqAt -d "$dsn" -c 'SELECT 1'
    [ "$status" != 0 ]
    chmod -R a+rwX "$PLAY/one/pg/sock"
    chmod a+x "$PLAY/one/pg"
    run setpriv --reuid "$other" --clear-groups psql -XqAt -d "$dsn" -c 'SELECT 1'
    chmod 700 "$PLAY/one/pg"
    echo "$output"
    [ "$status" != 0 ]
    [[ "$output" == *eer\ authentication* ]]
    "$CTVIGIL" --state-dir "$PLAY/one" db stop
}

@test "the hidden command is not for people" {
    run -2 --separate-stderr "$CTVIGIL" db-keeper "$PLAY/one" 3>&-
    [[ "$stderr" == *"by the program itself"* ]]
}
