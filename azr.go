package azr

import (
	"context"
	"fmt"
	"strings"
)

// TaskType is one of the three modes of reasoning over a triplet
// (program, input, output) (paper, section 3.2), or the fourth one that is an option.
type TaskType uint8

const (
	// Deduction: program and input are given, the output is asked for.
	Deduction TaskType = iota
	// Abduction: program and output are given, an input that yields it is asked for.
	Abduction
	// Induction: input-output examples and a message are given, the program is asked for.
	Induction
	// ErrorPrediction: program and input are given, the name of the exception or "NoError" is asked for. It is
	// an option that the paper's main runs leave out.
	ErrorPrediction
)

// TaskTypes lists the paper's task types in canonical order, AllTaskTypes also the optional one.
var (
	TaskTypes    = [...]TaskType{Deduction, Abduction, Induction}
	AllTaskTypes = [...]TaskType{Deduction, Abduction, Induction, ErrorPrediction}
)

var taskTypeNames = [...]string{"deduction", "abduction", "induction", "error"}

// String returns the type's lower-case name, as used in files and flags.
func (t TaskType) String() string { return name(taskTypeNames[:], t) }

// MarshalText writes the type's name.
func (t TaskType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a type's name.
func (t *TaskType) UnmarshalText(text []byte) error { return parse(t, taskTypeNames[:], text) }

// Role is what the model does in a prompt.
type Role uint8

const (
	// Propose: invent a task.
	Propose Role = iota
	// Solve: answer a task.
	Solve
)

// Roles lists the roles in canonical order.
var Roles = [...]Role{Propose, Solve}

var roleNames = [...]string{"propose", "solve"}

// String returns the role's lower-case name.
func (r Role) String() string { return name(roleNames[:], r) }

// MarshalText writes the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a role's name.
func (r *Role) UnmarshalText(text []byte) error { return parse(r, roleNames[:], text) }

// Group is a role and task type: the groups of Samples (six in the paper) that each have a
// baseline of their own in task-relative REINFORCE++ (paper, equation 8).
type Group struct {
	Role Role
	Type TaskType
}

// Groups lists the six groups of the paper's task types in canonical order.
func Groups() []Group {
	groups := make([]Group, 0, len(Roles)*len(TaskTypes))
	for _, r := range Roles {
		for _, t := range TaskTypes {
			groups = append(groups, Group{r, t})
		}
	}
	return groups
}

// String returns "role/type", for example "solve/deduction".
func (g Group) String() string { return g.Role.String() + "/" + g.Type.String() }

// Example is one input of a program and the output that it gives, both as
// literal text. Input holds the comma-separated arguments of f.
type Example struct {
	Input  string `json:"input"`
	Output string `json:"output"`
}

// Task is a problem that the proposer set: a program with the examples that show
// what it does. All but induction tasks have exactly one example, whose Output is the
// exception's name for [ErrorPrediction].
type Task struct {
	// ID is the hash of the task's content, see [Task.ContentID].
	ID      string   `json:"id"`
	Type    TaskType `json:"type"`
	Program string   `json:"program"`
	// Examples of an induction task are shown to the solver up to [Task.Shown]; the rest are hidden.
	Examples []Example `json:"examples"`
	// Message is the proposer's hint that goes with an induction task.
	Message string `json:"message,omitempty"`
	// Step is the step that proposed the task; 0 for seeds.
	Step int `json:"step"`
	// Proposal is the sample that proposed the task; zero for seeds.
	Proposal SampleID `json:"proposal"`
	// SolveRate is the mean of the learnability rollouts when the task was proposed, NaN-free: -1 if never estimated.
	SolveRate float64 `json:"solve_rate"`
	// Measures of the program, zero if it was not measured.
	Measures Measures `json:"measures,omitzero"`
}

// Shown is how many examples an induction task shows to its solver, floor(N/2);
// the hidden remainder decides (azr section 3.2). Other types show their one example.
func (t Task) Shown() int {
	if t.Type == Induction {
		return len(t.Examples) / 2
	}
	return len(t.Examples)
}

// Message is one turn of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Sampling says how to draw a completion.
type Sampling struct {
	// Temperature divides the logits; 0 means greedy.
	Temperature float64 `json:"temperature" yaml:"temperature"`
	// TopP keeps the smallest set of tokens whose probability reaches it; 1 keeps all.
	TopP float64 `json:"top_p" yaml:"top_p"`
	// TopK keeps the K likeliest tokens; 0 keeps all.
	TopK int `json:"top_k" yaml:"top_k"`
	// MaxTokens bounds the response, in tokens.
	MaxTokens int `json:"max_tokens" yaml:"max_tokens"`
	// Stop ends the completion where one of these strings first appears; the text is cut before it.
	Stop []string `json:"stop,omitempty" yaml:"stop,omitempty"`
}

// Prompt asks a Generator for one completion. Either Messages (rendered with the
// model's chat template) or Text (continued as it is) is set; with both, Text
// begins the assistant's turn.
type Prompt struct {
	ID       SampleID
	Messages []Message
	Text     string
	Sampling Sampling
}

// String returns the prompt as a person reads it: each message under its role, then Text.
func (p Prompt) String() string {
	var b strings.Builder
	for _, m := range p.Messages {
		fmt.Fprintf(&b, "[%s]\n%s\n\n", m.Role, m.Content)
	}
	b.WriteString(p.Text)
	return b.String()
}

// Finish says why a completion ended.
type Finish uint8

const (
	// Stopped: an end-of-sequence token or a stop string.
	Stopped Finish = iota
	// Truncated: MaxTokens or the context length was reached.
	Truncated
	// PromptTooLong: the prompt left no room for a response; nothing was sampled.
	PromptTooLong
)

var finishNames = [...]string{"stopped", "truncated", "prompt_too_long"}

// String returns the reason's name.
func (f Finish) String() string { return name(finishNames[:], f) }

// MarshalText writes the reason's name.
func (f Finish) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads a reason's name.
func (f *Finish) UnmarshalText(text []byte) error { return parse(f, finishNames[:], text) }

// Completion is what a Generator sampled for a Prompt.
type Completion struct {
	ID SampleID
	// Text is the decoded response up to the stop string or end token.
	Text string
	// PromptIDs and IDs are the token ids of the prompt and of the whole response, its end token included.
	PromptIDs, IDs []int32
	// LogProbs holds for each of IDs its log-probability in nats. Temperature is applied; TopP and TopK are not.
	LogProbs []float32
	Finish   Finish
}

// Generator is the policy as the game sees it: a running batch that prompts
// enter and completions leave, in logical time.
//
// A completion depends on its prompt and its ID alone, never on what else is in
// the batch. A Generator is used by one goroutine.
type Generator interface {
	// Submit queues prompts; they enter the batch in order, as soon as there is room.
	Submit(prompts ...Prompt) error
	// Tick advances every running request by one token and returns the requests that finished, in a
	// deterministic order. With nothing queued or running it returns nothing.
	Tick(ctx context.Context) ([]Completion, error)
	// Pending counts the prompts submitted and not yet returned.
	Pending() int
}

// Outcome is the judgement on a proposal or an answer.
type Outcome uint8

const (
	// Unchecked: no judgement could be had; the sample is left out of the update and counted.
	Unchecked Outcome = iota
	// Pass: a valid task, or a right answer.
	Pass
	// Fail: a task or answer that was checked and found wrong.
	Fail
	// Fault: the program was at fault (error, timeout, memory, blocked, nondeterministic, ...).
	Fault
	// Malformed: the text does not have the required format; nothing was run.
	Malformed
)

var outcomeNames = [...]string{"unchecked", "pass", "fail", "fault", "malformed"}

// String returns the outcome's name.
func (o Outcome) String() string { return name(outcomeNames[:], o) }

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an outcome's name.
func (o *Outcome) UnmarshalText(text []byte) error { return parse(o, outcomeNames[:], text) }

// Verdict is an Outcome with its reason.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	// Reason says in a few words why it is not a Pass, for example "timeout" or "no input line".
	Reason string `json:"reason,omitempty"`
	// Share is how much of a Fail or Fault is right after all, where answers are judged in parts; else 0.
	Share float64 `json:"share,omitempty"`
}

// Environment is a world of tasks: how they are asked for, read, checked and
// verified. Python programs are one, arithmetic terms another. The game decides
// what is asked for and what is paid; of sizes and novelty it knows what Measure
// says. It is safe for concurrent use.
type Environment interface {
	// Seeds are the tasks that the game starts from, one a type.
	Seeds() []Task
	// ProposePrompt asks for a task. ID and Sampling limits are the caller's to set.
	ProposePrompt(r Request) Prompt
	// SolvePrompt asks for an answer to a task.
	SolvePrompt(task Task) Prompt
	// ParseProposal reads a task out of the text that answers a request. The verdict is Pass, or Malformed with a reason.
	ParseProposal(r Request, text string) (Task, Verdict)
	// ParseAnswer reads the answer to a task out of a completion's text. The verdict is Pass, or Malformed.
	ParseAnswer(task Task, text string) (string, Verdict)
	// Validate checks a parsed proposal (paper, section 3.3.3) and fills in the outputs.
	Validate(ctx context.Context, task Task) (Task, Verdict, error)
	// Measure looks at a task's program beside those of the references that its proposer saw. What cannot be
	// measured has zero Measures.
	Measure(ctx context.Context, task Task, references []Task) (Measures, error)
	// Verify judges an answer (paper, section 3.3.4).
	Verify(ctx context.Context, task Task, answer string) (Verdict, error)
}

// Sample is one completion as the trainer sees it: token ids, the log-probs
// they were sampled with, and a scalar reward on the last token.
type Sample struct {
	ID                     SampleID
	Group                  Group
	PromptIDs, ResponseIDs []int32
	// LogProbs has one entry for each of ResponseIDs (nats, at Temperature).
	LogProbs []float32
	// Imitate marks a sample that the policy did not draw in this step: it has no LogProbs, its probability ratio
	// counts as 1, and its Reward is its advantage. With a Reward of 1 it is supervised learning.
	Imitate bool
	// Temperature is the one it was sampled at; the update's log-probs use the same.
	Temperature float64
	Reward      float64
}

// Row is one completion and what became of it, as the run's file keeps it.
type Row struct {
	ID     SampleID `json:"id"`
	Role   Role     `json:"role"`
	TaskID string   `json:"task_id,omitempty"`
	Prompt string   `json:"prompt"`
	Text   string   `json:"text"`
	// Answer is the parsed answer; empty for proposals.
	Answer  string  `json:"answer,omitempty"`
	Finish  Finish  `json:"finish"`
	Verdict Verdict `json:"verdict"`
	// SolveRate is the mean over the learnability rollouts of a proposal; -1 where there was none.
	SolveRate float64 `json:"solve_rate"`
	Reward    float64 `json:"reward"`
	// Trained tells whether the completion became a Sample; Advantage is then what it was updated with.
	Trained   bool    `json:"trained"`
	Advantage float64 `json:"advantage"`
	// PromptTokens and ResponseTokens count tokens.
	PromptTokens   int `json:"prompt_tokens"`
	ResponseTokens int `json:"response_tokens"`
}

// StepRecord is everything that one step leaves in the run's file.
type StepRecord struct {
	Step  int
	Tasks []Task
	Rows  []Row
	// Metrics are determined by the seed; Timings are measured (seconds, bytes) and kept apart.
	Metrics, Timings map[string]float64
}

// Store is the run's memory. It is safe for concurrent use.
type Store interface {
	// Commit writes a step in one transaction: all of it or nothing.
	Commit(r StepRecord) error
	// Tasks returns the tasks of a type in the order in which they were committed.
	Tasks(t TaskType) ([]Task, error)
	// LastMetrics returns the Metrics of the last step committed; none of an empty store.
	LastMetrics() (map[string]float64, error)
	// Rollback forgets the steps after step. The journal of results is never rolled back.
	Rollback(step int) error
	// Lookup finds a journaled execution result by its key.
	Lookup(key string) (Result, bool, error)
	// Record appends an execution result to the journal; the first one recorded for a key stays.
	Record(key string, r Result) error
}

// Progress is told how much work a phase has, how much of it is done, and what
// came of proposals. It is safe for concurrent use.
type Progress interface {
	// Expect adds n units to what the phase has to do.
	Expect(phase string, n int)
	// Done adds n units to what the phase has done.
	Done(phase string, n int)
	// Settled tells of a proposal that was judged. What could be read of it is in the task; its
	// SolveRate is -1 if it was not estimated.
	Settled(task Task, verdict Verdict)
}

// NoProgress is a Progress that nobody looks at.
type NoProgress struct{}

// Expect does nothing.
func (NoProgress) Expect(string, int) {}

// Done does nothing.
func (NoProgress) Done(string, int) {}

// Settled does nothing.
func (NoProgress) Settled(Task, Verdict) {}

func name[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("unknown(%d)", uint8(e))
}

func parse[E ~uint8](e *E, names []string, text []byte) error {
	for i, n := range names {
		if n == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("azr.UnmarshalText: unknown name; got %q, want one of %q", text, names)
}
