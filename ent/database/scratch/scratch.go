// Package scratch starts throw-away PostgreSQL servers from the installed
// server binaries: for tests and for generating migrations. A server lives in
// a temporary folder behind a Unix socket and trusts whoever reaches it.
package scratch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// ErrNotInstalled says that PostgreSQL's server binaries are not there, and how to get them.
var ErrNotInstalled = errors.New("no PostgreSQL server under /usr/lib/postgresql/*/bin: install Debian's package postgresql (apt-get install postgresql)")

// lifetime is a shell script: the server runs until our end of its input
// closes, which happens however this process ends, then its folder goes.
const lifetime = `"$BIN/initdb" -D "$DIR/data" -U postgres -A trust -N -E UTF8 --locale=C >"$DIR/log" 2>&1 &&
"$BIN/postgres" -D "$DIR/data" -k "$DIR" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
	-c full_page_writes=off -c max_connections=300 >>"$DIR/log" 2>&1 &
pid=$!
read -r _
kill -INT $pid; wait $pid
rm -rf "$DIR"`

const startTimeout = 60 * time.Second

// Server is a running PostgreSQL server.
type Server struct {
	dir   string
	shell *exec.Cmd
	input io.Closer
}

// Start starts a server and waits until it answers. It ends with Stop, or with
// this process.
func Start(ctx context.Context) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "holdfast-pg-") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, shell: exec.Command("/bin/sh", "-c", lifetime)}
	s.shell.Dir = dir
	s.shell.Env = append(os.Environ(), "BIN="+bin, "DIR="+dir)
	s.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.dropRoot(); err != nil {
		return nil, err
	}
	if s.input, err = s.shell.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.shell.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	_ = s.input.Close()
	return s.shell.Wait()
}

// URL is where a database of the server is.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.dir}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

// Exec runs one statement in a database of the server.
func (s *Server) Exec(ctx context.Context, database, statement string) error {
	db, err := sql.Open("postgres", s.URL(database))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// dropRoot makes the server run as another user: PostgreSQL refuses root.
func (s *Server) dropRoot() error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	s.shell.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, uid, gid)
}

func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.Exec(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		case <-tick.C:
		}
	}
}

// binaries is the folder of the newest server installed.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(newest), nil
}

func major(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}
