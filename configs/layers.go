package configs

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
)

// presetKey names, at the top of a preset or file, the preset that it goes over.
const presetKey = "preset"

// Layers is a configuration and the layers that were laid over its defaults. What
// a layer does not name stays as it is.
type Layers struct {
	config  any
	origins map[string]string // by key: the layer that set it last
	bases   map[string]bool   // presets that are laid already
}

// Over begins with the defaults in the struct that config points to; the layers change it.
func Over(config any) *Layers {
	return &Layers{config: config, origins: map[string]string{}, bases: map[string]bool{}}
}

// Origin returns the layer that a key's value came from: a preset, a file, a flag; "" for a default.
func (l *Layers) Origin(key string) string { return l.origins[key] }

// File lays a preset or, where there is none of that name, a YAML file; before it
// the preset that it names, unless that one is laid already.
func (l *Layers) File(presetOrFile string) error {
	if err := l.file(presetOrFile); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func (l *Layers) file(name string) error {
	text, ok := Read(name)
	if !ok {
		var err error
		text, err = os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no such preset or file; got %q, want a YAML file or one of %s", name, strings.Join(Names(), ", "))
		}
		if err != nil {
			return err
		}
	}
	l.bases[name] = l.bases[name] || ok
	return l.text(name, text)
}

// Text lays YAML that is in no file under a name.
func (l *Layers) Text(name, text string) error {
	if err := l.text(name, []byte(text)); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func (l *Layers) text(name string, text []byte) error {
	body, line, err := parseYAML(text)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", name, line, err)
	}
	if body == nil { // empty, or comments only
		return nil
	}
	top := layer{Layers: l, name: name, place: func(line int) string { return fmt.Sprintf("%s:%d: ", name, line) }}
	if err := top.base(body); err != nil {
		return err
	}
	return top.set(reflect.ValueOf(l.config).Elem(), body, "")
}

// base lays the preset that the file names.
func (l layer) base(body ast.Node) error {
	mapping, ok := body.(ast.MapNode)
	if !ok {
		return nil // setting it is an error
	}
	for members := mapping.MapRange(); members.Next(); {
		if key, ok := members.Key().(*ast.StringNode); !ok || key.Value != presetKey {
			continue
		}
		line := members.Key().GetToken().Position.Line
		name, _, ok := scalar(members.Value())
		if !ok {
			return fmt.Errorf("%swrong type of %s; got %.60q, want the name of a preset", l.place(line), presetKey, members.Value().String())
		}
		if _, ok := Read(name); !ok {
			return fmt.Errorf("%s%w", l.place(line), noSuchPreset(name))
		}
		if l.bases[name] {
			continue
		}
		if err := l.file(name); err != nil {
			return err
		}
	}
	return nil
}

// Set lays one "key=value" over the rest, the value in YAML. Origin is the layer's name.
func (l *Layers) Set(origin, setting string) error {
	key, text, ok := strings.Cut(setting, "=")
	err := errors.New("no value; want key=value")
	if ok {
		err = l.setting(origin, key, func(one layer, field reflect.Value) error {
			body, _, err := parseYAML([]byte(text))
			if err != nil {
				return err
			}
			if body == nil {
				return one.setText(field, "", key)
			}
			return one.set(field, body, key)
		})
	}
	if err != nil {
		return fmt.Errorf("config: %s %q: %w", origin, setting, err)
	}
	return nil
}

// SetText gives one key the value that text is, whatever YAML would make of it. Origin is the layer's name.
func (l *Layers) SetText(origin, key, text string) error {
	err := l.setting(origin, key, func(one layer, field reflect.Value) error { return one.setText(field, text, key) })
	if err != nil {
		return fmt.Errorf("config: %s: %w", origin, err)
	}
	return nil
}

func (l *Layers) setting(origin, key string, set func(one layer, field reflect.Value) error) error {
	one := layer{Layers: l, name: origin, place: func(int) string { return "" }}
	field, known := find(l.config, key)
	if !known {
		return one.unknown(0, key)
	}
	if !isSection(field.Type()) {
		l.origins[key] = origin
	}
	return set(one, field)
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
