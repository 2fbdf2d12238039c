package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/monitor/curves"
)

// onHeldOut is what the curves show unless others are asked for.
const onHeldOut = "accuracy on held-out tasks"

func curvesCommand() *cli.Command {
	return &cli.Command{
		Name:      "curves",
		Usage:     "show how a run's numbers went: accuracy on held-out tasks, or any metric",
		ArgsUsage: "RUN",
		Description: "stdout gets a plot over the steps and a table of the first and the last value.\n" +
			"The names of metrics are those of the run's " + monitor.MetricsFile + ". The run may be under way.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "metric", Usage: "`NAME` of a metric instead of the accuracy on held-out tasks; may be repeated"},
			&cli.PathFlag{Name: "svg", Usage: "also write a picture to `FILE`, made new"},
		},
		Action: func(c *cli.Context) error {
			dir, err := oneArgument(c, "the run's folder")
			if err != nil {
				return err
			}
			return showCurves(dir, c.StringSlice("metric"), c.Path("svg"))
		},
	}
}

func showCurves(dir string, metrics []string, picture string) error {
	records, err := curves.Read(filepath.Join(dir, monitor.MetricsFile))
	if err != nil {
		return err
	}
	list, label := curves.HeldOut(records), onHeldOut
	if len(metrics) > 0 {
		if list, err = named(records, metrics); err != nil {
			return err
		}
		label = "value"
	}
	text := curves.Text(list)
	switch {
	case len(list) == 0:
		return fmt.Errorf("curves: %s measured nothing on held-out tasks; hint: --metric NAME, or a run with --set held_out.tasks=FILE", dir)
	case text == "":
		return fmt.Errorf("curves: %s has no two steps with these numbers yet", dir)
	}
	fmt.Printf("%s\n%s", shown(text), curves.Table(list))
	if len(metrics) == 0 {
		for _, t := range azr.AllTaskTypes {
			fmt.Print("\n" + curves.Table(curves.BySize(records, t)))
		}
	}
	if picture == "" {
		return nil
	}
	return writeNew(picture, func(w io.Writer) error {
		return curves.SVG(w, curves.Labels{Title: filepath.Base(dir), Y: label}, list)
	})
}

// named returns the curves of metrics, which the run must have.
func named(records []azr.StepRecord, metrics []string) (list []curves.Curve, err error) {
	for _, metric := range metrics {
		curve := curves.Of(records, metric)
		if len(curve.Points) == 0 {
			return nil, fmt.Errorf("curves: no step has the metric; got %q%s", metric, didYouMean(configs.Nearest(metric, metricNames(records))))
		}
		list = append(list, curve)
	}
	return list, nil
}

func metricNames(records []azr.StepRecord) (names []string) {
	for _, r := range records {
		for name := range r.Metrics {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// drawCurves draws how the accuracy on held-out tasks went, from the run's first step on, for the summary and into the
// run's folder: a plot by type, and one by size for each type that is played. A run that does not measure it has none.
func (s *session) drawCurves() ([][]curves.Curve, error) {
	if len(s.heldOut) == 0 {
		return nil, nil
	}
	records, err := curves.Read(s.folder.path(monitor.MetricsFile))
	if err != nil {
		return nil, err
	}
	list := curves.HeldOut(records)
	if curves.Text(list) == "" { // one step
		return nil, nil
	}
	plots := [][]curves.Curve{list}
	if err := drawFile(s.folder.path("curves.svg"), "", list); err != nil {
		return nil, err
	}
	for _, t := range s.config.Game.TaskTypes {
		if list := curves.BySize(records, t); list != nil {
			plots = append(plots, list)
			if err := drawFile(s.folder.path("curves-"+t.String()+".svg"), t.String()+" by number of statements", list); err != nil {
				return nil, err
			}
		}
	}
	return plots, nil
}

// drawFile writes a picture in the place of an older one.
func drawFile(path, title string, list []curves.Curve) error {
	return writeWhole(path, func(w io.Writer) error { return curves.SVG(w, curves.Labels{Title: title, Y: onHeldOut}, list) })
}
