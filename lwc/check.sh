#!/usr/bin/env bash
# Every gate of Time Machine that needs no org, then each gate against its planted fault.
# The browser's gate is its own: npm run e2e.
set -uo pipefail
cd "$(dirname "$0")"

passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# gate NAME COMMAND…: one line when it passes, all it said when it fails.
gate() {
  local name=$1
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %-18s %s\n' "$name" "$(grep -E "^(Tests:|apex|platform|package|labels|faults|skipped)" "$log" | tail -1)"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$name"
    cat "$log"
  fi
}

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error || exit 1
  touch node_modules/.package-lock.json
fi

gate prettier npx --no-install prettier --check --log-level warn .
gate eslint npx --no-install eslint --max-warnings 0 .
gate labels node tools/write-labels.mjs --check
gate jest npx --no-install sfdx-lwc-jest
gate 'platform compiler' node tools/platform-compile.mjs
gate 'apex syntax' node tools/apex-check.mjs syntax
gate 'apex types' node tools/apex-check.mjs types
gate pmd node tools/apex-check.mjs pmd
gate package node tools/package.mjs
gate 'planted faults' node tools/faults.mjs

echo "lwc: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
