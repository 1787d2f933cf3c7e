# What the plays judge with (strict.bash), held against what it must not take for an answer.
load play
load strict

setup() {
      cd "$BATS_TEST_TMPDIR"
      echo hello >one
      : >empty
}

teardown() {
      :
}

@test "jq wants something to read, and with -e values that are all true" {
    echo '{"a":1}' >one
    run ! jq -e . </dev/null
    run ! jq -r .a </dev/null
    run ! jq -e .a empty
    run -0 jq -e .a one
    run -0 jq -es --arg one one '.[0].a == 1 and $one == "one"' <one
    run ! jq -es 'any(.a == 2)' <one
    # The last value alone would do.
    printf '{"a":false}\n{"a":true}\n' >two
    run ! jq -e .a two
    run ! eval 'false | jq -r .a'
    run ! eval 'false | jq -n 1'
    run -0 jq -n 1
    run -0 jq -nc '$ARGS.positional' --args a b
    [ "$(jq -r .a <one)" = 1 ]
    x=$(jq -r .a one)
    [ "$x" = 1 ]
    [ "$(head -c 3000000 /dev/zero | tr '\0' a | jq -R length)" = 3000000 ]
    echo '{"a":2}' | jq -e '.a == 2'
    jq -e '.a == 1' <<<"$(cat one)"
}

@test "none, has, silent, prints and diff fail when what they ask fails, and when nothing is there" {
    run ! none hello one
    run -0 none hallo one
    run ! none hallo nowhere
    run -0 eval 'seq 100000 | has -x 1'
    run ! eval 'seq 100000 | has -x 0'
    run ! silent cat one
    run ! silent false
    run ! silent cat nowhere
    run -0 silent cat empty
    run ! prints 0 false
    run -0 prints hello cat one
    run ! diff <(false) <(false)
    run -0 diff one <(cat one)
    run ! diff one empty
}
