#!/bin/bash
# Lines of a play that can not fail, or that pass when the program under test says nothing or is not there. strict.bash has
# what says the same and can.
set -eu

# refuse SENTENCE PATTERN ALLOWED FILE...
refuse() {
  local sentence=$1 pattern=$2 allowed=$3
  shift 3
  { grep -nHE -e "$pattern" -- "$@" || true; } | { grep -vE -e "$allowed" || true; } | awk -v why="$sentence" '{ print "plays: " why ": " $0 }'
}

complaints() {
  local into='into a variable or a file first'
  refuse 'a command behind "!" fails nothing: none, run !, or "|| false"' '^\s*! ' '\|\|' "$@"
  refuse 'grep -q in a pipe cuts off what writes: has' '\| *(LC_ALL=C )?grep -[a-zA-Z]*q' '^$' "$@"
  refuse "a crash says nothing, too: silent, or $into" '\[ -z "\$\(|\)" = ("")? *\]' '^$' "$@"
  refuse "a crash counts as 0: prints 0, or $into" '\[ "\$\(.*\)" (=|-eq) 0 \]' '"\$\((sql|reader|psql|id) |\$\(tail -n 1 "' "$@"
  refuse "a crash is something else, too: $into" '\[ "\$\(.*\)" != ' '^$' "$@"
  refuse 'what is left of && fails nothing: two lines' '^\s*\[+ .* \]+ && \[+ [^|]*\]+$' '^$' "$@"
  refuse "nobody sees what feeds the loop fail: $into" '^\s*done < <\(' '^$' "$@"
  refuse "nobody sees what feeds the loop fail: $into" '^\s*for [a-z_]+ in [^"]*\$\((ctv|sql|jq|curl|control|"\$CTV)' '^$' "$@"
  refuse 'the status is that of local or export: two lines' '^\s*(local|export|declare|readonly) .*=.?\$\([^(]' '^$' "$@"
  refuse 'jq that takes nothing for an answer' '(command|sh -c|xargs|timeout [0-9]+) .*\bjq ' '^$' "$@"
  awk 'cut && /^ *(LC_ALL=C )?(grep -[a-zA-Z]*q|head) / { print "plays: what reads stops before the end of what writes: has: " FILENAME ":" FNR ":" $0 }
       { cut = /[^|]\|$/ && FNR > 0 }' "$@"
  awk '/^ *run (--[a-z-]+ )*[^-! ]/ { held = FILENAME ":" FNR ":" $0; left = 5; next }
       held != "" && /status/ { held = "" }
       held != "" && --left == 0 { print "plays: nobody looks at the status: run -N: " held; held = "" }' "$@"
}

# Each of these is one of them: a pattern that finds nothing any more would be such a line itself.
sample=$(mktemp)
trap 'rm -f "$sample"' EXIT
cat > "$sample" << 'LINES'
    ! grep -q error "$PLAY/said"
    ctv domain list | grep -qx nothing
    [ -z "$(ctv alert list --json)" ]
    [ "$(ctv alert list --json)" = "" ]
    [ "$(alerts | wc -l)" = 0 ]
    [ "$(ctv alert show 1 --json | jq -r .state)" != closed ]
    [ "$kept" -gt 0 ] && [ "$kept" -lt 9 ]
    done < <(sql 'SELECT path FROM evidence')
    for path in $(sql 'SELECT path FROM evidence'); do
    local id=$(ctv alert list --json)
    run -0 bash -c 'ctvigil alert list --json | jq -e .id'
    run ctv alert list
    [ "$output" = 1 ]
    [ "$output" = 2 ]
    [ "$output" = 3 ]
    [ "$output" = 4 ]
    [ "$output" = 5 ]
    ctv alert list --json |
        grep -q 12
LINES
found=$(complaints "$sample" | wc -l)
[ "$found" = 13 ] || { complaints "$sample" >&2; echo "plays: $found of its own 13 samples are refused" >&2; exit 1; }

lax=$(grep -L '^load strict$' tests/play/*.bats || true)
[ -z "$lax" ] || { echo "$lax" | sed 's/^/plays: it does not say "load strict": /' >&2; exit 1; }
found=$(complaints tests/play/*.bats tests/play/play.bash)
[ -z "$found" ] || { echo "$found" >&2; exit 1; }
