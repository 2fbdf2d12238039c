package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// level is a type with a text form of its own.
type level uint8

func (l level) MarshalText() ([]byte, error) { return []byte(strings.Repeat("+", int(l))), nil }

func (l *level) UnmarshalText(text []byte) error {
	*l = level(len(text))
	if strings.Trim(string(text), "+") != "" {
		return errors.New("unknown level; want some of +")
	}
	return nil
}

type gameSection struct {
	BatchSize int       `yaml:"batch_size"`
	Style     string    `yaml:"style"`
	Stop      []string  `yaml:"stop"`
	Lengths   []float64 `yaml:"lengths"`
}

type limitsSection struct {
	Timeout time.Duration  `yaml:"timeout"`
	Level   level          `yaml:"level"`
	Weights map[string]int `yaml:"weights"`
	hidden  int
	Skipped int `yaml:"-"`
}

type testConfig struct {
	Seed   uint64  `yaml:"seed"`
	LR     float64 `yaml:"lr"`
	Strict bool    `yaml:"strict"`
	Plain  int8
	Game   gameSection   `yaml:"game"`
	Limits limitsSection `yaml:"limits"`
}

func defaultTestConfig() testConfig {
	return testConfig{
		Seed: 1<<64 - 1, LR: 1e-6, Plain: -3,
		Game:   gameSection{BatchSize: 64, Style: "yes", Stop: []string{"a: b", "\n\n", "null", "1e3", "  x ", "'", "# c", "", "päß", "\u2028\x00"}, Lengths: []float64{0.1, 1e21, 3}},
		Limits: limitsSection{Timeout: 1500 * time.Millisecond, Level: 2, Weights: map[string]int{"z": 1, "b": 2}},
	}
}

func writeYAML(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "run.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// load lays a preset or file, if any, and settings over a configuration.
func load(config any, presetOrFile string, settings ...string) error {
	l := Over(config)
	if presetOrFile != "" {
		if err := l.File(presetOrFile); err != nil {
			return err
		}
	}
	for _, s := range settings {
		if err := l.Set("--set", s); err != nil {
			return err
		}
	}
	return nil
}

func TestLayers(t *testing.T) {
	path := writeYAML(t, `
# a comment
lr: 3e-4
strict: true
game:
  batch_size: 8
  style: completion   # the rest stays
  stop: ["x", y]
limits: {timeout: 2s, level: "+++", weights: {a: 5}}
`)
	got := defaultTestConfig()
	require.NoError(t, load(&got, path, "game.batch_size=4", "seed=7", "limits.timeout=250ms", "game.style=", "game.lengths=[1, 2.5e-3]", "limits={level: +}"))
	want := defaultTestConfig()
	want.LR, want.Strict, want.Seed = 3e-4, true, 7
	want.Game = gameSection{BatchSize: 4, Style: "", Stop: []string{"x", "y"}, Lengths: []float64{1, 2.5e-3}}
	want.Limits = limitsSection{Timeout: 250 * time.Millisecond, Level: 1, Weights: map[string]int{"a": 5}}
	assert.Equal(t, want, got)
}

func TestEmptyFiles(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n"} {
		got := defaultTestConfig()
		require.NoError(t, load(&got, writeYAML(t, text)), "%q", text)
		assert.Equal(t, defaultTestConfig(), got)
	}
}

func TestDumpLoadsBack(t *testing.T) {
	want := defaultTestConfig()
	text := Dump(&want, nil)
	assert.Equal(t, `seed: 18446744073709551615
lr: 1.0e-06
strict: false
plain: -3
game:
  batch_size: 64
  style: "yes"
  stop: ["a: b", "\n\n", "null", "1e3", "  x ", "'", "# c", "", "päß", "\u2028\x00"]
  lengths: [0.1, 1.0e+21, 3]
limits:
  timeout: 1.5s
  level: "++"
  weights: {"b": 2, "z": 1}
`, string(text))

	var got testConfig
	require.NoError(t, load(&got, writeYAML(t, string(text))), "%s", text)
	assert.Equal(t, want, got, "%s", text)
}

func TestFilesRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"seed: 1\ngame:\n  batchsize: 3":    `:3: unknown key; got "game.batchsize"; did you mean game.batch_size?`,
		"batch_size: 3":                     `:1: unknown key; got "batch_size"; did you mean game.batch_size?`,
		"gmae: {style: x}":                  `:1: unknown key; got "gmae"; did you mean game?`,
		"hidden: 3":                         `unknown key; got "hidden"`,
		"game: 3":                           `:1: wrong type of game; got "3", want a section of keys`,
		"- a":                               `:1: wrong type of the file; got "- a", want a section of keys`,
		"game:\n  batch_size: many":         `:2: wrong type of game.batch_size; got "many", want a whole number`,
		"game: {batch_size: 1.5}":           `wrong type of game.batch_size; got "1.5", want a whole number`,
		"game: {batch_size: '8'}":           `wrong type of game.batch_size; got "'8'", want a whole number`,
		"game: {batch_size: 0x10}":          `wrong type of game.batch_size`,
		"game: {batch_size: ~}":             `wrong type of game.batch_size; got "null"`,
		"game: {batch_size: [1]}":           `wrong type of game.batch_size; got "[1]"`,
		"plain: 128":                        `wrong type of plain`,
		"seed: -1":                          `wrong type of seed; got "-1", want a whole number, 0 or more`,
		"seed: 18446744073709551616":        `wrong type of seed`,
		"lr: .nan":                          `wrong type of lr; got ".nan", want a number`,
		"lr: 1e999":                         `wrong type of lr`,
		"strict: yes":                       `wrong type of strict; got "yes", want true or false`,
		"limits: {timeout: 2}":              `wrong type of limits.timeout; got "2", want a duration such as "2s"`,
		"limits: {level: high}":             `wrong value of limits.level: unknown level; want some of +`,
		"limits: {level: [+]}":              `wrong type of limits.level; got "[+]", want a single value`,
		"limits: {weights: {a: x}}":         `wrong type of limits.weights.a; got "x"`,
		"game: {stop: x}":                   `wrong type of game.stop; got "x", want a list`,
		"game: {lengths: [1, x]}":           `wrong type of game.lengths[1]; got "x", want a number`,
		"seed: 1\nseed: 2":                  `:2: not valid YAML: mapping key "seed" already defined`,
		"game: {\n":                         `not valid YAML`,
		"seed: 1\n---\nseed: 2":             `:3: a second document; want one`,
		"seed: &a 1":                        `wrong type of seed; got "&a 1"`,
		"<<: {seed: 1}":                     `unsupported key; got "<<"`,
		"game:\n  <<: *x":                   `unsupported key`,
		"seed: !!str 1":                     `wrong type of seed`,
		"seed: 1\npreset: papper":           `:2: no such preset; got "papper"; did you mean paper?`,
		"preset: [paper]":                   `:1: wrong type of preset; got "[paper]", want the name of a preset`,
		"preset: ../configs/paper":          `no such preset`,
		"game: {preset: paper}":             `unknown key; got "game.preset"`,
		"1: 2":                              `unsupported key; got "1"`,
		"limits:\n  timeout: |\n   a\n   b": `wrong type of limits.timeout`,
	} {
		path := writeYAML(t, text)
		c := defaultTestConfig()
		err := load(&c, path)
		if assert.ErrorContains(t, err, want, "%q", text) {
			assert.Contains(t, err.Error(), "config: "+path+":")
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for setting, want := range map[string]string{
		"seed":                  `config: --set "seed": no value; want key=value`,
		"game.batch=3":          `config: --set "game.batch=3": unknown key; got "game.batch"; did you mean game.batch_size?`,
		"game.batch_size.x=3":   `unknown key; got "game.batch_size.x"`,
		"=3":                    `unknown key; got ""`,
		"game..style=x":         `unknown key; got "game..style"; did you mean game.style?`,
		"preset=paper":          `unknown key; got "preset"`,
		"seed=":                 `wrong type of seed; got "", want a whole number`,
		"seed=x":                `config: --set "seed=x": wrong type of seed; got "x", want a whole number`,
		"game={batch_size: []}": `wrong type of game.batch_size`,
		"game.stop=[a":          `not valid YAML`,
	} {
		c := defaultTestConfig()
		assert.ErrorContains(t, load(&c, "", setting), want)
	}
}

func TestNoSuchPreset(t *testing.T) {
	c := defaultTestConfig()
	err := load(&c, "papper")
	assert.ErrorContains(t, err, `config: no such preset or file; got "papper", want a YAML file or one of `)
	assert.ErrorContains(t, err, "paper")
}

func TestKeys(t *testing.T) {
	c := defaultTestConfig()
	var paths []string
	for _, k := range Keys(&c) {
		paths = append(paths, k.Path)
		assert.Equal(t, k.Section, k.Path == "game" || k.Path == "limits", k.Path)
	}
	assert.Equal(t, []string{"seed", "lr", "strict", "plain", "game", "game.batch_size", "game.style", "game.stop", "game.lengths",
		"limits", "limits.timeout", "limits.level", "limits.weights"}, paths)
	assert.Equal(t, "a number", Keys(&c)[1].Type)
}

// embedded has an embedded struct, whose keys are its own.
type embedded struct {
	Extra int `yaml:"extra"`
	gameSection
}

type embeddingConfig struct {
	Game embedded `yaml:"game"`
}

func TestKeysOfAnEmbeddedStructAreTheEmbeddingOnes(t *testing.T) {
	c := embeddingConfig{embedded{1, defaultTestConfig().Game}}
	require.NoError(t, load(&c, writeYAML(t, "game: {style: plain, extra: 3}"), "game.batch_size=5"))
	assert.Equal(t, []any{"plain", 5, 3}, []any{c.Game.Style, c.Game.BatchSize, c.Game.Extra})
	assert.Equal(t, "game.extra game.batch_size game.style game.stop game.lengths", func() (paths string) {
		for _, k := range Keys(&c)[1:] {
			paths += " " + k.Path
		}
		return paths[1:]
	}())
	var back embeddingConfig
	require.NoError(t, load(&back, writeYAML(t, string(Dump(&c, nil)))))
	assert.Equal(t, c, back)
	assert.ErrorContains(t, load(&c, "", "game.gamesection={}"), "unknown key")
}

func TestNearest(t *testing.T) {
	assert.Equal(t, "sitting", Nearest("kitten", []string{"mouse", "sitting", "at"}))
	assert.Empty(t, Nearest("kitten", nil))
}

func TestOrigins(t *testing.T) {
	c := defaultTestConfig()
	l := Over(&c)
	path := writeYAML(t, "lr: 1\ngame: {style: x}\n")
	require.NoError(t, l.File(path))
	require.NoError(t, l.SetText("--lr", "lr", "2"))
	require.NoError(t, l.Set("--set", "limits={weights: {a: 5}}"))
	for key, want := range map[string]string{"lr": "--lr", "game.style": path, "game": "", "limits": "", "limits.weights": "--set", "seed": ""} {
		assert.Equal(t, want, l.Origin(key), key)
	}
	text := string(Dump(&c, l.Origin))
	assert.Contains(t, text, "\nlr: 2  # --lr\n")
	assert.Contains(t, text, "\n  weights: {\"a\": 5}  # --set\n")
	assert.Contains(t, text, "seed: 18446744073709551615\n")
	var back testConfig
	require.NoError(t, load(&back, writeYAML(t, text)))
	assert.Equal(t, c, back)
}

func TestOriginsCannotBreakTheLine(t *testing.T) {
	c := defaultTestConfig()
	text := string(Dump(&c, func(string) string { return "a\nseed: 3\x1b[2J" }))
	assert.Contains(t, text, `# a\nseed: 3\x1b[2J`)
}

func TestSetTextTakesTextAsItIs(t *testing.T) {
	c := defaultTestConfig()
	l := Over(&c)
	require.NoError(t, l.SetText("--style", "game.style", "a: b # {"))
	require.NoError(t, l.SetText("--timeout", "limits.timeout", "3s"))
	require.NoError(t, l.SetText("--level", "limits.level", "+"))
	assert.Equal(t, "a: b # {", c.Game.Style)
	assert.Equal(t, 3*time.Second, c.Limits.Timeout)
	assert.Equal(t, level(1), c.Limits.Level)
	assert.EqualError(t, l.SetText("--seed", "seed", "x"), `config: --seed: wrong type of seed; got "x", want a whole number, 0 or more`)
	assert.EqualError(t, l.SetText("--level", "limits.level", "x"), `config: --level: wrong value of limits.level: unknown level; want some of +`)
	assert.ErrorContains(t, l.SetText("--stop", "game.stop", "x"), "want a list")
	assert.ErrorContains(t, l.SetText("--sede", "sede", "x"), "did you mean seed?")
}

func TestDiff(t *testing.T) {
	a, b := defaultTestConfig(), defaultTestConfig()
	assert.Empty(t, Diff(&a, &b))
	b.LR, b.Game.Style = 2, "x"
	assert.Equal(t, []Difference{{"lr", "1.0e-06", "2"}, {"game.style", `"yes"`, "x"}}, Diff(&a, &b))
}
