#!/usr/bin/env bash
# Installs pmcheck: a release whose checksum is right, or else from source with Go.
set -euo pipefail

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

fail() {
	echo "pmcheck could not be installed: $1" >&2
	exit 1
}

version=$(expand "${PARAM_VERSION:-latest}")
target=$(expand "${PARAM_INSTALL_PATH:-/usr/local/bin}")
url=$(expand "${PARAM_DOWNLOAD_URL:-https://github.com/pmcheck/pmcheck/releases/download}")
url=${url%/}
timeout=${PARAM_DOWNLOAD_TIMEOUT:-120}
package=github.com/pmcheck/pmcheck/cmd/pmcheck

case $version in
latest | source) ;;
*)
	version=v${version#v}
	[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]*)?$ ]] ||
		fail "the parameter version is not a release such as v1.2.3, nor latest, nor source"
	;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/pmcheck-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

# put places the program where PATH finds it.
put() { # FILE
	chmod 0755 "$1"
	if mkdir -p "$target" 2>/dev/null && [ -w "$target" ]; then
		mv "$1" "$target/pmcheck"
	elif [ "$EUID" -ne 0 ] && command -v sudo >/dev/null 2>&1; then
		sudo mkdir -p "$target"
		sudo mv "$1" "$target/pmcheck"
	else
		fail "$target may not be written to, and there is no sudo: give another install_path"
	fi
	case :$PATH: in
	*":$target:"*) ;;
	*) echo "export PATH=\"$target:\$PATH\"" >>"${BASH_ENV:-/dev/null}" ;;
	esac
	"$target/pmcheck" --version || fail "the program in $target does not run on this machine"
}

# build makes the program from source. Go checks a named version against its checksum database.
build() { # VERSION
	command -v go >/dev/null 2>&1 || fail "it is to be built from source, and there is no Go on this machine: use the executor cimg/go"
	command -v "${CC:-cc}" >/dev/null 2>&1 || fail "it is to be built from source, and there is no C compiler: PostgreSQL's parser is compiled in"
	mkdir -p "$work/bin"
	CGO_ENABLED=1 GOBIN="$work/bin" go install -trimpath "$package@$1" || fail "go install $package@$1 failed; its messages are above"
	put "$work/bin/pmcheck"
}

if [ "$version" = source ]; then
	build latest
	exit 0
fi

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no release for $(uname -s)" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no release for the processor $(uname -m)" ;;
esac

folder=$url/$version
if [ "$version" = latest ]; then
	folder=${url%/download}/latest/download
fi
secure=()
case $url in
https://*) secure=(--proto '=https' --tlsv1.2) ;;
esac
download() { # FILE
	curl --silent --show-error --fail --location --retry 3 --connect-timeout 20 --max-time "$timeout" \
		${secure[@]+"${secure[@]}"} --output "$work/$1" "$folder/$1" 2>"$work/error"
}

if ! download checksums.txt; then
	reason=$(head -n 1 "$work/error" | tr -d '\r')
	case ${PARAM_BUILD_FROM_SOURCE:-true} in
	true | 1)
		echo "There is no release $version at $folder ($reason), so pmcheck is built from source"
		build "$version"
		exit 0
		;;
	esac
	fail "there is no release $version at $folder ($reason)"
fi

# checksums.txt has lines "SHA256  pmcheck_1.2.3_linux_amd64.tar.gz", as sha256sum writes them.
line=$(grep -E "^[0-9a-f]{64}  pmcheck_[0-9A-Za-z.+-]+_${os}_${arch}\.tar\.gz\$" "$work/checksums.txt" | head -n 1 || true)
[ -n "$line" ] || fail "the release $version has no archive for $os on $arch"
sum=${line%% *}
archive=${line##* }
number=${archive#pmcheck_}
number=${number%"_${os}_${arch}.tar.gz"}
if [ "$version" != latest ] && [ "v$number" != "$version" ]; then
	fail "the release $version holds $archive, which is another version"
fi
download "$archive" || fail "$archive could not be downloaded from $folder ($(head -n 1 "$work/error" | tr -d '\r'))"
if command -v sha256sum >/dev/null 2>&1; then
	got=$(sha256sum "$work/$archive")
else
	got=$(shasum -a 256 "$work/$archive")
fi
[ "${got%% *}" = "$sum" ] || fail "$archive has the checksum ${got%% *}, and checksums.txt says $sum: what was downloaded is not what was released"
tar -xzf "$work/$archive" -C "$work" pmcheck || fail "$archive holds no program pmcheck"
put "$work/pmcheck"
