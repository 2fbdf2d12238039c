package curves

import (
	"cmp"
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of a picture.
const pictureWidth, pictureHeight = 16 * vg.Centimeter, 9 * vg.Centimeter

// forLegend is the room on the right that the names of the curves have, as a share of the steps.
const forLegend = 0.3

// colors are told apart by people who see red and green alike (Okabe and Ito).
var colors = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255},
}

// Labels are the words of a picture; X is "step" where the steps are not something else.
type Labels struct{ Title, X, Y string }

// SVG draws the curves against their steps, each with its interval as a band. Numbers are drawn as they are.
func SVG(w io.Writer, labels Labels, list []Curve) error {
	const op = "curves.SVG"
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = labels.Title, cmp.Or(labels.X, "step"), labels.Y
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.XOffs = true, -vg.Centimeter/4
	p.BackgroundColor = color.White
	for i, c := range list {
		if err := add(p, c, colors[i%len(colors)]); err != nil {
			return fmt.Errorf("%s: %s: %w", op, c.Name, err)
		}
	}
	if p.X.Max > p.X.Min {
		p.X.Max += (p.X.Max - p.X.Min) * forLegend
	}
	canvas := vgsvg.New(pictureWidth, pictureHeight)
	p.Draw(draw.New(canvas))
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// add draws a band, a line over it and its name; nothing for a curve without points.
func add(p *plot.Plot, c Curve, in color.NRGBA) error {
	n := len(c.Points)
	if n == 0 {
		return nil
	}
	means, edge := make(plotter.XYs, n), make(plotter.XYs, 2*n)
	for i, point := range c.Points {
		x := float64(point.Step)
		means[i] = plotter.XY{X: x, Y: point.Mean}
		edge[i], edge[2*n-1-i] = plotter.XY{X: x, Y: point.Low}, plotter.XY{X: x, Y: point.High}
	}
	band, err := plotter.NewPolygon(edge)
	if err != nil {
		return err
	}
	band.Color, band.LineStyle.Width = color.NRGBA{in.R, in.G, in.B, 30}, 0
	line, points, err := plotter.NewLinePoints(means)
	if err != nil {
		return err
	}
	line.Color, line.Width, points.Color, points.Shape = in, vg.Points(1.5), in, draw.CircleGlyph{}
	p.Add(band, line, points)
	p.Legend.Add(c.Name, line)
	return nil
}
