// Command azr-train trains a language model by self-play on Python tasks of its own
// making (Absolute Zero Reasoner).
//
// Results go to stdout and logs to stderr. Bad input ends with one line and exit
// code 2; a verification that found a difference with 1, a run that was stuck with 3, an interrupted one with 130.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/torch"
)

const (
	exitDiffers     = 1
	exitBadInput    = 2
	exitStuck       = 3
	exitInterrupted = 130
)

func main() {
	if !completing(os.Args) {
		waitPassively()
	}
	torch.LockThread()
	wholeBeginning(os.Args)
	ctx, stop := interruptible()
	defer stop()
	app := newApp()
	err := app.RunContext(ctx, flagsFirst(app, os.Args))
	var ended exitCode
	switch {
	case err == nil:
	case errors.As(err, &ended):
		os.Exit(int(ended))
	case errors.Is(err, context.Canceled):
		os.Exit(exitInterrupted)
	default:
		fmt.Fprintln(os.Stderr, "azr-train: "+monitor.Printable(err.Error(), 0))
		if errors.Is(err, errDiffers) {
			os.Exit(exitDiffers)
		}
		os.Exit(exitBadInput)
	}
}

func newApp() *cli.App {
	app := &cli.App{
		Name:  "azr-train",
		Usage: "a language model learns to reason by playing Absolute Zero against itself",
		Description: "Results go to stdout; progress, log lines and errors go to stderr.\n" +
			"Exit codes: 0 all went well; 1 a verification found a difference; 2 bad input or a missing part, one line says which;\n" +
			"3 a run was stuck; 130 interrupted.",
		HideVersion:               true,
		Suggest:                   true,
		DisableSliceFlagSeparator: true, // values of --set may hold commas
		EnableBashCompletion:      true,
		BashComplete:              completeWith(noArguments),
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usageError,
		CommandNotFound:           commandNotFound,
		Commands: []*cli.Command{
			runCommand(), resumeCommand(), launchCommand(), generateCommand(), scoreCommand(), evalCommand(),
			exportCommand(), execCommand(), bootstrapCommand(), tasksCommand(), inspectCommand(), verifyCommand(), replayCommand(), curvesCommand(), configCommand(), doctorCommand(), fitCommand(),
			versionCommand(), completionCommand(),
		},
	}
	prepare(app.Commands)
	return app
}

// prepare gives all commands what they have in common.
func prepare(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError, c.HideHelpCommand = usageError, true // "help COMMAND" is enough
		if c.BashComplete == nil {
			c.BashComplete = completeWith(noArguments)
		}
		hideFalse(c.Flags)
		prepare(c.Subcommands)
	}
}

// waitPassively starts the program again with OMP_WAIT_POLICY=passive, which libtorch's thread pool
// reads when it is loaded: threads that spin while they wait make each other many times slower on
// cores that are shared.
func waitPassively() {
	const policy = "OMP_WAIT_POLICY"
	if _, ok := os.LookupEnv(policy); ok {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	os.Setenv(policy, "passive")
	_ = syscall.Exec(self, os.Args, os.Environ()) // where it fails, the program merely runs slower
}

// interruptible returns a context that the first Ctrl-C, SIGTERM or end of the terminal cancels; the second ends the process.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, cancel
}

// newLog writes pretty lines to a terminal and JSON otherwise.
func newLog(out io.Writer, pretty bool) zerolog.Logger {
	if pretty {
		return zerolog.New(zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly}).With().Timestamp().Logger()
	}
	return zerolog.New(out).With().Timestamp().Logger()
}
