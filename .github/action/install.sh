#!/usr/bin/env bash
# Downloads a release of pmcheck, checks its checksum, and sets the step output
# "program" to the path of the program. The output stays empty when pmcheck is to
# be built from source.
set -euo pipefail

version=${PMCHECK_VERSION:-}
ref=${PMCHECK_ACTION_REF:-}
url=${PMCHECK_DOWNLOAD_URL:-https://github.com/pmcheck/pmcheck/releases/download}
url=${url%/}

fail() {
	echo "::error title=pmcheck could not be installed::$1"
	exit 1
}

# The release that is wanted, and whether source will do when there is none.
asked=true
case $version in
source)
	echo "pmcheck is built from source, as asked"
	exit 0
	;;
latest) ;;
'')
	asked=false
	if [[ $ref =~ ^v[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]*)?$ ]]; then
		version=$ref
	elif [[ $ref =~ ^v[0-9]+$ ]]; then
		version=latest # if it is of that major version
	else
		echo "The action is not used at a release (${ref:-no ref}), so pmcheck is built from its source"
		exit 0
	fi
	;;
*)
	version=v${version#v}
	[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]*)?$ ]] ||
		fail "the input version is not a release such as v1.2.3, nor latest, nor source"
	;;
esac

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no release for $(uname -s): run the job on Linux or macOS" ;;
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
	curl --silent --show-error --fail --location --retry 3 --connect-timeout 20 --max-time 300 \
		${secure[@]+"${secure[@]}"} --output "$work/$1" "$folder/$1"
}

work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/pmcheck-install.XXXXXX")
if ! download checksums.txt 2>"$work/error"; then
	reason=$(head -n 1 "$work/error" | tr -d '\r')
	if $asked; then
		fail "no release $version at $folder ($reason)"
	fi
	echo "There is no release $version at $folder ($reason), so pmcheck is built from source"
	exit 0
fi

# checksums.txt has lines "SHA256  pmcheck_1.2.3_linux_amd64.tar.gz", as sha256sum writes them.
line=$(grep -E "^[0-9a-f]{64}  pmcheck_[0-9A-Za-z.+-]+_${os}_${arch}\.tar\.gz\$" "$work/checksums.txt" | head -n 1 || true)
[ -n "$line" ] || fail "the release $version has no archive for $os on $arch"
sum=${line%% *}
archive=${line##* }
number=${archive#pmcheck_}
number=${number%"_${os}_${arch}.tar.gz"}
if [ "$version" = latest ]; then
	if ! $asked && [ "${number%%.*}" != "${ref#v}" ]; then
		echo "The latest release is $number and the action is used at $ref, so pmcheck is built from source"
		exit 0
	fi
elif [ "v$number" != "$version" ]; then
	fail "the release $version holds $archive, which is another version"
fi

download "$archive" 2>"$work/error" || fail "$archive could not be downloaded from $folder ($(head -n 1 "$work/error" | tr -d '\r'))"
if command -v sha256sum >/dev/null; then
	got=$(sha256sum "$work/$archive")
else
	got=$(shasum -a 256 "$work/$archive")
fi
[ "${got%% *}" = "$sum" ] || fail "$archive has the checksum ${got%% *}, and checksums.txt says $sum: what was downloaded is not what was released"
tar -xzf "$work/$archive" -C "$work" pmcheck || fail "$archive holds no program pmcheck"
chmod +x "$work/pmcheck"
"$work/pmcheck" --version || fail "the program in $archive does not run on this machine"
echo "program=$work/pmcheck" >>"$GITHUB_OUTPUT"
