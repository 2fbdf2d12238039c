package configs

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// A preset sets what differs from the defaults of the packages' Config structs, or
// from the preset that it goes over. Its first lines say what it is for, which
// hardware it needs, and whether it has been run. A preset for one model has that
// model's config.json in the folder models.
//
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

// About is what the first lines of a preset say of it.
type About struct {
	// Purpose is what it is for, Needs the hardware, Run whether anyone has run it: a sentence or two each.
	Purpose, Needs, Run string
}

// runs are the beginnings of what the second line may say after the hardware.
var runs = []string{" Never run", " Run "}

// Describe reads a preset's first two lines: "# PURPOSE" and "# Needs: HARDWARE Never run."
// or "# Needs: HARDWARE Run ...".
func Describe(name string) (About, error) {
	text, ok := Read(name)
	if !ok {
		return About{}, noSuchPreset(name)
	}
	lines := strings.SplitN(string(text), "\n", 3)
	purpose, first := strings.CutPrefix(lines[0], "# ")
	if first && len(lines) == 3 {
		if rest, ok := strings.CutPrefix(lines[1], "# Needs: "); ok {
			for _, word := range runs {
				if at := strings.Index(rest, word); at > 0 {
					return About{purpose, rest[:at], rest[at+1:]}, nil
				}
			}
		}
	}
	return About{}, fmt.Errorf("configs.Describe: preset %s does not begin by saying what it is for, what it needs and whether it was run", name)
}

func noSuchPreset(name string) error {
	return fmt.Errorf("no such preset; got %q; did you mean %s?", name, Nearest(name, Names()))
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
