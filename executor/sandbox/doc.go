// Package sandbox starts a program that can compute, read a few directories,
// and talk over the pipes it is given, and can do nothing else.
//
// [Start] runs a small static program of our own first (folder init, embedded
// here and run from memory). It confines itself with package confine and then
// executes the program wanted:
//
//	trainer -> init, in namespaces of its own -> confine.Apply -> interpreter
//
// How much of this a machine allows differs, so there are levels, see [Level].
// This package does what a level says or fails; it does not choose a level and
// does not check that the confinement holds. Package executor does both.
//
// It is not a container runtime: no images, no network, no writable place.
//
// # Contract
//
// The process dies with the trainer, however that ends: it asks for a signal on
// its parent's death, and it should exit when its input ends. [Process.Kill] ends
// it and everything that it started. An error says which mechanism failed.
package sandbox

//go:generate env CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false -ldflags "-s -w" -o init_linux_amd64 ./init
//go:generate env CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -buildvcs=false -ldflags "-s -w" -o init_linux_arm64 ./init
