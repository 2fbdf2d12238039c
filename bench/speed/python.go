package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// python is the other side, a process that does what it is asked for.
type python struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	version string
}

// request is one thing to do, by the name of the method of serve.py.
type request map[string]any

// taken is what it took.
type taken struct {
	Seconds float64         `json:"seconds"`
	Value   json.RawMessage `json:"value"`
	// Peak is the most memory that the process had resident meanwhile, in bytes.
	Peak int64 `json:"peak"`
}

func (t taken) time() time.Duration { return time.Duration(t.Seconds * float64(time.Second)) }

func startPython(ctx context.Context, interpreter, folder string, threads int) (*python, error) {
	if _, err := os.Stat(interpreter); err != nil {
		return nil, fmt.Errorf("no reference at %s; hint: make bench-reference", interpreter)
	}
	c := exec.CommandContext(ctx, interpreter, "bench/reference/serve.py", folder, strconv.Itoa(threads))
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+strconv.Itoa(threads))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	p := &python{command: c, in: in, out: bufio.NewReader(out)}
	var hello struct{ Ready string }
	if err := p.read(&hello); err != nil {
		return nil, err
	}
	p.version = hello.Ready
	return p, nil
}

func (p *python) close() {
	p.in.Close()
	p.command.Wait()
}

func (p *python) do(r request) (taken, error) {
	var t taken
	text, err := json.Marshal(r)
	if err == nil {
		_, err = p.in.Write(append(text, '\n'))
	}
	if err == nil {
		err = p.read(&t)
	}
	if err != nil {
		return t, fmt.Errorf("reference: %v: %w", r["do"], err)
	}
	return t, nil
}

func (p *python) read(v any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the reference ended: %w", err)
	}
	return json.Unmarshal(line, v)
}
