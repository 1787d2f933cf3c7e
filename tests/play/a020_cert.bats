# ctvigil cert: every form it takes, what can not be read beside what can, and bytes written by attackers.
load play

setup_file() {
    play_begin
    cd "$PLAY" || return 1
    for name in one two three; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -days 30 \
            -subj "/CN=$name.example" -addext "subjectAltName=DNS:$name.example,DNS:*.$name.example,IP:192.0.2.7" \
            -out $name.pem 2>/dev/null
        openssl x509 -in $name.pem -outform DER -out $name.der
    done
    {
        echo "Text of a person before the first block, as openssl prints it."
        cat one.pem
        cat key.pem two.pem
        printf -- '-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n'
        tr -d '\r' <three.pem | sed 's/$/\r/'
    } >bundle.pem
    cat one.pem key.pem two.pem three.pem >good.pem
    head -c 3000 /dev/urandom >noise
    printf '\033[31m' >escape
    # The name holds an escape sequence, a line end and a bell.
    openssl req -x509 -key key.pem -days 30 -subj $'/CN=\e[31mred\nlevel=error\a' -out hostile.pem
}

teardown_file() {
    play_end
}

cns() {
    jq -r '.cn[0]'
}

@test "DER, PEM and standard input give the same facts" {
    for form in der pem; do
        "$CTVIGIL" cert --json "$PLAY/one.$form" >"$PLAY/of-$form"
    done
    "$CTVIGIL" cert --json - <"$PLAY/one.der" >"$PLAY/of-stdin"
    diff "$PLAY/of-der" "$PLAY/of-pem"
    diff "$PLAY/of-der" "$PLAY/of-stdin"
    sha256=$(openssl x509 -in "$PLAY/one.pem" -outform DER | sha256sum | cut -d' ' -f1)
    every_line '.sha256 == $sha256 and .dns == ["one.example", "*.one.example"] and .ip == ["c0000207"]' \
        --arg sha256 "$sha256" <"$PLAY/of-der"
    [ ! -e "$STATE" ]
}

@test "a bundle: every certificate in it, in order; keys are passed over" {
    run -0 --separate-stderr "$CTVIGIL" cert --json "$PLAY/good.pem"
    [ "$(cns <<<"$output" | tr '\n' ' ')" = "one.example two.example three.example " ]
    [ -z "$stderr" ]
}

@test "a block that is no base64 hides none of those behind it, and is named" {
    run -4 --separate-stderr "$CTVIGIL" cert --json "$PLAY/bundle.pem"
    [ "$(cns <<<"$output" | tr '\n' ' ')" = "one.example two.example three.example " ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"$PLAY/bundle.pem"*"block 4"* ]]
}

@test "one unreadable file among many hides none of the others, each is named once" {
    cd "$PLAY"
    : >empty
    run -4 --separate-stderr "$CTVIGIL" cert --json one.pem nowhere two.der noise empty "$PLAY" three.pem
    [ "$(cns <<<"$output" | tr '\n' ' ')" = "one.example two.example three.example " ]
    [ ${#stderr_lines[@]} = 4 ]
    for name in nowhere noise empty "$PLAY"; do
        [ "$(grep -c "ctvigil: $name: " <<<"$stderr")" = 1 ]
    done
    # The lowest code that is not 0 wins: a word that can not be a file is the user's.
    run -2 --separate-stderr "$CTVIGIL" cert --json nowhere "" one.pem
    [ "$(cns <<<"$output")" = one.example ]
}

@test "--strict: 1 when some part can not be read, 0 when all can" {
    run -0 "$CTVIGIL" cert --strict --json "$PLAY/good.pem"
    # A version that nobody has defined, in a certificate that is whole otherwise; a certificate cut in the middle.
    head -c 200 "$PLAY/one.der" >"$PLAY/cut.der"
    run -1 --separate-stderr "$CTVIGIL" cert --strict --json "$PLAY/cut.der" "$PLAY/one.der"
    some_line '.findings | length > 0' <<<"$output"
    run -0 "$CTVIGIL" cert --json "$PLAY/cut.der"
}

@test "nothing that stands in a certificate, a file name or a file reaches a terminal as it is" {
    cp "$PLAY/noise" "$PLAY/"$'\e[31mfile\n'
    "$CTVIGIL" cert "$PLAY/hostile.pem" "$PLAY/noise" "$PLAY/escape" "$PLAY/"$'\e[31mfile\n' >"$PLAY/said" 2>&1 || true
    "$CTVIGIL" cert --json "$PLAY/hostile.pem" >>"$PLAY/said"
    ! tr -d '\n' <"$PLAY/said" | LC_ALL=C grep -qP '[\x00-\x1f\x7f]'
    ! grep -q '^level=error' "$PLAY/said"
    iconv -f UTF-8 -t UTF-8 "$PLAY/said" >/dev/null
    "$CTVIGIL" cert --json "$PLAY/hostile.pem" | every_line '.cn == ["\u001b[31mred\nlevel=error\u0007"]'
}

@test "damaged certificates: never a crash, never silence" {
    # Each byte of the first 400 in turn becomes another.
    size=$(stat -c %s "$PLAY/one.der")
    for ((at = 0; at < 400 && at < size; at += 7)); do
        cp "$PLAY/one.der" "$PLAY/damaged.der"
        printf '\xff' | dd of="$PLAY/damaged.der" bs=1 seek=$at conv=notrunc status=none
        run "$CTVIGIL" cert --json "$PLAY/damaged.der"
        [ "$status" = 0 ] || [ "$status" = 4 ]
        [ -n "$output" ]
    done
}
