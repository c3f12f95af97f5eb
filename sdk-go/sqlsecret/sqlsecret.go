// Package sqlsecret gives passwords of a store to databases, and follows their rotation: every new
// connection has the password of that moment. Connections that are open stay open.
//
// Drivers take passwords as strings, so these are on Go's heap (see package cloudtaser).
package sqlsecret

import (
	"context"
	"database/sql/driver"
	"fmt"

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

// Connect tries once more when the password was rotated while the database was asked: both happen
// at nearly the same time, and the wrapper's new one is the right one then.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	for {
		before, err := c.store.GetSecret(c.ref)
		if err != nil {
			return nil, fmt.Errorf("sqlsecret: %w", err)
		}
		made, err := c.make(before)
		if err != nil {
			return nil, err
		}
		conn, err := made.Connect(ctx)
		if err == nil {
			return conn, nil
		}
		after, failed := c.store.GetSecret(c.ref)
		if failed != nil || after == before || ctx.Err() != nil {
			return nil, err
		}
	}
}

// BeforeConnect is for pgxpool.Config.BeforeConnect, and for every other library with a hook that
// gets the settings of a connection before it is made. set puts the password there:
//
//	config.BeforeConnect = sqlsecret.BeforeConnect(store, "secret/db#password",
//		func(c *pgx.ConnConfig, password string) { c.Password = password })
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
