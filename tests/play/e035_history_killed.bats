# The scan of what is stored for a domain that is registered, killed at several places: whoever goes on raises the same alerts
# as if nobody had been killed, each once, and every one of them is told.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 200 --seed 35
    forms=(both precert final)
    for i in $(seq 1 120); do
        issue other 90 "${forms[i % 3]}" "h$i.killed.example" "h$i.whole.example" >/dev/null
    done
    add_logs
    run -0 ingest
    run -0 ctv domain add whole.example
}

teardown_file() {
    play_end
}

# The alerts of a domain but for the name: about which certificate, what, its state, where it was seen.
alerts_of() {
    dump_db | awk -F '|' -v domain="$1" '$1 == "alert" && $2 == domain' | cut -d '|' -f 3-6,8- | sort
}

raised() {
    sql "SELECT count(*) FROM alert WHERE domain_name = 'killed.example'"
}

@test "killed three times on the way, then looked after: the same alerts, and each is told" {
    # What is at work on alert number N waits there for ever.
    sql "CREATE TABLE stop_at (n int8);
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
           IF NEW.domain_name = 'killed.example' AND (SELECT count(*) FROM alert AS a WHERE a.domain_name = NEW.domain_name)
              >= (SELECT min(n) FROM stop_at) THEN PERFORM pg_sleep(600); END IF;
           RETURN NEW; END \$\$;
         CREATE TRIGGER hold BEFORE INSERT ON alert FOR EACH ROW EXECUTE FUNCTION hold();
         INSERT INTO stop_at VALUES (1)" >/dev/null
    asleep="SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    killed() { # N COMMAND...: killed while it is at work on the alert behind N others
        local n=$1
        shift
        sql "UPDATE stop_at SET n = $n" >/dev/null
        background "killed$n" "$CTVIGIL" --state-dir "$STATE" "$@"
        local pid=$!
        wait_for '[ "$(sql "$asleep")" = 1 ]' 60
        kill -KILL $pid
        local status=0
        ended $pid || status=$?
        [ "$status" = 137 ]
        # Its connection may not know yet: what it was at is taken back.
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'" >/dev/null
        wait_for '[ "$(sql "$asleep")" = 0 ]' 60
        [ "$(raised)" = "$n" ]
        ctv domain list --json | jq -es 'map(select(.name == "killed.example")) | length == 1 and .[0].history == null'
    }
    killed 1 domain add killed.example
    killed 50 watch --once
    killed 119 watch --once
    sql "DROP TRIGGER hold ON alert" >/dev/null
    # What one of them was about to deliver is leased to it for a while.
    sql "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'" >/dev/null
    ctv watch --once >"$PLAY/told"
    ctv domain list --json | jq -es 'all(.history != null)'
    [ "$(raised)" = 120 ]
    alerts_of whole.example >"$PLAY/reference"
    [ "$(wc -l <"$PLAY/reference")" = 120 ]
    diff "$PLAY/reference" <(alerts_of killed.example)
    cat "$PLAY"/killed*.out "$PLAY/told" >"$PLAY/all"
    jq -r 'select(.domain == "killed.example") | .id' "$PLAY/all" | sort -u >"$PLAY/ids"
    [ "$(wc -l <"$PLAY/ids")" = 120 ]
    [ "$(sql "SELECT count(*) FROM outbox WHERE state <> 'sent'")" = 0 ]
    ctv watch --once >"$PLAY/told"
    [ ! -s "$PLAY/told" ]
}
