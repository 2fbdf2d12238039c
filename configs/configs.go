// Package configs holds the presets that come with azr-train: the YAML files of
// this folder, compiled into the program. A preset sets what differs from the
// defaults of the packages' Config structs and says in its first lines what it is
// for, which hardware it needs and whether it has been run. A preset for one model
// has that model's config.json in the folder models.
package configs

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml models/*.json
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
		if name, ok := strings.CutSuffix(e.Name(), extension); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Read returns the YAML text of a preset and whether there is one of that name.
func Read(name string) ([]byte, bool) {
	text, err := files.ReadFile(name + extension)
	return text, err == nil
}

// Model returns the config.json of the model that a preset is for, written from its published sizes, and
// whether the preset is for one model.
func Model(name string) ([]byte, bool) {
	text, err := files.ReadFile("models/" + name + ".json")
	return text, err == nil
}

// Models lists the presets that are for one model, sorted.
func Models() []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		_, ok := Model(name)
		return !ok
	})
}
