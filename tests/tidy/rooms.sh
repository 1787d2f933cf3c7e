#!/bin/bash
# Every top-level folder is explained in ARCHITECTURE.md.
set -eu
folders=$(git ls-files 2> /dev/null | sed -n 's|^\([^./][^/]*\)/.*|\1|p' | sort -u)
[ -n "$folders" ] || folders=$(find . -mindepth 1 -maxdepth 1 -type d -not -name '.*' -not -name 'build*' -printf '%f\n')
failed=0
for folder in $folders; do
  if ! grep -qE "\`$folder/?\`" ARCHITECTURE.md; then
    echo "rooms: $folder/ is not named in ARCHITECTURE.md" >&2
    failed=1
  fi
done
exit $failed
