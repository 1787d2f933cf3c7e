# ctvigil cert: every form it takes, what can not be read beside what can, and bytes written by attackers.
load play
load strict

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

# Everything but where it stood.
facts() {
    jq -cS 'del(.input)'
}

# form NAME...: file FORM gives those certificates, with the same facts as their DER, and says by LAYERS what it is.
form() {
    local file=$1 layers=$2 name
    shift 2
    run -0 --separate-stderr "$CTVIGIL" cert --json "$PLAY/$file"
    diff <(for name; do cat "$PLAY/$name.facts"; done) <(facts <<<"$output")
    every_line '(.input.layers | join(" ")) == $layers and (.input.file | endswith($file))' \
        --arg layers "$layers" --arg file "$file" <<<"$output"
    [ "$(jq .input.number <<<"$output" | tr '\n' ' ')" = "$(seq -s ' ' $#) " ]
}

@test "every form in which certificates travel is told by its content, and gives the same facts" {
    cd "$PLAY"
    cat one.der two.der three.der >several.der
    openssl crl2pkcs7 -nocrl -certfile good.pem -out chain.p7.pem
    openssl pkcs7 -in chain.p7.pem -outform DER -out chain.p7b
    openssl x509 -in one.pem -trustout -addtrust serverAuth -setalias x >trusted.pem
    sed 's/ CERTIFICATE/ X509 CERTIFICATE/' one.pem >x509.pem
    base64 one.der >wrapped.b64
    od -An -tx1 -v one.der >one.hex
    for name in one two; do base64 -w0 $name.der; echo; done >lines.b64
    gzip -kc good.pem >good.gz
    base64 chain.p7b | gzip >packed
    for name in one two three; do
        "$CTVIGIL" cert --json $name.der | facts >$name.facts
        [ -s $name.facts ]
    done
    printf '{"certificates":["%s","%s"]}' "$(base64 -w0 two.der)" "$(base64 -w0 one.der)" >roots
    form good.pem "pem certificate" one two three
    form several.der certificate one two three
    form chain.p7.pem "pem pkcs7 certificate" one two three
    form chain.p7b "pkcs7 certificate" one two three
    form trusted.pem "pem certificate" one
    form x509.pem "pem certificate" one
    form wrapped.b64 "base64 certificate" one
    form one.hex "hex certificate" one
    form lines.b64 "base64 certificate" one two
    form good.gz "gzip pem certificate" one two three
    form packed "gzip base64 pkcs7 certificate" one two three
    form roots "get_roots certificate" two one
}

# be WIDTH VALUE: an integer of so many bytes, big-endian, as escapes of printf.
be() {
    printf "%0$(($1 * 2))x" "$2" | sed 's/../\\x&/g'
}

@test "log entries: leaf_input, data tile, get-entries, entries one a line, a bare TBS" {
    cd "$PLAY"
    size=$(stat -c %s one.der)
    { printf "$(be 8 1790000000000)$(be 2 0)$(be 3 "$size")"; cat one.der; printf "$(be 2 0)"; } >timestamped
    { printf '\x00\x00'; cat timestamped; } >leaf
    for i in 1 2; do cat timestamped; printf "$(be 2 0)"; done >tile
    gzip -kc tile >tile.gz
    base64 leaf >leaf.b64
    printf '{"leaf_input":"%s","extra_data":"AAAA"}\n' "$(base64 -w0 leaf)" | tee object | sed p >objects
    printf '{"entries":[%s,%s]}' "$(<object)" "$(<object)" >reply
    for file in leaf leaf.b64 tile tile.gz object objects reply; do
        run -0 --separate-stderr "$CTVIGIL" cert --json $file
        every_line '.cn == ["one.example"] and .entry.kind == "x509" and .entry.timestamp_ms == 1790000000000' <<<"$output" >/dev/null
        echo "$file $(jq -c .input.layers <<<"$output" | sort | uniq -c | xargs)"
    done >forms
    diff forms - <<'END'
leaf 1 [leaf_input]
leaf.b64 1 [base64,leaf_input]
tile 2 [data_tile]
tile.gz 2 [gzip,data_tile]
object 1 [entry]
objects 2 [entry]
reply 2 [get_entries]
END
    openssl asn1parse -inform DER -in one.der -strparse 4 -noout -out tbs
    run -0 --separate-stderr "$CTVIGIL" cert --json tbs
    every_line '.input.layers == ["tbs"] and .sha256 == null' <<<"$output"
    diff <("$CTVIGIL" cert --json one.der | jq -c '[.tbs_fp, .dns, .serial]') \
        <(jq -c '[.tbs_fp, .dns, .serial]' <<<"$output")
}

@test "what holds no certificate is told by its name, and what to do instead" {
    cd "$PLAY"
    openssl req -new -key key.pem -subj /CN=x -out request.pem
    openssl req -in request.pem -outform DER -out request
    openssl pkey -in key.pem -outform DER -out key
    openssl pkcs12 -export -inkey key.pem -in three.pem -passout pass:x -out store
    iconv -f UTF-8 -t UTF-16 one.pem >utf16
    while read -r file words; do
        run -4 --separate-stderr "$CTVIGIL" cert "$file"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == "ctvigil: $file: "*"$words"* ]]
    done <<'END'
request.pem certificate request
request certificate request
key private key
key.pem private key
store openssl pkcs12
utf16 iconv
END
}

@test "a bundle that ends too early gives what is whole, and says so" {
    cd "$PLAY"
    cat one.pem <(head -c 300 two.pem) three.pem >early.pem
    run -4 --separate-stderr "$CTVIGIL" cert --json early.pem
    [ "$(cns <<<"$output" | tr '\n' ' ')" = "one.example three.example " ]
    [[ "$stderr" == *"early.pem: PEM block 2 (CERTIFICATE): cut off"* ]]
    # Only the end of the END line is missing, or only the checksum of gzip: all certificates are there.
    head -c -20 good.pem >late.pem
    gzip -kc good.pem | head -c -8 >late.gz
    for file in late.pem late.gz; do
        run -4 --separate-stderr "$CTVIGIL" cert --json $file
        [ "$(cns <<<"$output" | tr '\n' ' ')" = "one.example two.example three.example " ]
        [[ "$stderr" == "ctvigil: $file: "*"cut off"* ]]
    done
    openssl crl2pkcs7 -nocrl -certfile good.pem -outform DER | head -c 1000 >early.p7b
    run -4 --separate-stderr "$CTVIGIL" cert --json early.p7b
    [ "$(head -n1 <<<"$output" | cns)" = one.example ]
    [[ "$stderr" == *"early.p7b: PKCS#7"*"cut off"* ]]
}

@test "DER, PEM and standard input give the same facts" {
    for form in der pem; do
        "$CTVIGIL" cert --json "$PLAY/one.$form" >"$PLAY/of-$form"
    done
    "$CTVIGIL" cert --json - <"$PLAY/one.der" >"$PLAY/of-stdin"
    diff <(facts <"$PLAY/of-der") <(facts <"$PLAY/of-pem")
    diff <(facts <"$PLAY/of-der") <(facts <"$PLAY/of-stdin")
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
    # In any of the certificates; peculiar is not broken.
    { cat "$PLAY/one.pem"; printf -- '-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n' \
        "$(base64 <"$PLAY/cut.der")"; cat "$PLAY/two.pem"; } >"$PLAY/one-cut.pem"
    run -1 "$CTVIGIL" cert --strict "$PLAY/one-cut.pem"
    { cat "$PLAY/one.der"; echo more; } >"$PLAY/more.der"
    run -0 "$CTVIGIL" cert --strict --json "$PLAY/more.der"
    every_line '.findings == ["trailing_bytes"]' <<<"$output"
}

@test "nothing that stands in a certificate, a file name or a file reaches a terminal as it is" {
    cp "$PLAY/noise" "$PLAY/"$'\e[31mfile\n'
    "$CTVIGIL" cert "$PLAY/hostile.pem" "$PLAY/noise" "$PLAY/escape" "$PLAY/"$'\e[31mfile\n' >"$PLAY/said" 2>&1 || true
    "$CTVIGIL" cert --json "$PLAY/hostile.pem" >>"$PLAY/said"
    tr -d '\n' <"$PLAY/said" | LC_ALL=C none -P '[\x00-\x1f\x7f]'
    none '^level=error' "$PLAY/said"
    iconv -f UTF-8 -t UTF-8 "$PLAY/said" >/dev/null
    "$CTVIGIL" cert --json "$PLAY/hostile.pem" | every_line '.cn == ["\u001b[31mred\nlevel=error\u0007"]'
}

@test "colours on a terminal only, and as asked for" {
    colours() {
        awk '/\033\[/ { n++ } END { print n + 0 }'
    }
    plain() {
        "$@" >"$PLAY/said"
        prints 0 colours <"$PLAY/said"
    }
    plain "$CTVIGIL" cert "$PLAY/one.pem"
    [ "$("$CTVIGIL" cert --color always "$PLAY/one.pem" | colours)" -gt 3 ]
    [ "$(NO_COLOR=1 "$CTVIGIL" cert --color=always "$PLAY/one.pem" | colours)" -gt 3 ]
    export TERM=xterm
    [ "$(script -qec "'$CTVIGIL' cert '$PLAY/one.pem'" /dev/null | colours)" -gt 3 ]
    plain script -qec "'$CTVIGIL' cert --color never '$PLAY/one.pem'" /dev/null
    NO_COLOR=1 plain script -qec "'$CTVIGIL' cert '$PLAY/one.pem'" /dev/null
    TERM=dumb plain script -qec "'$CTVIGIL' cert '$PLAY/one.pem'" /dev/null
    plain "$CTVIGIL" cert --json --color always "$PLAY/one.pem"
    run -2 --separate-stderr "$CTVIGIL" cert --color sometimes "$PLAY/one.pem"
    [[ "$stderr" == *"auto, always or never"* ]]
}

@test "lines are as wide as the terminal, and 80 columns where there is none" {
    cd "$PLAY"
    # at COLUMNS: without the hashes, which nothing can wrap.
    at() {
        script -qec "stty cols $1; '$CTVIGIL' cert --color never one.pem" /dev/null | tr -d '\r' | grep -vE '[0-9a-f]{32}'
    }
    at 60 | none -E '.{61}'
    at 110 | grep -E '.{80}'
    diff <(at 80) <("$CTVIGIL" cert one.pem | grep -vE '[0-9a-f]{32}')
}

@test "people read who, for what, by whom, how long, and what is odd; \"now\" is the clock's" {
    run -0 "$CTVIGIL" cert "$PLAY/one.pem"
    [ "${lines[0]}" = "one.example  and 2 more" ]
    [[ "${lines[1]}" =~ ^"self-signed CA certificate, valid for "(29|30)" days more"$ ]]
    [[ "${lines[2]}" == "  from "*"one.pem: PEM block 1 (CERTIFICATE)" ]]
    grep -qE '^  issuer +itself: signed with its own key$' <<<"$output"
    grep -qE '^  key +EC P-256$' <<<"$output"
    [[ "$output" == *"2 DNS names (1 wildcard), 1 IP address"* ]]
    CTVIGIL_TEST_CLOCK_OFFSET_S=$((3 * 366 * 86400)) run -0 "$CTVIGIL" cert "$PLAY/one.pem"
    [ "${lines[1]}" = "self-signed CA certificate, expired 2 years ago" ]
}

@test "damaged certificates: never a crash, never silence" {
    # Every seventh byte of the first 400 in turn becomes another.
    cd "$PLAY"
    size=$(stat -c %s one.der)
    for ((at = 0; at < 400 && at < size; at += 7)); do
        cp one.der damaged.$at
        printf '\xff' | dd of=damaged.$at bs=1 seek=$at conv=notrunc status=none
    done
    run --separate-stderr "$CTVIGIL" cert --json damaged.*
    [ "$status" = 0 ] || [ "$status" = 4 ]
    for file in damaged.*; do
        grep -qF "\"$file\"" <<<"$output" || has -F "ctvigil: $file: " <<<"$stderr"
    done
}
