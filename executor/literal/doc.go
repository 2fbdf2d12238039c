// Package literal reads, prints and compares Python literals.
//
// It is the border between the trainer and programs that nobody has read: a
// program's inputs and outputs cross it as text, are parsed here into plain
// data, and are compared here. Nothing is ever evaluated, and no other package
// decides whether two Python values are the same.
//
//	text -> Parse -> Value -> String -> canonical text
//	                 Value, Value -> Equal -> bool
//
// The language is what CPython's ast.literal_eval accepts (without Ellipsis and
// without \N{...} escapes), plus the names nan, inf, nanj and infj and the form
// frozenset({...}), so that everything that repr prints for the twelve types of
// [Kind] can be read back. Canonical text is CPython's repr, with the elements
// of a set sorted by their text.
//
// It is not a Python parser: names, calls, operators and attributes are
// refused, and [Limits] bound what hostile text can cost.
//
// # Contract
//
// Parsing never panics and takes time linear in the text, but for nested sets
// and keys. Values are immutable and safe to share between goroutines. An error
// is one short line about the text, with the byte offset, and quotes little of
// it.
package literal
