// Package curves draws how a number went over the steps of a run: in a terminal, and as a picture.
//
// It reads what package monitor wrote and knows nothing of how it came about.
//
// # Data flow
//
//	metrics.jsonl -> Read -> []azr.StepRecord -> HeldOut, Of -> []Curve
//	[]Curve -> Text, Table   for a terminal: plain text without colours
//	        -> SVG           a picture, with the intervals as bands
//
// Errors are one line that begins with "curves.". Nothing here keeps state.
package curves
