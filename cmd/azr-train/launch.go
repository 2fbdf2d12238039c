package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
)

func launchCommand() *cli.Command {
	return &cli.Command{
		Name:  "launch",
		Usage: "start run or resume as several processes on this machine",
		Description: "The processes are the ranks of one run, as torchrun, srun or Kubernetes start them too:\n" +
			"by RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, which azr-train run and resume read.\n" +
			"stdout gets that of rank 0; stderr gets all, the lines of the others behind their rank.\n" +
			"Ctrl-C and SIGTERM are for rank 0, which ends the others. If one fails, the others get a minute\n" +
			"to end; the exit code is that of the first that failed.",
		ArgsUsage: "-- run|resume ...",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "procs", Usage: "start `N` ranks on CPUs, which share the cores"},
			&cli.StringFlag{Name: "gpus", Usage: "start a rank on each of the CUDA devices in `LIST`, such as 0,1,2,3"},
		},
		Action: func(c *cli.Context) error {
			l := launch{command: c.Args().Slice()}
			switch name := c.Args().First(); {
			case name == "":
				return usage(c, "want what to start after --, run or resume with its flags")
			case name != "run" && name != "resume":
				return usage(c, "only run and resume have ranks; got %q", name)
			case c.IsSet("procs") == c.IsSet("gpus"):
				return usage(c, "want one of --procs and --gpus")
			}
			if l.size = c.Int("procs"); c.IsSet("gpus") {
				l.gpus = strings.Split(c.String("gpus"), ",")
				l.size = len(l.gpus)
				if err := checkGPUs(l.gpus, torch.Describe().CUDA.Devices); err != nil {
					return err
				}
				l.gpus = visible(l.gpus, os.Getenv(visibleVariable))
			}
			if l.size < 1 {
				return usage(c, "--procs is too small; got %d, want at least 1", l.size)
			}
			return l.run(c.Context)
		},
	}
}

// checkGPUs refuses a list that names other than some of so many devices.
func checkGPUs(list []string, devices int) error {
	for i, gpu := range list {
		n, err := strconv.Atoi(gpu)
		if err != nil || n < 0 || slices.Contains(list[:i], gpu) {
			return fmt.Errorf("launch: --gpus is no list of different device numbers; got %q, want for example 0,1,2,3", strings.Join(list, ","))
		}
		if n >= devices {
			return fmt.Errorf("launch: no such GPU; got --gpus %s, want some of %d CUDA devices that this libtorch can use; hint: azr-train doctor, or --procs on CPUs", strings.Join(list, ","), devices)
		}
	}
	return nil
}

// visibleVariable lists the GPUs that a process may use.
const visibleVariable = "CUDA_VISIBLE_DEVICES"

// visible names GPUs by what the variable calls them, if it is set: numbers count what it lists.
func visible(numbers []string, set string) []string {
	all := strings.Split(set, ",")
	names := slices.Clone(numbers)
	for i, number := range numbers {
		if n, err := strconv.Atoi(number); err == nil && set != "" && n < len(all) {
			names[i] = all[n]
		}
	}
	return names
}

// grace is how long ranks have to end by themselves once one has failed: time to notice, and to save.
const grace = time.Minute

// launch starts the ranks of a run.
type launch struct {
	size    int
	gpus    []string // of each rank; none on CPUs
	port    int
	command []string
}

// exitCode ends the program as a process that it started has ended.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func (l launch) run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if l.port, err = freePort(); err != nil {
		return fmt.Errorf("launch: no port for rank 0: %w", err)
	}
	ranks := make([]*exec.Cmd, l.size)
	read := make([]chan struct{}, l.size) // closed when all of a rank's stderr is
	ends := make(chan error, l.size)
	for rank := range ranks {
		p := exec.Command(self, l.command...)
		p.Env = append(os.Environ(), l.environment(rank)...)
		p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM} // so that Ctrl-C does not reach them
		read[rank] = make(chan struct{})
		p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
		var pipe io.Reader
		if rank > 0 {
			p.Stdin, p.Stdout, p.Stderr = nil, nil, nil
			if pipe, err = p.StderrPipe(); err != nil {
				return err
			}
		}
		if err := p.Start(); err != nil {
			for _, started := range ranks[:rank] {
				_ = started.Process.Kill()
			}
			return fmt.Errorf("launch: rank %d does not start: %w", rank, err)
		}
		ranks[rank] = p
		go func() {
			defer close(read[rank])
			if pipe != nil {
				prefixed(os.Stderr, pipe, fmt.Sprintf("[rank %d] ", rank))
			}
		}()
	}
	for rank, p := range ranks {
		go func() {
			<-read[rank] // to its end, before Wait closes it
			ends <- p.Wait()
		}()
	}
	stop := context.AfterFunc(ctx, func() { _ = ranks[0].Process.Signal(syscall.SIGTERM) })
	defer stop()
	code, signals := 0, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	var patience <-chan time.Time
	for left := l.size; left > 0; {
		select {
		case err := <-ends:
			left--
			if err != nil && code == 0 {
				code = cmp.Or(max(0, exitCodeOf(err)), exitBadInput)
				patience = time.After(grace)
			}
		case <-patience:
			for _, p := range ranks {
				_ = p.Process.Signal(signals[0])
			}
			signals, patience = signals[len(signals)-1:], time.After(grace/6)
		}
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// environment is what a rank is told.
func (l launch) environment(rank int) []string {
	m := dist.Membership{Rank: rank, Size: l.size, LocalRank: rank, Host: "127.0.0.1", Port: l.port}
	set := m.Environment()
	if _, told := os.LookupEnv("OMP_NUM_THREADS"); !told {
		set = append(set, fmt.Sprintf("OMP_NUM_THREADS=%d", max(1, runtime.NumCPU()/l.size)))
	}
	if _, told := os.LookupEnv(interfaceVariable); !told {
		set = append(set, interfaceVariable+"=lo")
	}
	if l.gpus != nil {
		set = append(set, visibleVariable+"="+strings.Join(l.gpus, ","))
	}
	return set
}

func exitCodeOf(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return -1
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// prefixed copies lines.
func prefixed(to io.Writer, from io.Reader, prefix string) {
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			fmt.Fprint(to, prefix+strings.TrimSuffix(line, "\n")+"\n")
		}
		if err != nil {
			return
		}
	}
}
