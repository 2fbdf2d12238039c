package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/parallel"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/torch/safetensors"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// The tasks that rank 0 calls, see [parallel.Task].
const (
	openTask      = "open"      // with a plan, once
	connectTask   = "connect"   // to connect devices, once
	updateTask    = "update"    // with samples
	averagedTask  = "averaged"  // to sample with the averaged weights until parallel.Back
	optimizerTask = "optimizer" // to send its part of the optimiser's state
)

// interfaceVariable names the interface as it does for PyTorch.
const interfaceVariable = "GLOO_SOCKET_IFNAME"

// rankFlags are for a run that a starter such as torchrun or azr-train launch has begun as several processes.
func rankFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "dist-backend", Value: dist.Auto, Usage: "move bytes between ranks' GPUs by `NAME`: nccl, gloo (through the CPUs) or auto, nccl"},
		&cli.DurationFlag{Name: "dist-timeout", Value: 30 * time.Minute, Usage: "give a rank up that the others have waited for so `LONG`"},
		&cli.StringFlag{Name: "dist-interface", EnvVars: []string{interfaceVariable}, Usage: "use the network interface `NAME`", DefaultText: "the one of the host's name"},
	}, ncclFlags()...)
}

// validateRankFlags refuses values that the flags do not have.
func validateRankFlags(c *cli.Context) error {
	backends := []string{dist.Auto, dist.NCCL, dist.Gloo}
	switch handling, timeout, backend := c.Int("nccl-async-error-handling"), c.Duration("dist-timeout"), c.String("dist-backend"); {
	case handling < 0 || handling > 3:
		return usage(c, "--nccl-async-error-handling is out of range; got %d, want 0 to 3", handling)
	case timeout < time.Second:
		return usage(c, "--dist-timeout is too small; got %v, want at least 1s", timeout)
	case !slices.Contains(backends, backend):
		return usage(c, "unknown --dist-backend; got %q, want one of %s", backend, strings.Join(backends, ", "))
	}
	return nil
}

// joinRanks opens the group that this process was started in; nil if it was started alone.
func joinRanks(c *cli.Context) (*dist.Group, error) {
	if err := validateRankFlags(c); err != nil {
		return nil, err
	}
	m, started, err := dist.FromEnvironment(os.LookupEnv)
	if err != nil || !started {
		return nil, err
	}
	m.Backend, m.Timeout, m.Interface = c.String("dist-backend"), c.Duration("dist-timeout"), c.String("dist-interface")
	if err := passToNCCL(c); err != nil {
		return nil, err
	}
	if torch.Describe().CUDA.Devices > 1 { // with one, the starter has chosen it for this rank
		torch.SetDevice(m.LocalRank)
	}
	return dist.Open(m)
}

// plan is what rank 0 tells the others at the beginning.
type plan struct {
	Config     string // YAML
	Model      string
	Checkpoint string // to go on from; "" if there is none
}

// callOpen has the other ranks open what they need, while this one does.
func (s *session) callOpen(modelDir string, resumed bool) error {
	device, err := torch.ParseDevice(s.config.Device)
	if err != nil {
		return err
	}
	theirs := s.config
	if theirs.Device = "cpu"; device != torch.CPU {
		theirs.Device = "cuda" // each its own
	}
	p := plan{Config: string(configs.Dump(&theirs, func(string) string { return "" })), Model: modelDir}
	if resumed {
		p.Checkpoint = modelDir
	}
	return s.player.Call(openTask, p)
}

// connectRanks connects the devices of all ranks, once each has its model there.
func (s *session) connectRanks() error {
	if s.player == nil {
		return nil
	}
	if err := s.player.Call(connectTask, nil); err != nil {
		return err
	}
	return s.group.Connect(s.model.Device)
}

// validateRanks refuses what several ranks do not do.
func (c Config) validateRanks() error {
	if strings.HasPrefix(c.Device, "cuda:") {
		return fmt.Errorf("run: with several ranks each takes the device of its LOCAL_RANK; got device %s, want cuda; hint: azr-train launch --gpus, or CUDA_VISIBLE_DEVICES", c.Device)
	}
	if c.Controls.Frozen != notFrozen {
		return fmt.Errorf("run: controls.frozen is for one process alone; got %q with several ranks", c.Controls.Frozen)
	}
	return nil
}

// servant is a rank that is not 0.
type servant struct {
	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
	trainer   *trainer.Trainer
	engine    *rollout.Engine
}

// serveRank does what rank 0 asks for until it stops. Signals are for rank 0, which stops all.
func serveRank(g *dist.Group) error {
	g.Enter(phaseOpening)
	var p plan
	err := parallel.Await(g, openTask, &p)
	if err == nil {
		var s servant
		defer s.close()
		if err = s.open(g, p); err != nil {
			return parallel.Fail(g, err)
		}
		g.Enter("serving")
		err = parallel.Serve(context.Background(), g, s.engine, s.tasks(g))
	}
	if err == parallel.ErrStopped { // well, not for a failure that wraps it
		return nil
	}
	return err
}

func (s *servant) open(g *dist.Group, p plan) (err error) {
	config := defaultConfig()
	if err := configs.Over(&config).Text("the config of rank 0", p.Config); err != nil {
		return err
	}
	torch.LimitBytes(int64(config.Memory))
	if s.model, s.tokenizer, err = openModel(p.Model, config.DType, config.Device, config.Threads); err != nil {
		return err
	}
	if config.LoRA.Rank > 0 && s.model.LoRA().Rank == 0 {
		if err := s.model.Adapt(config.LoRA, adaptersKey(config.Seed)); err != nil {
			return err
		}
	}
	if s.trainer, err = trainer.NewRank(config.Trainer, s.model, g, azr.NoProgress{}); err != nil {
		return err
	}
	if p.Checkpoint != "" {
		last, err := checkpoint.Load(p.Checkpoint)
		if err != nil {
			return err
		}
		if err := restoreTrainer(s.trainer, last); err != nil {
			return err
		}
	}
	s.engine, err = rollout.New(config.Rollout, config.Seed, s.model, s.tokenizer)
	return err
}

// tasks are what this rank does with rank 0.
func (s *servant) tasks(g *dist.Group) map[string]parallel.Task {
	all := map[string]parallel.Task{}
	all[connectTask] = func(func(any) error) error { return g.Connect(s.model.Device) }
	all[updateTask] = func(decode func(any) error) error {
		var samples []azr.Sample
		if err := decode(&samples); err != nil {
			return err
		}
		g.Enter(phaseUpdating)
		defer g.Enter("serving")
		_, err := s.trainer.Step(context.Background(), samples)
		s.engine.Forget()
		if errors.Is(err, trainer.ErrNotFinite) { // rank 0 finds the same, and keeps the books
			return nil
		}
		return err
	}
	all[averagedTask] = func(func(any) error) error {
		return s.trainer.Averaged(func() error {
			s.engine.Forget()
			defer s.engine.Forget()
			return parallel.Serve(context.Background(), g, s.engine, all)
		})
	}
	all[optimizerTask] = func(func(any) error) error {
		_, release, err := s.trainer.Optimizer()
		if err == nil {
			release()
		}
		return err
	}
	return all
}

func (s *servant) close() {
	if s.trainer != nil {
		s.trainer.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.model != nil {
		s.model.Free()
		s.tokenizer.Close()
	}
}

// sampler is what the run's model samples with: its engine, or those of all ranks.
func (s *session) sampler() parallel.Engine {
	if s.player != nil {
		return s.player
	}
	return s.engine
}

// update learns from the samples, on all ranks.
func (s *session) update(ctx context.Context, samples []azr.Sample) (trainer.Report, error) {
	if s.player == nil {
		return s.trainer.Step(ctx, samples)
	}
	if err := s.player.Call(updateTask, samples); err != nil {
		return trainer.Report{}, err
	}
	report, err := s.trainer.Step(context.WithoutCancel(ctx), samples) // the others are in it
	if err != nil && !errors.Is(err, trainer.ErrNotFinite) {
		s.player = nil // they wait for gradients, and not for what is to do next
	}
	return report, err
}

// averaged runs f while the weights are their averages, on all ranks.
func (s *session) averaged(f func() error) error {
	if s.player == nil {
		return s.trainer.Averaged(f)
	}
	if err := s.player.Call(averagedTask, nil); err != nil {
		return err
	}
	return errors.Join(s.trainer.Averaged(f), s.player.Call(parallel.Back, nil))
}

// optimizerState is the optimiser's, in memory that release frees.
type optimizerState struct {
	tensors []safetensors.Tensor
	release func()
}

// optimizer collects the optimiser's state from all ranks.
func (s *session) optimizer() (optimizerState, error) {
	if s.player != nil {
		if err := s.player.Call(optimizerTask, nil); err != nil {
			return optimizerState{}, err
		}
	}
	list, release, err := s.trainer.Optimizer()
	return optimizerState{list, release}, err
}

// waited is how long each rank has waited for the others so far; none if there is one.
func (s *session) waited() []time.Duration {
	if s.player == nil {
		return nil
	}
	return s.player.Waited()
}

// rankTimings tells how long the ranks waited in a step, in the mean and the one that waited most.
func rankTimings(before, after []time.Duration) map[string]float64 {
	if len(after) == 0 {
		return nil
	}
	sum, most := 0.0, 0.0
	for rank := range after {
		waited := (after[rank] - before[rank]).Seconds()
		sum, most = sum+waited, max(most, waited)
	}
	return map[string]float64{"ranks/waited": sum / float64(len(after)), "ranks/waited_most": most}
}

// stopRanks ends the other ranks, if there are any: well, or for a failure.
func (s *session) stopRanks(failure error) {
	if s.player == nil || errors.As(failure, new(*dist.Error)) {
		return
	}
	reason := ""
	if failure != nil && !errors.Is(failure, context.Canceled) {
		reason = failure.Error()
	}
	if err := s.player.Stop(reason); err != nil {
		s.log.Warn().Err(err).Msg("the other ranks were not told to stop")
	}
}

// onRanks runs f on rank 0, with its group, and has the other ranks serve it; f of a process that was started alone gets nil.
// What fails before rank 0 has a session fails on all of them, or ends the others with its connections.
func onRanks(c *cli.Context, f func(*dist.Group) error) error {
	g, err := joinRanks(c)
	if err != nil {
		return err
	}
	if g == nil {
		return f(nil)
	}
	defer g.Close()
	if g.Rank > 0 {
		return serveRank(g)
	}
	return f(g)
}
