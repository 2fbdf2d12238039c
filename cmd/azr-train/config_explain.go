package main

import (
	"bufio"
	"fmt"
	"go/doc/comment"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
)

func configExplainCommand() *cli.Command {
	return &cli.Command{
		Name:         "explain",
		Usage:        "tell what a key means and which values it may have; list a section's keys, or all",
		ArgsUsage:    "[KEY|SECTION]",
		BashComplete: completeWith(func() []string { return keyNames(true, "") }),
		Action: func(c *cli.Context) error {
			key := ""
			if c.NArg() > 0 {
				var err error
				if key, err = oneArgument(c, "a key or a section"); err != nil {
					return err
				}
			}
			w := bufio.NewWriter(os.Stdout)
			if err := explain(w, key); err != nil {
				return err
			}
			return w.Flush()
		},
	}
}

// explain prints what is known of a key; of a section, or of "" for all, its keys with a line each.
func explain(w io.Writer, key string) error {
	config := defaultConfig()
	keys := configs.Keys(&config)
	for _, k := range keys {
		if k.Path != key {
			continue
		}
		fmt.Fprintf(w, "%s\n\n%s", k.Path, wrapped(k.Comment))
		if k.Section {
			fmt.Fprintln(w)
			listKeys(w, keys, key+".")
			return nil
		}
		return explainValue(w, k)
	}
	if key != "" {
		return fmt.Errorf("config explain: unknown key; got %q; did you mean %s?", key, configs.NearestKey(&config, key))
	}
	listKeys(w, keys, "")
	return nil
}

// explainValue prints a key's type, range, default, and the values of the presets that have another.
func explainValue(w io.Writer, k configs.Key) error {
	config := defaultConfig()
	value := configs.Value(&config, k.Path)
	fmt.Fprintf(w, "\n  %-18s %s\n", "type", k.Type)
	if values := allowed(k); values != "" {
		fmt.Fprintf(w, "  %-18s %s\n", "allowed", values)
	}
	fmt.Fprintf(w, "  %-18s %s\n", "default", value)
	for _, name := range configs.Names() {
		preset, err := namedConfig(name)
		if err != nil {
			return err
		}
		if v := configs.Value(&preset, k.Path); v != value {
			fmt.Fprintf(w, "  %-18s %s\n", name, v)
		}
	}
	return nil
}

// listKeys prints the keys whose path begins with prefix, sections left out.
func listKeys(w io.Writer, keys []configs.Key, prefix string) {
	width := 0
	for _, k := range keys {
		if strings.HasPrefix(k.Path, prefix) {
			width = max(width, len(k.Path))
		}
	}
	for _, k := range keys {
		if strings.HasPrefix(k.Path, prefix) && !k.Section {
			fmt.Fprintf(w, "  %-*s  %s\n", width, k.Path, firstSentence(k.Comment))
		}
	}
}

// firstSentence of a comment, without its default.
func firstSentence(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = inBrackets.ReplaceAllString(text, "")
	end := len(text)
	for _, stop := range []string{". ", "; "} {
		if i := strings.Index(text, stop); i >= 0 {
			end = min(end, i)
		}
	}
	return strings.TrimSuffix(text[:end], ".")
}

// inBrackets is a default that a comment tells.
var inBrackets = regexp.MustCompile(` \((the )?default[^()]*\)`)

// wrapped breaks a comment into lines for a terminal.
func wrapped(text string) []byte {
	var p comment.Parser
	printer := comment.Printer{TextWidth: 80}
	return printer.Text(p.Parse(text))
}

// allowed asks the validation itself which values a key may have: what it wants instead of values that are
// out of any range.
func allowed(k configs.Key) string {
	var wants []string
	for _, probe := range []string{"?", "false", "-1000000000", "0", "1000000000", "-1h", "1000000h", "1000000TiB"} {
		config := defaultConfig()
		err := configs.Over(&config).SetText("", k.Path, probe)
		if err != nil && strings.Contains(err.Error(), "wrong type of") {
			continue
		}
		if err == nil {
			err = config.validate()
		}
		if err == nil || !strings.Contains(err.Error(), lastPart(k.Path)) {
			continue
		}
		_, want, found := strings.Cut(err.Error(), "want ")
		want, _, _ = strings.Cut(want, ";")
		if found && !strings.Contains(strings.Join(wants, "; "), want) {
			wants = append(wants, want)
		}
	}
	return strings.Join(wants, "; ")
}

func lastPart(path string) string { return path[strings.LastIndex(path, ".")+1:] }
