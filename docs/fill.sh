#!/bin/sh
# fill.sh ROWS PAGE OUT: copies PAGE to OUT; a line "@KIND@" becomes what "ROWS KIND" prints.
set -eu
mkdir -p "$(dirname "$3")"
while IFS= read -r line; do
  case $line in
    @*@) kind=${line#@}; "$1" "${kind%@}" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < "$2" > "$3.new"
mv "$3.new" "$3"
