// Package watchdog notices that a program makes no progress any more.
//
// Whoever works enters what it does with a deadline, and beats whenever a piece of
// it is done. What does not beat for as long as its deadline is stuck, and a
// function of the caller's is told, on the watchdog's own goroutine: it may write
// down who waits for whom, and end the process.
//
//	w := watchdog.New(func(s watchdog.Stuck) { ... })
//	defer w.Close()
//	w.Enter("run", "updating", time.Hour)
//	w.Beat("run")    // a micro-batch is done
//	w.Leave("run")
//
// # Clocks
//
// Time is counted in ticks of the watchdog's own and not read from a clock: a
// process that was stopped, a machine that slept, and a clock that was set do not
// look like a want of progress.
package watchdog
