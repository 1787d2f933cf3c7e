# Commands that say no where the usual ones say yes, so that a test that hears nothing fails. A play says `load strict`
# behind `load play`; tidy.plays sees to it that it uses them.
set -o pipefail

# jq that wants something to read, and with -e at least one value, each of them true. (That of version 1.6 is content when a
# program says nothing, and every version judges the last value only.)
jq() {
    local word skip=0 asked='' filter='' own='' first='' answer
    for word; do
        if [ $skip -gt 0 ]; then
            skip=$((skip - 1))
            continue
        fi
        case $word in
            --arg | --argjson | --slurpfile | --rawfile) skip=2 ;;
            --args | --jsonargs) break ;;
            --*) ;;
            -*)
                [[ $word != *e* ]] || asked=1
                [[ $word != *n* ]] || own=1
                ;;
            *) # the first one is the filter, the others are files
                [ -z "$filter" ] || own=1
                filter=1
                ;;
        esac
    done
    if [ -z "$own" ]; then
        IFS= read -r -N 1 first || { echo "jq: nothing to read for: $*" >&2; return 1; }
    fi
    if [ -z "$asked" ]; then
        jq_fed "$@"
        return
    fi
    # All of it is at hand, so that who reads of a "false" sees what was asked.
    [ -z "$first" ] || first+=$(cat)
    answer=$(jq_fed "$@") || { printf '%s\n' "$answer" "of ${first:0:4000}"; return 1; }
    [ -n "$answer" ] || { echo "jq: no value: $*" >&2; return 1; }
    printf '%s\n' "$answer"
    command grep -qxE 'false|null' <<<"$answer" || return 0
    printf '%s\n' "of ${first:0:4000}"
    return 1
}

jq_fed() {
    if [ -n "$first" ]; then
        command jq "$@" < <(printf %s "$first" && cat)
    else
        command jq "$@"
    fi
}

# has [options of grep] PATTERN [FILE]: grep -q that reads to the end, so that what writes is not cut off.
has() {
    local count
    count=$(grep -c "$@")
}

# none [options of grep] PATTERN [FILE]: nothing matches, and what is asked is there to be read. Says what it found. (A
# command behind "!" never fails a test, except as the last one.)
none() {
    local status=0
    grep "$@" || status=$?
    [ $status -eq 1 ]
}

# silent COMMAND: it succeeds and prints nothing.
silent() {
    local answer
    answer=$("$@") || return
    [ -z "$answer" ] || { echo "$* says: $answer"; return 1; }
}

# prints TEXT COMMAND: it succeeds and prints that.
prints() {
    local wanted=$1 answer
    shift
    answer=$("$@") || return
    [ "$answer" = "$wanted" ] || { echo "$* says: $answer, not: $wanted"; return 1; }
}

# diff that finds no likeness in two times nothing.
diff() {
    local left right
    left=$(cat -- "$1") && right=$(cat -- "$2") || return 2
    [ -n "$left$right" ] || { echo "diff: nothing to compare"; return 2; }
    command diff <(printf '%s\n' "$left") <(printf '%s\n' "$right")
}
