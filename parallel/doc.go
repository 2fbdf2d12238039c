// Package parallel lets the ranks of a group play one game.
//
// Rank 0 plays: it alone has the game, its files and the display. The others serve it: each has the same model, samples
// what it is dealt, and takes part in every update.
//
//	rank 0                                         the others
//	p := parallel.NewPlayer(group)                 |
//	p.Call("open", plan)                           parallel.Await(group, "open", &plan)
//	p.Play(engine, slots)                          parallel.Serve(ctx, group, engine, tasks)
//	p.Submit(prompts...)                           |
//	p.Tick(ctx)  // all ranks' completions         | samples, and hands completions over
//	p.Call("update", samples)                      | runs tasks["update"](samples)
//	p.Stop("")                                     | returns ErrStopped
//
// # Data flow
//
// All ranks do about as much work, then exchange: rank 0 deals prompts out of one queue, to the rank with the most
// room, and each rank hands over what it has finished. So a rank whose answers end early gets more of them. What a
// prompt's completion is depends on its prompt and its ID alone (see [azr.Generator]), not on the rank; and when
// prompts are dealt depends on counts of rows, not on time.
//
// Between two exchanges rank 0 may do what it likes; the others wait for it.
//
// # Contract
//
// A rank that fails says so in its next exchange if it can, and rank 0's call returns the error; if it cannot,
// everyone's collective fails and names it, see [dist.Error]. After an error the group is of no more use. One goroutine of
// a process uses it.
package parallel
