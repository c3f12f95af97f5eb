package sqlsecret_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/sqlsecret"
)

const ref = "secret/db#password"

// The tests with a real PostgreSQL are in the module integration. Here a driver that knows one
// password, and tells a login that it refuses by the standard's code.
type fakeDriver struct {
	password atomic.Value
	logins   atomic.Int32
	// other is an error that is no refused login.
	other error
}

type refused struct{ error }

func (refused) SQLState() string { return "28P01" }

func (d *fakeDriver) Open(password string) (driver.Conn, error) {
	d.logins.Add(1)
	if d.other != nil {
		return nil, d.other
	}
	if d.password.Load() != password {
		return nil, refused{errors.New("login refused")}
	}
	return conn{}, nil
}

type conn struct{ driver.Conn }

func (conn) Ping(context.Context) error { return nil }
func (conn) Close() error               { return nil }

type made struct {
	d        *fakeDriver
	password string
}

func (m made) Connect(context.Context) (driver.Conn, error) { return m.d.Open(m.password) }
func (m made) Driver() driver.Driver                        { return m.d }

func open(store *cloudtaser.Store, d *fakeDriver, ref string) *sql.DB {
	return sql.OpenDB(sqlsecret.Connector(store, ref, d,
		func(password string) (driver.Connector, error) { return made{d, password}, nil }))
}

func TestConnectorWaitsForTheRotationThatADatabaseHadFirst(t *testing.T) {
	fake := cloudtasertest.New(t, map[string]string{ref: "old"})
	d := &fakeDriver{}
	d.password.Store("old")
	db := open(fake.Store, d, ref)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0)
	d.password.Store("new")
	done := make(chan error)
	go func() { done <- db.Ping() }()
	for d.logins.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	fake.Rotate(ref, "new")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d.logins.Load() != 3 {
		t.Errorf("%d logins", d.logins.Load())
	}
}

func TestConnectorGivesUp(t *testing.T) {
	fake := cloudtasertest.New(t, map[string]string{ref: "old"})
	d := &fakeDriver{}
	d.password.Store("another")
	if err := open(fake.Store, d, ref).Ping(); !errors.As(err, &refused{}) {
		t.Errorf("a wrong password: %v", err)
	}
	if d.logins.Load() != 1 {
		t.Errorf("%d logins", d.logins.Load())
	}
	d.other = errors.New("unreachable")
	if err := open(fake.Store, d, ref).Ping(); err != d.other {
		t.Errorf("another error: %v", err)
	}
	if err := open(fake.Store, d, "secret/none").Ping(); !errors.Is(err, cloudtaser.ErrNotFound) {
		t.Errorf("no such secret: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(fake.Store, d, ref).PingContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}

type settings struct{ Password string }

func ExampleBeforeConnect() {
	fake := cloudtasertest.New(&testing.T{}, map[string]string{ref: "hunter2"})
	hook := sqlsecret.BeforeConnect(fake.Store, ref,
		func(c *settings, password string) { c.Password = password })
	config := settings{}
	err := hook(context.Background(), &config)
	fmt.Println(len(config.Password), err)
	// Output: 7 <nil>
}

func ExampleConnector() {
	fake := cloudtasertest.New(&testing.T{}, map[string]string{ref: "hunter2"})
	d := &fakeDriver{} // stands in for stdlib.GetDefaultDriver() of pgx
	d.password.Store("hunter2")
	db := sql.OpenDB(sqlsecret.Connector(fake.Store, ref, d,
		func(password string) (driver.Connector, error) { return made{d, password}, nil }))
	defer db.Close()
	fmt.Println(db.Ping())
	// Output: <nil>
}
