// Package configs lays configurations: a struct with yaml tags begins as its
// package's defaults, and presets, files and settings go over it, the later over
// the earlier. It holds the presets too, the YAML files of this folder.
//
// A preset or file may name at its top the preset that it goes over, with the key
// "preset"; so a value stands in one place. [Layers] remembers which layer each
// value came from, [Dump] writes a configuration that loads back to itself, [Diff]
// compares two, and [Keys] lists what there is with the doc comments of the
// structs, which go generate collects from the source.
//
// It knows no struct of any other package. Unknown keys are refused with the
// nearest known one; errors are one line with the place.
package configs

//go:generate go run ./comments
