#!/bin/sh
# Installs the real parts the tests start: by apt when root on Debian, else it
# says what to install. A missing part makes its tests skip, and fail with CI=true.
set -eu
php="php-cli php-redis php-sqlite3 php-pgsql php-illuminate-session php-illuminate-encryption php-illuminate-cookie php-illuminate-database php-illuminate-redis php-illuminate-cache php-illuminate-auth php-illuminate-hashing php-illuminate-events php-illuminate-config"
packages="python3-django python3-djangorestframework python3-django-channels daphne python3-jwt python3-cryptography postgresql mariadb-server redis-server python3-psycopg2 python3-mysqldb python3-redis python3-django-redis python3-lz4 python3-flask python3-flask-login ruby ruby-railties ruby-activerecord ruby-devise ruby-sqlite3 ruby-redis-actionpack puma $php"

missing=""
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
# Not every Node.js is Debian's, and another one comes with its npm.
for program in node:nodejs npm:npm; do
	command -v "${program%:*}" >/dev/null 2>&1 || missing="$missing ${program#*:}"
done
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
	echo "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	exit 0
fi
echo "some tests need these packages; install them with: apt-get install$missing" >&2
[ "${CI:-}" = true ] && exit 1
exit 0
