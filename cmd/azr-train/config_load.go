package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/azr-train/azr/configs"
)

// A configuration is a struct of sections, each the Config of a package, with
// yaml tags. It begins as the packages' defaults; a preset or a file is laid over
// them, and the --set flags over that. What a layer does not name stays as it is.

// loadConfig lays a preset or YAML file (none if "") and then "key=value"
// settings over the struct that config points to, which holds the defaults.
// Errors are one line with the place, the key, and the nearest known key where it
// is unknown.
func loadConfig(config any, presetOrFile string, settings []string) error {
	if presetOrFile != "" {
		if err := applyFile(config, presetOrFile); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	for _, s := range settings {
		if err := applySetting(config, s); err != nil {
			return fmt.Errorf("config: --set %q: %w", s, err)
		}
	}
	return nil
}

func applyFile(config any, presetOrFile string) error {
	name := presetOrFile
	text, ok := configs.Read(name)
	if !ok {
		var err error
		text, err = os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no such preset or file; got %q, want a YAML file or one of %s", name, strings.Join(configs.Names(), ", "))
		}
		if err != nil {
			return err
		}
	}
	body, line, err := parseYAML(text)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", name, line, err)
	}
	if body == nil { // empty, or comments only
		return nil
	}
	l := layer{config: config, place: func(line int) string { return fmt.Sprintf("%s:%d: ", name, line) }}
	return l.set(reflect.ValueOf(config).Elem(), body, "")
}

func applySetting(config any, setting string) error {
	key, value, ok := strings.Cut(setting, "=")
	if !ok {
		return errors.New("no value; want key=value")
	}
	l := layer{config: config, place: func(int) string { return "" }}
	target := reflect.ValueOf(config).Elem()
	path := ""
	for name := range strings.SplitSeq(key, ".") {
		path = join(path, name)
		field, ok := fieldOf(target, name)
		if !ok {
			return l.unknown(0, path)
		}
		target = field
	}
	body, _, err := parseYAML([]byte(value))
	if err != nil {
		return err
	}
	if body == nil {
		if target.Kind() != reflect.String {
			return fmt.Errorf("empty value; want %s", wanted(target.Type()))
		}
		target.SetString("")
		return nil
	}
	return l.set(target, body, key)
}

// parseYAML returns the one document in text; nil where it is empty. With an
// error it returns the line.
func parseYAML(text []byte) (ast.Node, int, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var located yaml.Error
		if !errors.As(err, &located) {
			return nil, 1, fmt.Errorf("not valid YAML: %q", err.Error())
		}
		line := 1
		if t := located.GetToken(); t != nil {
			line = t.Position.Line
		}
		return nil, line, fmt.Errorf("not valid YAML: %s", strings.ReplaceAll(located.GetMessage(), "\n", " "))
	}
	docs := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	switch len(docs) {
	case 0:
		return nil, 1, nil
	case 1:
		return docs[0].Body, 1, nil
	}
	return nil, docs[1].Body.GetToken().Position.Line, errors.New("a second document; want one")
}
