package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/bootstrap"
	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/python/generator"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// BootstrapConfig is all that a starter is made from.
type BootstrapConfig struct {
	// Seed keys every random draw (default 0).
	Seed uint64 `yaml:"seed"`
	// Threads of a tensor op on the CPU; 0 takes the machine's cores (default 0).
	Threads     int              `yaml:"threads"`
	Model       bootstrap.Shape  `yaml:"model"`
	Corpus      bootstrap.Config `yaml:"corpus"`
	Environment python.Config    `yaml:"environment"`
	Executor    executor.Config  `yaml:"executor"`
	Trainer     trainer.Config   `yaml:"trainer"`
}

func defaultBootstrapConfig() BootstrapConfig {
	c := BootstrapConfig{
		Model: bootstrap.DefaultShape(), Corpus: bootstrap.DefaultConfig(), Environment: python.DefaultConfig(),
		Executor: executor.DefaultConfig(), Trainer: trainer.DefaultConfig(),
	}
	c.Environment.Style, c.Environment.InductionInputs = python.Trace, 6
	c.Executor.Timeout = generatorTimeout
	c.Trainer.Optimizer, c.Trainer.LearningRate, c.Trainer.MuonLearningRate = trainer.Muon, 3e-3, 0.02
	c.Trainer.Beta2, c.Trainer.WeightDecay, c.Trainer.EntropyCoefficient = 0.98, 0.01, 0
	c.Trainer.WarmupSteps, c.Trainer.DecayFrom, c.Trainer.DecayTo, c.Trainer.DecayFloor = 50, 1250, 2500, 0.03
	c.Trainer.MicroBatchTokens = 8192
	return c
}

// generatorTimeout bounds one call of the generator, which does milliseconds of work, on a machine that is busy.
const generatorTimeout = 30 * time.Second

func (c BootstrapConfig) validate() error {
	for _, section := range []interface{ Validate() error }{c.Model, c.Corpus, c.Environment, c.Executor, c.Trainer} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func bootstrapCommand() *cli.Command {
	return &cli.Command{
		Name:  "bootstrap",
		Usage: "make a starter: a tiny model that learns the game's formats from tasks of a generator",
		Description: "Begins with random weights and imitates tasks and answers that a program writes in the sandbox.\n" +
			"stdout gets the folder's name; stderr shows progress.",
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "out", Usage: "`DIR` to make"},
			&cli.PathFlag{Name: "model", Usage: "`DIR` of a starter to go on from, instead of random weights"},
			configFlag(),
			&cli.StringSliceFlag{Name: "held-out", Usage: "`FILE` of tasks whose programs are never shown; may be repeated"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of every random draw"},
			&cli.BoolFlag{Name: "show", Usage: "only print the configuration, with all its keys, to stdout"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			config := defaultBootstrapConfig()
			if _, err := layOver(&config, c.StringSlice("config"), c.StringSlice("set")); err != nil {
				return err
			}
			if c.IsSet("seed") {
				config.Seed = c.Uint64("seed")
			}
			if err := config.validate(); err != nil {
				return err
			}
			if c.Bool("show") {
				_, err := os.Stdout.Write(configs.Dump(&config, nil))
				return err
			}
			if err := want(c, []string{"out"}); err != nil {
				return err
			}
			if err := newPlace(c, "out"); err != nil {
				return err
			}
			heldOut, err := shapesOf(c.StringSlice("held-out"))
			if err != nil {
				return err
			}
			return makeStarter(c.Context, config, heldOut, c.Path("model"), c.Path("out"))
		},
	}
}

// shapesOf reads the shapes of the programs in files of tasks.
func shapesOf(files []string) (map[string]bool, error) {
	shapes := map[string]bool{}
	for _, file := range files {
		tasks, err := eval.Tasks(file)
		if err != nil {
			return nil, err
		}
		found := false
		for _, task := range tasks {
			shape := generator.Shape(task.Program) // "" of programs that the bootstrap cannot make
			found = found || shape != ""
			shapes[shape] = true
		}
		if !found {
			return nil, fmt.Errorf("bootstrap: --held-out %s keeps nothing away; got no program that a bootstrap could make, want a file of azr-train tasks make", file)
		}
	}
	return shapes, nil
}

// makeStarter trains a starter, from another one or from nothing (""), and writes it to dir.
func makeStarter(ctx context.Context, config BootstrapConfig, heldOut map[string]bool, from, dir string) error {
	display, log := newDisplay(false)
	defer display.Close()
	if config.Threads > 0 {
		torch.SetNumThreads(config.Threads)
	}
	m, tok, companions, err := beginStarter(config, from)
	if err != nil {
		return err
	}
	defer tok.Close()
	defer m.Free()
	pool, err := executor.Open(ctx, config.Executor)
	if err != nil {
		return err
	}
	defer pool.Close()
	env, err := python.New(config.Environment, pool)
	if err != nil {
		return err
	}
	corpus, err := bootstrap.NewCorpus(config.Corpus, config.Seed, env, pool, config.Environment.InductionInputs, heldOut)
	if err != nil {
		return err
	}
	if err := teach(ctx, config, m, tok, corpus, display, log); err != nil {
		return err
	}
	if err := checkpoint.WriteModel(dir, companions, m.Tensors()); err != nil {
		return err
	}
	display.Close()
	_, err = fmt.Println(dir)
	return err
}

// beginStarter is the model to teach.
func beginStarter(config BootstrapConfig, from string) (*model.Decoder, *tokenizer.Tokenizer, checkpoint.Companions, error) {
	if from != "" {
		base, err := model.Base(from)
		if err != nil {
			return nil, nil, nil, err
		}
		companions, err := checkpoint.ReadCompanions(base)
		if err != nil {
			return nil, nil, nil, err
		}
		m, tok, err := openModel(from, torch.F32, "cpu", config.Threads)
		if err == nil {
			m.Merge() // adapters, if it has any: all weights learn
		}
		return m, tok, companions, err
	}
	companions := starterFiles(config.Model)
	shape, err := model.ParseConfig(companions["config.json"])
	if err != nil {
		return nil, nil, nil, err
	}
	tok, err := loadTokenizer(companions)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := model.Random(shape, azr.NewKey(config.Seed, "starter's weights").Rand(), torch.F32, torch.CPU)
	return m, tok, companions, err
}

func starterFiles(shape bootstrap.Shape) checkpoint.Companions {
	tokenizer, tokenizerConfig := bootstrap.Tokenizer()
	config, generation := shape.ModelConfig()
	return checkpoint.Companions{
		"config.json": config, "generation_config.json": generation, "tokenizer.json": tokenizer, "tokenizer_config.json": tokenizerConfig,
	}
}

// loadTokenizer loads the tokenizer of files that are not in a folder yet.
func loadTokenizer(files checkpoint.Companions) (*tokenizer.Tokenizer, error) {
	dir, err := os.MkdirTemp("", "azr-starter-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return tokenizer.Load(dir)
}

// reportEvery is how many steps of a bootstrap a line of the log stands for.
const reportEvery = 100

// teach imitates the corpus. The next batch is written while the model learns from one.
func teach(ctx context.Context, config BootstrapConfig, m *model.Decoder, tok *tokenizer.Tokenizer, corpus *bootstrap.Corpus, progress azr.Progress, log zerolog.Logger) error {
	t, err := trainer.New(config.Trainer, m, azr.NoProgress{})
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, failed := make(chan []azr.Sample, 4), make(chan error, 1)
	go func() {
		defer close(batches)
		for step := 1; step <= config.Corpus.Steps; step++ {
			samples, err := demonstrated(ctx, corpus, tok, step)
			if err != nil {
				failed <- err
				return
			}
			batches <- samples
		}
	}()
	defer func() {
		stop()
		for range batches {
		}
	}()
	progress.Expect("imitate", config.Corpus.Steps)
	start, tokens, logProb := time.Now(), 0, 0.0
	for step := 1; step <= config.Corpus.Steps; step++ {
		samples, ok := <-batches
		if !ok {
			return <-failed
		}
		report, err := t.Step(ctx, samples)
		if err != nil {
			return err
		}
		progress.Done("imitate", 1)
		tokens += report.Tokens
		logProb += report.LogProb
		if step%reportEvery == 0 || step == config.Corpus.Steps {
			n := (step-1)%reportEvery + 1
			log.Info().Int("step", step).Float64("nll", -logProb/float64(n)).Float64("grad_norm", report.GradNorm).
				Int("tokens", tokens).Float64("seconds", time.Since(start).Seconds()).Msg("imitated")
			logProb = 0
		}
	}
	return nil
}

// demonstrated are a step's demonstrations as samples to imitate.
func demonstrated(ctx context.Context, corpus *bootstrap.Corpus, tok *tokenizer.Tokenizer, step int) ([]azr.Sample, error) {
	batch, err := corpus.Batch(ctx, step)
	if err != nil {
		return nil, err
	}
	var samples []azr.Sample
	for i, d := range batch {
		prompt, err := tok.EncodeDocument(d.Prompt.Text)
		if err != nil {
			return nil, err
		}
		response, err := tok.Encode(d.Text)
		if err != nil {
			return nil, err
		}
		samples = append(samples, azr.Sample{
			ID: azr.SampleID{Step: step, Index: i}, Group: d.Group, PromptIDs: prompt, ResponseIDs: append(response, tok.EndIDs()[0]),
			Temperature: 1, Reward: 1, Imitate: true,
		})
	}
	return samples, nil
}
