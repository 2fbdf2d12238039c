package executor

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// journalEnv makes the trainer that is killed record results in the file that it names.
const journalEnv = "AZR_EXECUTOR_TEST_JOURNAL"

// journalFile is a Journal of a line a result.
type journalFile struct {
	memory
	file *os.File
}

type journalLine struct {
	Key    string
	Result azr.Result
}

func openJournalFile(path string) (*journalFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j := &journalFile{memory: memory{results: map[string]azr.Result{}}, file: file}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var l journalLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, err
		}
		j.results[l.Key] = l.Result
	}
	return j, lines.Err()
}

func (j *journalFile) Record(key string, r azr.Result) error {
	line, err := json.Marshal(journalLine{key, r})
	if err != nil {
		return err
	}
	if _, err = j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.memory.Record(key, r)
}

func journaledWork() azr.Execution {
	e := azr.Execution{Program: "def f(x):\n    if x % 3 == 0: raise KeyError\n    return x + 1"}
	for i := range 600 {
		e.Inputs = append(e.Inputs, strconv.Itoa(i))
	}
	return e
}

// playJournal runs journaledWork.
func playJournal(c Config, path string) error {
	journal, err := openJournalFile(path)
	if err != nil {
		return err
	}
	c.Journal = journal
	p, err := Open(context.Background(), c)
	if err != nil {
		return err
	}
	_, err = p.Run(context.Background(), journaledWork())
	return err
}

func TestKilledTrainerLosesAndDoublesNoVerdict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	level := openHere(t, nil).Level()
	trainer := exec.Command(os.Args[0])
	trainer.Env = append(os.Environ(), trainerEnv+"="+level.String(), journalEnv+"="+path)
	require.NoError(t, trainer.Start())
	require.Eventually(t, func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 2000
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, trainer.Process.Kill())
	_ = trainer.Wait()

	journal, err := openJournalFile(path)
	require.NoError(t, err)
	recorded := len(journal.results)
	e := journaledWork()
	p := openHere(t, func(c *Config) { c.Journal, c.Timeout = journal, 10*time.Minute })
	rs, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	for i, r := range rs {
		want := azr.Result{Status: azr.OK, Value: strconv.Itoa(i + 1)}
		if i%3 == 0 {
			want = azr.Result{Status: azr.Error, Error: "KeyError"}
		}
		assert.Equal(t, want, r)
	}
	stats := p.Stats()
	t.Logf("%d of %d results were recorded before the end", recorded, len(e.Inputs))
	assert.Positive(t, recorded)
	assert.Less(t, recorded, len(e.Inputs))
	assert.EqualValues(t, recorded, stats.JournalHits)
	assert.EqualValues(t, len(e.Inputs)-recorded, stats.Runs)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := 0
	for _, b := range text {
		if b == '\n' {
			lines++
		}
	}
	assert.Equal(t, len(e.Inputs), lines, "each verdict once")
}
