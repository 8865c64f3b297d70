#!/bin/sh
# Builds the test cluster into one static binary: ./kubelab, or the file $OUT. Minutes at first, seconds after that.
set -eu
cd "$(dirname "$0")"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	for pair in "gitVersion=$version" gitMajor=1 "gitMinor=$minor" gitTreeState=clean; do
		flags="$flags -X $package.$pair"
	done
done
out=${OUT:-kubelab}
case $out in /*) mkdir -p "$(dirname "$out")" ;; esac
# Put in place when it is whole.
CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags "$flags" -o "$out.new" .
mv "$out.new" "$out"
