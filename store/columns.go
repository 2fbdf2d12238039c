package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
)

// collect reads all rows of a query, each into the places that into names.
func collect[T any](s *Store, op, query string, args []any, into func(*T) []any) ([]T, error) {
	rows, err := s.db.Query(query, args...)
	if err != nil {
		return nil, s.failed(op, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := rows.Scan(into(&one)...); err != nil {
			return nil, s.failed(op, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, s.failed(op, err)
	}
	return all, nil
}

// named reads a name such as "deduction" into its type.
type named struct {
	to interface{ UnmarshalText([]byte) error }
}

func (n named) Scan(from any) error {
	text, ok := from.(string)
	if !ok {
		return fmt.Errorf("got %T, want a name", from)
	}
	return n.to.UnmarshalText([]byte(text))
}

// inJSON writes a value as JSON text.
type inJSON struct{ v any }

func (j inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(j.v)
	return string(text), err
}

// fromJSON reads a value from JSON text.
type fromJSON struct{ to any }

func (j fromJSON) Scan(from any) error {
	text, ok := from.(string)
	if !ok {
		return fmt.Errorf("got %T, want JSON text", from)
	}
	return json.Unmarshal([]byte(text), j.to)
}

// number reads a float; SQLite keeps NaN as NULL.
type number struct{ to *float64 }

func (n number) Scan(from any) error {
	switch v := from.(type) {
	case nil:
		*n.to = math.NaN()
	case float64:
		*n.to = v
	default:
		return fmt.Errorf("got %T, want a number", from)
	}
	return nil
}
