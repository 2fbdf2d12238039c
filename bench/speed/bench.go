package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/azr-train/azr/bench/machine"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

// bench is the two sides and how often they take turns.
type bench struct {
	folder, python, program, work string
	// llama is the folder of llama.cpp's benchmark, which may be missing.
	llama           string
	threads, rounds int

	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
	reference *python
}

// row is one line of the table: what is done, and how often.
type row struct {
	name, says, aim string
	// ours and theirs do it once, and so does llama.cpp if it is there and can; limit, if there is one, is the least time it could take.
	ours, theirs, llama func() (measure, error)
	limit               func() time.Duration
}

// measure is one turn.
type measure struct {
	time time.Duration
	// cpu is the time of all our threads.
	cpu    time.Duration
	tokens int
	// peak is the most resident memory, in bytes.
	peak int64
	// batches are sizes that the reference has tried, the best first.
	batches []batchRate
	// idle is the share of the time that our compute thread was not in libtorch, waiting the part of it for verdicts.
	idle, waiting float64
}

// result is a row's turns.
type result struct {
	Name   string `json:"name"`
	Says   string `json:"says"`
	Aim    string `json:"aim"`
	Tokens int    `json:"tokens"`
	// Load of the machine before.
	Load   string `json:"load,omitempty"`
	Ours   turns  `json:"ours"`
	Theirs turns  `json:"theirs"`
	Limit  turns  `json:"limit,omitempty"`
	// Llama is llama.cpp's time, for as many tokens as ours.
	Llama turns `json:"llama,omitempty"`
	// Peaks are the most resident memory of each side, in bytes.
	OurPeak   int64 `json:"our_peak,omitempty"`
	TheirPeak int64 `json:"their_peak,omitempty"`
	// Batches are sizes that the reference has tried, the best first.
	Batches []batchRate `json:"batches,omitempty"`
	// Idle and Waiting are a measure's shares of our time.
	Idle    turns `json:"idle,omitempty"`
	Waiting turns `json:"waiting,omitempty"`
}

// turns is a number of each round: seconds, unless it is something else.
type turns []float64

// against is how many times faster ours is than other in each round, sorted.
func (s turns) against(other turns) turns {
	ratios := turns{}
	for i := range s {
		ratios = append(ratios, other[i]/s[i])
	}
	slices.Sort(ratios)
	return ratios
}

func (s turns) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func (b *bench) run(ctx context.Context, only []string, file, page string) (err error) {
	defer torch.Catch(&err)
	if b.rounds < 1 {
		return fmt.Errorf("-rounds is too small; got %d, want at least 1", b.rounds)
	}
	torch.SetNumThreads(b.threads)
	if b.tokenizer, err = tokenizer.Load(b.folder); err != nil {
		return fmt.Errorf("%w; hint: make model, or -model", err)
	}
	defer b.tokenizer.Close()
	if b.model, err = model.Load(b.folder, torch.F32, torch.CPU); err != nil {
		return err
	}
	defer b.model.Free()
	rows := b.rows(ctx)
	for _, name := range only {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			return fmt.Errorf("no such row; got %q, want one of the table's first column", name)
		}
	}
	if b.reference, err = startPython(ctx, b.python, b.folder, b.threads); err != nil {
		return err
	}
	defer b.reference.close()
	if err := b.agree(); err != nil {
		return err
	}
	r, err := readReport(file)
	if err != nil {
		return err
	}
	r.describe(machine.Name(), b.threads, b.reference.version)
	fmt.Fprintln(os.Stderr, header)
	for _, row := range rows {
		if len(only) > 0 && !slices.Contains(only, row.name) {
			continue
		}
		load := machine.Load()
		found, err := b.measure(row)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		found.Load = load
		r.add(found)
		fmt.Fprintln(os.Stderr, found.line())
		if err := r.write(file, page); err != nil {
			return err
		}
	}
	return nil
}

// mostDifference is how far apart the two sides' log-probs of a token may be, in nats.
const mostDifference = 1e-3

// agree makes sure that both sides compute the same: the log-probs of a text's tokens.
func (b *bench) agree() error {
	ids, err := b.tokenizer.EncodeDocument(text(1) + text(2))
	if err != nil {
		return err
	}
	ours, err := rollout.Score(b.model, ids)
	if err != nil {
		return err
	}
	answer, err := b.reference.do(request{"do": "logprobs", "samples": []any{[]any{ids[:1], ids[1:], ours, 0}}})
	if err != nil {
		return err
	}
	var theirs []float32
	if err := json.Unmarshal(answer.Value, &theirs); err != nil {
		return err
	}
	worst := 0.0
	for i := range ours {
		worst = max(worst, math.Abs(float64(ours[i])-float64(theirs[i])))
	}
	fmt.Fprintf(os.Stderr, "log-probs of %d tokens differ by at most %.1g nats\n", len(ours), worst)
	if worst > mostDifference {
		return fmt.Errorf("the two sides are not the same model; log-probs differ by %g, want at most %g", worst, mostDifference)
	}
	return nil
}

// measure lets both sides and the limit take turns; the first round warms up and does not count.
func (b *bench) measure(w row) (result, error) {
	r := result{Name: w.name, Says: w.says, Aim: w.aim}
	for round := range b.rounds + 1 {
		ours, err := w.ours()
		if err != nil {
			return r, err
		}
		theirs, err := w.theirs()
		if err != nil {
			return r, err
		}
		var llama measure
		if w.llama != nil {
			if llama, err = w.llama(); err != nil {
				return r, err
			}
			r.Llama = append(r.Llama, llama.time.Seconds()*float64(ours.tokens)/float64(llama.tokens))
		}
		if round == 0 {
			r.Llama = nil
			continue
		}
		r.Tokens, r.Batches = ours.tokens, theirs.batches
		r.Ours, r.Theirs = append(r.Ours, ours.time.Seconds()), append(r.Theirs, theirs.time.Seconds())
		r.OurPeak, r.TheirPeak = max(r.OurPeak, ours.peak), max(r.TheirPeak, theirs.peak)
		if ours.idle > 0 {
			r.Idle, r.Waiting = append(r.Idle, ours.idle), append(r.Waiting, ours.waiting)
		}
		if w.limit != nil {
			limit := w.limit().Seconds()
			if w.llama != nil { // what someone does is no less than what can be done
				limit = min(limit, r.Llama[len(r.Llama)-1])
			}
			r.Limit = append(r.Limit, limit)
		}
	}
	return r, nil
}
