#!/usr/bin/env bash
# Installs into a temporary directory and uses the result as a stranger would: every header
# compiles by itself, and the whole library links with the flags of the pkg-config file.
set -euo pipefail

prefix=$TEST_TMPDIR/prefix
tools/install/install/install.sh --prefix="$prefix"

description=$prefix/lib/pkgconfig/h2cpp.pc
# What pkg-config would print; it need not be installed for this.
field() {
  sed -n "s/^$1: //p" "$description" |
    sed "s#\${includedir}#$prefix/include#; s#\${libdir}#$prefix/lib#"
}
read -ra cflags <<<"$(field Cflags)"
read -ra libs <<<"$(field Libs)"

count=0
cd "$prefix/include"
while read -r header; do
  printf '#include <%s>\n' "$header" |
    g++ "${cflags[@]}" -Wall -Wextra -Werror -fsyntax-only -x c++ - || { echo "in $header"; exit 1; }
  count=$((count + 1))
done < <(find h2cpp -name '*.h')
echo "$count headers"
((count > 0))

printf 'int main() { return 0; }\n' >"$TEST_TMPDIR/main.cc"
g++ "${cflags[@]}" "$TEST_TMPDIR/main.cc" -o "$TEST_TMPDIR/main" \
  -Wl,--whole-archive "$prefix/lib/libh2cpp.a" -Wl,--no-whole-archive "${libs[@]}"
"$TEST_TMPDIR/main"
