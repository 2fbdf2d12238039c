package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
	"github.com/azr-train/azr/wholefile"
)

// A folder of adapters, in the format of Hugging Face's PEFT: adapter_config.json names the model that they belong to,
// adapter_model.safetensors has the matrices.
const (
	AdapterConfigName = "adapter_config.json"

	adapterA = ".lora_A.weight"
	adapterB = ".lora_B.weight"
)

// adapterName is what PEFT's names of a projection's two matrices begin with.
func adapterName(layer int, p place) string {
	return fmt.Sprintf("base_model.model.model.layers.%d.%s", layer, p.name)
}

// adapterConfig is the part of adapter_config.json that says what adapters compute.
type adapterConfig struct {
	PEFTType      string   `json:"peft_type"`
	TaskType      string   `json:"task_type"`
	Base          string   `json:"base_model_name_or_path"`
	Rank          int      `json:"r"`
	Alpha         float64  `json:"lora_alpha"`
	TargetModules any      `json:"target_modules"` // names, or a pattern
	Dropout       float64  `json:"lora_dropout"`
	Bias          string   `json:"bias"`
	InferenceMode bool     `json:"inference_mode"`
	RankScaled    bool     `json:"use_rslora"`
	DoRA          bool     `json:"use_dora"`
	FanInFanOut   bool     `json:"fan_in_fan_out"`
	ModulesToSave []string `json:"modules_to_save"`
	// Ranks and alphas of single projections.
	RankPattern  map[string]int     `json:"rank_pattern,omitempty"`
	AlphaPattern map[string]float64 `json:"alpha_pattern,omitempty"`
}

// AdapterConfig is the text of adapter_config.json for d's adapters to the model at base.
func (d *Decoder) AdapterConfig(base string) []byte {
	text, err := json.MarshalIndent(adapterConfig{
		PEFTType: "LORA", TaskType: "CAUSAL_LM", Base: base, Rank: d.lora.Rank, Alpha: d.lora.Alpha,
		TargetModules: d.lora.Targets, Bias: "none", InferenceMode: true,
	}, "", "  ")
	if err != nil {
		panic(err) // of numbers and strings there is none
	}
	return append(text, '\n')
}

// Base returns the folder that has a model's config and weights: dir, or for a folder of adapters the one of the model
// that they belong to.
func Base(dir string) (string, error) {
	c, err := readAdapterConfig(dir)
	if err != nil {
		return "", err
	}
	return c.base(dir)
}

// base is Base of the folder that c was read from.
func (c *adapterConfig) base(dir string) (string, error) {
	if c == nil {
		return dir, nil
	}
	base, err := Find(c.Base)
	if err != nil {
		return "", fmt.Errorf("model.Base: %s belongs to a model that is not there: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(base, AdapterConfigName)); err == nil {
		return "", fmt.Errorf("model.Base: %s: unsupported adapters; got %s as their model, which is a folder of adapters itself, want a whole model", dir, base)
	}
	return base, nil
}

// readAdapterConfig returns nil for a folder that is not of adapters.
func readAdapterConfig(dir string) (*adapterConfig, error) {
	path := filepath.Join(dir, AdapterConfigName)
	text, err := wholefile.Read(path, mostConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c := adapterConfig{Bias: "none"}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, fmt.Errorf("model.Load: %s: %w", path, err)
	}
	return &c, nil
}

func (c *adapterConfig) check() error {
	for _, wanted := range []struct {
		key       string
		got, want any
	}{
		{"peft_type", c.PEFTType, "LORA"}, {"bias", c.Bias, "none"}, {"use_rslora", c.RankScaled, false}, {"use_dora", c.DoRA, false},
		{"fan_in_fan_out", c.FanInFanOut, false}, {"modules_to_save", len(c.ModulesToSave), 0},
		{"rank_pattern", len(c.RankPattern), 0}, {"alpha_pattern", len(c.AlphaPattern), 0},
	} {
		if wanted.got != wanted.want {
			return fmt.Errorf("unsupported adapters; got %s %v, want %v", wanted.key, wanted.got, wanted.want)
		}
	}
	if c.Base == "" {
		return errors.New("no base_model_name_or_path; want the folder or the name of the model that the adapters belong to")
	}
	l := LoRA{Rank: c.Rank, Alpha: c.Alpha, Targets: projectionNames}
	if c.Rank < 1 {
		return fmt.Errorf("r out of range; got %d, want 1 to %d", c.Rank, maxRank)
	}
	return l.Validate()
}

// readAdapters gives d the adapters of the folder dir. Which projections have one, the file tells.
func (d *Decoder) readAdapters(dir string, c *adapterConfig) (err error) {
	defer torch.Catch(&err)
	path := filepath.Join(dir, safetensors.AdaptersName)
	file, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("model.Load: no adapters there: %w", err)
	}
	defer file.Close()
	d.lora = LoRA{Rank: c.Rank, Alpha: c.Alpha}
	for i := range d.layers {
		for _, p := range d.projections(i) {
			if _, found := file.Lookup(adapterName(i, p) + adapterA); !found {
				continue
			}
			p.adapter = &adapter{scale: c.Alpha / float64(c.Rank)}
			if name := filepath.Ext(p.name)[1:]; !slices.Contains(d.lora.Targets, name) {
				d.lora.Targets = append(d.lora.Targets, name)
			}
		}
	}
	weights := d.adapterWeights()
	if err := checkAdapters(file, weights); err != nil {
		return fmt.Errorf("model.Load: %s: %w", path, err)
	}
	for _, w := range weights {
		if *w.into, err = read(dir, file, w, d.DType, d.Device); err != nil {
			return err
		}
	}
	return nil
}

// checkAdapters compares the file's matrices with those wanted, before any is read.
func checkAdapters(file *safetensors.File, wanted []weight) error {
	for _, w := range wanted {
		info, found := file.Lookup(w.name)
		if !found {
			return fmt.Errorf("missing weight; got none, want %s %v", w.name, w.shape)
		}
		if !slices.Equal(info.Shape, w.shape) {
			return fmt.Errorf("misshapen weight %s; got %v, want %v", w.name, info.Shape, w.shape)
		}
	}
	for _, info := range file.Tensors() {
		if !slices.ContainsFunc(wanted, func(w weight) bool { return w.name == info.Name }) {
			return fmt.Errorf("surplus weight; got %s %v, want adapters of the projections alone", info.Name, info.Shape)
		}
	}
	return nil
}

// source is where weights are read from: one file, or a folder of several.
type source interface {
	Lookup(name string) (safetensors.Info, bool)
	Read(name string) ([]byte, error)
}
