package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/azr-train/azr/trainer"
)

// gigabytes is n bytes in GB.
func gigabytes(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1e9) }

// momentsOf says what an optimizer keeps of each parameter.
var momentsOf = map[trainer.Optimizer]string{
	trainer.AdamW: "AdamW's two", trainer.Muon: "Muon's one of matrices, AdamW's two of the others",
}

func (f fit) print(out io.Writer) error {
	n, c := f.Need, f.config
	fmt.Fprintf(out, "%s, %.2f billion parameters, trained in %s; GB are 10^9 bytes\n", strings.Join(f.Model, " "), float64(f.Parameters)/1e9, f.DType)
	if f.Ranks > 1 {
		fmt.Fprintf(out, "one of %d ranks, trainer.sharding=%s\n", f.Ranks, c.Trainer.Sharding)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		what  string
		bytes int64
		why   string
	}{
		{"weights", n.Training.Weights, ""},
		{"of them on other ranks", n.Training.Away, "in the update"},
		{"gradients", n.Training.Gradients, ""},
		{"moments", n.Training.Moments, momentsOf[c.Trainer.Optimizer]},
		{"cache", n.Rollout.Cache, fmt.Sprintf("rollout.slots=%d, rollout.room=%d", c.Rollout.Slots, c.Rollout.Room)},
		{"activations of the update", n.Training.Activations, fmt.Sprintf("passes of %d tokens, trainer.activation_checkpointing=%t", f.LargestPass, c.Trainer.ActivationCheckpointing)},
		{"activations of generation", n.Rollout.Activations, "a prompt that fills the room"},
		{"while updating", f.Updating, "all but the activations of generation"},
		{"while generating", f.Generating, "weights, moments, cache, the activations of generation"},
	} {
		if row.bytes == 0 && row.what == "of them on other ranks" {
			continue
		}
		fmt.Fprintf(w, "%s\t%s GB\t  %s\n", row.what, gigabytes(row.bytes), row.why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nneeded  %s GB of %s GB (%s): %s\n", gigabytes(f.Peak), gigabytes(f.Memory.Bytes), f.Memory.Of, verdict(f.Peak, f.Memory.Bytes))
	if f.Memory.host && c.Environment.World == pythonWorld {
		fmt.Fprintf(out, "beside  up to %d programs of %s at once in the executor\n", c.Executor.Slots, c.Executor.Memory)
	}
	f.printSavings(out)
	fmt.Fprintf(out, "\nlargest that fits, the rest as it is\n")
	for _, l := range f.Largest {
		fmt.Fprintf(out, "  %s\n", l)
	}
	return nil
}

func (f fit) printSavings(out io.Writer) {
	if len(f.Savings) == 0 {
		return
	}
	fmt.Fprintf(out, "\nwith\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range f.Savings {
		what := "  " + s.Set[0]
		if len(s.Set) > 1 {
			what = "  all of these"
		}
		cost := ""
		if len(s.Set) == 1 {
			cost = s.Cost
		}
		fmt.Fprintf(w, "%s\t%8s GB\t%s\t%s\n", what, gigabytes(s.Peak), verdict(s.Peak, f.Memory.Bytes), cost)
	}
	w.Flush()
}

func (l largest) String() string {
	switch l.Value {
	case 0:
		return l.Key + "  none"
	case l.most:
		return fmt.Sprintf("%s=%d  and more has no use", l.Key, l.Value)
	}
	return fmt.Sprintf("%s=%d", l.Key, l.Value)
}

func verdict(need, have int64) string {
	if need <= have {
		return "fits"
	}
	return gigabytes(need-have) + " GB too much"
}
