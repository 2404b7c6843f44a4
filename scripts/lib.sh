# shellcheck shell=bash
# Shared by quickstart, tests/run and scripts/*: progress by named steps, and failures that say which step, where its log
# is and what to do next. Source it after `set -euo pipefail`; it sets ROOT, the top of the checkout.
#
#     LOG_DIR=$ROOT/build/logs
#     step "Build" build "a compiler error stands above" scripts/build

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LOG_DIR=${LOG_DIR:-$ROOT/build/logs}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m' IS_LIVE=1
else
	BOLD='' GREEN='' RED='' DIM='' PLAIN='' IS_LIVE=''
fi

say() {
	printf '%s\n' "$*"
}

# fail WHAT [WAY_OUT]: ends the script.
fail() {
	printf '%serror:%s %s\n' "$RED" "$PLAIN" "$1" >&2
	[ -z "${2:-}" ] || printf '  %s\n' "$2" >&2
	exit 1
}

is_root() {
	[ "$(id -u)" = 0 ]
}

has_program() {
	command -v "$1" >/dev/null 2>&1
}

# What is built here, but for the data of a quickstart, which stay with whom they serve: built_here TEST...
built_here() {
	find "$ROOT"/build* "$ROOT/web/node_modules" -path "$ROOT/build/quickstart*" -prune -o "$@" 2>/dev/null || true
}

# What root made in another account's checkout goes to that account, which then can build there, too.
hand_back() {
	! is_root || [ -O "$ROOT" ] || built_here -uid 0 -exec chown -h "$(stat -c %u:%g "$ROOT")" {} +
}

# Ends the script when this account cannot write where the steps will: better said now than by the step that trips over it.
check_writable() {
	! is_root || return 0
	local foreign owner
	owner=$(id -un)
	[ -w "$ROOT" ] || fail "$owner may not write into $ROOT" "clone it anew as $owner, or as root: chown -R $owner $ROOT"
	foreign=$(built_here ! -uid "$(id -u)" -print -quit)
	[ -z "$foreign" ] || fail "$foreign belongs to $(stat -c %U "$foreign"), who built here before" \
		"as root: chown -R $owner $ROOT, or remove $ROOT/build* and $ROOT/web/node_modules"
}

# Seconds with one decimal since $1, a value of $EPOCHREALTIME.
seconds_since() {
	local -i us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
	printf '%d.%d' $((us / 1000000)) $((us % 1000000 / 100000))
}

# What a log says at its end.
last_line() {
	tail -c 400 "$1" 2>/dev/null | tr '\r\t' '\n ' | tr -s '\n' | tail -n 1 | tr -d '\000-\037'
}

# The last line of a log, beside the step's name, until the process $3 ends.
show_live() {
	local name=$1 log=$2 pid=$3 start=$4
	while kill -0 "$pid" 2>/dev/null; do
		printf '\r\e[K%s==>%s %s %s%ss  %.70s%s' "$BOLD" "$PLAIN" "$name" "$DIM" "$(seconds_since "$start")" "$(last_line "$log")" "$PLAIN"
		sleep 0.3
	done
	printf '\r\e[K'
}

# The same where there is no terminal: a line each half minute, so that no step is silent for long.
show_now_and_then() {
	local name=$1 log=$2 start=$3 line
	while sleep 30; do
		line=$(last_line "$log")
		printf '    %s, %ss so far%.100s\n' "$name" "$(seconds_since "$start")" "${line:+: $line}"
	done
}

# step NAME LOG WAY_OUT COMMAND...: runs the command with its output in LOG_DIR/LOG.log. A failure shows the log's end and
# ends the script; what the command printed is otherwise kept out of the way.
step() {
	local name=$1 log=$LOG_DIR/$2.log way_out=$3 start=$EPOCHREALTIME status=0
	shift 3
	mkdir -p "$LOG_DIR"
	# In a process group of its own, so that Ctrl-C ends all of it; and not behind `||`, where `set -e` would not hold.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	local pid=$! teller=''
	if [ -z "$IS_LIVE" ]; then
		show_now_and_then "$name" "$log" "$start" &
		teller=$!
	fi
	set +m
	# shellcheck disable=SC2064 # the pids of now
	trap "kill -TERM -- -$pid ${teller:+-$teller} 2>/dev/null; exit 130" INT TERM
	[ -z "$IS_LIVE" ] || show_live "$name" "$log" "$pid" "$start"
	wait "$pid" || status=$?
	if [ -n "$teller" ]; then
		kill -TERM -- "-$teller" 2>/dev/null || true
		wait "$teller" 2>/dev/null || true
	fi
	trap - INT TERM
	if [ "$status" = 0 ]; then
		printf '%s==>%s %s %s(%ss)%s\n' "$GREEN" "$PLAIN" "$name" "$DIM" "$(seconds_since "$start")" "$PLAIN"
		return
	fi
	# A full disk takes the end of the log, too.
	local -i free_kib
	free_kib=$(df -k --output=avail "$LOG_DIR" | tail -n 1)
	[ "$free_kib" -ge 4096 ] || way_out="make room: the disk of $LOG_DIR is full ($free_kib KiB are free)"
	{
		printf '%s==> %s: failed with status %d%s; the end of its log:\n' "$RED" "$name" "$status" "$PLAIN"
		tail -n 40 "$log" | sed 's/^/    /'
		printf '  whole log:  %s\n  what to do: %s\n' "$log" "$way_out"
	} >&2
	exit 1
}
