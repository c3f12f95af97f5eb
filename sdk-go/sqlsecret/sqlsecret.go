// Package sqlsecret gives passwords of a store to databases, and follows their rotation: every new
// connection has the password of that moment. Connections that are open stay open.
//
// Drivers take passwords as strings, so these are on Go's heap (see package cloudtaser).
package sqlsecret

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
)

// Connector makes connections for sql.OpenDB. For each it calls make with the password of that
// moment, which gives the driver's own connector (pgx: stdlib.GetConnector, MySQL:
// mysql.NewConnector, lib/pq: pq.NewConnector).
//
//	db := sql.OpenDB(sqlsecret.Connector(store, "secret/db#password", driver,
//		func(password string) (driver.Connector, error) { … }))
func Connector(store *cloudtaser.Store, ref string, from driver.Driver,
	make func(password string) (driver.Connector, error),
) driver.Connector {
	return &connector{store, ref, from, make}
}

type connector struct {
	store *cloudtaser.Store
	ref   string
	from  driver.Driver
	make  func(password string) (driver.Connector, error)
}

func (c *connector) Driver() driver.Driver { return c.from }

// Connect asks the database with the password of this moment. Where the database has the new one
// already and the wrapper has not published it yet, a login fails: then Connect waits for the
// rotation and tries again.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Before the password is read, so that no rotation is missed.
	changes, err := c.store.Watch(ctx, c.ref)
	if err != nil {
		return nil, fmt.Errorf("sqlsecret: %w", err)
	}
	for {
		password, err := c.store.GetSecret(c.ref)
		if err != nil {
			return nil, fmt.Errorf("sqlsecret: %w", err)
		}
		made, err := c.make(password)
		if err != nil {
			return nil, err
		}
		conn, err := made.Connect(ctx)
		if err == nil || !isLogin(err) {
			return conn, err
		}
		timer := time.NewTimer(longestWait)
		select {
		case _, ok := <-changes:
			timer.Stop()
			if !ok {
				return nil, err
			}
		case <-timer.C:
			return nil, err
		}
	}
}

// longestWait is how long a login that failed waits for a rotation. Chosen: between the change in
// the database and the wrapper's publication lie a request to the secret server and a watch's
// interval; a wrong password must not look like a database that hangs.
const longestWait = 2 * time.Second

// isLogin says whether the database refused the login: class 28 of the SQL standard (pgx, lib/pq),
// or MySQL's number 1045.
func isLogin(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return strings.HasPrefix(state.SQLState(), "28")
	}
	return strings.HasPrefix(err.Error(), "Error 1045 ")
}

// BeforeConnect is for pgxpool.Config.BeforeConnect, and for every other library with a hook that
// gets the settings of a connection before it is made. set puts the password there:
//
//	config.BeforeConnect = sqlsecret.BeforeConnect(store, "secret/db#password",
//		func(c *pgx.ConnConfig, password string) { c.Password = password })
//
// It does not see whether the login fails, and so cannot wait for a rotation as [Connector] does:
// use it where the old password stays good for a while (two users in turn, dynamic credentials).
func BeforeConnect[Settings any](store *cloudtaser.Store, ref string,
	set func(settings *Settings, password string),
) func(context.Context, *Settings) error {
	return func(_ context.Context, settings *Settings) error {
		password, err := store.GetSecret(ref)
		if err != nil {
			return fmt.Errorf("sqlsecret: %w", err)
		}
		set(settings, password)
		return nil
	}
}
