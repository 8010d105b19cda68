#!/bin/sh
# Installs what lacks on this Debian machine to run Opora (ensure.sh run) or to test it (ensure.sh test).
# It looks for programs, not packages, so that whatever provides them will do; it starts no service and upgrades nothing.
set -eu

missing=""
# want PACKAGES PATTERN…: the packages, unless one of the programs is there.
want() {
    packages=$1
    shift
    for program in "$@"; do
        if [ -x "$program" ] || command -v "$program" >/dev/null 2>&1; then return; fi
    done
    missing="$missing $packages"
}

case "${1:-run}" in
run | test) ;;
*)
    echo "usage: $0 run|test" >&2
    exit 2
    ;;
esac

for tool in go npm; do
    command -v "$tool" >/dev/null 2>&1 || { echo "$0: $tool is not installed: Opora is built with Go (go.mod names the version) and Node.js" >&2; exit 1; }
done

if [ -n "${OPORA_PG_BIN:-}" ]; then
    want postgresql "$OPORA_PG_BIN/postgres"
else
    # shellcheck disable=SC2046 # one word for each place
    want postgresql $(ls -d /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres 2>/dev/null) postgres
fi
if [ "${1:-run}" = test ]; then
    want slapd /usr/sbin/slapd slapd
    want ldap-utils ldapadd
    want openssl openssl
    want chromium chromium chromium-browser google-chrome
    want "gcc libc6-dev" gcc cc # go test -race
fi

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "$0: please install what this machine lacks:$missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "$0: as root, run: apt-get install$missing" >&2; exit 1; }
    echo "installing$missing (sudo)"
    exec sudo "PATH=$PATH" ${OPORA_PG_BIN:+"OPORA_PG_BIN=$OPORA_PG_BIN"} "$0" "$@"
fi

echo "installing$missing"
# Debian would make and start a cluster of its own, which Opora does not use.
case "$missing" in *postgresql*)
    mkdir -p /etc/postgresql-common
    grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
        echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
    ;;
esac
# While we install, no service is started; a policy that is there already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 -qq update
# shellcheck disable=SC2086 # one word for each package
apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends --no-upgrade $missing
