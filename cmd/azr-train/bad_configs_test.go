package main

import "testing"

var badConfigs = []badInput{
	{what: "no such subcommand", args: []string{"shwo"}, words: []string{"shwo", "want show, explain, diff or presets"}},
	{what: "show of an unknown preset", args: []string{"show", "--config", "papper"}, words: []string{"papper", "paper"}},
	{what: "show of a file with an unknown base", args: []string{"show", "--config", "FILE"}, words: []string{":1: ", "did you mean paper?"},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, w.file, "preset: papper") }},
	{what: "show with an unknown key", args: []string{"show", "--set", "trainer.learning_rat=1"}, words: []string{"did you mean trainer.learning_rate?"}},
	{what: "show with a bad value", args: []string{"show", "--steps", "-3"}, words: []string{"steps is negative", "-3"}},
	{what: "show with no such flag", args: []string{"show", "--stepps", "3"}, words: []string{"stepps"}},
	{what: "show of what is no run", args: []string{"show", "EMPTY"}, words: []string{"not a run folder", "EMPTY"}},
	{what: "show of a run and a flag", args: []string{"show", "EMPTY", "--set", "seed=3"}, words: []string{"one or the other"}},
	{what: "show of two runs", args: []string{"show", "EMPTY", "EMPTY"}, words: []string{"want one argument"}},
	{what: "explain of an unknown key", args: []string{"explain", "batchsize"}, words: []string{"batchsize", "did you mean game.batch_size?"}},
	{what: "explain of two keys", args: []string{"explain", "seed", "steps"}, words: []string{"want one argument"}},
	{what: "diff of one", args: []string{"diff", "paper"}, words: []string{"want two arguments"}},
	{what: "diff with no such file", args: []string{"diff", "paper", "none.yaml"}, words: []string{"no such preset or file", "none.yaml"}},
	{what: "diff with what is no run", args: []string{"diff", "EMPTY", "paper"}, words: []string{"not a run folder", "EMPTY"}},
	{what: "presets of something", args: []string{"presets", "paper"}, words: []string{"unexpected argument", "paper"}},
}

var badVersions = []badInput{{what: "an argument", args: []string{"paper"}, words: []string{"unexpected argument"}}}

var badCompletions = []badInput{
	{what: "no shell", words: []string{"want one argument", "bash, zsh, fish"}},
	{what: "another shell", args: []string{"../azr-train.bash"}, words: []string{"unknown shell", "bash, zsh, fish"}},
}

var badTasks = []badInput{
	{what: "make without a file", args: []string{"make"}, words: []string{"--out is missing"}},
	{what: "make of a file that exists", args: []string{"make", "--out", "FILE", "--per-type", "1", "--size", "1", "--induction-size", "1"}, words: []string{"FILE", "want a new name"},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, w.file, "") }},
	{what: "make in no folder", args: []string{"make", "--out", "none/tasks.jsonl"}, words: []string{"none/tasks.jsonl", "folder"}},
	{what: "make of a size that is no number", args: []string{"make", "--out", "NEW", "--size", "two"}, words: []string{"--size", "two", "whole number"}},
	{what: "make of no tasks", args: []string{"make", "--out", "NEW", "--per-type", "0"}, words: []string{"out of range", "--per-type 0"}},
	{what: "make of sizes that there are not", args: []string{"make", "--out", "NEW", "--size", "8"}, words: []string{"out of range", "sizes of 1 to 7"}},
	{what: "make of programs that are not in no such file", args: []string{"make", "--out", "NEW", "--not-in", "none.jsonl"}, words: []string{"none.jsonl"}},
	{what: "make of terms", args: []string{"make", "--out", "NEW", "--set", "environment.world=terms"}, words: []string{"environment.world terms", "want python"}},
	{what: "score with fewer than no answers", args: []string{"score", "--model", "MODEL", "--tasks", "FILE", "--rollouts", "-1"}, prepare: tasks(pythonTask), words: []string{"--rollouts", "-1"}},
	{what: "score of no such file", args: []string{"score", "--model", "MODEL", "--tasks", "none.jsonl"}, words: []string{"none.jsonl"}},
	{what: "score of a file without tasks", args: []string{"score", "--model", "MODEL", "--tasks", "FILE"}, words: []string{"FILE", "no tasks"},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, w.file, "\n") }},
}

var badBootstraps = []badInput{
	{what: "no folder to make", words: []string{"--out is missing"}},
	{what: "the folder exists", args: []string{"--out", "EMPTY"}, words: []string{"--out exists", "want a new name"}},
	{what: "a folder in no folder", args: []string{"--out", "none/starter"}, words: []string{"none/starter", "folder"}},
	{what: "a mix of nothing", args: []string{"--out", "NEW", "--set", "corpus.sizes=[9]"}, words: []string{"sizes out of range"}},
	{what: "no such held-out file", args: []string{"--out", "NEW", "--held-out", "none.jsonl"}, words: []string{"none.jsonl"}},
	{what: "no such starter to go on from", args: []string{"--out", "NEW", "--model", "none"}, words: []string{"none"}},
	{what: "heads that do not divide", args: []string{"--out", "NEW", "--set", "model.hidden_size=100", "--set", "model.num_attention_heads=3"}, words: []string{"hidden_size", "100"}},
}

var badFits = []badInput{
	{what: "no model", words: []string{"--model is missing", "qwen3-4b"}},
	{what: "a preset of no model", args: []string{"--config", "paper"}, words: []string{"--model is missing", "paper"}},
	{what: "no such model", args: []string{"--model", "NEW"}, words: []string{"NEW"}},
	{what: "no such preset", args: []string{"--config", "qwen2.5-8b"}, words: []string{"qwen2.5-8b", "qwen2.5-7b"}},
	{what: "a bad unit", args: []string{"--config", "qwen3-4b", "--memory", "80Gigs"}, words: []string{"--memory", "80Gigs", "80GB"}},
	{what: "no memory", args: []string{"--config", "qwen3-4b", "--memory", "0GB"}, words: []string{"--memory", "0GB"}},
	{what: "no number", args: []string{"--config", "qwen3-4b", "--memory", "NaNGB"}, words: []string{"--memory"}},
	{what: "too much memory", args: []string{"--config", "qwen3-4b", "--memory", "1e300GB"}, words: []string{"--memory"}},
	{what: "a value out of range", args: []string{"--config", "qwen3-4b", "--set", "rollout.slots=0"}, words: []string{"slots", "got 0"}},
	{what: "an argument", args: []string{"--config", "qwen3-4b", "--json", "x"}, words: []string{"unexpected argument"}},
}
