package store

import (
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/azr-train/azr"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// schemaVersion is what PRAGMA user_version holds; a change of schema.sql adds one.
	schemaVersion = 2
	// applicationID marks the file as ours ("azrS").
	applicationID = 0x617a7253
)

// errView refuses a write to a file that was opened with [View].
var errView = errors.New("it was opened for reading only")

//go:embed schema.sql
var schema string

// Store is a run's file. Make one with [Create], [Open] or [View].
type Store struct {
	path string
	view bool
	// db has one connection, so that statements of this process never meet a lock of their own.
	db *sql.DB
	// writing is held during every transaction that writes.
	writing sync.Mutex
	pending pending
}

var _ azr.Store = (*Store)(nil)

// Create makes a new file for a run. It is an error if the file exists.
func Create(path string) (*Store, error) {
	const op = "store.Create"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s: the file exists; got %s; open it with Open, or choose another folder", op, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	f.Close()
	s, err := connect(op, path, "rw")
	if err == nil {
		if err = s.create(); err != nil {
			s.db.Close()
			err = s.failed(op, err)
		}
	}
	if err != nil {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(path + suffix)
		}
		return nil, err
	}
	return s, nil
}

// Open opens the file of an existing run for reading and writing.
func Open(path string) (*Store, error) { return open("store.Open", path, "rw") }

// View opens the file of an existing run for reading only, which another
// process may be writing. Every write to it fails.
func View(path string) (*Store, error) { return open("store.View", path, "ro") }

func open(op, path, mode string) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s: %w; is this the folder of a run?", op, err)
	}
	s, err := connect(op, path, mode)
	if err == nil {
		err = s.check(op)
	}
	if mode == "ro" && (code(err) == sqlite3.SQLITE_READONLY || code(err) == sqlite3.SQLITE_CANTOPEN) {
		// A write-ahead log cannot be set up where nothing may be written. If there is none, the file is whole.
		if _, walErr := os.Stat(path + "-wal"); errors.Is(walErr, os.ErrNotExist) {
			s.db.Close()
			if s, err = connect(op, path, "ro&immutable=1"); err == nil {
				err = s.check(op)
			}
		}
	}
	if err != nil {
		if s != nil {
			s.db.Close()
		}
		return nil, err
	}
	return s, nil
}

// connect prepares a database handle; mode is SQLite's own: rw or ro.
func connect(op, path, mode string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	dsn := url.URL{Scheme: "file", Path: abs, RawQuery: "mode=" + mode + "&_busy_timeout=10000&_foreign_keys=1"}
	if mode == "rw" {
		dsn.RawQuery += "&_txlock=immediate&_journal_mode=WAL&_synchronous=NORMAL"
	}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	db.SetMaxOpenConns(1)
	return &Store{path: path, db: db, view: mode != "rw"}, nil
}

// create writes the schema into an empty file.
func (s *Store) create() error {
	return s.durably(func(tx *sql.Tx) error {
		_, err := tx.Exec(fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, schemaVersion))
		return err
	})
}

// check refuses files that are not ours and those of another version.
func (s *Store) check(op string) error {
	var application, version int
	if err := s.db.QueryRow("PRAGMA application_id").Scan(&application); err != nil {
		return s.failed(op, err)
	}
	if err := s.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return s.failed(op, err)
	}
	switch {
	case application != applicationID:
		return fmt.Errorf("%s: %s is an SQLite file, but not a run's, or its %s-wal is missing; got application id %#x, want %#x", op, s.path, filepath.Base(s.path), application, applicationID)
	case version > schemaVersion:
		return fmt.Errorf("%s: %s was written by a newer azr-train; got schema version %d, want at most %d; use that newer one", op, s.path, version, schemaVersion)
	case version < schemaVersion:
		return fmt.Errorf("%s: %s was not written to its end or by an older azr-train; got schema version %d, want %d", op, s.path, version, schemaVersion)
	}
	return nil
}

// Close writes what is pending in the journal and closes the file. The file is
// closed even if an error is returned.
func (s *Store) Close() error {
	const op = "store.Close"
	s.pending.close()
	err := s.flush()
	if closeErr := s.db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return s.failed(op, err)
	}
	return nil
}

// durably runs a transaction that has reached the disk when it returns.
func (s *Store) durably(write func(*sql.Tx) error) error {
	if s.view {
		return errView
	}
	s.writing.Lock() // the setting is the connection's, and flushes share the connection
	defer s.writing.Unlock()
	if _, err := s.db.Exec("PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	err := s.transact(write)
	if _, restoreErr := s.db.Exec("PRAGMA synchronous = NORMAL"); err == nil {
		err = restoreErr
	}
	return err
}

// transact runs a transaction and rolls it back if write fails.
func (s *Store) transact(write func(*sql.Tx) error) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := write(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// failed puts an error of SQLite into one line with a hint for what a user can mend.
func (s *Store) failed(op string, err error) error {
	hint := ""
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		hint = "; free some space and resume"
	case sqlite3.SQLITE_READONLY:
		hint = "; the file cannot be written: look at its permissions"
	case sqlite3.SQLITE_BUSY:
		hint = "; another process is writing it: stop that one first"
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		hint = "; the file is damaged or not a run's: restore it from a copy"
	case sqlite3.SQLITE_IOERR:
		hint = "; the disk failed or is full"
	case sqlite3.SQLITE_CANTOPEN:
		hint = "; look at the permissions of the folder"
	}
	return fmt.Errorf("%s: %s: %w%s", op, s.path, err, hint)
}

// code is SQLite's primary result code of an error, 0 if it is not SQLite's.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
