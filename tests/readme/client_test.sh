#!/bin/bash
# The README's client example fetches a page from `h2 serve` over TLS, the certificate verified.
set -eu
dir=${TEST_TMPDIR:?}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2> "$dir/openssl.txt" ||
  { cat "$dir/openssl.txt"; exit 1; }
tools/h2 serve --port 0 --cert "$dir/cert.pem" --key "$dir/key.pem" > "$dir/serve.txt" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 200); do
  url=$(sed -n 's/^listening on //p' "$dir/serve.txt")
  [ -n "$url" ] && break
  kill -0 $server || { echo "h2 serve ended early"; exit 1; }
  sleep 0.05
done
[ -n "$url" ] || { echo "h2 serve never got ready"; exit 1; }
out=$(SSL_CERT_FILE=$dir/cert.pem tests/readme/client_example "$url/bytes/1234" 2>&1) ||
  { echo "at $url: $out"; exit 1; }
echo "$out"
[ "$out" = "200, 1234 bytes" ] || { echo "expected: 200, 1234 bytes"; exit 1; }
# Without the certificate among the roots it must fail, and say why.
if out=$(tests/readme/client_example "$url/" 2>&1); then echo "an untrusted certificate was taken: $out"; exit 1; fi
echo "$out" | grep -q "not trusted\|untrusted" || { echo "the reason is not said: $out"; exit 1; }
