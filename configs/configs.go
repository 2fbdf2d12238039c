// Package configs holds the presets that come with azr-train: the YAML files of
// this folder, compiled into the program. A preset sets what differs from the
// defaults of the packages' Config structs and says in its first lines what it is
// for, which hardware it needs and whether it has been run.
package configs

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

const extension = ".yaml"

// Names lists the presets, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	slices.Sort(names)
	return names
}

// Read returns the YAML text of a preset and whether there is one of that name.
func Read(name string) ([]byte, bool) {
	text, err := files.ReadFile(name + extension)
	return text, err == nil
}
