#!/bin/sh
# Installs the foreign programs that judge us in `npm run test:peers`, from Debian. Needs root, asks nothing, starts nothing.
#   openssl          judges and makes S/MIME, PKCS#12, X.509
#   gcc, libc6-dev   build the recorder of the power-cut test
#   postfix          the reference for TLS policy tables (postmap)
set -eu
packages="openssl gcc libc6-dev postfix"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && { echo "peers: all installed"; exit 0; }
export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
# No service may start by itself: tests start what they need, on ports of their own.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing
echo "peers: installed$missing"
