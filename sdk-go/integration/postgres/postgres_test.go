// Package postgres tests the SDK with a real PostgreSQL, whose password changes under load.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/sqlsecret"
)

// debian is where Debian keeps the server's programs, outside of PATH.
const debian = "/usr/lib/postgresql/*/bin/"

func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob(debian + name)
	if len(found) == 0 {
		t.Skipf("%s of PostgreSQL (apt-get install postgresql)", name)
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// server is a database of the test's own, whose owner logs in without a password over its socket.
type server struct {
	port   int
	socket string
	owner  *pgx.Conn
}

// start starts one, never as root, which PostgreSQL refuses.
func start(t *testing.T) *server {
	t.Helper()
	initdb, postgres := program(t, "initdb"), program(t, "postgres")
	dir, err := os.MkdirTemp("", "sdk-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var user *syscall.Credential
	if os.Geteuid() == 0 {
		user = &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user, Pdeathsig: syscall.SIGQUIT}
		return cmd
	}
	data := filepath.Join(dir, "data")
	output, err := command(initdb, "-D", data, "-U", "owner", "--no-sync",
		"--auth-local=trust", "--auth-host=scram-sha-256").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}
	s := &server{port: freePort(t), socket: dir}
	running := command(postgres, "-D", data, "-h", "127.0.0.1", "-p", fmt.Sprint(s.port),
		"-k", dir, "-c", "fsync=off", "-c", "max_connections=200")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = running.Process.Signal(syscall.SIGQUIT)
		_ = running.Wait()
	})
	s.owner = s.connect(t)
	t.Cleanup(func() { _ = s.owner.Close(context.Background()) })
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// connect waits until the server answers.
func (s *server) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	dsn := fmt.Sprintf("host=%s port=%d user=owner dbname=postgres", s.socket, s.port)
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(t.Context(), dsn); err == nil {
			return conn
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the server does not answer: %v", err)
	return nil
}

func (s *server) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.owner.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (s *server) dsn(user, password string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=postgres sslmode=disable",
		s.port, user, password)
}

// load calls query from four goroutines until rotate has returned, and counts. rotate is given a
// function that waits until as many queries more have ended.
func load(query func() error, rotate func(more func(int32))) (done, failed int32, first error) {
	var counts [2]atomic.Int32
	var once sync.Once
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := query(); err != nil {
					counts[1].Add(1)
					once.Do(func() { first = err })
				}
				counts[0].Add(1)
			}
		}()
	}
	rotate(func(n int32) {
		for until := counts[0].Load() + n; counts[0].Load() < until; {
			time.Sleep(time.Millisecond)
		}
	})
	close(stop)
	workers.Wait()
	return counts[0].Load(), counts[1].Load(), first
}

const rotations = 15

func password(i int) string { return fmt.Sprintf("password-%d", i) }

// TestAPasswordThatChangesInPlace: the database has the new one first, as a secret server's static
// roles do it. Every query makes a new connection; none fails.
func TestAPasswordThatChangesInPlace(t *testing.T) {
	s := start(t)
	s.exec(t, "create role app login password '"+password(0)+"'")
	const ref = "database/static#password"
	fake := cloudtasertest.New(t, map[string]string{ref: password(0)})
	rotate := func(more func(int32)) {
		for i := 1; i <= rotations; i++ {
			s.exec(t, "alter role app password '"+password(i)+"'")
			// The secret server takes its time to tell the wrapper.
			time.Sleep(30 * time.Millisecond)
			fake.Rotate(ref, password(i))
			more(8)
		}
	}
	db := sql.OpenDB(sqlsecret.Connector(fake.Store, ref, stdlib.GetDefaultDriver(),
		func(password string) (driver.Connector, error) {
			config, err := pgx.ParseConfig(s.dsn("app", password))
			if err != nil {
				return nil, err
			}
			return stdlib.GetConnector(*config), nil
		}))
	defer db.Close()
	db.SetMaxIdleConns(0)
	query := func() error { return db.QueryRow("select 1").Scan(new(int)) }
	done, failed, err := load(query, rotate)
	t.Logf("%d connections, %d failed, %d rotations", done, failed, rotations)
	if failed != 0 || done < 8*rotations {
		t.Errorf("%d of %d failed: %v", failed, done, err)
	}

	// The control: the same without waiting for the rotation.
	s.exec(t, "alter role app password '"+password(0)+"'")
	fake.Rotate(ref, password(0))
	plain := func() error {
		value, err := fake.Store.GetSecret(ref)
		if err != nil {
			return err
		}
		conn, err := pgx.Connect(t.Context(), s.dsn("app", value))
		if err == nil {
			err = conn.Close(t.Context())
		}
		return err
	}
	if _, failed, err = load(plain, rotate); failed == 0 {
		t.Error("the control does not fail, so the test proves nothing")
	} else if !strings.Contains(err.Error(), "28P01") {
		t.Errorf("the control fails for another reason: %v", err)
	}
}

// TestUsersInTurn: each rotation is a new user, as dynamic credentials are; name and password are
// one value, so that no connection mixes two of them.
func TestUsersInTurn(t *testing.T) {
	s := start(t)
	value := func(i int) string { return fmt.Sprintf("app%d:%s", i, password(i)) }
	create := func(i int) {
		s.exec(t, fmt.Sprintf("create role app%d login password '%s'", i, password(i)))
	}
	create(0)
	const ref = "database/creds#login"
	fake := cloudtasertest.New(t, map[string]string{ref: value(0)})
	config, err := pgxpool.ParseConfig(s.dsn("nobody", "none"))
	if err != nil {
		t.Fatal(err)
	}
	config.BeforeConnect = sqlsecret.BeforeConnect(fake.Store, ref,
		func(c *pgx.ConnConfig, login string) { c.User, c.Password, _ = strings.Cut(login, ":") })
	// A connection is used once.
	config.AfterRelease = func(*pgx.Conn) bool { return false }
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var seen sync.Map
	query := func() error {
		var user string
		err := pool.QueryRow(t.Context(), "select current_user").Scan(&user)
		seen.Store(user, true)
		return err
	}
	done, failed, err := load(query, func(more func(int32)) {
		for i := 1; i <= rotations; i++ {
			create(i)
			fake.Rotate(ref, value(i))
			more(8)
		}
	})
	users := 0
	seen.Range(func(any, any) bool { users++; return true })
	t.Logf("%d connections as %d users, %d failed", done, users, failed)
	if failed != 0 || users < rotations {
		t.Errorf("%d of %d failed, %d users: %v", failed, done, users, err)
	}
}
