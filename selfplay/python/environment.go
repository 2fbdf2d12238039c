package python

import (
	"fmt"

	"github.com/azr-train/azr"
)

// Style is how prompts are worded and answers are read.
type Style string

const (
	// Chat instructs: the model thinks in <think> tags and answers in <answer> tags with fenced blocks.
	Chat Style = "chat"
	// Completion continues: the model goes on after a few worked blocks.
	Completion Style = "completion"
	// Trace asks without instructions, and the model works through the program line by line. For models that were
	// taught it, see package bootstrap.
	Trace Style = "trace"
)

// formats are the styles by name.
var formats = map[Style]format{Chat: chatFormat{}, Completion: completionFormat{}, Trace: traceFormat{}}

// Wrapper is what stands around a prompt in chat style.
type Wrapper string

// The wrappers of [Config].
const (
	TemplateWrapper Wrapper = "template"
	PlainWrapper    Wrapper = "plain"
)

// Config says how tasks are asked for and which are accepted.
type Config struct {
	// Style of the prompts. Default chat.
	Style Style `yaml:"style"`
	// Wrapper puts a prompt in chat style into the model's own chat template ("template", default) or, for base
	// models, into plain text with a line for each speaker ("plain", the paper's choice).
	Wrapper Wrapper `yaml:"wrapper"`
	// ForceTrace begins, in style trace, the answer to a deduction or abduction task with the first line of its trace, so
	// that a model whose habit is to answer at once works through the program. Default false.
	ForceTrace bool `yaml:"force_trace"`
	// InductionInputs N is how many different inputs an induction task has; floor(N/2) are shown to the solver.
	// The proposer writes all of them, in completion style all but the first. Default 10 (the paper's).
	InductionInputs int `yaml:"induction_inputs"`
	// InductionVerdict says when an induction answer is right: on all hidden examples ("all", default), on any
	// ("any"), or in the share of them that it gets right ("share").
	InductionVerdict InductionVerdict `yaml:"induction_verdict"`
	// MaxValueBytes refuses tasks with a longer input or output, in bytes of literal text. Default 400, where the
	// authors' code cut the middle out of an output.
	MaxValueBytes int `yaml:"max_value_bytes"`
	// MinOutputBytes refuses deduction and abduction tasks with a shorter output: short ones are guessed, which pays the
	// proposer for tasks that teach nothing. Default 0: the paper has no such rule.
	MinOutputBytes int `yaml:"min_output_bytes"`
	// Probes refuses a deduction or abduction task whose program gives so many other inputs the very same output; 0
	// asks for no other input. Default 0: the paper has no such rule.
	Probes int `yaml:"probes"`
	// Seeds are JSONL files of the authors' format with tasks to start from, see [Environment.ReadSeeds]. Default none.
	Seeds []string `yaml:"seeds"`
}

// InductionVerdict is a rule for answers that are judged on several examples.
type InductionVerdict string

// The rules of [Config].InductionVerdict.
const (
	AllHidden   InductionVerdict = "all"
	AnyHidden   InductionVerdict = "any"
	ShareHidden InductionVerdict = "share"
)

// DefaultConfig returns the paper's settings.
func DefaultConfig() Config {
	return Config{Style: Chat, Wrapper: TemplateWrapper, InductionInputs: 10, InductionVerdict: AllHidden, MaxValueBytes: 400}
}

// Validate returns the first setting that cannot be played with.
func (c Config) Validate() error {
	switch {
	case formats[c.Style] == nil:
		return fmt.Errorf("python.Config: unknown style; got %q, want %q, %q or %q", c.Style, Chat, Completion, Trace)
	case c.Wrapper != TemplateWrapper && c.Wrapper != PlainWrapper:
		return fmt.Errorf("python.Config: unknown wrapper; got %q, want %q or %q", c.Wrapper, TemplateWrapper, PlainWrapper)
	case c.InductionInputs < 2 || c.InductionInputs > maxInductionInputs:
		return fmt.Errorf("python.Config: induction_inputs is out of range; got %d, want 2 to %d", c.InductionInputs, maxInductionInputs)
	case c.InductionVerdict != AllHidden && c.InductionVerdict != AnyHidden && c.InductionVerdict != ShareHidden:
		return fmt.Errorf("python.Config: unknown induction_verdict; got %q, want %q, %q or %q", c.InductionVerdict, AllHidden, AnyHidden, ShareHidden)
	case c.Probes < 0 || c.Probes > maxProbes:
		return fmt.Errorf("python.Config: probes is out of range; got %d, want 0 to %d", c.Probes, maxProbes)
	case c.MinOutputBytes < 0 || c.MinOutputBytes > c.MaxValueBytes:
		return fmt.Errorf("python.Config: min_output_bytes is out of range; got %d, want 0 to max_value_bytes = %d", c.MinOutputBytes, c.MaxValueBytes)
	case c.MaxValueBytes < 16:
		return fmt.Errorf("python.Config: max_value_bytes is too small; got %d, want at least 16", c.MaxValueBytes)
	}
	return nil
}

// Environment is the world of Python tasks. It implements [azr.Environment].
type Environment struct {
	cfg      Config
	executor azr.Executor
	format   format
}

var _ azr.Environment = (*Environment)(nil)

// format is a style's way to read completions. Each method returns "" as its
// reason if the text has the required form.
type format interface {
	// open is the text that begins every answer to a prompt of a role and type.
	open(r azr.Role, t azr.TaskType) string
	// stop is where an answer ends.
	stop(r azr.Role, t azr.TaskType) []string
	// program reads a program and its input.
	program(text string) (program, input, reason string)
	// inputs reads the inputs and the message of an induction proposal for a reference's program.
	inputs(reference azr.Task, text string) (inputs []string, message, reason string)
	// answer reads what a solver answered.
	answer(t azr.TaskType, text string) (answer, reason string)
}

// New returns the world of Python tasks whose programs the executor runs.
func New(cfg Config, executor azr.Executor) (*Environment, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Environment{cfg: cfg, executor: executor, format: formats[cfg.Style]}, nil
}
