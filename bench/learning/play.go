package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// azr runs the program and returns the CPU time it took in seconds.
func (p *proof) azr(ctx context.Context, stdout *bytes.Buffer, args ...string) (float64, error) {
	fmt.Fprintln(os.Stderr, p.program, strings.Join(args, " "))
	c := exec.CommandContext(ctx, p.program, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if stdout != nil {
		c.Stdout = stdout
	}
	if err := c.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		return 0, fmt.Errorf("%s %s: %w: %s", p.program, args[0], err, text[strings.LastIndexByte(text, '\n')+1:])
	}
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), nil
}

// tasksFile is one of held-out tasks: "validation" chose the recipe, "test" is answered once by each finished arm.
func (p *proof) tasksFile(r recipe, name string) string {
	return filepath.Join(p.heldOut, name+r.tasks+".jsonl")
}

// arm runs one arm and scores its model.
func (p *proof) arm(ctx context.Context, e experiment, a arm, seed int, base string) (result, error) {
	r := result{Experiment: e.name, Arm: a.name, Seed: seed}
	dir := filepath.Join(p.work, strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", e.name, a.name, seed), " ", "-"))
	if err := os.RemoveAll(dir); err != nil { // of a proof that was interrupted
		return r, err
	}
	model := base
	var err error
	switch {
	case a.play != nil:
		model, err = p.play(ctx, e, a, base, dir, &r)
	case a.teach != nil:
		model, err = dir, p.teach(ctx, e, a, base, dir, &r)
	}
	if err == nil {
		err = p.score(ctx, e, a, model, &r)
	}
	return r, err
}

func (p *proof) play(ctx context.Context, e experiment, a arm, base, dir string, r *result) (model string, err error) {
	args := append([]string{"run", "--quiet", "--json", "--model", base, "--run", dir, "--seed", fmt.Sprint(r.Seed)}, e.flags...)
	sets := slices.Concat([]string{"held_out.tasks=" + p.tasksFile(e.recipe, "validation"), "held_out.refuse=[" + p.tasksFile(e.recipe, "test") + "]"}, e.set, a.play)
	if a.name != selfPlay {
		tokens, err := p.meanOfSelfPlay(e, func(r result) float64 { return float64(r.SampledTokens) })
		if err != nil {
			return "", err
		}
		sets = append(sets, fmt.Sprintf("steps=%d", mostSteps), fmt.Sprintf("sampled_tokens=%.0f", tokens))
	}
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	var steps bytes.Buffer
	if r.CPUSeconds, err = p.azr(ctx, &steps, args...); err != nil {
		return "", err
	}
	var line struct {
		Step    int
		Metrics map[string]float64
		Summary *struct{ Model string }
	}
	for lines := json.NewDecoder(&steps); lines.More(); {
		line.Metrics, line.Summary = nil, nil
		if err := lines.Decode(&line); err != nil {
			return "", err
		}
		r.step(line.Step, line.Metrics)
		if line.Summary != nil {
			model = line.Summary.Model
		}
	}
	return model, nil
}

// step adds what a step of self-play tells.
func (r *result) step(step int, metrics map[string]float64) {
	accuracy := map[string]float64{}
	for name, v := range metrics {
		if phase, rest, _ := strings.Cut(name, "/"); phase == "propose" || phase == "estimate" || phase == "solve" {
			if typ, ok := strings.CutSuffix(rest, "/count"); ok && v > 0 {
				r.SampledTokens += int(math.Round(v * metrics[phase+"/"+typ+"/response_tokens"]))
			}
		}
		if of, ok := strings.CutPrefix(name, "held_out/"); ok {
			if of, ok = strings.CutSuffix(of, "/accuracy"); ok {
				accuracy[strings.ReplaceAll(of, "/", " ")] = v
			}
		}
	}
	if len(accuracy) > 0 {
		r.Validation = append(r.Validation, measured{step, accuracy})
	}
	r.propose(step, metrics)
}

// propose adds what a step's proposals came to, over the types that were played.
func (r *result) propose(step int, metrics map[string]float64) {
	all, valid := 0.0, 0.0
	p := proposals{Step: step}
	for name, count := range metrics {
		typ, ok := strings.CutSuffix(name, "/count")
		if !ok || !strings.HasPrefix(typ, "propose/") || count == 0 {
			continue
		}
		n := metrics[typ+"/valid"]
		all, valid = all+count, valid+n
		p.Learnability += n * metrics[typ+"/learnability"]
		p.SolveRate += n * metrics[typ+"/solve_rate"]
	}
	if all == 0 {
		return
	}
	p.Valid = valid / all
	if valid > 0 {
		p.Learnability, p.SolveRate = p.Learnability/valid, p.SolveRate/valid
	}
	r.Proposals = append(r.Proposals, p)
}

// mostSteps bounds a run that ends when it has sampled as many tokens as self-play.
const mostSteps = 1000

// Two short runs of so many steps tell how long a step of supervised learning takes, and what else it takes.
const shortPilot, longPilot = 50, 200

// teach goes on with supervised learning for the CPU time that self-play took.
func (p *proof) teach(ctx context.Context, e experiment, a arm, base, dir string, r *result) error {
	args := append([]string{"bootstrap", "--model", base, "--seed", fmt.Sprint(100 + r.Seed)}, p.teaching(a.teach)...)
	pilot := func(steps int) (float64, error) {
		out := fmt.Sprintf("%s-pilot-%d", dir, steps)
		if err := os.RemoveAll(out); err != nil {
			return 0, err
		}
		return p.azr(ctx, nil, append(args, "--out", out, "--set", fmt.Sprintf("corpus.steps=%d", steps))...)
	}
	short, err := pilot(shortPilot)
	if err != nil {
		return err
	}
	long, err := pilot(longPilot)
	if err != nil {
		return err
	}
	seconds, err := p.meanOfSelfPlay(e, func(r result) float64 { return r.CPUSeconds })
	if err != nil {
		return err
	}
	steps := longPilot + max(1-longPilot, int((seconds-long)*(longPilot-shortPilot)/(long-short)))
	r.CPUSeconds, err = p.azr(ctx, nil, append(args, "--out", dir, "--set", fmt.Sprintf("corpus.steps=%d", steps),
		"--set", fmt.Sprintf("trainer.decay_from=%d", steps/3), "--set", fmt.Sprintf("trainer.decay_to=%d", steps))...)
	return err
}

// teaching are the flags of supervised learning that never shows a held-out program.
func (p *proof) teaching(settings []string) []string {
	args := []string{"--set", "threads=1", "--set", "trainer.muon_learning_rate=0.01", "--set", "trainer.learning_rate=0.0015"}
	for _, name := range []string{"validation", "test"} {
		args = append(args, "--held-out", p.tasksFile(starter, name))
	}
	for _, set := range settings {
		args = append(args, "--set", set)
	}
	return args
}

// meanOfSelfPlay is the mean of a number over the seeds of the self-play that an experiment's arms are compared with.
func (p *proof) meanOfSelfPlay(e experiment, of func(result) float64) (float64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum, n := 0.0, 0.0
	for _, r := range p.results.Results {
		if (r.Experiment == e.name || r.Experiment == e.beside) && r.Arm == selfPlay {
			sum, n = sum+of(r), n+1
		}
	}
	if n == 0 {
		return 0, errors.New("nothing is known of self-play yet; hint: -only growth first")
	}
	return sum / n, nil
}

// score has the model answer the test file.
func (p *proof) score(ctx context.Context, e experiment, a arm, model string, r *result) error {
	args := append([]string{"tasks", "score", "--json", "--model", model, "--tasks", p.tasksFile(e.recipe, "test"), "--rollouts", "0"}, e.flags...)
	for _, set := range a.score {
		args = append(args, "--set", set)
	}
	var out bytes.Buffer
	if _, err := p.azr(ctx, &out, args...); err != nil {
		return err
	}
	type score struct {
		Name                              string
		Answers, Passed, Malformed, Tasks int
	}
	var report struct {
		Greedy struct{ Scores, Sizes []score }
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return err
	}
	r.Test = map[string]share{}
	for _, s := range append(report.Greedy.Scores, report.Greedy.Sizes...) {
		r.Test[s.Name] = share{Tasks: s.Tasks, Right: s.Passed, Parsed: s.Answers - s.Malformed}
	}
	return nil
}
