#!/usr/bin/env bash
# Runs ansible-test sanity of one virtual environment (core-2.19 or core-2.21) on an installed copy of the collection.
# ansible-test works only below ansible_collections/NAMESPACE/NAME, and finds nothing to do, successfully, in a copy
# that lies inside another git checkout and is ignored there: hence the cache folder, and the count at the end.
set -euo pipefail

name=$1
cache=${INBOUND_MAIL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inbound-mail}
bin=$cache/venv/$name/bin
copy=$cache/sanity/$name
log=$cache/sanity/$name.log
python=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

mkdir -p "$copy"
"$bin/ansible-galaxy" collection install --offline --force -p "$copy" . >/dev/null
cd "$copy/ansible_collections/inbound/mail"

sanity() { PATH=$bin:$PATH "$bin/ansible-test" sanity --requirements --python "$python" --color no 2>&1 | tee "$log"; }

if ! sanity; then
  # It bootstraps pip with a script that it downloads. Where that cannot be had, Python's own ensurepip does the same.
  script=$(sed -n 's/^The bootstrap script can be manually downloaded and saved to: //p' "$log" | head -1)
  [ -n "$script" ] || exit 1
  cat >"$script" <<'PYTHON'
import os, subprocess, sys

os.environ.pop("GET_PIP", None)
sys.exit(subprocess.call([sys.executable, "-m", "ensurepip", "--default-pip"]))
PYTHON
  sanity
fi

ran=$(grep -c '^Running sanity test' "$log" || true)
[ "$ran" -ge 20 ] || { echo "ansible-test ran only $ran sanity tests: see $log" >&2; exit 1; }
echo "$name, Python $python: $ran sanity tests passed"
