package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

func libtorchFinding(t torch.Runtime) finding {
	f := finding{What: "libtorch", Found: fmt.Sprintf("%s, CPU kernels %s, %d threads", t.Version, t.CPU, t.Threads)}
	if t.CPU == "DEFAULT" || t.CPU == "NO AVX" {
		f.Costs = "tensor ops run without vector instructions, several times slower"
		f.Hint = "a CPU with AVX2 or better, or a virtual machine that passes it through"
	}
	return f
}

func bf16Finding(t torch.Runtime) finding {
	if t.FastBF16 {
		return finding{What: "bf16", Found: "fast on this CPU; training is in f32"}
	}
	return finding{What: "bf16", Found: "slow on this CPU", Costs: "nothing in training, which is in f32"}
}

// fewCores is where generation, the update and the executor get in each other's way.
const fewCores = 8

func coresFinding(cores int) finding {
	f := finding{What: "cores", Found: fmt.Sprint(cores)}
	if cores < fewCores {
		f.Costs = fmt.Sprintf("tensor ops and the executor's programs share %d; at most so many programs run at once", cores)
		f.Hint = fmt.Sprintf("%d or more", fewCores)
	}
	return f
}

// needing lists the presets for one model that need more than what there is, with what they need.
func needing(have int64, need func(model.Config, Config) int64) string {
	var list []string
	for _, name := range configs.Models() {
		m, config := presetModel(name)
		if n := need(m, config); n > have {
			list = append(list, fmt.Sprintf("%s (%.0f GB)", name, float64(n)/1e9))
		}
	}
	return strings.Join(list, ", ")
}

// presetModel reads a preset that is compiled in, and the config of its model.
func presetModel(name string) (model.Config, Config) {
	config := defaultConfig()
	if _, err := layOver(&config, []string{name}, nil); err != nil {
		panic(err)
	}
	m, err := fittedModel("", []string{name})
	if err != nil {
		panic(err)
	}
	return m, config
}

func peakOf(m model.Config, c Config) int64 { return needOf(m, c, 1).peak() }

func memoryFinding(free int64) finding {
	f := finding{What: "memory", Found: gigabytes(free) + " GB free"}
	if presets := needing(free, peakOf); presets != "" {
		f.Costs = "on the CPU these presets do not fit: " + presets
		f.Hint = "azr-train fit --config PRESET tells what would"
	}
	return f
}

// checkpointsOf is the disk space of a run's checkpoints: those kept and the one being written, each with
// weights and moments.
func checkpointsOf(m model.Config, c Config) int64 {
	t := needOf(m, c, 1).Training
	return int64(c.Checkpoint.Keep+1) * (t.Weights + t.Moments)
}

func diskFinding(free int64) finding {
	if free < 0 {
		return finding{What: "disk", Found: "unknown"}
	}
	f := finding{What: "disk", Found: gigabytes(free) + " GB free in this folder's file system"}
	if presets := needing(free, checkpointsOf); presets != "" {
		f.Costs = "the checkpoints of these presets do not fit: " + presets
		f.Hint = "--run on another disk, or --set checkpoint.keep=1"
	}
	return f
}

func pythonFinding(name string) (finding, error) {
	version, file, err := executor.FindPython(name)
	if err != nil {
		return finding{What: "python", Found: "none that can be used", Costs: "no program can be run", Hint: "apt-get install python3 (3.11 or later)"}, err
	}
	return finding{What: "python", Found: version + ", " + file}, nil
}

var executorMissing = finding{
	What: "executor", Found: "not usable",
	Costs: "run, resume, eval and exec do not start; generate, score, export and inspect do", Hint: "the last line says what is missing",
}

// openExecutor opens it as a run does, and where it is not at the strongest level asks why.
func openExecutor(ctx context.Context, config executor.Config) (finding, error) {
	pool, err := executor.Open(ctx, config)
	if err != nil {
		return executorMissing, err
	}
	defer pool.Close()
	var obstacle error
	if pool.Level() < config.AtMost {
		config.Require = pool.Level() + 1
		var stronger *executor.Pool
		if stronger, obstacle = executor.Open(ctx, config); obstacle == nil {
			stronger.Close()
		}
	}
	return executorFinding(pool.Level(), pool.Slots(), config, obstacle), nil
}

// weaker is what each level but the strongest lacks.
var weaker = map[executor.Level]string{
	executor.Lite:    "programs are not in namespaces of their own: they may see which processes run",
	executor.Minimal: "programs may read every file that their user may read",
	executor.None:    "programs are not confined at all",
}

func executorFinding(level executor.Level, slots int, wanted executor.Config, obstacle error) finding {
	f := finding{What: "executor", Found: fmt.Sprintf("level %s, %d programs of %s at once", level, slots, wanted.Memory), Costs: weaker[level]}
	if obstacle != nil {
		f.Hint = obstacle.Error()
	}
	if slots < wanted.Slots {
		short := fmt.Sprintf("there is memory for %d of %d programs at once", slots, wanted.Slots)
		f.Costs = strings.TrimPrefix(f.Costs+"; "+short, "; ")
		f.Hint = strings.TrimPrefix(f.Hint+"; lower executor.memory", "; ")
	}
	return f
}
