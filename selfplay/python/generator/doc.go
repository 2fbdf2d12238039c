// Package generator writes random tasks over lists of digits: programs that are a
// chain of simple statements, with inputs and the value of every variable on the way.
//
// It is what a model without any training begins with ([Generator.Draw] for package
// bootstrap) and what models are measured on (azr-train tasks make). The programs
// are Python, and so is the generator itself, generator.py: it runs in the sandbox,
// and every value is one that Python gave. How hard a task is, is its number of
// statements.
//
// Two draws of one seed and stream are the same. What comes back from the sandbox is
// checked for its shape; an answer of another shape is an error.
package generator
