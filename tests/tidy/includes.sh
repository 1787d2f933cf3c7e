#!/bin/bash
# A room includes only itself and the rooms it NEEDS; third-party headers only where the design puts them, and in a
# header only when no other room includes it.
set -eu
rooms=$(sed -n 's/^room(\([a-z]*\).*/\1/p' CMakeLists.txt)
[ -n "$rooms" ] || { echo "includes: no room in CMakeLists.txt" >&2; exit 1; }
complaints=$(mktemp)
trap 'rm -f "$complaints"' EXIT

# C11, POSIX and Linux.
system='(assert|complex|cpuid|ctype|dirent|dlfcn|endian|err|errno|execinfo|fcntl|float|fnmatch|ftw|getopt|glob|grp'
system+='|immintrin|inttypes|langinfo|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|semaphore'
system+='|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings'
system+='|syslog|termios|time|unistd|wchar|wctype|arpa/[a-z_]+|linux/[a-z_]+|net/[a-z_]+|netinet/[a-z_]+|sys/[a-z_]+)\.h'

# What a file may have beyond that, as one regular expression.
third_party() {
  if [[ $1 == *.h ]] && grep -rlE "#include \"$1\"" $rooms | grep -qv "^${1%/*}/"; then
    echo 'none'
    return
  fi
  case $1 in
    base/conf.c) echo '(cyaml/cyaml|yaml)\.h' ;; # libyaml is what libcyaml reads with: it knows the lines
    cli/yamltree.c) echo '(jansson|yaml)\.h' ;; # the same, for policy files
    cli/kubesecret.c) echo '(jansson|yaml)\.h' ;; # manifests are streams of documents
    base/suffix.c) echo '(libpsl|idn2)\.h' ;;
    base/dns.c) echo 'idn2\.h' ;;
    verify/*) echo 'openssl/[a-z0-9_]+\.h' ;;
    trust/*) echo '(jansson|openssl/[a-z0-9_]+)\.h' ;;
    db/dbkey.c) echo 'openssl/sha\.h' ;; # lookup keys are SHA-256 prefixes, and verify is no room below db
    db/*) echo '(libpq-fe|jansson|zlib)\.h' ;;
    ingest/*) echo '(curl/curl|jansson|zip|zlib)\.h' ;;
    watcher/skeleton.c) echo 'unicode/[a-z]+\.h' ;;
    watcher/*) echo '(curl/curl|jansson|openssl/[a-z0-9_]+)\.h' ;;
    web/*) echo '(libwebsockets|jansson)\.h' ;;
    cli/*) echo '(curl/curl|jansson|zlib|openssl/[a-z0-9_]+|libpq-fe)\.h' ;;
    *) echo 'none' ;;
  esac
}

for room in $rooms; do
  needs=$(sed -n "s/^room($room  *NEEDS \([a-z ]*\).*/\1/p" CMakeLists.txt)
  allowed="($room$(printf '|%s' $needs))/[a-z0-9_]+\.(h|def)"
  # The one public header of the library stands where its users will find it.
  if [ "$room" = lib ]; then allowed="($allowed|lib/ctvigil/parser\.h)"; fi
  for file in "$room"/*.c "$room"/*.h; do
    [ -e "$file" ] || continue
    grep -nE '^ *# *include *"' "$file" | grep -vE "#include \"$allowed\"" |
      sed "s|^|$file:|; s|$| (it may include $room $needs)|" >> "$complaints" || true
    grep -nE '^ *# *include *<' "$file" | grep -vE "#include <($system|$(third_party "$file"))>" |
      sed "s|^|$file:|; s|$| (not among the libraries of this file)|" >> "$complaints" || true
  done
done
grep -rnE --include='*.[ch]' --include='*.def' '^ *# *include *["<][^">]*\.\.' $rooms tests bench docs |
  sed 's|$| (a path with ..)|' >> "$complaints" || true

[ ! -s "$complaints" ] || { sed 's/^/includes: /' "$complaints" >&2; exit 1; }
