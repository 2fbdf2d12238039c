package selfplay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/azr-train/azr"
)

// maxAttempts is how often a prompt that was too long is replaced by another
// one: fewer references for a proposal, another task for a place to fill.
const maxAttempts = 4

// round is one run of the event loop: proposals enter the Generator, and what
// becomes of them enters it again as estimates and solutions.
type round struct {
	*Game
	ctx       context.Context
	step      int
	checks    *checks
	tick      int
	generated time.Duration

	proposals map[azr.SampleID]*proposal
	rollouts  map[azr.SampleID]*rollout
	// validating holds the proposals whose verdicts were asked for, in order of due.
	validating []*proposal
	// untold are the judged proposals that Progress was not told of, see tell.
	untold []*proposal
	// fill is each type's tasks of the buffer in the order in which they fill places.
	fill [len(azr.AllTaskTypes)][]azr.Task
	// fresh: each proposal has its place in the solve batch. chosen are the places that fill takes before that.
	fresh  bool
	chosen []azr.SampleID
	// tooLong counts prompts that left no room for a response, replaced ones included.
	tooLong map[azr.Group]int
	missing int
}

// proposal is one completion of a propose prompt, on its way to be a task.
type proposal struct {
	prompt     azr.Prompt
	request    azr.Request
	attempt    int
	completion azr.Completion
	task       azr.Task
	verdict    azr.Verdict
	check      *check
	due        int
	// known: the task was in its buffer when the round began. repeated: an earlier proposal made it too.
	// novel: neither its buffer nor an earlier proposal has its program.
	known, repeated, novel bool
	rarity                 float64 // of its answers
	estimates              []*rollout
	solveRate              float64
}

// rollout is one completion of a solve prompt: an estimate or a solution.
type rollout struct {
	prompt     azr.Prompt
	task       azr.Task
	attempt    int
	fresh      bool // the task was proposed in this step
	completion azr.Completion
	answer     string
	verdict    azr.Verdict
	check      *check
}

func newRound(ctx context.Context, g *Game, step int) *round {
	return &round{
		Game: g, ctx: ctx, step: step,
		checks:    newChecks(ctx, g.env, g.progress, g.cfg.Workers),
		proposals: map[azr.SampleID]*proposal{},
		rollouts:  map[azr.SampleID]*rollout{},
		tooLong:   map[azr.Group]int{},
	}
}

// propose makes a proposal for a place; run submits it.
func (r *round) propose(id azr.SampleID) {
	p := &proposal{solveRate: -1}
	r.proposals[id] = p
	r.promptProposal(p, id)
	r.progress.Expect(proposalPhase(id.Purpose), 1)
}

func (r *round) promptProposal(p *proposal, id azr.SampleID) {
	sampling := r.cfg.Propose
	if id.Purpose == azr.Seeding {
		sampling = r.cfg.Seed
	}
	p.request = r.request(id, p.attempt)
	p.prompt = withSampling(r.env.ProposePrompt(p.request), id, sampling)
}

// run plays until nothing is queued, running or being checked.
func (r *round) run() error {
	for _, p := range r.sortedProposals() {
		if err := r.submit(p.prompt); err != nil {
			return err
		}
	}
	for _, place := range r.chosen {
		if err := r.fillPlace(place); err != nil {
			return err
		}
	}
	for r.gen.Pending() > 0 || len(r.validating) > 0 {
		if r.gen.Pending() > 0 {
			if err := r.advance(); err != nil {
				return err
			}
		} else {
			r.tick = r.validating[0].due // no token is left to count until then
		}
		if err := r.settleDue(); err != nil {
			return err
		}
	}
	return r.settleRollouts()
}

// advance lets the Generator take one tick and handles what finished.
func (r *round) advance() error {
	begin := time.Now()
	completions, err := r.gen.Tick(r.ctx)
	r.generated += time.Since(begin)
	r.tick++
	if err != nil {
		return err
	}
	for _, c := range completions {
		if p, ok := r.proposals[c.ID]; ok {
			err = r.proposed(p, c)
		} else if a, ok := r.rollouts[c.ID]; ok {
			err = r.answered(a, c)
		} else {
			err = fmt.Errorf("the generator returned a completion that nobody asked for; got %s", c.ID)
		}
		if err != nil {
			return err
		}
	}
	r.tell()
	return nil
}

// proposed reads a finished proposal and has it validated.
func (r *round) proposed(p *proposal, c azr.Completion) error {
	p.completion = c
	switch c.Finish {
	case azr.PromptTooLong:
		r.tooLong[azr.Group{Role: azr.Propose, Type: c.ID.Type}]++
		if p.attempt++; p.attempt < maxAttempts {
			r.promptProposal(p, c.ID)
			return r.submit(p.prompt)
		}
		p.verdict = azr.Verdict{Outcome: azr.Unchecked, Reason: "prompt too long"}
	case azr.Truncated:
		p.verdict = azr.Verdict{Outcome: azr.Malformed, Reason: "truncated"}
	default:
		p.task, p.verdict = r.env.ParseProposal(p.request, c.Text)
	}
	r.progress.Done(proposalPhase(c.ID.Purpose), 1)
	if p.verdict.Outcome != azr.Pass {
		r.untold = append(r.untold, p)
		return r.refused(c.ID)
	}
	p.check, p.due = r.checks.validate(p.task, p.request.References), r.tick+r.cfg.VerdictDelay
	r.validating = append(r.validating, p)
	return nil
}

// settleDue consumes the verdicts that are due, in canonical order.
func (r *round) settleDue() error {
	count := 0
	for count < len(r.validating) && r.validating[count].due <= r.tick {
		count++
	}
	due := slices.Clone(r.validating[:count])
	r.validating = r.validating[count:]
	slices.SortFunc(due, func(a, b *proposal) int { return compareIDs(a.prompt.ID, b.prompt.ID) })
	for _, p := range due {
		if err := r.checks.wait(p.check); err != nil {
			return err
		}
		if err := r.validated(p); err != nil {
			return err
		}
	}
	return nil
}

// validated gives a valid task its estimates and its place in the solve batch.
func (r *round) validated(p *proposal) error {
	id := p.prompt.ID
	p.task, p.verdict = p.check.task, p.check.verdict
	if p.verdict.Outcome == azr.Pass {
		if reason := misfit(p.request, p.task); reason != "" {
			p.verdict = azr.Verdict{Outcome: azr.Malformed, Reason: reason}
		} else if r.heldOut[p.task.Measures.Program] {
			p.verdict = azr.Verdict{Outcome: azr.Fail, Reason: heldOutReason}
		}
	}
	if p.verdict.Outcome != azr.Pass {
		r.untold = append(r.untold, p)
		return r.refused(id)
	}
	p.task.ID, p.task.Step, p.task.Proposal, p.task.SolveRate = p.task.ContentID(), r.step, id, -1
	p.known = r.buffers[id.Type].has(p.task)
	r.untold = append(r.untold, p)
	if id.Purpose == azr.Seeding {
		return nil
	}
	if p.known && r.cfg.refuseDuplicates() {
		return r.refused(id)
	}
	for k := range r.cfg.Rollouts {
		estimate := azr.SampleID{Step: r.step, Purpose: azr.Estimating, Type: id.Type, Index: id.Index, Rollout: k}
		a, err := r.ask(&rollout{task: p.task, fresh: true}, estimate)
		if err != nil {
			return err
		}
		p.estimates = append(p.estimates, a)
	}
	if r.cfg.ReuseEstimates || !r.fresh {
		return nil
	}
	return r.askAll(solution(id), func(answer azr.SampleID) error {
		_, err := r.ask(&rollout{task: p.task, fresh: true}, answer)
		return err
	})
}

// refused fills the place of a proposal that gives no task to solve.
func (r *round) refused(id azr.SampleID) error {
	if id.Purpose == azr.Seeding || !r.fresh {
		return nil
	}
	return r.fillPlace(solution(id))
}

// solution is the id of the solve-batch place of a proposal or an estimate.
func solution(id azr.SampleID) azr.SampleID {
	return azr.SampleID{Step: id.Step, Purpose: azr.Solving, Type: id.Type, Index: id.Index}
}

// askAll asks for each answer that a place of the solve batch wants.
func (r *round) askAll(place azr.SampleID, ask func(azr.SampleID) error) error {
	for k := range r.cfg.SolveRollouts {
		place.Rollout = k
		if err := ask(place); err != nil {
			return err
		}
	}
	return nil
}

// fillPlace asks for the solution of a task of the buffer.
func (r *round) fillPlace(place azr.SampleID) error {
	return r.askAll(place, func(id azr.SampleID) error { return r.askFilled(&rollout{}, id) })
}

// askFilled asks for an answer to the task that fills a place. Different places and
// attempts get different tasks while there are enough.
func (r *round) askFilled(a *rollout, id azr.SampleID) error {
	order := r.fill[id.Type]
	next := id.Index + a.attempt*r.cfg.BatchSize
	if next >= len(order) { // too few for a stretch of the order to each attempt
		next = id.Index + a.attempt
	}
	a.task, a.fresh = order[next%len(order)], false
	_, err := r.ask(a, id)
	return err
}

// ask submits a solve prompt.
func (r *round) ask(a *rollout, id azr.SampleID) (*rollout, error) {
	sampling, phase := r.cfg.Solve, phaseSolve
	if id.Purpose == azr.Estimating {
		sampling, phase = r.cfg.Estimate, phaseEstimate
	}
	a.prompt = withSampling(r.env.SolvePrompt(a.task), id, sampling)
	if _, again := r.rollouts[id]; !again {
		r.progress.Expect(phase, 1)
	}
	r.rollouts[id] = a
	return a, r.submit(a.prompt)
}

// answered reads a finished answer and has it verified.
func (r *round) answered(a *rollout, c azr.Completion) error {
	a.completion = c
	switch c.Finish {
	case azr.PromptTooLong:
		return r.overlong(a)
	case azr.Truncated:
		a.verdict = azr.Verdict{Outcome: azr.Malformed, Reason: "truncated"}
	default:
		if a.answer, a.verdict = r.env.ParseAnswer(a.task, c.Text); a.verdict.Outcome == azr.Pass {
			a.check = r.checks.verify(a.task, a.answer)
		}
	}
	r.progress.Done(rolloutPhase(c.ID.Purpose), 1)
	return nil
}

// overlong handles a solve prompt that left no room: never a sign of difficulty,
// and never a smaller batch while another task fits.
func (r *round) overlong(a *rollout) error {
	id := a.prompt.ID
	r.tooLong[azr.Group{Role: azr.Solve, Type: id.Type}]++
	a.verdict = azr.Verdict{Outcome: azr.Unchecked, Reason: "prompt too long"}
	if id.Purpose == azr.Solving {
		if a.attempt++; a.attempt < maxAttempts {
			return r.askFilled(a, id)
		}
		r.missing++
	}
	r.progress.Done(rolloutPhase(id.Purpose), 1)
	if r.cfg.ReuseEstimates && id.Purpose == azr.Estimating && id.Rollout == 0 {
		return r.refused(id)
	}
	return nil
}

// settleRollouts waits for every answer's verdict.
func (r *round) settleRollouts() error {
	for _, a := range r.sortedRollouts() {
		if a.check == nil {
			continue
		}
		if err := r.checks.wait(a.check); err != nil {
			return err
		}
		a.verdict = a.check.verdict
	}
	r.tell()
	return nil
}

func (r *round) submit(p azr.Prompt) error {
	begin := time.Now()
	defer func() { r.generated += time.Since(begin) }()
	return r.gen.Submit(p)
}

// withSampling completes a prompt of the Environment, whose stop strings stay.
func withSampling(p azr.Prompt, id azr.SampleID, s azr.Sampling) azr.Prompt {
	s.Stop = p.Sampling.Stop
	p.ID, p.Sampling = id, s
	return p
}

func proposalPhase(p azr.Purpose) string {
	if p == azr.Seeding {
		return phaseSeed
	}
	return phasePropose
}

func rolloutPhase(p azr.Purpose) string {
	if p == azr.Estimating {
		return phaseEstimate
	}
	return phaseSolve
}
