package monitor

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azr-train/azr"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// screen is a terminal that knows the one sequence that bars use: up n lines and clear below.
type screen struct {
	mu    sync.Mutex
	raw   bytes.Buffer
	drawn chan struct{} // gets a value when a frame is drawn, if anybody waits
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.drawn <- struct{}{}:
	default:
	}
	return s.raw.Write(b)
}

// lines is what the terminal shows.
func (s *screen) lines(t *testing.T) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var shown []string
	for line := range strings.Lines(s.raw.String()) {
		for strings.HasPrefix(line, "\x1b[") {
			up, rest, ok := strings.Cut(line[2:], "A\x1b[J")
			require.True(t, ok, "%q", line)
			n, err := strconv.Atoi(up)
			require.NoError(t, err)
			require.LessOrEqual(t, n, len(shown), "bars must not reach above what they drew")
			shown, line = shown[:len(shown)-n], rest
		}
		if line != "" {
			shown = append(shown, strings.TrimSuffix(line, "\n"))
		}
	}
	return shown
}

func TestBarsLeaveLogsAndStepLinesOnly(t *testing.T) {
	terminal := &screen{drawn: make(chan struct{})}
	b := NewBars(terminal)
	log := zerolog.New(b)
	log.Info().Msg("before")
	for n := 1; n <= 2; n++ {
		b.Begin(fmt.Sprintf("step %d/2", n))
		b.Expect("propose", 4)
		b.Expect("solve", 8)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				b.Done("propose", 1)
				log.Info().Int("step", n).Msg("during")
			})
		}
		wg.Wait()
		<-terminal.drawn
		b.End(azr.StepRecord{Step: n})
	}
	b.Close()
	log.Info().Msg("after")

	shown := terminal.lines(t)
	require.Len(t, shown, 12, "%s", strings.Join(shown, "\n"))
	assert.Equal(t, `{"level":"info","message":"before"}`, shown[0])
	for i, line := range []int{1, 2, 3, 4, 6, 7, 8, 9} {
		assert.Equal(t, fmt.Sprintf(`{"level":"info","step":%d,"message":"during"}`, 1+i/4), shown[line])
	}
	assert.True(t, strings.HasPrefix(shown[5], "step 1/2  0 of 0 proposals valid"), shown[5])
	assert.True(t, strings.HasPrefix(shown[10], "step 2/2  "), shown[10])
	assert.Equal(t, `{"level":"info","message":"after"}`, shown[11])
}

func TestBarsShowPhaseCountAndPace(t *testing.T) {
	terminal := &screen{drawn: make(chan struct{})}
	b := NewBars(terminal)
	begin := time.Unix(0, 0)
	b.now = func() time.Time { return begin }
	b.Begin("step 1/1")
	b.Expect("solve", 40)
	b.mu.Lock()
	b.phases["solve"].begin = begin.Add(-5 * time.Second)
	b.mu.Unlock()
	b.Done("solve", 10)
	for !strings.Contains(strings.Join(terminal.lines(t), "\n"), "10/40") {
		<-terminal.drawn
	}
	assert.Contains(t, strings.Join(terminal.lines(t), "\n"), "2.0/s, 15s left")
	b.Close()
	assert.Empty(t, terminal.lines(t))
}

func TestBarsOutliveTheirTerminal(t *testing.T) {
	b := NewBars(gone{})
	b.Begin("step 1/1")
	b.Expect("solve", 2)
	b.phases["solve"].bar.Wait() // until it is noticed that nothing can be drawn
	b.Expect("propose", 2)
	b.Done("propose", 1)
	_, err := b.Write([]byte("log\n"))
	assert.Error(t, err, "a log line is not lost in silence")
	b.End(azr.StepRecord{})
	b.Close()
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("terminal is gone") }

func TestPace(t *testing.T) {
	assert.Equal(t, "", pace(0, 10, time.Second))
	assert.Equal(t, "0.5/s, 1m30s left", pace(5, 50, 10*time.Second))
	assert.Equal(t, "5.0/s", pace(50, 50, 10*time.Second))
}

func TestLinesGiveOneLineAStep(t *testing.T) {
	var out bytes.Buffer
	l := NewLines(zerolog.New(&out))
	l.Begin("step 3/3")
	l.Expect("solve", 5)
	l.Done("solve", 5)
	l.End(steps()[2])
	l.Close()
	assert.Equal(t, `{"message":"step 3/3  8 of 24 proposals valid, solve rate 0.375 estimated 0.375 answered, `+
		`reward -0.125 proposer -0.312 solver, 40.0 s"}`+"\n", out.String())
}
