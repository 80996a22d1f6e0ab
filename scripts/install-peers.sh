#!/bin/sh
# Installs the foreign programs that judge us in `npm run test:peers`, from Debian. Needs root, asks nothing, starts nothing.
#   openssl          judges and makes S/MIME, PKCS#12, X.509
#   gpgsm            the S/MIME of GnuPG, as in KMail and Kleopatra
#   libnss3-tools    cmsutil, certutil, pk12util: the S/MIME of Mozilla, as in Thunderbird
#   gnutls-bin       certtool: certificates, requests, revocation lists and PKCS#12 of GnuTLS
#   libbcmail-java   BouncyCastle, as in many gateways and mail products; default-jdk-headless compiles its driver
#   gcc, libc6-dev   build the recorder of the power-cut test and the C side of the benchmark; libssl-dev for the latter
#   postfix          the reference for TLS policy tables (postmap) and for what is delivered under them
#   pebble           an ACME server, with its name server pebble-challtestsrv
#   unbound          a validating resolver; ldnsutils signs its zones (DANE)
#   slapd            OpenLDAP: a directory with certificates
#   python3-dkim     dkimpy: DKIM and ARC, with python3-nacl for Ed25519 and python3-authres for fields of results
#   python3-cryptography-vectors   carries NIST's PKITS whole: 224 signed mails
#   swaks            an SMTP client of its own making; its TLS is libnet-ssleay-perl
#   testssl.sh       looks at what the listener offers under TLS
#   exim4-daemon-light   the other great SMTP server, client and next hop with BDAT. Its package conflicts with Postfix's, so it is
#                    only unpacked, into /usr/local/lib/siegel-peers/exim4; what it needs at run time: its user, and libraries
set -eu
packages="openssl gpgsm libnss3-tools gnutls-bin libbcmail-java default-jdk-headless gcc libc6-dev libssl-dev postfix pebble
  unbound ldnsutils slapd
  python3-dkim python3-nacl python3-authres python3-cryptography-vectors swaks libnet-ssleay-perl testssl.sh
  libdb5.3 libgnutls-dane0 libidn12 libidn2-0 libnsl2 libpcre2-8-0"
exim=/usr/local/lib/siegel-peers/exim4
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -e "$exim/usr/sbin/exim4" ] || missing_exim=yes
[ -z "$missing" ] && [ -z "${missing_exim:-}" ] && { echo "peers: all installed"; exit 0; }
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
unpacking=""
trap '[ -z "$made_policy" ] || rm -f "$policy"; [ -z "$unpacking" ] || rm -rf "$unpacking"' EXIT
apt-get update -qq
# shellcheck disable=SC2086
[ -z "$missing" ] || apt-get install -y -qq --no-install-recommends $missing
if [ -n "${missing_exim:-}" ]; then
  # Exim refuses to start without the user that it was built for.
  id -u Debian-exim >/dev/null 2>&1 ||
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
  # Whole or not at all: unpacked beside its place, then moved there. Without the set-uid bit, which a test has no use for.
  mkdir -p "${exim%/*}"
  unpacking=$(mktemp -d "${exim%/*}/unpacking.XXXXXX")
  (cd "$unpacking" && apt-get download -qq exim4-daemon-light && dpkg -x exim4-daemon-light_*.deb exim4)
  chmod u-s "$unpacking/exim4/usr/sbin/exim4"
  mv "$unpacking/exim4" "$exim"
  missing="$missing exim4-daemon-light (unpacked)"
fi
echo "peers: installed$missing"
