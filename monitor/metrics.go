package monitor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/azr-train/azr"
)

// The files of [Metrics] in the folder of a run.
const (
	MetricsFile = "metrics.jsonl"
	TimingsFile = "timings.jsonl"
	EventsFile  = "tensorboard/events.out.tfevents.0.azr-train"
)

// Offsets are the lengths of the files of [Metrics] in bytes. A checkpoint keeps
// them, so that a resumed run neither doubles nor misses a step.
type Offsets struct {
	Metrics int64 `json:"metrics"`
	Timings int64 `json:"timings"`
	Events  int64 `json:"events"`
}

// Metrics appends the numbers of each step to the files of a run. What the seed
// determines and what is measured go to different files, so that two runs can be
// compared byte by byte.
type Metrics struct {
	metrics, timings, events file
	now                      func() time.Time
}

// OpenMetrics opens the files in the folder of a run, and makes them where they are missing.
func OpenMetrics(dir string) (*Metrics, error) {
	const op = "monitor.OpenMetrics"
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, EventsFile)), 0o755); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	m := &Metrics{now: time.Now}
	for i, name := range []string{MetricsFile, TimingsFile, EventsFile} {
		if err := m.files()[i].open(filepath.Join(dir, name)); err != nil {
			m.Close()
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	return m, nil
}

// Append writes a step: a JSON line of its Metrics, one of its Timings, and an
// event of both for TensorBoard, where timings are found under "timings/". All
// of it is on the disk when Append returns. Numbers that are not finite are null
// in JSON.
func (m *Metrics) Append(r azr.StepRecord) error {
	before := m.Offsets()
	for i, content := range [][]byte{jsonLine(r.Step, r.Metrics), jsonLine(r.Step, r.Timings), m.event(r)} {
		if err := m.files()[i].append(content); err != nil {
			err = fmt.Errorf("monitor.Metrics.Append: step %d: %w", r.Step, err)
			if cutErr := m.cut(before); cutErr != nil {
				err = fmt.Errorf("%w; and the step's beginning could not be cut off: %w", err, cutErr)
			}
			return err
		}
	}
	return nil
}

// event is a step as TensorBoard reads it, with the file's beginning if it is the first.
func (m *Metrics) event(r azr.StepRecord) []byte {
	var events []byte
	if m.events.length == 0 {
		events = appendRecord(events, versionEvent(m.now()))
	}
	scalars := map[string]float64{}
	maps.Copy(scalars, r.Metrics)
	for name, v := range r.Timings {
		scalars["timings/"+name] = v
	}
	return appendRecord(events, scalarsEvent(m.now(), r.Step, scalars))
}

// Offsets returns the lengths of the files, all steps so far included.
func (m *Metrics) Offsets() Offsets {
	return Offsets{Metrics: m.metrics.length, Timings: m.timings.length, Events: m.events.length}
}

// Truncate cuts the files at the offsets that a checkpoint kept; the next step
// is appended there. It is an error if metrics.jsonl is shorter; of what was measured
// nobody needs the beginning, so there a file that was removed begins again.
func (m *Metrics) Truncate(to Offsets) error {
	const op = "monitor.Metrics.Truncate"
	if f := m.metrics; to.Metrics < 0 || to.Metrics > f.length {
		return fmt.Errorf("%s: %s does not reach the checkpoint's offset; got %d bytes, want at least %d; was it edited? hint: an earlier checkpoint may fit it",
			op, f.Name(), f.length, to.Metrics)
	}
	to.Timings, to.Events = max(0, min(to.Timings, m.timings.length)), max(0, min(to.Events, m.events.length))
	if err := m.cut(to); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// Close closes the files.
func (m *Metrics) Close() error {
	var first error
	for _, f := range m.files() {
		if f.File != nil {
			first = cmp.Or(first, f.Close())
		}
	}
	if first != nil {
		return fmt.Errorf("monitor.Metrics.Close: %w", first)
	}
	return nil
}

// files lists them in the order of [Offsets.list].
func (m *Metrics) files() []*file { return []*file{&m.metrics, &m.timings, &m.events} }

func (o Offsets) list() [3]int64 { return [3]int64{o.Metrics, o.Timings, o.Events} }

// cut tries to cut every file, whatever becomes of the others.
func (m *Metrics) cut(to Offsets) error {
	var first error
	for i, offset := range to.list() {
		first = cmp.Or(first, m.files()[i].cut(offset))
	}
	return first
}

// file is only appended to and cut.
type file struct {
	*os.File
	length int64
}

func (f *file) open(path string) error {
	opened, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err != nil {
		opened.Close()
		return err
	}
	f.File, f.length = opened, info.Size()
	return nil
}

// append returns when the content is on the disk.
func (f *file) append(content []byte) error {
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	f.length += int64(len(content))
	return nil
}

func (f *file) cut(length int64) error {
	if err := f.Truncate(length); err != nil {
		return err
	}
	f.length = length
	return f.Sync()
}

// jsonLine is {"step":3,"a":0.5,...} with the names in order.
func jsonLine(step int, values map[string]float64) []byte {
	var b bytes.Buffer
	b.WriteString(`{"step":` + strconv.Itoa(step))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.WriteByte(',')
		b.Write(inJSON(name))
		b.WriteByte(':')
		if v := values[name]; math.IsNaN(v) || math.IsInf(v, 0) {
			b.WriteString("null")
		} else {
			b.Write(inJSON(v))
		}
	}
	b.WriteString("}\n")
	return b.Bytes()
}

func inJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and finite numbers always marshal
	}
	return text
}
