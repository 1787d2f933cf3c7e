# How requests go out: over HTTP/2 where an operator is to be asked that way, and from several addresses.
load play
load strict

setup_file() {
    play_begin_db
}

teardown_file() {
    play_end
}

# tls_front NAME: nginx with HTTP/1.1 and HTTP/2 over TLS in front of the simulator; sets FRONT, its URL, and CA.
tls_front() {
    local try port
    CA=$PLAY/ca.pem
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$PLAY/front.key" -out "$CA" 2>/dev/null
    for try in $(seq 10); do
        port=$((20000 + (RANDOM + try) % 10000))
        cat >"$PLAY/front.conf" <<CONF
daemon off;
user root;
worker_processes 1;
pid $PLAY/front.pid;
error_log $PLAY/front.err;
events { worker_connections 256; }
http {
  log_format asked '\$server_protocol \$connection \$uri';
  access_log $PLAY/front.asked asked;
  client_body_temp_path $PLAY/t1; proxy_temp_path $PLAY/t2; fastcgi_temp_path $PLAY/t3;
  uwsgi_temp_path $PLAY/t4; scgi_temp_path $PLAY/t5;
  server {
    listen 127.0.0.1:$port ssl http2;
    ssl_certificate $CA;
    ssl_certificate_key $PLAY/front.key;
    location / { proxy_pass ${SIM_URL%/rfc6962*}; }
  }
}
CONF
        background front nginx -c "$PLAY/front.conf"
        FRONT=https://localhost:$port
        wait_for "curl -sS --noproxy '*' --cacert '$CA' '$FRONT/rfc6962/ct/v1/get-sth' >/dev/null 2>&1 || ! kill -0 $! 2>/dev/null" 60
        kill -0 $! && return 0
    done
    return 1
}

# over CA COMMAND...: where the machine trusts that certificate.
over() {
    unshare -m bash -c 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"' bash "$@"
}

@test "an operator that is to be asked over HTTP/2 is, all over one connection; another one is not" {
    command -v nginx >/dev/null || skip "no nginx here"
    unshare -m true 2>/dev/null || skip "no mount namespace here"
    start_sim --rfc6962 --entries 900 --seed 80
    tls_front
    : >"$PLAY/front.asked"
    over "$CA" "$CTVIGIL" --state-dir "$STATE" log add plain --protocol rfc6962 --url "$FRONT/rfc6962" --key "$SIM_KEY" \
        --operator one.test
    over "$CA" "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is plain '.position == 900 and .verified_size == 900'
    grep -q '^HTTP/1.1 .*get-entries' "$PLAY/front.asked"
    none '^HTTP/2' "$PLAY/front.asked"
    ctv log remove plain
    start_sim --rfc6962 --entries 900 --seed 81
    tls_front
    over "$CA" "$CTVIGIL" --state-dir "$STATE" log add multiplexed --protocol rfc6962 --url "$FRONT/rfc6962" --key "$SIM_KEY" \
        --operator two.test
    : >"$PLAY/front.asked"
    CTVIGIL_INGEST_HTTP2='x.test, two.test' over "$CA" "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is multiplexed '.position == 900 and .verified_size == 900'
    grep get-entries "$PLAY/front.asked" | none -v '^HTTP/2.0 '
    wait_for '[ "$(grep -c get-entries "$PLAY/front.asked")" -ge 4 ]' 60 # written when the answer is out
    [ "$(grep get-entries "$PLAY/front.asked" | cut -d' ' -f2 | sort -u | wc -l)" = 1 ]
    ctv log remove multiplexed
}

@test "two addresses have a budget each: one that is used up does not stop the other" {
    start_sim --rfc6962 --entries 1500 --seed 82 --limit page:64 --limit client:12:4
    add_log spread rfc6962 --operator three.test
    CTVIGIL_INGEST_SOURCE_ADDRESSES='127.0.0.1, 127.0.0.2' run -0 timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is spread '.position == 1500 and .verified_size == 1500'
    control | jq -e '.limits.sources | (.["127.0.0.1"][0] >= 5) and (.["127.0.0.2"][0] >= 5)'
    [ "$(sql "SELECT string_agg(source, ' ' ORDER BY source) FROM operator_pace WHERE operator = 'three.test' AND source <> ''")" = '127.0.0.1 127.0.0.2' ]
    log_is spread '.pace.operator == "three.test"'
}
