package store

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
)

// determined is what the seed determines of a run, in the order in which a difference is told. The journal is left out: it
// also has what abandoned steps have executed.
var determined = []struct{ what, query string }{
	{"steps", "SELECT step FROM steps ORDER BY step"},
	{"completions", "SELECT * FROM completions ORDER BY seq"},
	{"tasks", "SELECT * FROM tasks ORDER BY seq"},
	{"metrics", "SELECT step, name, value FROM metrics WHERE NOT measured ORDER BY step, name"},
}

// Differs tells the first thing that two runs' files have otherwise, of what the seed determines; "" where they are the same.
func (s *Store) Differs(other *Store) (difference string, err error) {
	for _, table := range determined {
		if difference, err = s.differs(other, table.query); err != nil || difference != "" {
			if difference != "" {
				difference = table.what + ": " + difference
			}
			return difference, err
		}
	}
	return "", nil
}

func (s *Store) differs(other *Store, query string) (string, error) {
	mine, err := s.scan(query)
	if err != nil {
		return "", err
	}
	defer mine.Close()
	theirs, err := other.scan(query)
	if err != nil {
		return "", err
	}
	defer theirs.Close()
	for row := 1; ; row++ {
		a, err := mine.next()
		if err != nil {
			return "", s.failed("store.Differs", err)
		}
		b, err := theirs.next()
		if err != nil {
			return "", other.failed("store.Differs", err)
		}
		switch {
		case a == nil && b == nil:
			return "", nil
		case a == nil || b == nil:
			which := s.path
			if a == nil {
				which = other.path
			}
			return fmt.Sprintf("row %d is in %s alone", row, which), nil
		}
		for i, column := range mine.columns {
			if !reflect.DeepEqual(a[i], b[i]) {
				return fmt.Sprintf("row %d (%s): %s is %s and %s", row, mine.key(a), column, told(a[i]), told(b[i])), nil
			}
		}
	}
}

// told is a value as a difference shows it: text of a model quoted and cut.
func told(v any) string {
	text, ok := v.(string)
	if !ok {
		return fmt.Sprint(v)
	}
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%+q", text)
}

// scanned is the rows of a query.
type scanned struct {
	*sql.Rows
	columns []string
}

func (s *Store) scan(query string) (scanned, error) {
	rows, err := s.db.Query(query)
	if err != nil {
		return scanned{}, s.failed("store.Differs", err)
	}
	columns, err := rows.Columns()
	return scanned{rows, columns}, err
}

// next is the next row, nil after the last.
func (s scanned) next() ([]any, error) {
	if !s.Next() {
		return nil, s.Err()
	}
	row := make([]any, len(s.columns))
	into := make([]any, len(row))
	for i := range row {
		into[i] = &row[i]
	}
	return row, s.Scan(into...)
}

// key names a row by its columns up to the first that is long.
func (s scanned) key(row []any) string {
	var parts []string
	for i, column := range s.columns {
		if text, ok := row[i].(string); ok && len(text) > 40 {
			break
		}
		parts = append(parts, fmt.Sprintf("%s %v", column, row[i]))
		if len(parts) == 7 {
			break
		}
	}
	return strings.Join(parts, ", ")
}
