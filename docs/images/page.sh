#!/usr/bin/env bash
# Takes the picture of the page that README.md shows, in a headless Chromium:
#
#	docs/images/page.sh [FILE]     page.png beside this script, without one
#
# `make picture` builds the program and calls it.
#
# The service is one of its own, with the paper's marks and its exams.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
picture=${1:-$top/docs/images/page.png}

work=$(mktemp -d)
service=''
finish() {
	[[ -z $service ]] || kill "$service"
	wait
	rm -rf "$work"
}
trap finish EXIT

# serve: starts it on a port that may be taken.  False: it ended.
serve() {
	port=$((RANDOM % 12000 + 20000))
	PORT=$port STATE_DIR=$work/run "$top/conf/run.sh" >"$work/said" 2>&1 &
	service=$!
	until grep -q 'until Ctrl-C' "$work/said"; do
		kill -0 "$service" 2>/dev/null || {
			service=''
			return 1
		}
		read -rt 0.1 <> <(:) || :
	done
}

until serve; do
	grep -q "port $port is taken" "$work/said" || {
		cat "$work/said" >&2
		exit 1
	}
done
url=http://127.0.0.1:$port
curl -fsS --noproxy '*' -o "$work/answer" -H 'Content-Type: application/json' \
	-d '{"exam 1": "test", "exam 2": "coding"}' "$url/json/exams"

# The page asks for the marks when it is up: the browser's own clock runs ahead
# until that is done.
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
	--no-proxy-server --user-data-dir="$work/profile" --window-size=900,690 \
	--virtual-time-budget=5000 --screenshot="$work/page.png" "$url/" 2>"$work/chromium" ||
	{ cat "$work/chromium" >&2; exit 1; }
mv "$work/page.png" "$picture"
