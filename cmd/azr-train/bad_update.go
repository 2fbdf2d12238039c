package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/azr-train/azr"
)

const (
	badUpdatesFolder = "bad-updates"
	badUpdatesKey    = "bad_updates" // of a checkpoint's state: how many there were in a row
	badUpdateFormat  = 1
)

// badUpdate is a step's samples that could not be learnt from, as a file of the run keeps them.
type badUpdate struct {
	Format int    `json:"format"`
	Step   int    `json:"step"`
	Error  string `json:"error"`
	// Checkpoint of the step whose weights are those before, or the newest before; 0: what the run began with.
	Checkpoint int         `json:"checkpoint"`
	Samples    []badSample `json:"samples"`
}

// badSample is a sample whose numbers JSON may not be able to write.
type badSample struct {
	azr.Sample
	// LogProbBits are the bits of LogProbs, which are left out.
	LogProbBits []uint32
}

func newBadSample(s azr.Sample) badSample {
	b := badSample{Sample: s}
	for _, logp := range s.LogProbs {
		b.LogProbBits = append(b.LogProbBits, math.Float32bits(logp))
	}
	b.LogProbs = nil
	return b
}

func (b badSample) sample() azr.Sample {
	s := b.Sample
	for _, bits := range b.LogProbBits {
		s.LogProbs = append(s.LogProbs, math.Float32frombits(bits))
	}
	return s
}

// setAside keeps the samples of a step whose loss or gradients are not finite, with a checkpoint of the weights if they are
// those before the step: of several updates the first may have been made. The run goes on without the update, unless there
// were too many of these in a row.
func (s *session) setAside(step int, samples []azr.Sample, cause error, changed bool) error {
	if !changed {
		if err := s.save(step - 1); err != nil {
			return err
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
	s.badUpdates++
	b := badUpdate{Format: badUpdateFormat, Step: step, Error: cause.Error(), Checkpoint: s.saved}
	for _, sample := range samples {
		b.Samples = append(b.Samples, newBadSample(sample))
	}
	file := filepath.Join(s.folder.path(badUpdatesFolder), fmt.Sprintf("step-%06d.json", step))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := writeWhole(file, func(w io.Writer) error { return json.NewEncoder(w).Encode(b) }); err != nil {
		return err
	}
	s.log.Warn().Int("step", step).Err(cause).Int("in_a_row", s.badUpdates).Str("samples", file).Msg("the step is not learnt from; hint: azr-train replay tells which sample did it")
	if s.badUpdates > s.config.BadUpdates {
		return fmt.Errorf("run: %d updates in a row were left out, at most %d may be (bad_updates); the last good weights are saved; hint: azr-train replay %s: %w",
			s.badUpdates, s.config.BadUpdates, file, cause)
	}
	return nil
}
