package model

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/xrash/smetrics"
)

// mainRevision is the branch that a name without a revision means.
const mainRevision = "main"

var (
	// hubName is "NAME" or "ORG/NAME", with or without "@REVISION"; no part can leave its folder.
	hubName = regexp.MustCompile(`^(\w[\w.-]*(?:/\w[\w.-]*)?)(?:@(\w[\w.-]*(?:/\w[\w.-]*)*))?$`)
	commit  = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// Find returns the absolute path of a model's folder: the folder called nameOrDir
// or, where there is nothing of that name, the snapshot of that model in the local
// Hugging Face cache, as its own download commands leave it. A name may end in
// "@REVISION", a branch, tag or commit; otherwise it is the branch main. Nothing is
// downloaded.
func Find(nameOrDir string) (string, error) {
	if _, err := os.Stat(nameOrDir); err == nil {
		return filepath.Abs(nameOrDir)
	}
	name := hubName.FindStringSubmatch(nameOrDir)
	if name == nil || strings.Contains(nameOrDir, "..") {
		return "", fmt.Errorf("model.Find: no model there; got %q, want a folder, or NAME[@REVISION] of a model in the local cache", nameOrDir)
	}
	repo, revision := name[1], name[2]
	if revision == "" {
		revision = mainRevision
	}
	cache, err := hubCache()
	if err != nil {
		return "", fmt.Errorf("model.Find: no model there; got %q, and the cache is not known: %w", nameOrDir, err)
	}
	folder := filepath.Join(cache, repoFolder(repo))
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("model.Find: no model there; got %q, which is no folder and not in %s; %s", nameOrDir, cache, nearModels(cache, repo))
	}
	hash := revision
	if !commit.MatchString(revision) {
		text, err := os.ReadFile(filepath.Join(folder, "refs", filepath.FromSlash(revision)))
		if err != nil {
			return "", fmt.Errorf("model.Find: no such revision; got %q: %w", nameOrDir, err)
		}
		if hash = strings.TrimSpace(string(text)); !commit.MatchString(hash) {
			return "", fmt.Errorf("model.Find: damaged revision of %q in %s; got %.60q, want a commit's 40 hex digits", nameOrDir, folder, hash)
		}
	}
	snapshot := filepath.Join(folder, "snapshots", hash)
	if _, err := os.Stat(snapshot); err != nil {
		return "", fmt.Errorf("model.Find: the snapshot of %q is missing: %w; hint: download it again", nameOrDir, err)
	}
	return filepath.Abs(snapshot)
}

// hubCache is where Hugging Face's own programs keep what they download.
func hubCache() (string, error) {
	for _, v := range []struct{ variable, below string }{
		{"HF_HUB_CACHE", ""}, {"HUGGINGFACE_HUB_CACHE", ""}, {"HF_HOME", "hub"}, {"XDG_CACHE_HOME", "huggingface/hub"},
	} {
		dir := os.Getenv(v.variable)
		if dir == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(dir, "~/"); ok {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", err
			}
			dir = filepath.Join(home, rest)
		}
		return filepath.Join(dir, filepath.FromSlash(v.below)), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".cache", "huggingface", "hub"), err
}

const repoPrefix = "models--"

func repoFolder(repo string) string { return repoPrefix + strings.ReplaceAll(repo, "/", "--") }

// Cached lists the models in the local Hugging Face cache, sorted.
func Cached() []string {
	cache, err := hubCache()
	if err != nil {
		return nil
	}
	return cached(cache)
}

func cached(cache string) []string {
	entries, _ := os.ReadDir(cache) // no cache, no models
	var names []string
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), repoPrefix); ok {
			if name := strings.Replace(rest, "--", "/", 1); hubName.MatchString(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// maxNear bounds how many names an error suggests.
const maxNear = 3

// nearModels says which models of the cache a name may have meant.
func nearModels(cache, repo string) string {
	distances, names := map[string]int{}, cached(cache)
	written := strings.ToLower(repo)
	for _, name := range names {
		known := strings.ToLower(name)
		distances[name] = min(distance(written, known), distance(lastPart(written), lastPart(known)))
	}
	near := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return distances[name] == math.MaxInt })
	slices.SortStableFunc(near, func(a, b string) int { return distances[a] - distances[b] })
	switch {
	case len(names) == 0:
		return "no model is there"
	case len(near) == 0:
		return fmt.Sprintf("none of the %d models there has a name like it", len(names))
	}
	return "did you mean " + strings.Join(near[:min(maxNear, len(near))], " or ") + "?"
}

// distance is the edit distance of two names; MaxInt if they are not alike: neither holds the other, and more
// than a third is different.
func distance(a, b string) int {
	if strings.Contains(a, b) || strings.Contains(b, a) {
		return 0
	}
	if d := smetrics.WagnerFischer(a, b, 1, 1, 1); 3*d <= max(len(a), len(b)) {
		return d
	}
	return math.MaxInt
}

func lastPart(name string) string { return name[strings.LastIndex(name, "/")+1:] }
