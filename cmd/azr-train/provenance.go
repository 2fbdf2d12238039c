package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// provenance is how the session's next checkpoint comes about.
func (s *session) provenance() checkpoint.Provenance {
	v := build()
	versions := map[string]string{"azr-train": v.String(), "libtorch": v.LibTorch, "tokenizers": v.Tokenizers, "go": v.Go}
	if s.executor != nil {
		versions["python"], _ = s.executor.Python()
		versions["executor level"] = s.executor.Level().String()
	}
	return checkpoint.Provenance{Config: string(configs.Dump(&s.config, nil)), Templates: s.templates, Versions: versions}
}

// tellChanges logs in one line what is not as it was when the checkpoint to go on from was written.
func (s *session) tellChanges(last *checkpoint.Checkpoint) {
	if changes := changed(last.State.Provenance, s.provenance()); len(changes) > 0 {
		s.log.Warn().Str("checkpoint", last.Dir).Strs("changed", changes).Msg("the run goes on under other conditions")
	}
}

// changed lists what differs between two provenances, in words.
func changed(before, now checkpoint.Provenance) []string {
	var changes []string
	for _, name := range union(before.Versions, now.Versions) {
		if a, b := before.Versions[name], now.Versions[name]; a != b {
			changes = append(changes, fmt.Sprintf("%s %s, was %s", name, orNone(b), orNone(a)))
		}
	}
	for _, name := range union(before.Templates, now.Templates) {
		if before.Templates[name] != now.Templates[name] {
			changes = append(changes, "prompt template "+name)
		}
	}
	if before.Config != now.Config {
		changes = append(changes, changedConfig(before.Config, now.Config)...)
	}
	return changes
}

// changedConfig lists the lines in which two effective configurations differ, as far as this version
// knows their keys.
func changedConfig(before, now string) []string {
	a, b := defaultConfig(), defaultConfig()
	if configs.Over(&a).Text("before", before) != nil || configs.Over(&b).Text("now", now) != nil {
		return []string{"the configuration"}
	}
	var changes []string
	for _, d := range configs.Diff(&a, &b) {
		changes = append(changes, fmt.Sprintf("%s %s, was %s", d.Key, d.B, d.A))
	}
	return changes
}

func union(a, b map[string]string) []string {
	both := maps.Clone(a)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, b)
	return slices.Sorted(maps.Keys(both))
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}

// shortHash is enough of a hash to tell two apart.
const shortHash = 12

// printProvenance shows what a checkpoint's state says, which may be of anyone's making.
func printProvenance(w io.Writer, p checkpoint.Provenance) {
	for _, name := range slices.Sorted(maps.Keys(p.Versions)) {
		fmt.Fprintf(w, "  %-30s %s\n", monitor.Printable(name, maxShown), monitor.Printable(p.Versions[name], maxShown))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Templates)) {
		hash := p.Templates[name]
		fmt.Fprintf(w, "  %-30s sha256 %s\n", monitor.Printable(name, maxShown), monitor.Printable(hash[:min(shortHash, len(hash))], maxShown))
	}
	if lines := strings.Count(p.Config, "\n"); lines > 0 {
		fmt.Fprintf(w, "  %-30s %d lines: azr-train config show RUN\n", "configuration", lines)
	}
}
