# Shared by the scripts of ops/: where things are, and how packages come onto a Debian machine.
# shellcheck shell=bash
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$TOP"
JOBS=$(nproc)

PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config libssl-dev libcurl4-openssl-dev libjansson-dev libpq-dev
  zlib1g-dev libzip-dev libcyaml-dev libidn2-dev libpsl-dev libicu-dev libmicrohttpd-dev"
PACKAGES_RUN="postgresql postgresql-client publicsuffix"
PACKAGES_TEST="clang libclang-rt-14-dev clang-format clang-tidy libcmocka-dev bats jq curl openssl zstd tar mandoc
  python3 git util-linux procps postgresql-15-pgtap pgbouncer python3-psycopg2 python3-aiosmtpd"

PACKAGES_BENCH="nginx jq curl openssl util-linux procps"

say() { printf '\n== %s\n' "$*"; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "This step needs root: install sudo or run as root: $*" >&2; exit 1
  fi
}

# need_packages NAME...: installs those that are missing; asks for no right when none is.
need_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  # The Debian package would make and start a server of its own; ctvigil brings its private one.
  local keep=/etc/postgresql-common/createcluster.d/zz-ctvigil-install.conf
  if ! command -v pg_createcluster >/dev/null; then
    as_root mkdir -p "$(dirname $keep)"
    echo "create_main_cluster = false" | as_root tee $keep >/dev/null
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
  as_root rm -f $keep
}

# build PRESET [TARGET...]
# Programs alone (a target is named) need no test library.
build() {
  local preset=$1 log; shift
  say "building $preset"
  log=$(mktemp)
  if cmake --preset "$preset" ${1:+-DBUILD_TESTING=OFF} >"$log" 2>&1 &&
     cmake --build "build/$preset" -j "$JOBS" ${1:+--target "$@"} >>"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 60 "$log" >&2; rm -f "$log"; exit 1
  fi
}
